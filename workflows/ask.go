package workflows

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/slipway-dev/slipway"
)

// Cancel asks a promotion to stop; the answer comes at once, Conflict when it is
// over or stopping already.
func Cancel(ctx context.Context, c client.Client, service, environment string, w Word) error {
	return update(ctx, c, service, environment, w.Promotion, cancelUpdate, w.Promotion, w)
}

// Decide gives a promotion a person's answer. Conflict says that it came too
// late, or twice, or to another plan; Denied, that this person may not.
func Decide(ctx context.Context, c client.Client, service, environment string, d slipway.Decision) error {
	return update(ctx, c, service, environment, d.Promotion, decideUpdate, d)
}

// Supersede ends a promotion that waits at its gates, for another one. Conflict
// says that it doesn't wait.
func Supersede(ctx context.Context, c client.Client, service, environment, by string, w Word) error {
	return update(ctx, c, service, environment, w.Promotion, supersedeUpdate, w.Promotion, by, w)
}

func update(ctx context.Context, c client.Client, service, environment, promotion, name string, args ...any) error {
	options := client.UpdateWorkflowOptions{
		// The engine takes one of an id only once, so that it may be repeated.
		UpdateID:   rand.Text(),
		WorkflowID: WorkflowID(service, environment), UpdateName: name, Args: args, WaitForStage: client.WorkflowUpdateStageCompleted,
	}
	err := updateOnce(ctx, c, options)
	for again := (*serviceerror.WorkflowNotReady)(nil); errors.As(err, &again); err = updateOnce(ctx, c, options) {
		// It met something else that was said to the workflow, and was not heard.
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return slipway.Wrap(slipway.Unavailable, err, "the workflow engine does not answer; try again in a moment")
		}
	}
	var none *serviceerror.NotFound
	switch {
	case err == nil:
		return nil
	case errors.As(err, &none):
		return slipway.Errorf(slipway.Conflict, "promotion %s is over", promotion)
	}
	switch known := fromTemporal(err); known.Code {
	case slipway.Conflict, slipway.Denied, slipway.Invalid:
		return known
	}
	return slipway.Wrap(slipway.Unavailable, err, "the workflow engine does not answer; try again in a moment")
}

func updateOnce(ctx context.Context, c client.Client, options client.UpdateWorkflowOptions) error {
	handle, err := c.UpdateWorkflow(ctx, options)
	if err != nil {
		return err
	}
	return handle.Get(ctx, nil)
}

// Look tells a promotion that something its gates look at has changed. One that
// is over has nothing to look at.
func Look(ctx context.Context, c client.Client, service, environment string) error {
	err := c.SignalWorkflow(ctx, WorkflowID(service, environment), "", lookSignal, nil)
	var none *serviceerror.NotFound
	if err == nil || errors.As(err, &none) {
		return nil
	}
	return slipway.Wrap(slipway.Unavailable, err, "the workflow engine does not answer; try again in a moment")
}

// Enqueue lets a promotion begin at once when none is under way, and else after
// those before it. It may be repeated.
func Enqueue(ctx context.Context, c client.Client, in Input) error {
	_, err := c.SignalWithStartWorkflow(ctx, WorkflowID(in.Service, in.Environment), nextSignal, nil, client.StartWorkflowOptions{
		ID: WorkflowID(in.Service, in.Environment), TaskQueue: Queue, WorkflowTaskTimeout: deciding, Memo: map[string]any{promotionMemo: in.Promotion},
	}, Promotion, in)
	if err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "the workflow engine does not answer; try again in a moment")
	}
	return nil
}
