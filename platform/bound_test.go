package platform_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/report"
	"github.com/slipway-dev/slipway/workflows"
)

func (w *world) step(promotion int, name slipway.StepName) *ent.Step {
	w.Helper()
	row, err := w.Promotion(w.Context(), strconv.Itoa(promotion))
	w.must(err)
	for _, s := range row.Edges.Steps {
		if slipway.StepName(s.Name) == name {
			return s
		}
	}
	w.Fatalf("promotion %d has no step %s", promotion, name)
	return nil
}

// TestUntilWhen: what runs, waits or is taken back says until when at the latest,
// and nothing says so afterwards.
func TestUntilWhen(t *testing.T) {
	live(t, func(w *world, name string) {
		begun, release := w.hold()
		row, err := w.Promote(w.Context(), platform.PromoteInput{Service: name})
		w.must(err)
		<-begun
		s := w.step(row.ID, slipway.StepBuild)
		if s.Until == nil || s.StartedAt == nil || s.Until.Sub(*s.StartedAt).Round(time.Minute) != workflows.BuildPatience {
			t.Errorf("the build runs since %v until %v, and may for %s", s.StartedAt, s.Until, workflows.BuildPatience)
		}
		if s := w.step(row.ID, slipway.StepFetch); s.Until != nil {
			t.Errorf("a step that is over says until %v", s.Until)
		}

		reverting, reverted := make(chan struct{}), make(chan struct{})
		w.mu.Lock()
		w.observe = func(context.Context) error {
			if w.running[name+"/dev"].Deployment == "" { // its gates ask what runs as well
				return nil
			}
			return slipway.Errorf(slipway.Refused, "it says no")
		}
		w.revert = func(ctx context.Context) error {
			close(reverting)
			select {
			case <-reverted:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		w.mu.Unlock()
		release()
		<-reverting
		now, err := w.Promotion(w.Context(), strconv.Itoa(row.ID))
		w.must(err)
		if u := now.Undo; u == nil || time.Since(u.Since) > time.Minute || u.Until.Sub(u.Since) < time.Minute {
			t.Errorf("what it deployed is taken back: %+v", u)
		}
		close(reverted)
		undone := false
		w.must(w.Watch(w.Context(), strconv.Itoa(row.ID), "", func(e report.LiveEvent) error {
			undone = undone || e.Promotion != nil && e.Promotion.Reason == "what it deployed is being taken back"
			return nil
		}))
		if state, reason := w.ended(fmt.Sprint(row.ID)); state != "failed" || reason != "it says no" || !undone {
			t.Errorf("%s: %s, and that it was taken back was told: %t", state, reason, undone)
		}
		now, err = w.Promotion(w.Context(), strconv.Itoa(row.ID))
		w.must(err)
		if s := w.step(row.ID, slipway.StepVerify); now.Undo != nil || s.Until != nil {
			t.Errorf("it is over, and says %+v, and until %v", now.Undo, s.Until)
		}

		w.mu.Lock()
		w.observe, w.revert = nil, nil
		w.mu.Unlock()
		w.policy(name, slipway.PolicyChange{Approvals: ptr(1), ExpiresAfter: ptr(3600)})
		w.commit("", "c2")
		row, err = w.Promote(w.Context(), platform.PromoteInput{Service: name})
		w.must(err)
		waiting := w.until(row.ID, func(row *ent.Promotion) bool {
			return row.State == promotion.StateWaiting && w.step(row.ID, slipway.StepApprove).Until != nil
		})
		if s := w.step(row.ID, slipway.StepApprove); waiting.ExpiresAt == nil || !s.Until.Equal(waiting.ExpiresAt.Truncate(time.Second)) {
			t.Errorf("it waits until %v, and is given up %v", s.Until, waiting.ExpiresAt)
		}
		_, err = w.Cancel(w.Context(), fmt.Sprint(row.ID))
		w.must(err)
		w.ended(fmt.Sprint(row.ID))
	})
}

// TestACanaryHasBegun: the first thing that a canary says has a reason, and is its
// beginning all the same; the next stage is not another one.
func TestACanaryHasBegun(t *testing.T) {
	both(t, func(w *world) {
		w.register("billing")
		id := w.promotion("billing", "dev", false)
		number, err := strconv.Atoi(id)
		w.must(err)
		var began time.Time
		for stage, until := range []time.Time{time.Now().Add(time.Minute), time.Now().Add(24 * time.Hour)} {
			r := slipway.Rollout{Stage: stage + 1, Stages: 2, Weight: 20, Until: until}
			w.must(w.ledger.Step(w.Context(), slipway.StepEvent{Promotion: id, Step: slipway.StepDeploy, State: slipway.StepRunning, Attempt: 1, Reason: r.Words(), Rollout: &r, Until: until}))
			s := w.step(number, slipway.StepDeploy)
			if s.StartedAt == nil || s.Until == nil || !s.Until.Equal(until.Truncate(time.Second)) {
				t.Fatalf("stage %d runs since %v until %v", stage+1, s.StartedAt, s.Until)
			}
			if stage > 0 && !s.StartedAt.Equal(began) {
				t.Errorf("it began at %v, and again at %v", began, s.StartedAt)
			}
			began = *s.StartedAt
		}
	})
}
