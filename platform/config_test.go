package platform_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/report"
)

func (w *world) set(service, environment string, layer slipway.ConfigLayer, key, value string) []string {
	w.Helper()
	warnings, err := w.ChangeConfig(w.Context(), catalog.ConfigChange{Service: service, Environment: environment, Layer: layer, Set: map[string]string{key: value}})
	w.must(err)
	return warnings
}

// settings shows merged config as text.
func (w *world) settings(service, environment string) string {
	w.Helper()
	list, _, err := w.Config(w.Context(), service, environment)
	w.must(err)
	var out strings.Builder
	for _, s := range list {
		fmt.Fprintf(&out, "%s=%s%s(%s) ", s.Key, s.Value, s.Secret, s.Layer)
	}
	return out.String()
}

func TestConfigLayers(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.Context()
		w.register("billing")
		w.register("shop")
		w.deployed("billing", "dev", "c1", false)
		if got := w.settings("billing", "dev"); got != "MODE=plain(defaults) " {
			t.Errorf("got %s", got)
		}
		w.set("billing", "", "", "MODE", "service")
		w.set("", "dev", "", "MODE", "environment")
		w.set("", "dev", "", "REGION", "north")
		if got := w.settings("billing", "dev"); got != "MODE=environment(environment) REGION=north(environment) " {
			t.Errorf("got %s", got)
		}
		w.set("billing", "dev", "", "MODE", "1")
		w.set("billing", "dev", "", "MODE", "both")
		for _, c := range [][2]string{
			{"billing/dev", "MODE=both(service_environment) REGION=north(environment) "},
			{"billing/prod", "MODE=service(service) "},
			{"billing/", "MODE=service(service) "},
			{"shop/dev", "MODE=environment(environment) REGION=north(environment) "},
		} {
			s, e, _ := strings.Cut(c[0], "/")
			if got := w.settings(s, e); got != c[1] {
				t.Errorf("%s: got %s", c[0], got)
			}
		}
		values, err := w.ledger.Config(ctx, "billing", "dev", map[string]string{"MODE": "x", "OWN": "y"})
		w.must(err)
		if values["MODE"].Value != "both" || values["OWN"].Value != "y" || values["REGION"].Value != "north" {
			t.Errorf("the ledger says %v", values)
		}
		_, err = w.ChangeConfig(ctx, catalog.ConfigChange{Service: "billing", Environment: "dev", Unset: []string{"MODE"}})
		w.must(err)
		if got := w.settings("billing", "dev"); got != "MODE=environment(environment) REGION=north(environment) " {
			t.Errorf("after unset: %s", got)
		}
		snapshot, err := w.RenderConfig(ctx, platform.RenderInput{Service: "billing", Environment: "dev"})
		w.must(err)
		if snapshot.Env["REGION"].Value != "north" {
			t.Errorf("rendered %v", snapshot.Env)
		}
		_, err = w.RenderConfig(ctx, platform.RenderInput{Service: "shop", Environment: "dev"})
		w.want(err, slipway.Conflict, "slipway promote shop")
	})
}

