package platform_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/platform/platformtest"
)

// TestUnobservedAgain: the longer it can't be told what runs, the more seldom a
// promotion that waits for that looks, as its history must not grow without end.
func TestUnobservedAgain(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for closed, want := range map[time.Duration]time.Duration{
		0: 5 * time.Second, 4 * time.Second: 5 * time.Second, time.Minute: time.Minute, 10 * time.Minute: 10 * time.Minute, 9 * time.Hour: time.Hour,
	} {
		waits := []slipway.Wait{{Gate: slipway.GateApproval, Since: now.Add(-48 * time.Hour)}, {Gate: slipway.GateUnrecorded, Since: now.Add(-closed)}}
		if got := platform.ObservedAgain(now, waits).Sub(now); got != want {
			t.Errorf("closed for %s, it is looked at again after %s, not %s", closed, got, want)
		}
	}
	// A day of it is a handful of looks, and not one every five seconds.
	looks, at := 0, now
	for ; at.Before(now.Add(24 * time.Hour)); looks++ {
		at = platform.ObservedAgain(at, []slipway.Wait{{Gate: slipway.GateUnrecorded, Since: now}})
	}
	if looks > 40 {
		t.Errorf("%d looks in a day", looks)
	}
}

// TestAnsweredAgain: who waits since it can't be told what runs hears soon that it can.
func TestAnsweredAgain(t *testing.T) {
	w := newWorld(t, platformtest.SQLite(t))
	w.engaged()
	name := w.newName()
	w.register(name)
	var asked atomic.Int64
	set := func(observe func(context.Context) error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.observe = observe
	}
	set(func(context.Context) error {
		asked.Add(1)
		return slipway.Errorf(slipway.Unavailable, "the node agent does not answer")
	})
	row, err := w.Promote(w.Context(), platform.PromoteInput{Service: name})
	w.must(err)
	row = w.waiting(row.ID, "what runs in dev can't be told")
	// As if for hours: it looks once an hour by now.
	waits := row.Waits
	for i := range waits {
		waits[i].Since = waits[i].Since.Add(-2 * time.Hour)
	}
	w.must(w.Storage.Client.Promotion.UpdateOneID(row.ID).SetWaits(waits).Exec(w.Context()))
	before := asked.Load()
	w.policy(name, slipway.PolicyChange{RemindAfter: ptr(7200)}) // tells it to look
	w.until(row.ID, func(row *ent.Promotion) bool { return asked.Load() > before && row.Plan.Policy.RemindAfter == 7200 })
	w.must(w.Inspect(w.Context()))
	w.waiting(row.ID, "what runs in dev can't be told")
	set(nil)
	w.must(w.Inspect(w.Context()))
	if state, reason := w.ended(fmt.Sprint(row.ID)); state != "succeeded" {
		t.Errorf("%s: %s", state, reason)
	}
}
