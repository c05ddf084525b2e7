package workflows_test

import (
	"context"
	"io"
	"slices"
	"testing"
	"time"

	"go.temporal.io/api/enums/v1"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/workflows"
	"github.com/slipway-dev/slipway/workflows/engine"
)

// halting is a world in which a step can be held up.
type halting struct {
	*world
	at      string
	reached chan context.Context
	goOn    chan struct{}
}

func (h *halting) halt(ctx context.Context, at string) {
	if h.at == at {
		h.reached <- ctx
		<-h.goOn
	}
}

func (h *halting) Rehearse(ctx context.Context, d slipway.Deployment, log io.Writer) ([]slipway.TrialResult, error) {
	h.halt(ctx, "rehearse")
	return h.world.Rehearse(ctx, d, log)
}

func (h *halting) Release(ctx context.Context, d slipway.Deployment, log io.Writer) error {
	h.halt(ctx, "migrate")
	return h.world.Release(ctx, d, log)
}

func (h *halting) Deploy(ctx context.Context, d slipway.Deployment, log io.Writer) error {
	h.halt(ctx, "deploy")
	return h.world.Deploy(ctx, d, log)
}

func (h *halting) steps(dir string) *workflows.Steps {
	return &workflows.Steps{Source: h, Builder: h, Renderer: h, Target: h, Rehearser: h, Verifier: h, Ledger: ledger{h.world}, Snapshots: ledger{h.world}, Gates: open{}, Work: dir}
}

// TestCancelledBeforeAnEffect: who was told that a promotion stops must not find that
// it went on to change something, although the steps before and after are one activity,
// which learns of it by a beat only.
func TestCancelledBeforeAnEffect(t *testing.T) {
	for _, at := range []string{"rehearse", "migrate"} {
		t.Run(at, func(t *testing.T) {
			w := &halting{&world{}, at, make(chan context.Context, 1), make(chan struct{})}
			worker := workWith(t, w.steps(t.TempDir()))
			defer worker.Stop()
			name := "stopped-at-" + at
			if err := workflows.Start(t.Context(), shared.Client(), input(name, slipway.PlanRequest{})); err != nil {
				t.Fatal(err)
			}
			step := <-w.reached
			if err := workflows.Cancel(t.Context(), shared.Client(), name, "dev", word("7", workflows.WordCancel)); err != nil {
				t.Fatal(err)
			}
			if step.Err() != nil {
				t.Log("the step knew already") // then nothing is tried
			}
			close(w.goOn)
			out := result(t, name)
			w.mu.Lock()
			defer w.mu.Unlock()
			after := map[string]string{"rehearse": "migrate", "migrate": "deploy"}[at]
			if out.State != slipway.PromotionCancelled || slices.Contains(w.calls, after) || slices.Contains(w.calls, "revert") {
				t.Errorf("%+v after %v", out, w.calls)
			}
			checkHistory(t, name)
		})
	}
}

// TestStepsGoOnWhereTheyWere ends a worker without a word right after the release
// command has run: the next one must not run it again.
func TestStepsGoOnWhereTheyWere(t *testing.T) {
	dir, name := t.TempDir(), "goes-on"
	dying := &halting{&world{}, "deploy", make(chan context.Context, 1), make(chan struct{})}
	first := workWith(t, dying.steps(dir))
	if err := workflows.Start(t.Context(), shared.Client(), input(name, slipway.PlanRequest{})); err != nil {
		t.Fatal(err)
	}
	<-dying.reached
	stopped := make(chan struct{})
	go func() { first.Stop(); close(stopped) }() // it waits for the step, which does not end
	defer func() { close(dying.goOn); <-stopped }()
	if err := workflows.Abandon(t.Context(), shared.Client(), engine.Namespace, name, "dev"); err != nil {
		t.Fatal(err)
	}
	next := &world{}
	second := work(t, next, dir)
	defer second.Stop()
	out := result(t, name)
	if out.State != slipway.PromotionSucceeded || next.called() != "deploy verify" {
		t.Errorf("%+v; the next worker did %s", out, next.called())
	}
	for _, e := range next.steps {
		want := map[slipway.StepName]int{slipway.StepDeploy: 2, slipway.StepVerify: 1}[e.Step]
		if e.State == slipway.StepRunning && e.Attempt != want {
			t.Errorf("the try %d at %s is told as %d", want, e.Step, e.Attempt)
		}
	}
	checkHistory(t, name)
}

// patientWorld is a world whose deploy lasts until it is told to stop.
type patientWorld struct {
	*world
	reached chan struct{}
}

