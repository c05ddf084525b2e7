package workflows_test

import (
	"context"
	"strings"
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

// TestFirstRequestsError: a verification that met an error of the service says what the
// service has printed of it; one that wanted another answer doesn't.
func TestFirstRequestsError(t *testing.T) {
	const printed = "web.1 | Traceback (most recent call last):\nweb.1 |   File \"x.py\", line 1\nweb.1 | ModuleNotFoundError: No module named 'driver'\nweb.1 | GET / 500\n"
	for name, status := range map[string]int{"broken": 500, "unwanted": 200} {
		w := &world{printed: printed, seen: []slipway.CheckResult{{Path: "/", Status: status}}, verifyErr: slipway.Errorf(slipway.Refused, "it answered %d", status)}
		worker := work(t, w, t.TempDir())
		if err := workflows.Start(context.Background(), shared.Client(), input(name, slipway.PlanRequest{})); err != nil {
			t.Fatal(err)
		}
		out := result(t, name)
		worker.Stop()
		if says := strings.Contains(out.Reason, ": ModuleNotFoundError: No module named 'driver'"); out.State != slipway.PromotionFailed || says != (status == 500) {
			t.Errorf("%s: %+v", name, out)
		}
	}
}
