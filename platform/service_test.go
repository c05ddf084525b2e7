package platform_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/report"
	"github.com/slipway-dev/slipway/store"
)

func TestRegister(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.Context()
		s, err := w.Register(ctx, catalog.ServiceInput{URL: "https://git.example.com/shop/Billing.git"})
		w.must(err)
		if s.Name != "billing" || s.Kind != "web" {
			t.Errorf("got %s of kind %s", s.Name, s.Kind)
		}
		for name, c := range map[string]struct {
			in    catalog.ServiceInput
			code  slipway.Code
			field string
		}{
			"taken":            {catalog.ServiceInput{Name: "billing", URL: "https://git.example.com/x.git"}, slipway.Conflict, "name"},
			"no url":           {catalog.ServiceInput{Name: "x"}, slipway.Invalid, "url"},
			"an option":        {catalog.ServiceInput{Name: "x", URL: "--upload-pack=touch /tmp/x"}, slipway.Invalid, "url"},
			"a path outside":   {catalog.ServiceInput{Name: "x", URL: "https://git.example.com/x.git", Path: "../../etc"}, slipway.Invalid, "path"},
			"a name of a path": {catalog.ServiceInput{Name: "../x", URL: "https://git.example.com/x.git"}, slipway.Invalid, "name"},
			"a long name":      {catalog.ServiceInput{Name: strings.Repeat("x", 300), URL: "https://git.example.com/x.git"}, slipway.Invalid, "name"},
			"a shell's name":   {catalog.ServiceInput{Name: "x;rm -rf", URL: "https://git.example.com/x.git"}, slipway.Invalid, "name"},
			"unnameable":       {catalog.ServiceInput{URL: "https://git.example.com/123.git"}, slipway.Invalid, "name"},
			"unknown kind":     {catalog.ServiceInput{Name: "x", URL: "https://git.example.com/x.git", Kind: "robot"}, slipway.Invalid, "kind"},
			"unknown branch":   {catalog.ServiceInput{Name: "x", URL: "https://git.example.com/x.git", Branch: "nope"}, slipway.Invalid, "branch"},
			"another store":    {catalog.ServiceInput{Name: "x", URL: "https://git.example.com/x.git", Credential: "vault://x"}, slipway.Invalid, "credential"},
			"a path's token":   {catalog.ServiceInput{Name: "x", URL: "/srv/git/x", Token: slipway.NewSecret("hunter2-token")}, slipway.Invalid, "token"},
			"a reference":      {catalog.ServiceInput{Name: "x", URL: "https://git.example.com/x.git", Credential: "sealed://x/GIT_TOKEN"}, slipway.Invalid, "credential"},
		} {
			_, err := w.Register(ctx, c.in)
			if slipway.CodeOf(err) != c.code {
				t.Errorf("%s: got %v (%s), want %s", name, err, slipway.CodeOf(err), c.code)
			} else if e, ok := err.(*slipway.Error); !ok || e.Field != c.field {
				t.Errorf("%s: %v is not about the field %s", name, err, c.field)
			}
		}
	})
}

func TestServicesPagesAreStable(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.Context()
		for i := range 7 {
			w.register(fmt.Sprintf("service-%d", i))
		}
		var seen []string
		page := store.Page{Limit: 3}
		for n := 0; ; n++ {
			list, err := w.Services(ctx, catalog.ServicesQuery{Page: page})
			w.must(err)
			for _, s := range list.Items {
				seen = append(seen, s.Name)
			}
			if n == 0 { // neither hides or repeats another
				w.register("aaa-before")
				w.must(w.RemoveService(ctx, "service-1", nil))
			}
			if list.Next == "" {
				break
			}
			page.Cursor = list.Next
		}
		if !slices.IsSorted(seen) || len(seen) != 7 || len(slices.Compact(seen)) != 7 {
			t.Errorf("got %v", seen)
		}
		list, err := w.Services(ctx, catalog.ServicesQuery{Search: "RVICE-3"})
		w.must(err)
		if len(list.Items) != 1 {
			t.Errorf("the search found %d", len(list.Items))
		}
		for _, bad := range []store.Page{{Cursor: "%"}, {Limit: -1}, {Limit: 501}} {
			_, err := w.Services(ctx, catalog.ServicesQuery{Page: bad})
			w.want(err, slipway.Invalid, "")
		}
	})
}

func TestUpdateService(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.Context()
		w.register("billing")
		w.commit("release", "r1")
		branch, bad := "release", "nope"
		s, err := w.UpdateService(ctx, "billing", catalog.ServiceChange{Branch: &branch})
		w.must(err)
		if s.Branch != "release" {
			t.Errorf("the branch is %q", s.Branch)
		}
		_, err = w.UpdateService(ctx, "billing", catalog.ServiceChange{Branch: &bad})
		w.want(err, slipway.Invalid, "nope")
		_, err = w.UpdateService(ctx, "nobody", catalog.ServiceChange{Branch: &branch})
		w.want(err, slipway.NotFound, "service ls")
	})
}

