package workflows_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/workflows"
	"github.com/slipway-dev/slipway/workflows/engine"
)

// TestAbandoned has a step begun by a worker that then never says a word, which the
// engine would wait for for an hour: told that the worker is gone, it gives the step to
// the next one.
func TestAbandoned(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := shared.Client()
	const queue = "abandoned"
	begun, end := make(chan int32, 1), make(chan struct{})
	defer close(end)
	step := func(ctx context.Context) error {
		attempt := activity.GetInfo(ctx).Attempt
		begun <- attempt
		if attempt == 1 {
			<-end
		}
		return nil
	}
	one := func(ctx workflow.Context, tries int32) error {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Hour, HeartbeatTimeout: time.Hour, RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: tries}})
		return workflow.ExecuteActivity(ctx, "step").Get(ctx, nil)
	}
	start := func() worker.Worker {
		w := worker.New(c, queue, worker.Options{})
		w.RegisterWorkflowWithOptions(one, workflow.RegisterOptions{Name: "one"})
		w.RegisterActivityWithOptions(step, activity.RegisterOptions{Name: "step"})
		if err := w.Start(); err != nil {
			t.Fatal(err)
		}
		return w
	}
	reached := func(want int32) {
		t.Helper()
		select {
		case got := <-begun:
			if got != want {
				t.Fatalf("try %d begins, not %d", got, want)
			}
		case <-ctx.Done():
			t.Fatalf("try %d doesn't begin", want)
		}
	}

	run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: workflows.WorkflowID("abandoned", "dev"), TaskQueue: queue}, "one", 2)
	if err != nil {
		t.Fatal(err)
	}
	w := start()
	reached(1)
	w.Stop() // what it has begun goes on
	for _, service := range []string{"abandoned", "never-promoted"} {
		if err := workflows.Abandon(ctx, c, engine.Namespace, service, "dev"); err != nil {
			t.Fatal(err)
		}
	}
	w = start()
	defer w.Stop()
	reached(2)
	if err := run.Get(ctx, nil); err != nil {
		t.Error(err)
	}

	// After the last try it is said in the words of what can't be found out.
	run, err = c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: workflows.WorkflowID("abandoned-last", "dev"), TaskQueue: queue}, "one", 1)
	if err != nil {
		t.Fatal(err)
	}
	reached(1)
	if err := workflows.Abandon(ctx, c, engine.Namespace, "abandoned-last", "dev"); err != nil {
		t.Fatal(err)
	}
	var app *temporal.ApplicationError
	if err := run.Get(ctx, nil); !errors.As(err, &app) || slipway.Code(app.Type()) != slipway.Unavailable {
		t.Errorf("%v", err)
	}
}