func (p *patientWorld) Deploy(ctx context.Context, _ slipway.Deployment, _ io.Writer) error {
	close(p.reached)
	<-ctx.Done()
	return ctx.Err()
}

// TestAnOrderlyStopCancelsNothing stops the worker, as an upgrade does, while steps are
// carried out together: nobody has cancelled the promotion, and the next worker goes on.
func TestAnOrderlyStopCancelsNothing(t *testing.T) {
	dir, name := t.TempDir(), "orderly"
	w := &patientWorld{&world{}, make(chan struct{})}
	first := workWith(t, &workflows.Steps{Source: w, Builder: w, Renderer: w, Target: w, Rehearser: w, Verifier: w, Ledger: ledger{w.world}, Snapshots: ledger{w.world}, Gates: open{}, Work: dir})
	if err := workflows.Start(t.Context(), shared.Client(), input(name, slipway.PlanRequest{})); err != nil {
		t.Fatal(err)
	}
	<-w.reached
	first.Stop()
	next := &world{}
	second := work(t, next, dir)
	defer second.Stop()
	out := result(t, name)
	if out.State != slipway.PromotionSucceeded || next.called() != "deploy verify" {
		t.Errorf("%+v; the next worker did %s", out, next.called())
	}
	checkHistory(t, name)
}

// TestLastTryIsPlaced gives a step up whose workers end again and again: it is that
// one that could not be found out, and not the first of those carried out with it.
func TestLastTryIsPlaced(t *testing.T) {
	name := "given-up"
	w := &halting{&world{}, "deploy", make(chan context.Context, 20), make(chan struct{})}
	worker := workWith(t, w.steps(t.TempDir()))
	defer func() { close(w.goOn); worker.Stop() }()
	if err := workflows.Start(t.Context(), shared.Client(), input(name, slipway.PlanRequest{})); err != nil {
		t.Fatal(err)
	}
	for range 12 { // as often as it is tried
		select {
		case <-w.reached:
		case <-t.Context().Done():
			t.Fatal("it isn't tried again")
		}
		if err := workflows.Abandon(t.Context(), shared.Client(), engine.Namespace, name, "dev"); err != nil {
			t.Fatal(err)
		}
	}
	out := result(t, name)
	if out.State != slipway.PromotionErrored || out.Step != slipway.StepDeploy {
		t.Errorf("%+v", out)
	}
	checkHistory(t, name)
}

// TestPromotionIsFewActivities holds what makes a promotion cheap: where no gate is
// closed, one activity does all that is neither a build nor a test.
func TestPromotionIsFewActivities(t *testing.T) {
	name := "few"
	w := work(t, &world{}, t.TempDir())
	defer w.Stop()
	if err := workflows.Start(t.Context(), shared.Client(), input(name, slipway.PlanRequest{Release: 3, Built: true, Tests: slipway.TestsPassed})); err != nil {
		t.Fatal(err)
	}
	if out := result(t, name); out.State != slipway.PromotionSucceeded {
		t.Fatalf("%+v", out)
	}
	count := map[enums.EventType]int{}
	iter := shared.Client().GetWorkflowHistory(t.Context(), workflows.WorkflowID(name, "dev"), "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for iter.HasNext() {
		e, err := iter.Next()
		if err != nil {
			t.Fatal(err)
		}
		count[e.GetEventType()]++
	}
	if n, turns := count[enums.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED], count[enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED]; n != 1 || turns != 2 {
		t.Errorf("%d activities in %d turns of the workflow", n, turns)
	}
}

// TestStepFailsOnItsOwn: a step that is tried again among others does not have those
// before it repeated, and one that is refused is named.
func TestStepFailsOnItsOwn(t *testing.T) {
	w := &world{deployErr: slipway.Errorf(slipway.Refused, "it did not become healthy")}
	worker := work(t, w, t.TempDir())
	defer worker.Stop()
	began := time.Now()
	if err := workflows.Start(t.Context(), shared.Client(), input("refused-among", slipway.PlanRequest{})); err != nil {
		t.Fatal(err)
	}
	out := result(t, "refused-among")
	if out.State != slipway.PromotionFailed || out.Step != slipway.StepDeploy || out.Reason != "it did not become healthy" {
		t.Errorf("%+v after %s", out, w.called())
	}
	for _, e := range w.steps {
		if e.State == slipway.StepRunning && e.Step == slipway.StepDeploy && e.Until.Before(began.Add(59*time.Minute)) {
			t.Errorf("the step has until %v", e.Until)
		}
	}
}
