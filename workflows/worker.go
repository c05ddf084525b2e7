package workflows

import (
	"context"
	"errors"
	"log/slog"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"

	"github.com/slipway-dev/slipway"
)

// promotionMemo names the promotion that a workflow carries out.
const promotionMemo = "promotion"

// Options tune a worker.
type Options struct {
	Builds int // builds and tests at once; 0 means 2
	// Shared tells whether several teams have services; then one slot is kept for
	// those that have no build running. nil is never.
	Shared     func(context.Context) bool
	Deliveries int // messages to webhooks at once, each team's a part of them; 0 means 400
}

// Worker carries out promotions and deliveries: one task queue for the quick
// steps, one for builds and one for messages to webhooks, so that neither keeps
// deploys waiting.
type Worker struct {
	quick, builds, deliveries worker.Worker
	steps                     *codes
}

// remembered is how many promotions under way are kept in memory; another one that
// wakes up is read from its history again, which takes milliseconds. Those that wait
// for days would otherwise cost some sixty kilobytes each.
const remembered = 200

// NewWorker makes a worker; Start starts it.
func NewWorker(c client.Client, steps *Steps, o Options) *Worker {
	if o.Builds <= 0 {
		o.Builds = 2
	}
	if o.Deliveries <= 0 {
		o.Deliveries = 400
	}
	if steps.Log == nil {
		steps.Log = slog.New(slog.DiscardHandler)
	}
	steps.slots, steps.client = newSlots(o.Builds, o.Shared), c
	worker.SetStickyWorkflowCacheSize(remembered)
	all := &codes{log: steps.Log}
	catch := []interceptor.WorkerInterceptor{all}
	w := &Worker{
		steps: all,
		quick: worker.New(c, Queue, worker.Options{
			Interceptors: catch, Identity: "slipway", MaxHeartbeatThrottleInterval: time.Second, MaxConcurrentActivityExecutionSize: 100, MaxConcurrentWorkflowTaskPollers: 4, MaxConcurrentActivityTaskPollers: 4,
		}),
		builds: worker.New(c, BuildQueue, worker.Options{
			Interceptors: catch, Identity: "slipway", MaxHeartbeatThrottleInterval: time.Second, MaxConcurrentActivityExecutionSize: awaiting, MaxConcurrentActivityTaskPollers: 2, DisableWorkflowWorker: true,
		}),
		deliveries: worker.New(c, DeliveryQueue, worker.Options{
			Interceptors: catch, Identity: "slipway", MaxHeartbeatThrottleInterval: time.Second, MaxConcurrentActivityExecutionSize: o.Deliveries, MaxConcurrentActivityTaskPollers: 2, DisableWorkflowWorker: true,
		}),
	}
	w.quick.RegisterWorkflow(Promotion)
	w.quick.RegisterWorkflow(Delivery)
	for _, queue := range []worker.Worker{w.quick, w.builds, w.deliveries} {
		queue.RegisterActivity(steps)
	}
	return w
}

// Start starts polling.
func (w *Worker) Start() error {
	return errors.Join(w.quick.Start(), w.builds.Start(), w.deliveries.Start())
}

// parting is how long Stop waits for steps to end what they have begun.
const parting = 5 * time.Second

// Stop ends polling; steps under way are told that the worker goes, and run
// again on the next one. It returns when they have ended, or after five seconds.
func (w *Worker) Stop() {
	w.deliveries.Stop()
	w.builds.Stop()
	w.quick.Stop()
	late, poll := time.NewTimer(parting), time.NewTicker(5*time.Millisecond)
	defer late.Stop()
	defer poll.Stop()
	for w.steps.running.Load() > 0 {
		select {
		case <-poll.C:
		case <-late.C:
			return
		}
	}
}

// Start starts a promotion. A promotion that is already under way for the same
// service and environment is Conflict; starting the same promotion twice is not
// an error.
func Start(ctx context.Context, c client.Client, in Input) error {
	in.Together = true
	_, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: WorkflowID(in.Service, in.Environment), TaskQueue: Queue, WorkflowTaskTimeout: deciding,
		WorkflowIDConflictPolicy:                 enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowIDReusePolicy:                    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		Memo:                                     map[string]any{promotionMemo: in.Promotion},
		EnableEagerStart:                         true,
	}, Promotion, in)
	var started *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &started) {
		running, ok, err := Running(ctx, c, in.Service, in.Environment)
		if err != nil {
			return err
		}
		if ok && running == in.Promotion {
			return nil
		}
		return slipway.Errorf(slipway.Conflict, "%s already has promotion %s to %s under way; follow it with: slipway promotion show %s --follow", in.Service, running, in.Environment, running)
	}
	if err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "the workflow engine does not answer; try again in a moment")
	}
	return nil
}

// Running tells which promotion is under way for a service in an environment.
func Running(ctx context.Context, c client.Client, service, environment string) (promotion string, ok bool, err error) {
	d, err := c.DescribeWorkflowExecution(ctx, WorkflowID(service, environment), "")
	var none *serviceerror.NotFound
	if errors.As(err, &none) {
		return "", false, nil
	}
	if err != nil {
		return "", false, slipway.Wrap(slipway.Unavailable, err, "the workflow engine does not answer; try again in a moment")
	}
	info := d.GetWorkflowExecutionInfo()
	if info.GetStatus() != enums.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return "", false, nil
	}
	if payload := info.GetMemo().GetFields()[promotionMemo]; payload != nil {
		err = converterDecode(payload, &promotion)
	}
	return promotion, true, err
}
