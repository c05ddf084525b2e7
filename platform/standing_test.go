package platform_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/deployment"
	"github.com/slipway-dev/slipway/platform"
)

// following waits for the promotion that began by itself after another one.
func (w *world) following(service, environment, after string) *ent.Promotion {
	w.Helper()
	var found *ent.Promotion
	w.until(number(after), func(*ent.Promotion) bool {
		list, err := w.Promotions(w.Context(), platform.PromotionsQuery{Service: service, Environment: environment})
		w.must(err)
		for _, row := range list.Items {
			if row.Cause == "after promotion "+after {
				found = row
			}
		}
		return found != nil
	})
	return found
}

func number(id string) (n int) {
	_, _ = fmt.Sscan(id, &n)
	return n
}

// What was rolled back goes on by nobody's doing but a person's who knows it: by
// itself it ends, and by hand it waits at a gate that is opened with a reason, in
// every environment further up.
func TestRolledBackGoesNoFurther(t *testing.T) {
	live(t, func(w *world, name string) {
		ctx := w.Context()
		root := w.colleague(name, "root-"+name, "", true)
		soak := func(seconds int) {
			_, err := w.SetPolicy(ctx, name, "test", slipway.PolicyChange{Advance: ptr(slipway.AdvanceAfter), Soak: &seconds}, false, nil)
			w.must(err)
		}
		soak(3600)
		first := w.following(name, "test", w.promote(platform.PromoteInput{Service: name}, "succeeded"))
		w.waiting(first.ID, "must have served in dev for 1h0m0s")

		// A newer one takes over: the older can't be proven any more, and makes way.
		w.commit("", "c2")
		second := w.following(name, "test", w.promote(platform.PromoteInput{Service: name}, "succeeded"))
		if state, reason := w.ended(fmt.Sprint(first.ID)); state != "superseded" || !strings.Contains(reason, "release 2 took over in dev before release 1 had served there for 1h0m0s") {
			t.Errorf("%s: %s", state, reason)
		}
		w.waiting(second.ID, "must have served in dev")

		back, err := w.Rollback(ctx, platform.RollbackInput{Service: name, Environment: "dev", Why: "the totals are wrong"})
		w.must(err)
		if state, reason := w.ended(fmt.Sprint(back.ID)); state != "succeeded" {
			w.Fatalf("%s: %s", state, reason)
		}
		const why = "rolled back in dev by ada: the totals are wrong"
		if state, reason := w.ended(fmt.Sprint(second.ID)); state != "cancelled" || !strings.Contains(reason, "release 2 was "+why) {
			t.Errorf("%s: %s", state, reason)
		}
		holds, err := w.Holds(ctx, name)
		w.must(err)
		if len(holds) != 1 || !strings.Contains(holds[0].Reason, "the totals are wrong") {
			t.Errorf("held by %v", holds)
		}

		// By hand, and tried again, it waits; what is said in its plan is true.
		soak(0)
		in := platform.PromoteInput{Service: name, Environment: "test", Release: 2}
		plan, err := w.Plan(ctx, in)
		w.must(err)
		change, err := w.ChangeOfPlan(ctx, plan)
		w.must(err)
		notes := fmt.Sprint(change.Notes)
		if len(plan.Waits) != 1 || !strings.HasPrefix(plan.Waits[0].Reason, why) || !strings.Contains(notes, "Rolled back in dev by ada") || strings.Contains(notes, "Verified in dev") {
			t.Errorf("it waits for %+v, with the notes %s", plan.Waits, notes)
		}
		row, err := w.Promote(ctx, in)
		w.must(err)
		_, err = w.Cancel(ctx, fmt.Sprint(w.waiting(row.ID, why).ID))
		w.must(err)
		w.ended(fmt.Sprint(row.ID))
		again, err := w.Retry(ctx, fmt.Sprint(second.ID), platform.Skip{})
		w.must(err)
		row = w.waiting(again.ID, why)
		_, err = w.Decide(root, fmt.Sprint(row.ID), platform.DecideInput{Verdict: slipway.VerdictExempt, Comment: "only dev's data", Plan: slipway.Digest(row.PlanHash)})
		w.must(err)
		if state, reason := w.ended(fmt.Sprint(row.ID)); state != "succeeded" {
			t.Errorf("%s: %s", state, reason)
		}

		// Further up it is asked again, until the release is verified there once more.
		up, err := w.Promote(ctx, platform.PromoteInput{Service: name, Environment: "prod"})
		w.must(err)
		w.waiting(up.ID, why)
		w.promote(platform.PromoteInput{Service: name, Release: 2}, "succeeded")
		if state, reason := w.ended(fmt.Sprint(up.ID)); state != "succeeded" {
			t.Errorf("%s: %s", state, reason)
		}
	})
}

