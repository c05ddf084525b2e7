package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/workflows"
)

// baked is a release, 7, that has all the traffic and is watched for a while.
type baked struct {
	*split
	restarted bool
	verified  chan struct{} // closed when the ledger is told so
}

func (b *baked) Review(_ context.Context, r slipway.ReviewRequest) (slipway.Review, error) {
	return slipway.Review{State: slipway.PromotionRunning, Plan: "sha256:plan", Config: r.Config, Bake: 1}, nil
}

func (b *baked) Observe(context.Context, string, string) (slipway.Observed, error) {
	seen := slipway.Observed{Deployment: "7", Artifact: artifact.Digest, URL: "http://x.dev.localhost/"}
	if b.restarted {
		seen.Instances = []slipway.Instance{{ID: "web.1", Restarts: 1, StartedAt: time.Now().Add(time.Minute), Reason: "exited with code 1"}}
	}
	return seen, nil
}

type bakedLedger struct {
	ledger
	*baked
}

func (l bakedLedger) Step(ctx context.Context, e slipway.StepEvent) error {
	return l.ledger.Step(ctx, e)
}
func (l bakedLedger) Release(ctx context.Context, r slipway.BuiltRelease) (int, error) {
	return l.ledger.Release(ctx, r)
}
func (l bakedLedger) Deployed(ctx context.Context, d slipway.Deployment, s slipway.DeploymentFate) error {
	if s == slipway.DeploymentVerified {
		close(l.verified)
	}
	return l.ledger.Deployed(ctx, d, s)
}

// TestBake watches a release after the switch: only when its figures are no worse
// than those of the release before is it verified; else that one has the traffic again.
func TestBake(t *testing.T) {
	for _, c := range []struct {
		name      string
		good, bad int
		restarted bool
		state     slipway.PromotionState
		reason    string
		calls     string
	}{
		{"bake", 100, 0, false, slipway.PromotionSucceeded, "", "0 verify"},
		{"bake-quiet", 3, 0, false, slipway.PromotionSucceeded, "", "0 verify"},
		{"bake-bad", 100, 30, false, slipway.PromotionFailed, "after the switch it did worse than the release before: 23.1 % of its 130 answers failed", "0 verify revert"},
		{"bake-restarts", 100, 0, true, slipway.PromotionFailed, "its instance web.1 ended and was started again", "0 verify revert"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &baked{split: newSplit(), restarted: c.restarted, verified: make(chan struct{})}
			b.good, b.bad = c.good, c.bad
			worker := workWith(t, &workflows.Steps{Source: b, Builder: b, Renderer: b, Target: b, Rehearser: b, Verifier: b, Ledger: bakedLedger{ledger{b.world}, b}, Snapshots: ledger{b.world}, Gates: b, Work: t.TempDir()})
			t.Cleanup(worker.Stop)
			in := gatedInput(c.name, 7)
			in.Steps = append(in.Steps, slipway.PlannedStep{Name: slipway.StepVerify, State: slipway.StepPending})
			if err := workflows.Start(t.Context(), shared.Client(), in); err != nil {
				t.Fatal(err)
			}
			b.ends(t, c.name, c.state, c.reason, c.calls)
			select {
			case <-b.verified:
				if c.state != slipway.PromotionSucceeded {
					t.Error("it counts as verified")
				}
			default:
				if c.state == slipway.PromotionSucceeded {
					t.Error("it does not count as verified")
				}
			}
		})
	}
}

// TestBundleMember tells the others when it is ready, and when it has ended.
func TestBundleMember(t *testing.T) {
	g := newGated(1)
	worker := g.work(t)
	t.Cleanup(worker.Stop)
	in := gatedInput("bundled", 7)
	in.Bundle = 7
	if err := workflows.Start(t.Context(), shared.Client(), in); err != nil {
		t.Fatal(err)
	}
	<-g.reviewed
	if err := g.decide(t, "bundled", "7", "ada", slipway.VerdictApprove); err != nil {
		t.Fatal(err)
	}
	if out := result(t, "bundled"); out.State != slipway.PromotionSucceeded {
		t.Errorf("ended %+v", out)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.rallied) != 2 {
		t.Errorf("the others were told %d times, not when it was ready and when it had ended", len(g.rallied))
	}
	checkHistory(t, "bundled")
}
