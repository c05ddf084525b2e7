package platform_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/store"
)

// An environment's policy is a floor, and what lowers a policy takes an admin of
// the platform in person.
func TestPolicyIsAFloor(t *testing.T) {
	both(t, func(w *world) {
		w.register("billing")
		ctx := w.Context()
		maintainer := w.colleague("billing", "mae", slipway.RoleMaintainer, false)
		root := w.colleague("billing", "root", "", true)
		_, text, err := w.AddToken(root, identity.TokenInput{Name: "terraform", Scopes: []slipway.Scope{slipway.ScopeAdmin}})
		w.must(err)
		token, err := w.Identify(ctx, text, identity.Caller{Via: "api"})
		w.must(err)
		byToken := slipway.WithViewer(t.Context(), token)
		program := slipway.WithViewer(t.Context(), slipway.Viewer{Kind: slipway.ViewerService, Name: "bot", Admin: true, Via: "api"})
		w.asks("prod", slipway.PolicyChange{Approvals: ptr(2), Soak: ptr(60), OwnChanges: ptr(slipway.OwnNever)})

		set := func(c slipway.PolicyChange) error {
			_, err := w.SetPolicy(maintainer, "billing", "prod", c, false, nil)
			return err
		}
		w.want(set(slipway.PolicyChange{Approvals: ptr(1)}), slipway.Invalid, "prod asks for more by approvals (2), and a service can only raise that")
		_, err = w.SetPolicy(ctx, "billing", "prod", slipway.PolicyChange{Soak: ptr(0), OwnChanges: ptr(slipway.OwnAlways)}, false, nil)
		w.want(err, slipway.Invalid, "prod asks for more by own_changes (never), soak (60)")
		w.must(set(slipway.PolicyChange{Approvals: ptr(4), Advance: ptr(slipway.AdvanceAfter)}))
		w.want(set(slipway.PolicyChange{Approvals: ptr(3)}), slipway.Denied, "this lowers the policy of billing in prod: approvals from 4 to 3; that takes an admin of the platform in person")
		w.want(set(slipway.PolicyChange{Approvers: &[]string{"mae"}}), slipway.Denied, "approvers")
		for who, err := range map[string]error{
			"a reset": func() error {
				_, err := w.SetPolicy(maintainer, "billing", "prod", slipway.PolicyChange{}, true, nil)
				return err
			}(),
			"an admin's token": func() error {
				_, err := w.SetPolicy(byToken, "billing", "prod", slipway.PolicyChange{Approvals: ptr(3)}, false, nil)
				return err
			}(),
			"a program": func() error {
				_, err := w.SetPolicy(program, "billing", "prod", slipway.PolicyChange{Approvals: ptr(3)}, false, nil)
				return err
			}(),
			"a token for all": func() error {
				_, err := w.UpdateEnvironment(byToken, "prod", catalog.EnvironmentChange{Policy: slipway.PolicyChange{Approvals: ptr(1)}})
				return err
			}(),
		} {
			if slipway.CodeOf(err) != slipway.Denied || !strings.Contains(err.Error(), "approvals from ") {
				t.Errorf("%s lowers it: %v", who, err)
			}
		}
		refused, err := w.Audit(ctx, audit.Query{Action: "environment.changed", Page: store.Page{Limit: 10}})
		w.must(err)
		if e := refused.Items[0]; e.Result != "refused" || e.Actor != "root" || !strings.Contains(e.Reason, "approvals from 2 to 1") {
			t.Errorf("on record: %+v", e)
		}
		_, err = w.UpdateEnvironment(byToken, "prod", catalog.EnvironmentChange{Policy: slipway.PolicyChange{Approvals: ptr(3)}})
		w.must(err) // raising it is anybody's who may change it
		_, err = w.SetPolicy(root, "billing", "prod", slipway.PolicyChange{Approvals: ptr(3)}, false, nil)
		w.must(err)

		// What a service asked for less is not in force, and that is said.
		w.asks("prod", slipway.PolicyChange{Approvals: ptr(5), Soak: ptr(120)})
		p, err := w.PolicyOf(ctx, "billing", "prod")
		w.must(err)
		if p.Policy.Approvals != 5 || p.Policy.Soak != 120 || p.Policy.Advance != slipway.AdvanceAfter || !slices.Equal(p.Held, []string{"approvals"}) {
			t.Errorf("in force is %+v, held in %v", p.Policy, p.Held)
		}
		own, err := w.OwnPolicies(maintainer, "prod")
		w.must(err)
		if len(own) != 1 || own[0].Service != "billing" || len(own[0].Held) != 1 {
			t.Errorf("services ask for %+v", own)
		}
		w.must(set(slipway.PolicyChange{Bake: ptr(60)})) // what is less from before is in nobody's way
	})
}

