package workflows_test

import (
	"context"
	"slices"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/workflows"
)

// TestWorkThatWasCut for a deployment is said with its success.
func TestWorkThatWasCut(t *testing.T) {
	w := &world{cut: []string{"worker.1 was killed", "worker.2 was killed"}}
	worker := work(t, w, t.TempDir())
	defer worker.Stop()
	if err := workflows.Start(context.Background(), shared.Client(), input("cut", slipway.PlanRequest{})); err != nil {
		t.Fatal(err)
	}
	if out := result(t, "cut"); out.State != slipway.PromotionSucceeded {
		t.Errorf("%+v", out)
	}
	if !slices.ContainsFunc(w.steps, func(s slipway.StepEvent) bool {
		return s.Step == slipway.StepDeploy && s.State == slipway.StepSucceeded && s.Reason == "worker.1 was killed; worker.2 was killed"
	}) {
		t.Errorf("%+v", w.steps)
	}
}
