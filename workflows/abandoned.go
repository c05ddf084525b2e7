package workflows

import (
	"context"
	"errors"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/slipway-dev/slipway"
)

// Abandon tells the engine that nobody carries out what a promotion's steps had begun,
// so that they are tried again at once; by itself it waits for a heartbeat that doesn't
// come, which takes five seconds. It counts as one try of a step's.
//
// It may only be called while no worker runs: what a live one has begun would be begun
// a second time.
func Abandon(ctx context.Context, c client.Client, namespace, service, environment string) error {
	d, err := c.DescribeWorkflowExecution(ctx, WorkflowID(service, environment), "")
	var none *serviceerror.NotFound
	if errors.As(err, &none) {
		return nil
	}
	if err != nil {
		return err
	}
	// Of a code of ours, which is how a last try is put into words.
	options := temporal.ApplicationErrorOptions{NextRetryDelay: time.Millisecond}
	run := d.GetWorkflowExecutionInfo().GetExecution()
	var failed []error
	for _, a := range d.GetPendingActivities() {
		if a.GetState() != enums.PENDING_ACTIVITY_STATE_STARTED {
			continue
		}
		options.Details = nil
		var at Progress
		if beats := a.GetHeartbeatDetails().GetPayloads(); len(beats) > 0 && converterDecode(beats[0], &at) == nil {
			options.Details = []any{at} // where a last try was
		}
		gone := temporal.NewApplicationErrorWithOptions("the worker that carried it out has ended", string(slipway.Unavailable), options)
		err := c.CompleteActivityByID(ctx, namespace, run.GetWorkflowId(), run.GetRunId(), a.GetActivityId(), nil, gone)
		if err != nil && !errors.As(err, &none) { // it was given up in the meantime
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}
