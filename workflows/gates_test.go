package workflows_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/workflows"
)

// open has no gates.
type open struct{}

func (open) Review(_ context.Context, r slipway.ReviewRequest) (slipway.Review, error) {
	return slipway.Review{State: slipway.PromotionRunning, Plan: "sha256:plan", Config: r.Config}, nil
}
func (open) Decide(context.Context, slipway.Decision) error { return nil }

// gated wants yeses. It also is the queue behind.
type gated struct {
	*world
	need    int
	expires time.Time
	slow    chan struct{} // a decision is recorded when it is closed
	config  slipway.Digest

	queue    []workflows.Input
	reviewed chan struct{}
	said     []slipway.Decision
	advanced []string
	rallied  []string // by whom the others of the bundle were told
}

func newGated(need int) *gated {
	return &gated{world: &world{}, need: need, reviewed: make(chan struct{}, 100), config: "sha256:c0ffee"}
}

func (g *gated) Review(_ context.Context, r slipway.ReviewRequest) (slipway.Review, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	defer func() { g.reviewed <- struct{}{} }()
	review := slipway.Review{State: slipway.PromotionWaiting, Plan: "plan of " + g.config, Config: g.config, Waited: g.need > 0, Again: time.Now().Add(time.Hour)}
	yes := 0
	for _, d := range g.said {
		switch {
		case d.Promotion != r.Promotion || d.Plan != review.Plan:
		case d.Verdict == slipway.VerdictReject:
			review.State, review.Reason = slipway.PromotionRejected, "rejected by "+d.Name
			return review, nil
		default:
			yes++
		}
	}
	switch {
	case yes >= g.need:
		review.State, review.Ready = slipway.PromotionRunning, true
	case !g.expires.IsZero() && !time.Now().Before(g.expires):
		review.State, review.Reason = slipway.PromotionExpired, "nobody decided"
	case !g.expires.IsZero():
		review.Again = g.expires
	}
	return review, nil
}

func (g *gated) Decide(_ context.Context, d slipway.Decision) error {
	if g.slow != nil {
		<-g.slow
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if slices.ContainsFunc(g.said, func(o slipway.Decision) bool { return o.Name == d.Name && o.Promotion == d.Promotion }) {
		return slipway.Errorf(slipway.Conflict, "you have said so already")
	}
	if d.Name == "mallory" {
		return slipway.Errorf(slipway.Denied, "you are not an approver here; ask ada")
	}
	g.said = append(g.said, d)
	return nil
}

func (g *gated) Next(context.Context, string, string) (*workflows.Input, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.queue) == 0 {
		return nil, nil
	}
	next := g.queue[0]
	g.queue = g.queue[1:]
	return &next, nil
}

func (g *gated) Advance(_ context.Context, done workflows.Input) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.advanced = append(g.advanced, done.Promotion)
	return nil
}

func (g *gated) Rally(_ context.Context, in workflows.Input) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.rallied = append(g.rallied, in.Promotion)
	return nil
}

func (g *gated) work(t *testing.T) *workflows.Worker {
	t.Helper()
	return workWith(t, &workflows.Steps{Source: g, Builder: g, Renderer: g, Target: g, Rehearser: g, Verifier: g, Ledger: ledger{g.world}, Snapshots: ledger{g.world}, Gates: g, Queue: g, Work: t.TempDir()})
}

// gatedInput deploys a release that is there, behind its gates.
func gatedInput(service string, id int) workflows.Input {
	in := input(service, slipway.PlanRequest{Release: 3, Built: true, Tests: slipway.TestsPassed})
	in.Promotion, in.Fence = fmt.Sprint(id), int64(id)
	in.Steps = []slipway.PlannedStep{{Name: slipway.StepApprove, State: slipway.StepPending}, {Name: slipway.StepDeploy, State: slipway.StepPending}}
	return in
}

func (g *gated) decide(t *testing.T, service, id, name string, v slipway.Verdict) error {
	t.Helper()
	g.mu.Lock()
	plan := "plan of " + g.config
	g.mu.Unlock()
	return workflows.Decide(t.Context(), shared.Client(), service, "dev", slipway.Decision{Promotion: id, Name: name, Verdict: v, Plan: plan})
}

