package workflows_test

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/workflows"
)

// trusting takes everything for the platform's.
type trusting struct{}

func (trusting) Warrant(context.Context, workflows.Input, slipway.StepName) error { return nil }
func (trusting) Heard(context.Context, workflows.Word) error                      { return nil }

// word is something said to a promotion, with a seal of its own.
func word(promotion, what string) workflows.Word {
	return workflows.Word{Promotion: promotion, What: what, By: "ada", At: time.Now(), Seal: rand.Text()}
}

// strict lets nothing be done behind the gates, and hears who has the seal.
type strict struct{ seal string }

func (strict) Warrant(_ context.Context, in workflows.Input, step slipway.StepName) error {
	if step == slipway.StepDeploy {
		return slipway.Errorf(slipway.Denied, "promotion %s was ordered by nobody", in.Promotion)
	}
	return nil
}

func (s strict) Heard(_ context.Context, w workflows.Word) error {
	if w.Seal != s.seal {
		return slipway.Errorf(slipway.Denied, "this was not said through the platform")
	}
	return nil
}

// TestWorkflowsAreOnlyRung says things to a promotion without the platform's
// seal, with that of another word, and twice with a good one.
func TestWorkflowsAreOnlyRung(t *testing.T) {
	g := newGated(1)
	worker := workWith(t, &workflows.Steps{Source: g, Builder: g, Renderer: g, Target: g, Rehearser: g, Verifier: g, Ledger: ledger{g.world}, Snapshots: ledger{g.world}, Gates: g, Queue: g, Warrants: strict{"good"}, Work: t.TempDir()})
	defer worker.Stop()
	if err := workflows.Start(t.Context(), shared.Client(), gatedInput("rung", 7)); err != nil {
		t.Fatal(err)
	}
	<-g.reviewed
	forged := word("7", workflows.WordCancel)
	wantError(t, workflows.Cancel(t.Context(), shared.Client(), "rung", "dev", forged), slipway.Denied, "through the platform")
	superseded := workflows.Supersede(t.Context(), shared.Client(), "rung", "dev", "8", word("7", workflows.WordSupersede))
	for slipway.CodeOf(superseded) == slipway.Conflict { // the workflow hasn't heard of the review yet
		superseded = workflows.Supersede(t.Context(), shared.Client(), "rung", "dev", "8", word("7", workflows.WordSupersede))
	}
	wantError(t, superseded, slipway.Denied, "through the platform")
	other := word("7", workflows.WordSupersede)
	other.Seal = "good"
	wantError(t, workflows.Cancel(t.Context(), shared.Client(), "rung", "dev", other), slipway.Denied, "listens to the platform only")
	forged.Seal = "good"
	if err := workflows.Cancel(t.Context(), shared.Client(), "rung", "dev", forged); err != nil {
		t.Fatal(err)
	}
	if out := result(t, "rung"); out.State != slipway.PromotionCancelled {
		t.Errorf("it has %s: %s", out.State, out.Reason)
	}
}

// TestNothingIsDoneUnordered starts a workflow behind the platform's back.
func TestNothingIsDoneUnordered(t *testing.T) {
	w := &world{}
	worker := workWith(t, &workflows.Steps{Source: w, Builder: w, Renderer: w, Target: w, Rehearser: w, Verifier: w, Ledger: ledger{w}, Snapshots: ledger{w}, Gates: open{}, Warrants: strict{}, Work: t.TempDir()})
	defer worker.Stop()
	if err := workflows.Start(t.Context(), shared.Client(), input("unordered", slipway.PlanRequest{})); err != nil {
		t.Fatal(err)
	}
	if out := result(t, "unordered"); out.State == slipway.PromotionSucceeded || !strings.Contains(out.Reason, "ordered by nobody") || strings.Contains(w.called(), "deploy") {
		t.Errorf("it has %s: %s; %s", out.State, out.Reason, w.called())
	}
}