func TestConfigRefusals(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.Context()
		w.register("billing")
		for _, key := range []string{"", "1A", "A-B", "A B", "A=B", "$(x)", strings.Repeat("A", 101), "PORT", "HOST", "SLIPWAY_RELEASE", "SLIPWAY_DATA", "SLIPWAY_INSTANCE", "SLIPWAY_RUN"} {
			_, err := w.ChangeConfig(ctx, catalog.ConfigChange{Service: "billing", Set: map[string]string{"GOOD": "1", key: "x"}})
			w.want(err, slipway.Invalid, "")
		}
		_, err := w.ChangeConfig(ctx, catalog.ConfigChange{Service: "billing"})
		w.want(err, slipway.Invalid, "KEY=VALUE")
		_, err = w.ChangeConfig(ctx, catalog.ConfigChange{Service: "billing", Set: map[string]string{"A": "\x00"}})
		w.want(err, slipway.Invalid, "A")
		_, err = w.ChangeConfig(ctx, catalog.ConfigChange{Service: "billing", Layer: slipway.LayerDefaults, Set: map[string]string{"A": "1"}})
		w.want(err, slipway.Invalid, "slipway.yaml")
		_, err = w.ChangeConfig(ctx, catalog.ConfigChange{Service: "billing", Layer: slipway.LayerBoth, Set: map[string]string{"A": "1"}})
		w.want(err, slipway.Invalid, "environment")
		// all or none
		_, err = w.ChangeConfig(ctx, catalog.ConfigChange{Service: "billing", Set: map[string]string{"A": "1"}, Unset: []string{"NOT_THERE"}})
		w.want(err, slipway.NotFound, "NOT_THERE")
		if got := w.settings("billing", ""); got != "" {
			t.Errorf("left behind: %s", got)
		}
		if warnings := w.set("billing", "", "", "DB_PASSWORD", "hunter2hunter2"); len(warnings) != 1 || !strings.Contains(warnings[0], "slipway secret set") {
			t.Errorf("the warnings are %v", warnings)
		}
		list, err := w.Events(ctx, report.EventsQuery{})
		w.must(err)
		if strings.Contains(fmt.Sprint(list.Items), "hunter2") {
			t.Error("an event holds what looks like a secret")
		}
	})
}

func TestSecrets(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.Context()
		w.register("billing")
		set := func(environment, name, value string) catalog.SecretEntry {
			t.Helper()
			entry, err := w.SetSecret(as(ctx, "ada"), catalog.SecretInput{Service: "billing", Environment: environment, Name: name, Value: slipway.NewSecret(value)})
			w.must(err)
			return entry
		}
		everywhere := set("", "DB_URL", "postgres://everywhere")
		entry := set("prod", "DB_URL", "postgres://prod")
		if !strings.HasPrefix(string(entry.Reference), "sealed://billing/prod/DB_URL.") {
			t.Errorf("the reference is %s", entry.Reference)
		}
		value, err := w.Secrets.Get(ctx, entry.Reference)
		w.must(err)
		if value.Reveal() != "postgres://prod" {
			t.Error("another value came back")
		}
		if got := w.settings("billing", "prod"); got != "DB_URL="+string(entry.Reference)+"(service_environment) " {
			t.Errorf("got %s", got)
		}
		list, err := w.ListSecrets(ctx, "billing", "")
		w.must(err)
		if len(list) != 2 || list[0].Environment != "" || list[1].Environment != "prod" {
			t.Errorf("got %v", list)
		}
		_, err = w.ChangeConfig(ctx, catalog.ConfigChange{Service: "billing", Environment: "prod", Unset: []string{"DB_URL"}})
		w.want(err, slipway.Conflict, "slipway secret rm")

		// What runs may be started again, so its value stays when the setting goes.
		d := slipway.Deployment{Service: "billing", Environment: "prod"}
		d.ID = w.promotion("billing", "prod", false)
		d.Release = w.built("billing", d.ID, "c1")
		d.Config = slipway.Snapshot{Digest: digest("with secret"), Env: map[string]slipway.ConfigValue{"DB_URL": {Secret: entry.Reference}}}
		w.must(w.ledger.SaveSnapshot(ctx, d.Config))
		w.must(w.ledger.Deployed(ctx, d, slipway.DeploymentServing))
		// Another value has another reference: what runs keeps its own.
		rotated := set("prod", "DB_URL", "postgres://rotated")
		if old, err := w.Secrets.Get(ctx, entry.Reference); err != nil || old.Reveal() != "postgres://prod" || rotated.Reference == entry.Reference {
			t.Errorf("what runs would get another value: %v", err)
		}
		if again := set("prod", "DB_URL", "postgres://prod"); again.Reference != entry.Reference {
			t.Errorf("the same value has the references %s and %s", entry.Reference, again.Reference)
		}
		w.must(w.Retain(ctx, 0))
		if _, err := w.Secrets.Get(ctx, rotated.Reference); err != nil {
			t.Errorf("an earlier version can't be had back: %v", err)
		}
		w.must(w.RemoveSecret(ctx, "billing", "prod", "DB_URL", true))
		_, err = w.Secrets.Get(ctx, rotated.Reference)
		w.want(err, slipway.NotFound, "") // nothing needs it
		if _, err := w.Secrets.Get(ctx, entry.Reference); err != nil {
			t.Errorf("the value that prod runs with is gone: %v", err)
		}
		w.must(w.RemoveSecret(ctx, "billing", "", "DB_URL", false))
		w.must(w.Retain(ctx, 0))
		if _, err = w.Secrets.Get(ctx, everywhere.Reference); err != nil {
			t.Errorf("what was removed can't be had back: %v", err)
		}
		w.want(w.RemoveSecret(ctx, "billing", "", "DB_URL", false), slipway.NotFound, "slipway secret ls")
		w.must(w.RemoveSecret(ctx, "billing", "", "DB_URL", true))
		_, err = w.Secrets.Get(ctx, everywhere.Reference)
		w.want(err, slipway.NotFound, "")
		w.want(w.RemoveSecret(ctx, "billing", "", "DB_URL", true), slipway.NotFound, "slipway secret ls")
		for _, in := range []catalog.SecretInput{
			{Service: "billing", Name: "../x", Value: slipway.NewSecret("x")},
			{Service: "billing", Name: "X"},
			{Name: "X", Value: slipway.NewSecret("x")},
			{Service: "billing", Name: "X", Value: slipway.NewSecret(strings.Repeat("x", 65<<10))},
		} {
			_, err := w.SetSecret(ctx, in)
			w.want(err, slipway.Invalid, "")
		}
		events, err := w.Events(ctx, report.EventsQuery{Service: "billing"})
		w.must(err)
		if text := fmt.Sprint(events.Items); strings.Contains(text, "postgres://") || !strings.Contains(text, "ada") {
			t.Errorf("the events are %s", text)
		}
	})
}

