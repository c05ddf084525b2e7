package workflows_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/workflows"
)

// hanging is a world whose verification waits until it is told to go on, and
// then ends well however it was asked to stop.
type hanging struct {
	*world
	verifying, goOn chan struct{}
}

func (h hanging) Verify(ctx context.Context, req slipway.VerifyRequest, log io.Writer) ([]slipway.CheckResult, error) {
	close(h.verifying)
	<-h.goOn
	return h.world.Verify(ctx, req, log)
}

// TestCancelledIsNeverSucceeded cancels when the last step is as good as done.
func TestCancelledIsNeverSucceeded(t *testing.T) {
	w := hanging{&world{}, make(chan struct{}), make(chan struct{})}
	worker := workWith(t, &workflows.Steps{Source: w, Builder: w, Renderer: w, Target: w, Rehearser: w, Verifier: w, Ledger: ledger{w.world}, Snapshots: ledger{w.world}, Gates: open{}, Work: t.TempDir()})
	defer worker.Stop()
	if err := workflows.Start(t.Context(), shared.Client(), input("late-cancel", slipway.PlanRequest{})); err != nil {
		t.Fatal(err)
	}
	<-w.verifying
	if err := workflows.Cancel(t.Context(), shared.Client(), "late-cancel", "dev", word("7", workflows.WordCancel)); err != nil {
		t.Fatal(err)
	}
	close(w.goOn)
	out := result(t, "late-cancel")
	if out.State != slipway.PromotionCancelled || out.Step != slipway.StepVerify || !strings.HasSuffix(w.called(), "verify revert") {
		t.Errorf("%+v after %s", out, w.called())
	}
	checkHistory(t, "late-cancel")
}

// TestRefusedInputIsRecorded wants a promotion that can't be carried out to be
// over, not open for ever.
func TestRefusedInputIsRecorded(t *testing.T) {
	for name, spoil := range map[string]func(*workflows.Input){
		"unknown-step":   func(in *workflows.Input) { in.Steps = append(in.Steps, slipway.PlannedStep{Name: "teleport"}) },
		"no-environment": func(in *workflows.Input) { in.Steps = nil },
	} {
		t.Run(name, func(t *testing.T) {
			w := &world{}
			worker := work(t, w, t.TempDir())
			defer worker.Stop()
			in := input(name, slipway.PlanRequest{})
			spoil(&in)
			if err := workflows.Start(t.Context(), shared.Client(), in); err != nil {
				t.Fatal(err)
			}
			if err := ended(t, name); err == nil {
				t.Error("it was carried out")
			}
			if w.end.State != slipway.PromotionErrored || w.end.Reason == "" || w.called() != "" {
				t.Errorf("the ledger was told %+v after %s", w.end, w.called())
			}
			checkHistory(t, name)
		})
	}
}

// TestIdsNameNoOtherPlace plants a directory beside the working directory.
func TestIdsNameNoOtherPlace(t *testing.T) {
	steps := &workflows.Steps{Work: t.TempDir()}
	for _, id := range []string{"", "..", ".", "a/b", "../x", "7\n", strings.Repeat("7", 100)} {
		if err := steps.Finish(t.Context(), workflows.EndInput{Promotion: slipway.PromotionEvent{Promotion: id}}); slipway.CodeOf(err) != slipway.Invalid {
			t.Errorf("%q: %v", id, err)
		}
	}
}

func TestEndings(t *testing.T) {
	red := slipway.Errorf(slipway.Refused, "the service exited at once")
	cases := []struct {
		name  string
		world *world
		state slipway.PromotionState
		step  slipway.StepName
		calls string
	}{
		// The target has taken away what it started: there is nothing to undo.
		{"failed-deploy", &world{deployErr: red}, slipway.PromotionFailed, slipway.StepDeploy, "export build test render rehearse migrate deploy"},
		{"failed-migration", &world{releaseErr: red}, slipway.PromotionFailed, slipway.StepMigrate, "export build test render rehearse migrate"},
		{"untested", &world{untested: true}, slipway.PromotionSucceeded, "", "export build test render rehearse migrate deploy verify"},
		// The report is made again until it is kept, red as it is.
		{"lost-report", &world{testErr: red, reportErr: []error{io.ErrUnexpectedEOF}}, slipway.PromotionFailed, slipway.StepTest, "export build test test"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := work(t, c.world, t.TempDir())
			defer w.Stop()
			if err := workflows.Start(t.Context(), shared.Client(), input(c.name, slipway.PlanRequest{})); err != nil {
				t.Fatal(err)
			}
			if out := result(t, c.name); out.State != c.state || out.Step != c.step || c.world.called() != c.calls {
				t.Errorf("%+v after %s", out, c.world.called())
			}
			if c.world.end.State != c.state {
				t.Errorf("the ledger was told %+v", c.world.end)
			}
			checkHistory(t, c.name)
		})
	}
	steps := cases[2].world.steps
	if i := lastOf(steps, slipway.StepTest); i < 0 || steps[i].State != slipway.StepSkipped || steps[i].Reason == "" {
		t.Errorf("no tests: %+v", steps)
	}
}

func (l ledger) Tests(_ context.Context, _ string, _ int, report slipway.TestReport) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.verdict = report.Verdict
	if len(l.reportErr) == 0 {
		return nil
	}
	err := l.reportErr[0]
	l.reportErr = l.reportErr[1:]
	return err
}

func lastOf(steps []slipway.StepEvent, name slipway.StepName) int {
	for i := len(steps) - 1; i >= 0; i-- {
		if steps[i].Step == name {
			return i
		}
	}
	return -1
}

// ended waits for the end of a workflow and returns its error.
func ended(t *testing.T, service string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := shared.Client().GetWorkflow(ctx, workflows.WorkflowID(service, "dev"), "").Get(ctx, nil)
	if errors.Is(err, context.DeadlineExceeded) {
		t.Fatal("it doesn't end")
	}
	return err
}