func TestServiceTakesItsOwnPath(t *testing.T) {
	live(t, func(w *world, name string) {
		ctx := w.Context()
		set := func(path ...string) error {
			_, err := w.UpdateService(ctx, name, catalog.ServiceChange{Environments: &path})
			return err
		}
		w.want(set("dev", "nowhere"), slipway.Invalid, "dev, test, prod")
		w.want(set("dev", "dev"), slipway.Invalid, "twice")
		_, err := w.Register(ctx, catalog.ServiceInput{Name: "other", URL: "https://git.example.com/other.git", Environments: []string{"moon"}})
		w.want(err, slipway.Invalid, "moon")

		w.promote(platform.PromoteInput{Service: name}, "succeeded")
		w.promote(platform.PromoteInput{Service: name, Environment: "test"}, "succeeded")
		w.must(set("dev", "prod"))
		_, err = w.Promote(ctx, platform.PromoteInput{Service: name, Environment: "test"})
		w.want(err, slipway.NotFound, "not on the path of "+name+", which is dev, prod")
		if _, err := w.PlanRollback(ctx, platform.RollbackInput{Service: name, Environment: "test"}); slipway.CodeOf(err) == slipway.NotFound {
			t.Errorf("what runs off the path can't be rolled back: %v", err)
		}
		w.commit("", "c2")
		w.promote(platform.PromoteInput{Service: name}, "succeeded")
		w.promote(platform.PromoteInput{Service: name, Environment: "prod", Release: 2}, "succeeded") // which test has never seen

		status, err := w.Status(ctx, name)
		w.must(err)
		for _, c := range status.Cells {
			if c.Off != (c.Environment == "test") || c.Deployment == nil {
				t.Errorf("%s: off the path: %v, runs: %v", c.Environment, c.Off, c.Deployment != nil)
			}
		}
		list, err := w.Events(ctx, report.EventsQuery{Service: name})
		w.must(err)
		if !slices.ContainsFunc(list.Items, func(e *ent.Event) bool {
			return e.Kind == "service.changed" && e.Data["environments"] == "all -> dev, prod"
		}) {
			t.Errorf("the change is not told: %v", list.Items)
		}
		w.must(set())
		w.promote(platform.PromoteInput{Service: name, Environment: "test", Release: 2}, "succeeded")
	})
}

func TestRemoveService(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.Context()
		w.register("billing")
		w.deployed("billing", "dev", "c1", false)
		under := w.promotion("billing", "dev", false)
		w.want(w.RemoveService(ctx, "billing", nil), slipway.Conflict, "promotion "+under)
		w.must(w.ledger.Promotion(ctx, slipway.PromotionEvent{Promotion: under, State: slipway.PromotionCancelled}))
		_, err := w.SetSecret(ctx, catalog.SecretInput{Service: "billing", Name: "DB_URL", Value: slipway.NewSecret("postgres://x")})
		w.must(err)
		w.must(w.ledger.Log(ctx, under, slipway.StepBuild, 1, 0, "line\n"))
		w.must(w.RemoveService(ctx, "billing", nil))
		if want := []string{"billing/dev", "billing/test", "billing/prod"}; !slices.Equal(w.removed, want) {
			t.Errorf("stopped %v", w.removed)
		}
		if left, _ := w.Secrets.List(ctx, "billing/"); len(left) != 0 {
			t.Errorf("secrets are left: %v", left)
		}
		_, err = w.Service(ctx, "billing")
		w.want(err, slipway.NotFound, "")
		list, err := w.Events(ctx, report.EventsQuery{Service: "billing"})
		w.must(err)
		if list.Items[0].Kind != "service.removed" {
			t.Errorf("the newest event is %s", list.Items[0].Kind)
		}
		w.want(w.ledger.Step(ctx, slipway.StepEvent{Promotion: "99", Step: slipway.StepBuild, State: slipway.StepRunning, Attempt: 1}), slipway.NotFound, "")
	})
}

func TestEnvironmentsKeepTheirOrder(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.Context()
		order := func(want string) {
			t.Helper()
			all, err := w.Environments(ctx)
			w.must(err)
			var names []string
			for i, e := range all {
				names = append(names, e.Name)
				if e.Position != i+1 {
					t.Errorf("%s has position %d", e.Name, e.Position)
				}
			}
			if got := strings.Join(names, " "); got != want {
				t.Errorf("the order is %s, want %s", got, want)
			}
		}
		order("dev test prod")
		_, err := w.AddEnvironment(ctx, catalog.EnvironmentInput{Name: "staging", After: "test"})
		w.must(err)
		order("dev test staging prod")
		_, err = w.AddEnvironment(ctx, catalog.EnvironmentInput{Name: "local", Position: 1})
		w.must(err)
		order("local dev test staging prod")
		_, err = w.AddEnvironment(ctx, catalog.EnvironmentInput{Name: "attic"})
		w.must(err)
		order("local dev test staging prod attic")
		for _, at := range []int{3, 1, 6, 99} {
			_, err = w.UpdateEnvironment(ctx, "attic", catalog.EnvironmentChange{Position: &at})
			w.must(err)
		}
		order("local dev test staging prod attic")
		_, err = w.AddEnvironment(ctx, catalog.EnvironmentInput{Name: "test"})
		w.want(err, slipway.Conflict, "test")
		_, err = w.AddEnvironment(ctx, catalog.EnvironmentInput{Name: "x", After: "nowhere"})
		w.want(err, slipway.Invalid, "nowhere")
		_, err = w.AddEnvironment(ctx, catalog.EnvironmentInput{Name: "x", Target: "moon"})
		w.want(err, slipway.Invalid, "moon")
		_, err = w.UpdateEnvironment(ctx, "nowhere", catalog.EnvironmentChange{})
		w.want(err, slipway.NotFound, "dev")
		order("local dev test staging prod attic")
	})
}