func TestStatus(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.Context()
		for _, name := range []string{"billing", "shop"} {
			w.register(name)
		}
		w.deployed("billing", "dev", "c1", false)
		w.promotion("billing", "test", false)
		w.running["billing/dev"] = slipway.Observed{Deployment: "1", Release: 1, Instances: []slipway.Instance{{ID: "web-1", State: slipway.InstanceHealthy}}}
		status, err := w.Status(ctx, "")
		w.must(err)
		if len(status.Cells) != 6 {
			t.Fatalf("%d cells", len(status.Cells))
		}
		dev, test := status.Cells[0], status.Cells[1]
		if dev.Deployment.Edges.Release.Number != 1 || dev.Promotion.State != "succeeded" || len(dev.Observed.Instances) != 1 || dev.URL != "http://billing.dev.localhost/" {
			t.Errorf("dev is %+v", dev)
		}
		if test.Deployment != nil || test.Promotion.State != "queued" || test.URL != "" {
			t.Errorf("test is %+v", test)
		}
		if status, err = w.Status(ctx, "shop"); err != nil || len(status.Cells) != 3 || status.Cells[0].Promotion != nil {
			t.Errorf("shop: %+v %v", status, err)
		}
		_, err = w.Status(ctx, "nobody")
		w.want(err, slipway.NotFound, "")

		// A node that hangs costs a note, not the table.
		w.observe = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		status, err = w.Status(ctx, "billing")
		w.must(err)
		if status.Cells[0].Problem == "" {
			t.Errorf("%+v", status.Cells[0])
		}
	})
}

