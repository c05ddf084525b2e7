package platform_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/platform"
)

// Going back with a config that the release hasn't run with is a change, which
// nobody gets past the gates alone.
func TestRollbackWithAnotherConfigIsAChange(t *testing.T) {
	live(t, func(w *world, name string) {
		ctx := w.Context()
		mai := w.colleague(name, "mai-"+name, slipway.RoleMaintainer, false)
		cleo := w.colleague(name, "cleo-"+name, slipway.RoleMaintainer, false)
		w.promote(platform.PromoteInput{Service: name}, "succeeded")
		w.commit("", "c2")
		w.promote(platform.PromoteInput{Service: name}, "succeeded")
		w.policy(name, slipway.PolicyChange{Approvals: ptr(1), OwnChanges: ptr(slipway.OwnNever)})
		today := platform.RollbackInput{Service: name, Environment: "dev", Today: true}

		// What it ran with, it may have again.
		same, err := w.Rollback(mai, today)
		w.must(err)
		if state, reason := w.ended(fmt.Sprint(same.ID)); state != "succeeded" {
			t.Fatalf("with the same config: %s: %s", state, reason)
		}

		_, err = w.ChangeConfig(mai, catalog.ConfigChange{Service: name, Environment: "dev", Set: map[string]string{"WHO": "mai"}})
		w.must(err)
		today.Release = 2
		then, err := w.PlanRollback(mai, platform.RollbackInput{Service: name, Environment: "dev", Release: 2})
		w.must(err)
		plan, err := w.PlanRollback(mai, today)
		w.must(err)
		for _, p := range []*platform.Plan{then, plan} { // release 2 is newer than what runs: that is a promotion forward
			if !p.Forward() || len(p.Waits) != 1 || p.Waits[0].Gate != slipway.GateApproval || strings.Contains(strings.Join(p.Waits[0].On, " "), "mai-") {
				t.Errorf("going on to what was gone back from waits for %+v", p.Waits)
			}
		}
		light, err := w.WayBack(ctx, name, "dev")
		w.must(err)
		targets, running, err := w.RollbackTargets(mai, name, "dev")
		w.must(err)
		if light.Ready || light.Ahead != 2 || running != 1 || len(targets) != 1 || targets[0].Release != 2 {
			t.Errorf("the way back is %+v, and leads from %d to %+v", light, running, targets)
		}
		row, err := w.Rollback(mai, today)
		w.must(err)
		row = w.waiting(row.ID, "0 of 1 approvals")
		_, err = w.Decide(mai, fmt.Sprint(row.ID), platform.DecideInput{Verdict: slipway.VerdictApprove, Plan: slipway.Digest(row.PlanHash)})
		w.want(err, slipway.Denied, "your own change")
		w.says(cleo, row.ID, slipway.VerdictApprove)
		if state, reason := w.ended(fmt.Sprint(row.ID)); state != "succeeded" {
			t.Errorf("%s: %s", state, reason)
		}

		older := today
		older.Release = 1
		plan, err = w.PlanRollback(mai, older)
		w.must(err)
		older.Today = false
		then, err = w.PlanRollback(mai, older)
		w.must(err)
		if then.Forward() || len(then.Waits) != 0 || len(plan.Waits) != 1 || plan.Waits[0].Gate != slipway.GateApproval || strings.Contains(strings.Join(plan.Waits[0].On, " "), "mai-") {
			t.Errorf("with the config of then it waits for %+v, with that of today for %+v", then.Waits, plan.Waits)
		}

		// It doesn't lead past a window either; the way back as it was does.
		_, err = w.SetPolicy(ctx, name, "dev", slipway.PolicyChange{Windows: &[]slipway.Window{never()}}, false, nil)
		w.must(err)
		_, err = w.ChangeConfig(mai, catalog.ConfigChange{Service: name, Environment: "dev", Set: map[string]string{"WHO": "mai again"}})
		w.must(err)
		today.Release = 1
		row, err = w.Rollback(mai, today)
		w.must(err)
		w.waiting(row.ID, "dev changes only")
		_, err = w.Cancel(ctx, fmt.Sprint(row.ID))
		w.must(err)
		w.ended(fmt.Sprint(row.ID))
		back, err := w.Rollback(mai, platform.RollbackInput{Service: name, Environment: "dev", Release: 1})
		w.must(err)
		if state, reason := w.ended(fmt.Sprint(back.ID)); state != "succeeded" {
			t.Errorf("as it was: %s: %s", state, reason)
		}
	})
}
