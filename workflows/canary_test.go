package workflows_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/workflows"
)

// shared traffic of an old release, 6, and a canary, 7.
type split struct {
	*world
	stages   []slipway.Stage
	good     int // answers of the canary
	bad      int
	weight   int
	judged   chan slipway.Rollout
	deployed []string
	first    bool   // nothing ran before
	said     string // in the logs of steps
}

func newSplit(stages ...slipway.Stage) *split {
	return &split{world: &world{}, stages: stages, good: 100, judged: make(chan slipway.Rollout, 100)}
}

func (s *split) Review(_ context.Context, r slipway.ReviewRequest) (slipway.Review, error) {
	return slipway.Review{State: slipway.PromotionRunning, Plan: "sha256:plan", Config: r.Config, Strategy: slipway.Strategy{Kind: slipway.Canary, Stages: s.stages}}, nil
}
func (s *split) Decide(context.Context, slipway.Decision) error { return nil }

func (s *split) Deploy(_ context.Context, d slipway.Deployment, log io.Writer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.weight = d.Weight
	s.calls = append(s.calls, fmt.Sprint(d.Weight))
	fmt.Fprintln(log, "weight", d.Weight)
	return s.deployErr
}

func (s *split) Observe(context.Context, string, string) (slipway.Observed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.weight == 0 || s.first {
		return slipway.Observed{Deployment: "7", Artifact: artifact.Digest}, nil
	}
	return slipway.Observed{Deployment: "6", Next: &slipway.Share{Deployment: "7", Weight: s.weight}}, nil
}

func (s *split) Traffic(context.Context, string, string, time.Time) (slipway.Traffic, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	count := func(good, bad int) (a slipway.Answers) {
		for range good {
			a.Count(200, time.Millisecond)
		}
		for range bad {
			a.Count(500, time.Millisecond)
		}
		return a
	}
	now := time.Now().Add(time.Minute)
	return slipway.Traffic{Deployments: map[string][]slipway.Slice{"6": {{At: now, Answers: count(100, 0)}}, "7": {{At: now, Answers: count(s.good, s.bad)}}}}, nil
}

// noted passes on where the canary stands.
type noted struct {
	ledger
	*split
}

func (n noted) Step(ctx context.Context, e slipway.StepEvent) error {
	if e.Rollout != nil && e.Rollout.Judgement.Finding != "" {
		n.judged <- *e.Rollout
	}
	return n.ledger.Step(ctx, e)
}
func (n noted) Log(_ context.Context, _ string, _ slipway.StepName, _, _ int, text string) error {
	n.split.mu.Lock()
	defer n.split.mu.Unlock()
	n.split.said += text
	return nil
}
func (n noted) Release(ctx context.Context, r slipway.BuiltRelease) (int, error) {
	return n.ledger.Release(ctx, r)
}

func (s *split) begin(t *testing.T, service string) {
	t.Helper()
	worker := workWith(t, &workflows.Steps{Source: s, Builder: s, Renderer: s, Target: s, Rehearser: s, Verifier: s, Ledger: noted{ledger{s.world}, s}, Snapshots: ledger{s.world}, Gates: s, Work: t.TempDir()})
	t.Cleanup(worker.Stop)
	if err := workflows.Start(t.Context(), shared.Client(), gatedInput(service, 7)); err != nil {
		t.Fatal(err)
	}
}

func (s *split) ends(t *testing.T, service string, state slipway.PromotionState, reason, calls string) {
	t.Helper()
	out := result(t, service)
	if out.State != state || !strings.Contains(out.Reason, reason) {
		t.Errorf("ended %+v", out)
	}
	if s.called() != calls {
		t.Errorf("called %q, not %q", s.called(), calls)
	}
	checkHistory(t, service)
}

func steer(t *testing.T, service string, what slipway.Steering) error {
	t.Helper()
	return workflows.Steer(t.Context(), shared.Client(), service, "dev", workflows.Steered{Promotion: "7", What: what, By: "ada", Why: "the totals are wrong", Word: word("7", string(what))})
}