// Where the config was changed and what runs doesn't have it, the status says so:
// which settings, since when, and by whom.
func TestUndeployedConfig(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.Context()
		for _, name := range []string{"billing", "shop"} {
			w.register(name)
		}
		change := func(c catalog.ConfigChange) {
			w.Helper()
			_, err := w.ChangeConfig(ctx, c)
			w.must(err)
		}
		lies := func(service, environment string) *slipway.Undeployed {
			w.Helper()
			status, err := w.Status(ctx, service)
			w.must(err)
			overview, err := w.Overview(ctx, report.OverviewQuery{})
			w.must(err)
			all, err := w.Status(ctx, "")
			w.must(err)
			var seen []*slipway.Undeployed
			for _, cells := range [][]report.Cell{status.Cells, overview.Cells, all.Cells} {
				for _, c := range cells {
					if c.Service == service && c.Environment == environment {
						seen = append(seen, c.Undeployed)
					}
				}
			}
			if len(seen) != 3 || !reflect.DeepEqual(seen[0], seen[1]) || !reflect.DeepEqual(seen[0], seen[2]) {
				w.Fatalf("the status, the overview and all of it say %v", seen)
			}
			return seen[0]
		}
		changed := func(service, environment string, keys ...string) {
			w.Helper()
			u := lies(service, environment)
			if len(keys) == 0 {
				if u != nil {
					w.Errorf("%s in %s: %s", service, environment, u)
				}
				return
			}
			if u == nil || !slices.Equal(u.Keys, keys) || u.By != "ada" || time.Since(u.At) > time.Minute {
				w.Errorf("%s in %s: %+v, want %v", service, environment, u, keys)
			}
		}
		change(catalog.ConfigChange{Service: "billing", Set: map[string]string{"GREETING": "hello"}})
		runs := slipway.Snapshot{Env: map[string]slipway.ConfigValue{"MODE": {Value: "plain"}, "GREETING": {Value: "hello"}}}
		w.deployedWith("billing", "dev", "c1", runs)
		w.deployedWith("billing", "test", "c1", runs)
		w.deployedWith("shop", "dev", "c1", slipway.Snapshot{Env: map[string]slipway.ConfigValue{"MODE": {Value: "plain"}}})
		changed("billing", "dev")
		changed("billing", "prod")

		change(catalog.ConfigChange{Service: "billing", Environment: "dev", Set: map[string]string{"GREETING": "hi"}})
		changed("billing", "dev", "GREETING")
		changed("billing", "test")
		change(catalog.ConfigChange{Service: "billing", Environment: "dev", Unset: []string{"GREETING"}})
		changed("billing", "dev")

		change(catalog.ConfigChange{Environment: "dev", Set: map[string]string{"REGION": "north"}})
		_, err := w.SetSecret(ctx, catalog.SecretInput{Service: "billing", Environment: "dev", Name: "API_TOKEN", Value: slipway.NewSecret("sesame")})
		w.must(err)
		change(catalog.ConfigChange{Service: "billing", Unset: []string{"GREETING"}})
		changed("billing", "dev", "API_TOKEN", "GREETING", "REGION")
		changed("billing", "test", "GREETING")
		changed("shop", "dev", "REGION")
		changed("shop", "test")

		// What is changed between the render of a promotion's config and its take-over
		// isn't in what runs, and who did it is named.
		id := w.promotion("shop", "dev", false)
		w.must(w.ledger.Step(ctx, slipway.StepEvent{Promotion: id, Step: slipway.StepRender, State: slipway.StepRunning, Attempt: 1}))
		config := slipway.Snapshot{Digest: digest("config-" + id), Env: map[string]slipway.ConfigValue{"MODE": {Value: "plain"}, "REGION": {Value: "north"}}}
		w.must(w.ledger.SaveSnapshot(ctx, config))
		change(catalog.ConfigChange{Service: "shop", Environment: "dev", Set: map[string]string{"REGION": "south"}})
		d := slipway.Deployment{ID: id, Service: "shop", Environment: "dev", Release: w.built("shop", id, "c1"), Artifact: digest("c1"), Config: config}
		w.must(w.ledger.Deployed(ctx, d, slipway.DeploymentServing))
		w.must(w.ledger.Deployed(ctx, d, slipway.DeploymentVerified))
		w.must(w.ledger.Promotion(ctx, slipway.PromotionEvent{Promotion: id, State: slipway.PromotionSucceeded}))
		changed("shop", "dev", "REGION")

		// What went back to the config of then runs without what was changed before.
		w.deployedWith("billing", "test", "c1", runs)
		if u := lies("billing", "test"); u == nil || u.String() != "the config of today differs from what runs in GREETING" {
			t.Errorf("%v", u)
		}
		// Where its releases don't go any more, nothing is to be deployed.
		_, err = w.UpdateService(ctx, "billing", catalog.ServiceChange{Environments: &[]string{"dev"}})
		w.must(err)
		changed("billing", "test")
	})
}