// What was pushed while somebody went back doesn't go over that by itself.
func TestRollbackHoldsWhatIsQueued(t *testing.T) {
	live(t, func(w *world, name string) {
		ctx := w.Context()
		grace := w.colleague(name, "grace-"+name, slipway.RoleMaintainer, false)
		w.policy(name, slipway.PolicyChange{Advance: ptr(slipway.AdvancePush), Branch: ptr("main"), Concurrency: ptr(slipway.ConcurrencyQueue), RollbackApprovals: ptr(1)})
		w.promote(platform.PromoteInput{Service: name}, "succeeded")
		w.commit("main", "c2")
		w.commit("", "c2")
		w.promote(platform.PromoteInput{Service: name}, "succeeded")
		back, err := w.Rollback(ctx, platform.RollbackInput{Service: name, Environment: "dev"})
		w.must(err)
		back = w.waiting(back.ID, "0 of 1 approvals")
		w.commit("main", "c3")
		w.must(w.TakePushes(ctx))
		list, err := w.Promotions(ctx, platform.PromotionsQuery{Service: name, Environment: "dev"})
		w.must(err)
		pushed := list.Items[0]
		if pushed.Cause != "push to main" || pushed.State != "queued" {
			w.Fatalf("what was pushed is %s, by %q", pushed.State, pushed.Cause)
		}
		_, err = w.Decide(grace, fmt.Sprint(back.ID), platform.DecideInput{Verdict: slipway.VerdictApprove, Plan: slipway.Digest(back.PlanHash)})
		w.must(err)
		if state, reason := w.ended(fmt.Sprint(pushed.ID)); state != "cancelled" || !strings.Contains(reason, "automatic promotion into dev is held: rolled back by ada") {
			t.Errorf("%s: %s", state, reason)
		}
	})
}

// What has drifted is not proven while it is seen so.
func TestDriftedIsNotProven(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.Context()
		w.register("billing")
		w.deployed("billing", "dev", "c1", false)
		waits := func() string {
			t.Helper()
			plan, err := w.Plan(ctx, platform.PromoteInput{Service: "billing", Environment: "test"})
			w.must(err)
			return fmt.Sprint(plan.Waits)
		}
		if got := waits(); got != "[]" {
			t.Errorf("what serves waits for %s", got)
		}
		w.must(w.Storage.Client.Deployment.Update().Where(deployment.Live(true)).SetCondition(string(slipway.ConditionCrashes)).SetConditionSince(time.Now()).Exec(ctx))
		if got := waits(); !strings.Contains(got, "release 1 is not proven in dev: it is crashing again and again there") {
			t.Errorf("what crashes waits for %s", got)
		}
	})
}

// A release comes from a record, or somebody names it now: only the second may put
// it over a newer one.
func TestRetryOvertakesNothing(t *testing.T) {
	live(t, func(w *world, name string) {
		ctx := w.Context()
		w.promote(platform.PromoteInput{Service: name}, "succeeded")
		w.mu.Lock()
		w.red = true
		w.mu.Unlock()
		w.commit("", "c2")
		failed := w.promote(platform.PromoteInput{Service: name}, "failed")
		w.mu.Lock()
		w.red = false
		w.mu.Unlock()
		w.commit("", "c3")
		w.promote(platform.PromoteInput{Service: name}, "succeeded")
		_, err := w.Retry(ctx, failed, platform.Skip{})
		w.want(err, slipway.Conflict, "release 2 is older than release 3, which runs in dev; if it is to run there all the same: slipway promote "+name+" --to dev --release 2")

		// So is what a person names: it goes back, and holds what would go over it.
		w.promote(platform.PromoteInput{Service: name, Release: 2}, "succeeded")
		w.until(number(failed), func(*ent.Promotion) bool {
			holds, err := w.Holds(ctx, name)
			w.must(err)
			return len(holds) == 1 && strings.Contains(holds[0].Reason, "release 2 put in the place of 3 by ada")
		})
		plan, err := w.Plan(ctx, platform.PromoteInput{Service: name, Environment: "test", Release: 3})
		w.must(err)
		if len(plan.Waits) != 1 || !strings.HasPrefix(plan.Waits[0].Reason, "rolled back in dev by ada") {
			t.Errorf("the release that was left waits for %+v", plan.Waits)
		}

		// A rollback that was rejected is not one from what runs by now.
		w.policy(name, slipway.PolicyChange{RollbackApprovals: ptr(1)})
		back, err := w.Rollback(ctx, platform.RollbackInput{Service: name, Environment: "dev", Release: 1})
		w.must(err)
		back = w.waiting(back.ID, "0 of 1")
		_, err = w.Cancel(ctx, fmt.Sprint(back.ID))
		w.must(err)
		w.ended(fmt.Sprint(back.ID))
		w.commit("", "c4")
		w.promote(platform.PromoteInput{Service: name}, "succeeded")
		_, err = w.Retry(ctx, fmt.Sprint(back.ID), platform.Skip{})
		w.want(err, slipway.Conflict, "was to go back from release 2, and release 4 runs in dev now")
	})
}

