package platform_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/platform"
)

// Who changes a setting, a secret or an override, and lets somebody else ask, has
// made the change all the same.
func TestWhoChangedTheConfigOwnsTheChange(t *testing.T) {
	live(t, func(w *world, name string) {
		ctx := w.Context()
		dev := w.colleague(name, "dev-"+name, slipway.RoleDeveloper, false)
		mai := w.colleague(name, "mai-"+name, slipway.RoleMaintainer, false)
		cleo := w.colleague(name, "cleo-"+name, slipway.RoleMaintainer, false)
		w.promote(platform.PromoteInput{Service: name}, "succeeded")
		w.policy(name, slipway.PolicyChange{Approvals: ptr(1), OwnChanges: ptr(slipway.OwnNever)})
		ended := func(row *ent.Promotion) {
			t.Helper()
			if state, reason := w.ended(fmt.Sprint(row.ID)); state != "succeeded" {
				t.Fatalf("%s: %s", state, reason)
			}
		}
		o := slipway.Overrides("health:\n  path: /up\n")
		for i, c := range []struct {
			key string
			do  func() error
		}{
			{"WHO", func() error {
				_, err := w.ChangeConfig(mai, catalog.ConfigChange{Service: name, Environment: "dev", Set: map[string]string{"WHO": "mai"}})
				return err
			}},
			{"WHO", func() error {
				_, err := w.ChangeConfig(mai, catalog.ConfigChange{Service: name, Environment: "dev", Unset: []string{"WHO"}})
				return err
			}},
			{"PASS", func() error {
				_, err := w.SetSecret(mai, catalog.SecretInput{Service: name, Name: "PASS", Value: slipway.NewSecret("a value that is sealed")})
				return err
			}},
			{"PASS", func() error { return w.RemoveSecret(mai, name, "", "PASS", false) }},
			{"overrides.health.path", func() error {
				_, err := w.UpdateService(mai, name, catalog.ServiceChange{Overrides: &o})
				return err
			}},
		} {
			w.must(c.do())
			w.commit("", fmt.Sprint("k", i))
			row, err := w.Promote(dev, platform.PromoteInput{Service: name})
			w.must(err)
			row = w.waiting(row.ID, "0 of 1 approvals")
			_, err = w.Decide(mai, fmt.Sprint(row.ID), platform.DecideInput{Verdict: slipway.VerdictApprove, Plan: slipway.Digest(row.PlanHash)})
			w.want(err, slipway.Denied, "this is your own change, as you changed "+c.key)
			if a := row.Authors; a == nil || len(a.Config) != 1 || a.Config[0].Words() != "mai-"+name+" (changed "+c.key+")" || slices.Contains(row.Waits[0].On, "mai-"+name) {
				t.Errorf("changed by %+v", a)
			}
			w.says(cleo, row.ID, slipway.VerdictApprove)
			ended(row)
		}
		// What runs already is nobody's change any more.
		w.commit("", "k9")
		plan, err := w.Plan(dev, platform.PromoteInput{Service: name})
		w.must(err)
		if on := plan.Waits[0].On; !slices.Contains(on, "mai-"+name) {
			t.Errorf("it waits on %v", on)
		}
		// By another's token, and by a rollback, it is the same.
		_, text, err := w.AddToken(mai, identity.TokenInput{Name: "own", Scopes: []slipway.Scope{slipway.ScopeConfig}})
		w.must(err)
		v, err := w.Identify(ctx, text, identity.Caller{Via: "api"})
		w.must(err)
		_, err = w.ChangeConfig(slipway.WithViewer(context.WithoutCancel(t.Context()), v), catalog.ConfigChange{Service: name, Environment: "dev", Set: map[string]string{"WHO": "again"}})
		w.must(err)
		row, err := w.Rollback(cleo, platform.RollbackInput{Service: name, Environment: "dev", Today: true})
		w.must(err)
		row = w.waiting(row.ID, "0 of 1 approvals")
		_, err = w.Decide(mai, fmt.Sprint(row.ID), platform.DecideInput{Verdict: slipway.VerdictApprove, Plan: slipway.Digest(row.PlanHash)})
		w.want(err, slipway.Denied, "your own change, as you changed WHO")
	})
}