func wantError(t *testing.T, err error, code slipway.Code, words string) {
	t.Helper()
	if slipway.CodeOf(err) != code || !strings.Contains(err.Error(), words) {
		t.Errorf("got %v, want %s with %q", err, code, words)
	}
}

func TestGates(t *testing.T) {
	start := func(t *testing.T, g *gated, service string) {
		t.Helper()
		worker := g.work(t)
		t.Cleanup(worker.Stop)
		if err := workflows.Start(t.Context(), shared.Client(), gatedInput(service, 7)); err != nil {
			t.Fatal(err)
		}
		<-g.reviewed
	}
	end := func(t *testing.T, service string, state slipway.PromotionState, reason string) {
		t.Helper()
		out := result(t, service)
		if out.State != state || !strings.Contains(out.Reason, reason) {
			t.Errorf("ended %+v", out)
		}
		checkHistory(t, service)
	}
	t.Run("approved by two", func(t *testing.T) {
		g := newGated(2)
		start(t, g, "two-approvals")
		wantError(t, g.decide(t, "two-approvals", "7", "mallory", slipway.VerdictApprove), slipway.Denied, "ask ada")
		wantError(t, g.decide(t, "two-approvals", "8", "ada", slipway.VerdictApprove), slipway.Conflict, "is over")
		if err := g.decide(t, "two-approvals", "7", "ada", slipway.VerdictApprove); err != nil {
			t.Fatal(err)
		}
		wantError(t, g.decide(t, "two-approvals", "7", "ada", slipway.VerdictApprove), slipway.Conflict, "already")
		if err := g.decide(t, "two-approvals", "7", "grace", slipway.VerdictApprove); err != nil {
			t.Fatal(err)
		}
		end(t, "two-approvals", slipway.PromotionSucceeded, "")
		if g.called() != "deploy" {
			t.Errorf("called %s", g.called())
		}
		wantError(t, g.decide(t, "two-approvals", "7", "alan", slipway.VerdictApprove), slipway.Conflict, "is over")
	})
	t.Run("rejected", func(t *testing.T) {
		g := newGated(1)
		start(t, g, "rejected")
		if err := g.decide(t, "rejected", "7", "ada", slipway.VerdictReject); err != nil {
			t.Fatal(err)
		}
		end(t, "rejected", slipway.PromotionRejected, "by ada")
		if g.called() != "" {
			t.Errorf("called %s", g.called())
		}
	})
	t.Run("expired", func(t *testing.T) {
		g := newGated(1)
		g.expires = time.Now().Add(time.Second)
		start(t, g, "expired")
		end(t, "expired", slipway.PromotionExpired, "nobody decided")
	})
	t.Run("cancelled while it waits", func(t *testing.T) {
		g := newGated(1)
		start(t, g, "cancelled-waiting")
		if err := workflows.Cancel(t.Context(), shared.Client(), "cancelled-waiting", "dev", word("7", workflows.WordCancel)); err != nil {
			t.Fatal(err)
		}
		end(t, "cancelled-waiting", slipway.PromotionCancelled, "cancelled")
	})
	t.Run("the plan moves", func(t *testing.T) {
		g := newGated(1)
		start(t, g, "moved")
		stale := slipway.Decision{Promotion: "7", Name: "ada", Verdict: slipway.VerdictApprove, Plan: "plan of sha256:c0ffee"}
		g.mu.Lock()
		g.config = "sha256:edited"
		g.mu.Unlock()
		if err := workflows.Look(t.Context(), shared.Client(), "moved", "dev"); err != nil {
			t.Fatal(err)
		}
		<-g.reviewed
		wantError(t, workflows.Decide(t.Context(), shared.Client(), "moved", "dev", stale), slipway.Conflict, "has changed")
		if err := g.decide(t, "moved", "7", "ada", slipway.VerdictApprove); err != nil {
			t.Fatal(err)
		}
		end(t, "moved", slipway.PromotionSucceeded, "")
	})
	t.Run("the worker dies while it waits", func(t *testing.T) {
		g := newGated(1)
		worker := g.work(t)
		if err := workflows.Start(t.Context(), shared.Client(), gatedInput("orphaned", 7)); err != nil {
			t.Fatal(err)
		}
		<-g.reviewed
		worker.Stop()
		worker = g.work(t)
		defer worker.Stop()
		if err := g.decide(t, "orphaned", "7", "ada", slipway.VerdictApprove); err != nil {
			t.Fatal(err)
		}
		end(t, "orphaned", slipway.PromotionSucceeded, "")
	})
}

