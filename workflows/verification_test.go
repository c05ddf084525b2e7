package workflows_test

import (
	"context"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/workflows"
)

// TestWarnedVerification keeps what a verification saw beside its success.
func TestWarnedVerification(t *testing.T) {
	w := &world{seen: []slipway.CheckResult{{Path: "/ok", Passed: true}, {Path: "/", Passed: true, Warnings: []string{"the page / lacks /a.css"}}}}
	worker := work(t, w, t.TempDir())
	defer worker.Stop()
	if err := workflows.Start(context.Background(), shared.Client(), input("warned", slipway.PlanRequest{})); err != nil {
		t.Fatal(err)
	}
	if out := result(t, "warned"); out.State != slipway.PromotionSucceeded {
		t.Errorf("%+v", out)
	}
	last := w.steps[len(w.steps)-1]
	if last.Step != slipway.StepVerify || last.State != slipway.StepSucceeded || last.Reason != "the page / lacks /a.css" {
		t.Errorf("%+v", last)
	}
}