// What an environment asks of tests, no repository switches off.
func TestTestsAreRequired(t *testing.T) {
	live(t, func(w *world, name string) {
		ctx := w.Context()
		w.asks("dev", slipway.PolicyChange{MaySkip: &[]slipway.StepName{slipway.StepTest}})
		tests := func(how string) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.skipped, w.bare, w.idle, w.red = how == "skipped", how == "bare", how == "idle", how == "red"
		}
		// The first environment takes them; a later one that asks for tests does not.
		for how, says := range map[string]string{"skipped": "switched off: take test.skip out of slipway.yaml", "bare": "this one has none: add some", "idle": "reported none that has"} {
			tests(how)
			commit := how
			w.commit("", commit)
			w.promote(platform.PromoteInput{Service: name}, "succeeded")
			w.asks("test", slipway.PolicyChange{RequireTests: ptr(true)})
			_, err := w.Promote(ctx, platform.PromoteInput{Service: name, Environment: "test"})
			w.want(err, slipway.Conflict, "test takes releases whose tests have passed only; this one")
			w.want(err, slipway.Conflict, says)
			// Where it is built, it gets no further than the gate.
			w.asks("dev", slipway.PolicyChange{RequireTests: ptr(true)})
			w.commit("", commit+"b")
			row, err := w.Promote(ctx, platform.PromoteInput{Service: name})
			w.must(err)
			row = w.waiting(row.ID, says)
			if row.Waits[0].Gate != slipway.GateCheck {
				t.Errorf("it waits for %+v", row.Waits)
			}
			_, err = w.Cancel(ctx, fmt.Sprint(row.ID))
			w.must(err)
			w.ended(fmt.Sprint(row.ID))
			w.asks("dev", slipway.PolicyChange{RequireTests: ptr(false)})
		}
		// Left out when it is tried again: not where tests are asked for.
		tests("red")
		w.commit("", "s3")
		failed := w.promote(platform.PromoteInput{Service: name}, "failed")
		w.asks("dev", slipway.PolicyChange{RequireTests: ptr(true)})
		_, err := w.Retry(ctx, failed, platform.Skip{Step: slipway.StepTest, Reason: "it is only a test"})
		w.want(err, slipway.Conflict, "so they can't be left out")
		w.asks("dev", slipway.PolicyChange{RequireTests: ptr(false)})
		again, err := w.Retry(ctx, failed, platform.Skip{Step: slipway.StepTest, Reason: "it is only a test"})
		w.must(err)
		if state, reason := w.ended(fmt.Sprint(again.ID)); state != "succeeded" {
			t.Fatalf("%s: %s", state, reason)
		}
		// What was left out is run where the release goes on to, and decides there.
		w.promote(platform.PromoteInput{Service: name, Environment: "test"}, "failed")
		// Tests that pass do.
		tests("")
		w.commit("", "s4")
		w.promote(platform.PromoteInput{Service: name}, "succeeded")
		w.promote(platform.PromoteInput{Service: name, Environment: "test"}, "succeeded")
	})
}

// What a change sets and nothing would look at is refused, for an environment and
// for a service in it.
func TestPolicyIsHeeded(t *testing.T) {
	both(t, func(w *world) {
		w.register("billing")
		ctx := w.Context()
		one := func(c slipway.PolicyChange) error {
			_, err := w.SetPolicy(ctx, "billing", "prod", c, false, nil)
			return err
		}
		all := func(c slipway.PolicyChange) error {
			_, err := w.UpdateEnvironment(ctx, "prod", catalog.EnvironmentChange{Policy: c})
			return err
		}
		judge := slipway.Strategy{Judge: slipway.Judge{MinRequests: 20}}
		for _, set := range []func(slipway.PolicyChange) error{one, all} {
			w.want(set(slipway.PolicyChange{Branch: ptr("main")}), slipway.Invalid, "set advance to push as well")
			w.want(set(slipway.PolicyChange{Strategy: &judge}), slipway.Invalid, "judge a canary")
			w.must(set(slipway.PolicyChange{Branch: ptr("main"), Advance: ptr(slipway.AdvancePush)}))
			w.must(set(slipway.PolicyChange{Strategy: &judge, Bake: ptr(60)}))
			w.must(set(slipway.PolicyChange{Approvals: ptr(2)}))
		}
	})
}
