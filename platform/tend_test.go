package platform_test

import (
	"fmt"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent/deployment"
	"github.com/slipway-dev/slipway/ent/event"
	"github.com/slipway-dev/slipway/ent/promotion"
)

// TestPushes: each commit of the branch is promoted once, by itself; a hold stops it.
func TestPushes(t *testing.T) {
	live(t, func(w *world, name string) {
		ctx := w.Context()
		count := func(want int, state promotion.State) {
			t.Helper()
			s, err := w.Service(ctx, name)
			w.must(err)
			n, err := w.Storage.Client.Promotion.Query().Where(promotion.ServiceID(s.ID), promotion.StateEQ(state)).Count(ctx)
			w.must(err)
			if n != want {
				t.Errorf("%d promotions have %s, not %d", n, state, want)
			}
		}
		push := func() {
			t.Helper()
			w.must(w.TakePushes(ctx))
			s, err := w.Service(ctx, name)
			w.must(err)
			rows, err := w.Storage.Client.Promotion.Query().Where(promotion.ServiceID(s.ID)).Order(promotion.ByID()).All(ctx)
			w.must(err)
			if len(rows) > 0 {
				w.ended(fmt.Sprint(rows[len(rows)-1].ID))
			}
		}
		push()
		count(0, promotion.StateSucceeded) // nobody asked for it yet
		w.policy(name, slipway.PolicyChange{Advance: ptr(slipway.AdvancePush)})
		push()
		push()
		count(1, promotion.StateSucceeded)
		w.commit("", "c2")
		push()
		count(2, promotion.StateSucceeded)
		s, err := w.Service(ctx, name)
		w.must(err)
		pushed, err := w.Storage.Client.Promotion.Query().Where(promotion.ServiceID(s.ID), promotion.CauseHasPrefix("push to ")).Count(ctx)
		w.must(err)
		if pushed != 2 {
			t.Errorf("%d promotions say that a push caused them", pushed)
		}
		_, err = w.Hold(ctx, name, "dev", "looking at something")
		w.must(err)
		w.commit("", "c3")
		push()
		count(2, promotion.StateSucceeded)
	})
}

// TestConditions: what differs from what was deployed is a state and one event,
// and so is its end.
func TestConditions(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.Context()
		w.register("billing")
		w.deployed("billing", "dev", "c1", false)
		d, err := w.Storage.Client.Deployment.Query().Where(deployment.Live(true)).WithRelease().Only(ctx)
		w.must(err)
		good := slipway.Observed{
			Deployment: fmt.Sprint(d.PromotionID), Release: 1, Artifact: slipway.Digest(d.Edges.Release.Artifact), Config: slipway.Digest(d.Snapshot),
			Instances: []slipway.Instance{{ID: "web.1", State: slipway.InstanceHealthy}},
		}
		see := func(o slipway.Observed, want slipway.Condition) {
			t.Helper()
			w.mu.Lock()
			w.running["billing/dev"] = o
			w.mu.Unlock()
			for range 2 { // again changes nothing
				w.must(w.Inspect(ctx))
			}
			row, err := w.Storage.Client.Deployment.Get(ctx, d.ID)
			w.must(err)
			if row.Condition != string(want) || want != "" && row.ConditionReason == "" {
				t.Errorf("%+v is %q: %s", o, row.Condition, row.ConditionReason)
			}
		}
		other, config, crashing, failing := good, good, good, good
		other.Artifact, other.Release = digest("c0"), 9
		config.Config = digest("edited by hand")
		crashing.Instances = []slipway.Instance{{ID: "web.1", State: slipway.InstanceBackoff, Restarts: 5, Reason: "exited with code 1"}}
		failing.Instances = []slipway.Instance{{ID: "web.1", State: slipway.InstanceHealthy}, {ID: "web.2", State: slipway.InstanceFailing, Reason: "does not answer"}}
		see(good, slipway.ConditionGood)
		see(slipway.Observed{}, slipway.ConditionDown)
		see(other, slipway.ConditionDrifted)
		see(config, slipway.ConditionDrifted)
		see(crashing, slipway.ConditionCrashes)
		see(failing, slipway.ConditionDrifted)
		see(good, slipway.ConditionGood)
		for kind, want := range map[string]int{"deployment.down": 1, "deployment.drifted": 2, "deployment.crash_looping": 1, "deployment.recovered": 1} {
			n, err := w.Storage.Client.Event.Query().Where(event.Kind(kind)).Count(ctx)
			w.must(err)
			if n != want {
				t.Errorf("%d events %s, not %d", n, kind, want)
			}
		}
	})
}
