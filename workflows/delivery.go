package workflows

import (
	"context"
	"errors"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/slipway-dev/slipway"
)

// Deliveries is what a delivery acts through. Both methods are idempotent: a
// delivery that is over, or was removed, is left alone.
type Deliveries interface {
	// Deliver makes one attempt. nil says that the delivery is over, however it
	// ended; an error, that it is worth another attempt. It has not tried when it
	// wasn't the turn of the receiver, which answers nobody or has others before.
	Deliver(ctx context.Context, delivery string, attempt int) (tried bool, err error)
	// GiveUp records that there are no attempts left.
	GiveUp(ctx context.Context, delivery string) error
}

// DeliveryInput names a message on its way to a webhook; what it says and where
// it goes is in the store.
type DeliveryInput struct {
	Delivery string
	Attempts int `json:",omitzero"` // that were made before this activity
}

// DeliveryTurn is what came of one: nothing, where the receiver had none.
type DeliveryTurn struct {
	Missed   bool `json:",omitzero"`
	Attempts int  `json:",omitzero"` // that were made until then
}

const (
	// missedFirst and missedLongest are how long a message waits that had no turn.
	missedFirst   = time.Second
	missedLongest = 5 * time.Minute
	// missedTurns is how many turns a message misses before it is given up: about a
	// day's, as many as attempts last.
	missedTurns = 300
)

// DeliveryID is the workflow's id, so that a delivery has one at most.
func DeliveryID(delivery string) string { return "delivery/" + delivery }

// posted suits messages to receivers that may be down for hours: it is tried
// for about a day, apart from what promotions wait for.
var posted = workflow.ActivityOptions{
	TaskQueue: DeliveryQueue, StartToCloseTimeout: slipway.DeliveryBound, HeartbeatTimeout: heartbeat,
	RetryPolicy: &temporal.RetryPolicy{
		InitialInterval: slipway.DeliveryFirst, BackoffCoefficient: slipway.DeliveryFactor, MaximumInterval: slipway.DeliveryLongest, MaximumAttempts: slipway.DeliveryTries,
	},
}

// Delivery sends a message until it is taken or there is no use in going on. While
// its receiver has no turn for it, it waits here and takes nobody's place.
func Delivery(ctx workflow.Context, in DeliveryInput) error {
	pause := missedFirst
	for range missedTurns {
		options, policy := posted, *posted.RetryPolicy
		policy.MaximumAttempts -= int32(min(in.Attempts, slipway.DeliveryTries-1)) // #nosec G115 -- 14 at most
		options.RetryPolicy = &policy
		var turn DeliveryTurn
		if err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), "Deliver", in).Get(ctx, &turn); err != nil {
			break
		}
		if !turn.Missed {
			return nil
		}
		in.Attempts = turn.Attempts
		if err := workflow.Sleep(ctx, pause); err != nil {
			break
		}
		pause = min(2*pause, missedLongest)
	}
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, finally), "GiveUp", in).Get(ctx, nil)
}

// Deliver makes one attempt.
func (s *Steps) Deliver(ctx context.Context, in DeliveryInput) (DeliveryTurn, error) {
	made := in.Attempts + int(activity.GetInfo(ctx).Attempt) - 1
	tried, err := s.Deliveries.Deliver(ctx, in.Delivery, made+1)
	if err != nil || tried {
		return DeliveryTurn{}, err
	}
	return DeliveryTurn{Missed: true, Attempts: made}, nil
}

// GiveUp records that there are no attempts left.
func (s *Steps) GiveUp(ctx context.Context, in DeliveryInput) error {
	return s.Deliveries.GiveUp(ctx, in.Delivery)
}

// StartDelivery starts a delivery. One that is under way is left alone; one
// whose workflow is over begins again, and does nothing when it was recorded as
// over. So a store that was put back to an earlier state loses nothing.
func StartDelivery(ctx context.Context, c client.Client, delivery string) error {
	_, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: DeliveryID(delivery), TaskQueue: Queue,
		WorkflowIDConflictPolicy:                 enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowIDReusePolicy:                    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
	}, Delivery, DeliveryInput{Delivery: delivery})
	var started *serviceerror.WorkflowExecutionAlreadyStarted
	if err == nil || errors.As(err, &started) {
		return nil
	}
	return slipway.Wrap(slipway.Unavailable, err, "the workflow engine does not answer; try again in a moment")
}
