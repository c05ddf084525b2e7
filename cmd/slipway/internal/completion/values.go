package completion

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/client"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

// hurry is how long a shell waits for names.
const hurry = 2 * time.Second

// valuesOf lists what a flag or an argument may be.
func valuesOf(a *cli.App, t typed, v *kong.Value) []proposal {
	if v.Enum != "" {
		var list []proposal
		for _, e := range v.EnumSlice() {
			if upper := strings.ToUpper(e); e != "" && (e == upper || !slices.Contains(v.EnumSlice(), upper)) {
				list = append(list, proposal{value: e})
			}
		}
		return list
	}
	ctx, cancel := context.WithTimeout(a.Context, hurry)
	defer cancel()
	quick := *a
	quick.Context = ctx
	noun, _, _ := strings.Cut(strings.TrimPrefix(t.node.FullPath(), a.Parser.Model.Name+" "), " ")
	name, holder := v.Name, ""
	if v.Flag != nil {
		holder = v.Flag.PlaceHolder
	}
	switch {
	case holder == "ENV", name == "name" && noun == "env" && t.node.Name != "add":
		return environmentNames(&quick)
	case name == "service":
		return serviceNames(&quick)
	case name == "team", name == "name" && noun == "team" && t.node.Name != "add":
		return teamNames(&quick)
	case holder == "N" && (name == "release" || name == "to"):
		return releaseNumbers(&quick, first(append(t.args, t.flags["service"])...))
	case name == "id" && noun == "freeze":
		return freezeNumbers(&quick)
	case name == "id" && (noun == "promotion" || noun == "approve" || noun == "reject"):
		return promotionNumbers(&quick, noun != "promotion")
	case holder == "KIND":
		return words(slipway.EventKinds...)
	case name == "profile", name == "name" && noun == "profile":
		return profileNames(&quick)
	case name == "role":
		return words("viewer", "developer", "maintainer", "admin")
	case name == "state":
		return words("queued", "waiting", "running", "verifying", "succeeded", "failed", "errored", "rejected", "cancelled", "superseded", "expired")
	case name == "step":
		return words("fetch", "build", "test", "render", "rehearse", "approve", "preflight", "migrate", "deploy", "verify")
	case name == "scope":
		list := words("read", "config", "admin", "promote:*")
		for _, e := range environmentNames(&quick) {
			list = append(list, proposal{"promote:" + e.value, "promote into " + e.value})
		}
		return list
	case name == "kind":
		return words(string(slipway.KindWeb), string(slipway.KindWorker), string(slipway.KindFunction))
	case v.Tag != nil && v.Tag.Type == "path", holder == "FILE", holder == "DIR", name == "path", name == "path-or-git-url", name == "input":
		return words(files)
	}
	return nil
}

func words(list ...string) (out []proposal) {
	for _, w := range list {
		out = append(out, proposal{value: w})
	}
	return out
}

func serviceNames(a *cli.App) (list []proposal) {
	r, err := cli.Call(a, func(ctx context.Context, c *client.ClientWithResponses) (*client.ListServicesResponse, error) {
		return c.ListServicesWithResponse(ctx, &client.ListServicesParams{Limit: cli.Given(500)})
	})
	if err == nil {
		for _, s := range r.JSON200.Items {
			list = append(list, proposal{s.Name, s.Team})
		}
	}
	return list
}

func environmentNames(a *cli.App) (list []proposal) {
	r, err := cli.Call(a, func(ctx context.Context, c *client.ClientWithResponses) (*client.ListEnvironmentsResponse, error) {
		return c.ListEnvironmentsWithResponse(ctx)
	})
	if err == nil {
		for _, e := range r.JSON200.Items {
			list = append(list, proposal{e.Name, string(e.Target)})
		}
	}
	return list
}

func teamNames(a *cli.App) (list []proposal) {
	r, err := cli.Call(a, func(ctx context.Context, c *client.ClientWithResponses) (*client.ListTeamsResponse, error) {
		return c.ListTeamsWithResponse(ctx)
	})
	if err == nil {
		for _, t := range r.JSON200.Items {
			list = append(list, proposal{t.Name, t.DisplayName})
		}
	}
	return list
}

// releaseNumbers are a service's, the newest first.
func releaseNumbers(a *cli.App, service string) (list []proposal) {
	if service == "" {
		return nil
	}
	r, err := cli.Call(a, func(ctx context.Context, c *client.ClientWithResponses) (*client.ListReleasesResponse, error) {
		return c.ListReleasesWithResponse(ctx, service, &client.ListReleasesParams{Limit: cli.Given(50)})
	})
	if err == nil {
		for _, one := range r.JSON200.Items {
			list = append(list, proposal{strconv.Itoa(one.Number), one.Commit.Subject})
		}
	}
	return list
}

// promotionNumbers are those that wait for one's decision, or the latest.
func promotionNumbers(a *cli.App, waiting bool) (list []proposal) {
	params := &client.ListPromotionsParams{Limit: cli.Given(30)}
	if waiting {
		params.WaitingForMe = cli.Given(true)
	}
	r, err := cli.Call(a, func(ctx context.Context, c *client.ClientWithResponses) (*client.ListPromotionsResponse, error) {
		return c.ListPromotionsWithResponse(ctx, params)
	})
	if err == nil {
		for _, p := range r.JSON200.Items {
			list = append(list, proposal{strconv.Itoa(p.Id), fmt.Sprintf("%s to %s, %s", p.Service, p.Environment, p.State)})
		}
	}
	return list
}

func freezeNumbers(a *cli.App) (list []proposal) {
	r, err := cli.Call(a, func(ctx context.Context, c *client.ClientWithResponses) (*client.ListFreezesResponse, error) {
		return c.ListFreezesWithResponse(ctx)
	})
	if err == nil {
		for _, f := range r.JSON200.Items {
			list = append(list, proposal{strconv.Itoa(f.Id), f.Reason})
		}
	}
	return list
}

func profileNames(a *cli.App) (list []proposal) {
	known, _ := a.Profiles()
	for _, name := range slices.Sorted(maps.Keys(known.Profiles)) {
		list = append(list, proposal{name, known.Profiles[name].Server})
	}
	return list
}
