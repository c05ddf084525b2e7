package workflows

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"

	"github.com/slipway-dev/slipway"
)

// toTemporal gives an error of a step the form in which it travels: its code as
// the type, its sentence as the message, never its cause.
func toTemporal(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || temporal.IsCanceledError(err) {
		return err
	}
	code, message := slipway.CodeOf(err), "internal error"
	var known *slipway.Error
	if errors.As(err, &known) && known.Code != slipway.Internal {
		message = known.Message
	}
	options := temporal.ApplicationErrorOptions{NonRetryable: !slipway.Retryable(err)}
	var in *interrupted
	if errors.As(err, &in) {
		options.Details = []any{in.at}
	}
	if code == slipway.Limited && known != nil {
		options.NextRetryDelay = known.After // 0 leaves it to the policy
	}
	return temporal.NewApplicationErrorWithOptions(message, string(code), options)
}

// fromTemporal is the way back.
func fromTemporal(err error) *slipway.Error {
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return slipway.Errorf(slipway.Code(app.Type()), "%s", app.Message())
	}
	var timeout *temporal.TimeoutError
	if errors.As(err, &timeout) {
		return slipway.Errorf(slipway.Unavailable, "the step did not end in time, or its worker died again and again")
	}
	return slipway.Errorf(slipway.Internal, "internal error")
}

// codes is the one place where slipway errors meet Temporal's retries. It also
// beats for every activity whose policy asks for that.
type codes struct {
	interceptor.WorkerInterceptorBase
	log     *slog.Logger
	running atomic.Int64 // activities
}

func (k *codes) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	c := &codesInbound{codes: k}
	c.Next = next
	return c
}

type codesInbound struct {
	interceptor.ActivityInboundInterceptorBase
	*codes
}

func (c *codesInbound) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	c.running.Add(1)
	defer c.running.Add(-1)
	if activity.GetInfo(ctx).HeartbeatTimeout > 0 {
		saying := &saying{}
		ctx = context.WithValue(ctx, sayingKey{}, saying)
		defer beat(ctx, saying)()
	}
	result, err := c.Next.ExecuteActivity(ctx, in)
	if err != nil && slipway.CodeOf(err) == slipway.Internal && ctx.Err() == nil {
		// Shown as "internal error"; the whole of it is here.
		info := activity.GetInfo(ctx)
		c.log.Error("internal error", "workflow", info.WorkflowExecution.ID, "step", info.ActivityType.Name, "attempt", info.Attempt, "cause", err)
	}
	return result, toTemporal(err)
}

// beat tells the engine every second that the activity is alive, which is also how
// it learns that it was cancelled.
func beat(ctx context.Context, what *saying) (stop func()) {
	done := make(chan struct{})
	go func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				what.beat(ctx)
			}
		}
	}()
	return func() { close(done) }
}

// saying is what the beats of an activity say.
type saying struct {
	mu       sync.Mutex
	progress *Progress
}

type sayingKey struct{}

func (s *saying) beat(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.progress == nil {
		activity.RecordHeartbeat(ctx)
		return
	}
	activity.RecordHeartbeat(ctx, *s.progress)
}

// say has the beats of an activity tell how far it has come, from now on.
func say(ctx context.Context, p Progress) {
	s, ok := ctx.Value(sayingKey{}).(*saying)
	if !ok {
		return
	}
	s.mu.Lock()
	s.progress = &p
	s.mu.Unlock()
	s.beat(ctx)
}
