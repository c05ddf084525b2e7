package workflows_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/workflows"
)

// TestPatienceEnds plays hours of a node that never answers, in a moment: the
// promotion ends by itself, says what is not known, and the place is free again
// soon enough.
func TestPatienceEnds(t *testing.T) {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	steps := &workflows.Steps{}
	env.RegisterActivity(steps)
	away := temporal.NewApplicationError("the node does not answer", string(slipway.Unavailable))
	env.OnActivity("Deploy", mock.Anything, mock.Anything).Return(away)
	env.OnActivity("Revert", mock.Anything, mock.Anything).Return(away)
	var end workflows.EndInput
	env.OnActivity("Finish", mock.Anything, mock.Anything).Return(func(_ context.Context, in workflows.EndInput) error { end = in; return nil })
	for _, quiet := range []string{"Render", "Migrate"} {
		env.OnActivity(quiet, mock.Anything, mock.Anything).Return(workflows.StepResult{}, nil)
	}
	env.OnActivity("Review", mock.Anything, mock.Anything).Return(slipway.Review{State: slipway.PromotionRunning}, nil)
	env.SetTestTimeout(time.Minute)
	began := env.Now()
	env.ExecuteWorkflow(workflows.Promotion, input("away", slipway.PlanRequest{Release: 3, Built: true, Tests: slipway.TestsPassed, Rollback: true}))
	var out workflows.Output
	if err := env.GetWorkflowResult(&out); err != nil {
		t.Fatal(err)
	}
	if out.State != slipway.PromotionErrored || out.Step != slipway.StepDeploy || end.Promotion.State != slipway.PromotionErrored {
		t.Errorf("%+v, recorded %+v", out, end.Promotion)
	}
	for _, want := range []string{"the node does not answer", "look at what runs"} {
		if !strings.Contains(out.Reason, want) {
			t.Errorf("%q is not in %q", want, out.Reason)
		}
	}
	if took := env.Now().Sub(began); took < time.Minute || took > time.Hour {
		t.Errorf("it held its place for %s", took)
	}
}