func TestCanary(t *testing.T) {
	t.Run("good", func(t *testing.T) {
		s := newSplit(slipway.Stage{Weight: 10, Pause: 1}, slipway.Stage{Weight: 50, Pause: 1})
		s.begin(t, "canary")
		s.ends(t, "canary", slipway.PromotionSucceeded, "", "10 50 0")
		if r := <-s.judged; r.Weight != 10 || r.Judgement.Finding != slipway.FindingGood || r.Stages != 2 {
			t.Errorf("%+v", r)
		}
	})
	t.Run("bad", func(t *testing.T) {
		s := newSplit(slipway.Stage{Weight: 10, Pause: 1}, slipway.Stage{Weight: 50, Pause: 1})
		s.bad = 30
		s.begin(t, "canary-bad")
		s.ends(t, "canary-bad", slipway.PromotionFailed, "23.1 % of its 130 answers failed", "10 revert")
	})
	t.Run("too little traffic waits for more", func(t *testing.T) {
		s := newSplit(slipway.Stage{Weight: 10, Pause: 1})
		s.good = 3
		s.begin(t, "canary-quiet")
		<-s.judged
		s.mu.Lock()
		s.good = 100
		s.mu.Unlock()
		s.ends(t, "canary-quiet", slipway.PromotionSucceeded, "", "10 0")
	})
	t.Run("the first goes on alone, and says why", func(t *testing.T) {
		s := newSplit(slipway.Stage{Weight: 10, Pause: 1}, slipway.Stage{Weight: 50})
		s.first = true
		s.begin(t, "canary-first")
		s.ends(t, "canary-first", slipway.PromotionSucceeded, "", "10 0")
		s.mu.Lock()
		defer s.mu.Unlock()
		if !strings.Contains(s.said, "nothing to compare a canary with") {
			t.Errorf("its log says %q", s.said)
		}
	})
	t.Run("by hand, paused, resumed", func(t *testing.T) {
		s := newSplit(slipway.Stage{Weight: 10}, slipway.Stage{Weight: 50})
		s.begin(t, "canary-by-hand")
		for { // until the first stage is there
			if err := steer(t, "canary-by-hand", slipway.SteerPause); err == nil {
				break
			} else if slipway.CodeOf(err) != slipway.Conflict {
				t.Fatal(err)
			}
		}
		if r := <-s.judged; r.Paused != "ada" || !r.ByHand {
			t.Errorf("%+v", r)
		}
		wantError(t, steer(t, "canary-by-hand", slipway.SteerPause), slipway.Conflict, "paused already, by ada")
		for _, what := range []slipway.Steering{slipway.SteerResume, slipway.SteerResume} { // the pause, the stage
			if err := steer(t, "canary-by-hand", what); err != nil {
				t.Fatal(err)
			}
			<-s.judged
		}
		// Before the second stage has the traffic, promoting would end the first.
		for s.called() != "10 50" {
			<-time.After(time.Millisecond)
		}
		for {
			if err := steer(t, "canary-by-hand", slipway.SteerPromote); err == nil {
				break
			} else if slipway.CodeOf(err) != slipway.Conflict {
				t.Fatal(err)
			}
		}
		s.ends(t, "canary-by-hand", slipway.PromotionSucceeded, "", "10 50 0")
		wantError(t, steer(t, "canary-by-hand", slipway.SteerPause), slipway.Conflict, "is over")
	})
	t.Run("aborted", func(t *testing.T) {
		s := newSplit(slipway.Stage{Weight: 10})
		s.begin(t, "canary-aborted")
		for {
			if err := steer(t, "canary-aborted", slipway.SteerAbort); err == nil {
				break
			} else if slipway.CodeOf(err) != slipway.Conflict {
				t.Fatal(err)
			}
		}
		s.ends(t, "canary-aborted", slipway.PromotionCancelled, "aborted by ada: the totals are wrong", "10 revert")
	})
	t.Run("never healthy", func(t *testing.T) {
		s := newSplit(slipway.Stage{Weight: 10})
		s.deployErr = slipway.Errorf(slipway.Refused, "web.1 exited")
		s.begin(t, "canary-sick")
		s.ends(t, "canary-sick", slipway.PromotionFailed, "web.1 exited", "10")
	})
}