// A deployment is a release and a config: the way back is the last good one, and
// what was left by a rollback is not on it.
func TestTheWayBackIsADeployment(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.Context()
		w.register("billing")
		back := func(in platform.RollbackInput) *platform.Plan {
			t.Helper()
			in.Service, in.Environment = "billing", "dev"
			plan, err := w.PlanRollback(ctx, in)
			w.must(err)
			return plan
		}
		w.deployed("billing", "dev", "c1", false) // promotion 1
		plan, err := w.Plan(ctx, platform.PromoteInput{Service: "billing", Environment: "dev", Release: 1})
		w.must(err)
		promised, err := w.ChangeOfPlan(ctx, plan)
		w.must(err)
		w.deployed("billing", "dev", "c1", false) // and again, with another config
		if got := back(platform.RollbackInput{}); got.Release.Number != 1 || got.Snapshot != digest("config-1") || got.Back != 1 {
			t.Errorf("from a bad config it goes back to release %d with %s", got.Release.Number, got.Snapshot)
		}
		light, err := w.WayBack(ctx, "billing", "dev")
		w.must(err)
		if !light.Ready || light.Release != 1 || light.Deployment != "1" || !strings.Contains(light.Reason, "with the config of promotion 1") {
			t.Errorf("the way back is %+v", light)
		}
		if b := promised.Back; !b.Ready || b.Deployment != "1" || !strings.Contains(b.Reason, "release 1 with the config of promotion 1") {
			t.Errorf("promised was %+v", b)
		}

		for _, c := range []string{"c2", "c3"} {
			w.deployed("billing", "dev", c, false) // 3 and 4
		}
		w.deployed("billing", "dev", "c2", true)  // 5
		w.deployed("billing", "dev", "c1", true)  // 6
		w.deployed("billing", "dev", "c1", false) // 7
		if got := back(platform.RollbackInput{}); got.Release.Number != 1 || got.Back != 6 {
			t.Errorf("after 3, 2, 1 and a new config it goes back to release %d of promotion %d", got.Release.Number, got.Back)
		}
		if got := back(platform.RollbackInput{Deployment: 4}); got.Release.Number != 3 || got.Snapshot != digest("config-4") {
			t.Errorf("by its number it goes to release %d with %s", got.Release.Number, got.Snapshot)
		}
		was, err := w.Storage.Client.Deployment.Query().Where(deployment.PromotionID(3)).Only(ctx)
		w.must(err)
		if got := back(platform.RollbackInput{At: was.CreatedAt}); got.Back != 3 {
			t.Errorf("by its time it goes to promotion %d", got.Back)
		}
		for _, c := range []struct {
			in   platform.RollbackInput
			code slipway.Code
			text string
		}{
			{platform.RollbackInput{At: time.Now()}, slipway.Conflict, "what runs in dev already"},
			{platform.RollbackInput{At: time.Unix(0, 0)}, slipway.Conflict, "nothing of billing that was verified had the traffic in dev at 1970-01-01 00:00:00 UTC"},
			{platform.RollbackInput{Deployment: 99}, slipway.NotFound, "slipway promotion ls"},
			{platform.RollbackInput{Deployment: 3, Release: 1}, slipway.Invalid, "not by several"},
		} {
			c.in.Service, c.in.Environment = "billing", "dev"
			_, err := w.PlanRollback(ctx, c.in)
			w.want(err, c.code, c.text)
		}

		// Forward it says what comes, and nothing of what would be gone.
		change, err := w.ChangeOfPlan(ctx, back(platform.RollbackInput{Release: 3}))
		w.must(err)
		if len(change.Commits.Commits) != 1 || change.Commits.Commits[0].ID != commitID("c3") {
			t.Errorf("it brings %+v", change.Commits)
		}
		change, err = w.ChangeOfPlan(ctx, back(platform.RollbackInput{}))
		w.must(err)
		if len(change.Commits.Commits) != 0 || len(change.Config) != 0 && change.From != change.To {
			t.Errorf("another config brings %+v", change.Commits)
		}
	})
}

// The way back of a promotion is that of its own moment, whatever came after it.
func TestTheWayBackOfAnEarlierPromotion(t *testing.T) {
	live(t, func(w *world, name string) {
		ids := []string{}
		for _, c := range []string{"c1", "c2", "c3", "c4"} {
			w.commit("", c)
			ids = append(ids, w.promote(platform.PromoteInput{Service: name}, "succeeded"))
		}
		for i, id := range ids[1:] {
			change, err := w.Change(w.Context(), id)
			w.must(err)
			if b := change.Back; !b.Ready || b.Deployment != ids[i] {
				t.Errorf("from promotion %s the way back was to %s, and is told as %+v", id, ids[i], b)
			}
		}
	})
}
