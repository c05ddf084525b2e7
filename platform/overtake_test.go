package platform_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/platform/platformtest"
)

// twice looks at gates again after each look, as is done when the answer to the first
// one was lost.
type twice struct {
	*platform.Gates
	w *world
}

func (g twice) Review(ctx context.Context, req slipway.ReviewRequest) (slipway.Review, error) {
	first, err := g.Gates.Review(ctx, req)
	if err != nil {
		return first, err
	}
	again, err := g.Gates.Review(ctx, req)
	if first.State != again.State || first.Reason != again.Reason {
		g.w.Errorf("looked at again, it is %s (%s) and was %s (%s)", again.State, again.Reason, first.State, first.Reason)
	}
	return again, err
}

// An older release goes over a newer one by nobody's doing but that of who goes back,
// or named it and saw what it goes over: not because its turn in the line came late,
// however often the gates are looked at, and not because its commit is built again.
func TestNothingOlderGoesOver(t *testing.T) {
	both(t, func(w *world) {
		w.engaged(func(g *platform.Gates) slipway.Gatekeeper { return twice{g, w} })
		name := w.newName()
		w.register(name)
		w.policy(name, slipway.PolicyChange{Concurrency: ptr(slipway.ConcurrencyQueue)})
		ctx := w.Context()
		w.promote(platform.PromoteInput{Service: name}, "succeeded")
		w.mu.Lock()
		w.red = true
		w.mu.Unlock()
		w.commit("", "c2")
		w.promote(platform.PromoteInput{Service: name}, "failed")
		w.mu.Lock()
		w.red = false
		w.mu.Unlock()

		// Release 2 is named while 1 runs, and 3 comes before it.
		w.commit("", "c3")
		begun, release := w.hold()
		third, err := w.Promote(ctx, platform.PromoteInput{Service: name})
		w.must(err)
		<-begun
		second, err := w.Promote(ctx, platform.PromoteInput{Service: name, Release: 2})
		w.must(err)
		release()
		if state, reason := w.ended(fmt.Sprint(third.ID)); state != "succeeded" {
			w.Fatalf("%s: %s", state, reason)
		}
		const over = "release 3 runs in dev, and release 2 is older and doesn't overtake it"
		if state, reason := w.ended(fmt.Sprint(second.ID)); state != "superseded" || !strings.HasPrefix(reason, over) {
			t.Errorf("%s: %s", state, reason)
		}

		// The branch is set back to a commit whose artifact was removed: it is built
		// again, and is the release that it was.
		w.mu.Lock()
		w.build = nil
		maps.DeleteFunc(w.artifacts, func(d slipway.Digest, _ slipway.Artifact) bool { return d == digest("c2") })
		w.mu.Unlock()
		w.commit("", "c2")
		back, err := w.Promote(ctx, platform.PromoteInput{Service: name})
		w.must(err)
		if state, reason := w.ended(fmt.Sprint(back.ID)); state != "superseded" || !strings.HasPrefix(reason, over) {
			t.Errorf("%s: %s", state, reason)
		}
		w.promote(platform.PromoteInput{Service: name, Release: 2}, "succeeded") // named, over what it was named over
	})
}

// TestNamedBeforeItWasSaid: what somebody named over a newer release while an earlier
// version ran, whose inputs don't say so, waits on over the upgrade.
func TestNamedBeforeItWasSaid(t *testing.T) {
	w := newWorld(t, platformtest.SQLite(t))
	w.engaged()
	name := w.newName()
	w.register(name)
	ctx := w.Context()
	w.promote(platform.PromoteInput{Service: name}, "succeeded")
	w.red = true
	w.commit("", "c2")
	w.promote(platform.PromoteInput{Service: name}, "failed")
	w.red = false
	w.commit("", "c3")
	w.promote(platform.PromoteInput{Service: name}, "succeeded")
	w.policy(name, slipway.PolicyChange{Approvals: ptr(1)})
	row, err := w.Promote(ctx, platform.PromoteInput{Service: name, Release: 2})
	w.must(err)
	row = w.waiting(row.ID, "approval")
	var input map[string]any
	w.must(json.Unmarshal(row.Input, &input))
	delete(input, "NamedOver")
	old, err := json.Marshal(input)
	w.must(err)
	w.must(w.Storage.Client.Promotion.UpdateOneID(row.ID).SetInput(old).Exec(ctx))
	w.policy(name, slipway.PolicyChange{RemindAfter: ptr(7200)}) // tells it to look
	w.until(row.ID, func(row *ent.Promotion) bool { return row.EndedAt != nil || row.Plan.Policy.RemindAfter == 7200 })
	w.waiting(row.ID, "approval") // as far as this goes: its workflow has begun with another input than is on record now
}