// TestARejectionOnItsWayCounts: what was accepted before the gates opened is
// not passed over.
func TestARejectionOnItsWayCounts(t *testing.T) {
	g := newGated(1)
	g.slow = make(chan struct{})
	worker := g.work(t)
	defer worker.Stop()
	if err := workflows.Start(t.Context(), shared.Client(), gatedInput("torn", 7)); err != nil {
		t.Fatal(err)
	}
	<-g.reviewed
	answer := make(chan error, 1)
	go func() { answer <- g.decide(t, "torn", "7", "ada", slipway.VerdictReject) }()
	g.mu.Lock()
	g.need = 0 // the gates open meanwhile
	g.mu.Unlock()
	for { // until the decision is being recorded and the gates were seen open
		if err := workflows.Look(t.Context(), shared.Client(), "torn", "dev"); err != nil {
			t.Fatal(err)
		}
		select {
		case <-g.reviewed:
			close(g.slow)
			if err := <-answer; err != nil {
				if slipway.CodeOf(err) == slipway.Conflict { // it came too late, and was told so
					result(t, "torn") // which the next test's worker would carry out
					return
				}
				t.Fatal(err)
			}
			if out := result(t, "torn"); out.State != slipway.PromotionRejected {
				t.Errorf("ended %+v", out)
			}
			return
		case <-t.Context().Done():
			t.Fatal("nothing was reviewed")
		}
	}
}

// TestQueue: promotions that are queued run one after the other, in order, and
// one that waits at its gates makes way when it is told to.
func TestQueue(t *testing.T) {
	g := newGated(1)
	worker := g.work(t)
	defer worker.Stop()
	queued := func(id int) workflows.Input {
		in := gatedInput("queue", id)
		in.Queued, in.Advance = true, true
		return in
	}
	if err := workflows.Enqueue(t.Context(), shared.Client(), queued(7)); err != nil {
		t.Fatal(err)
	}
	<-g.reviewed
	g.mu.Lock()
	g.queue = []workflows.Input{queued(8), queued(9)}
	g.mu.Unlock()
	for _, id := range []int{8, 9} {
		if err := workflows.Enqueue(t.Context(), shared.Client(), queued(id)); err != nil {
			t.Fatal(err)
		}
	}
	wantError(t, workflows.Supersede(t.Context(), shared.Client(), "queue", "dev", "10", word("9", workflows.WordSupersede)), slipway.Conflict, "doesn't wait")
	if err := workflows.Supersede(t.Context(), shared.Client(), "queue", "dev", "8", word("7", workflows.WordSupersede)); err != nil {
		t.Fatal(err)
	}
	<-g.reviewed
	if running, ok, err := workflows.Running(t.Context(), shared.Client(), "queue", "dev"); running != "8" || !ok || err != nil {
		t.Errorf("%s runs: %v %v", running, ok, err)
	}
	if err := g.decide(t, "queue", "8", "ada", slipway.VerdictApprove); err != nil {
		t.Fatal(err)
	}
	<-g.reviewed // of 8, again
	<-g.reviewed // of 9
	if err := g.decide(t, "queue", "9", "ada", slipway.VerdictApprove); err != nil {
		t.Fatal(err)
	}
	if out := result(t, "queue"); out.State != slipway.PromotionSucceeded || g.called() != "deploy deploy" || strings.Join(g.advanced, " ") != "8 9" {
		t.Errorf("ended %+v after %s, advanced %v", out, g.called(), g.advanced)
	}
	checkHistory(t, "queue")
}
