package workflows

import (
	"strconv"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/slipway-dev/slipway"
)

// patient tries again for about five minutes, for what is down for a moment.
// Only errors of the platform come here: a red result is never retried.
var patient = &temporal.RetryPolicy{
	InitialInterval: 500 * time.Millisecond, BackoffCoefficient: 2, MaximumInterval: 30 * time.Second, MaximumAttempts: 12,
}

// heartbeat bounds how long a dead worker goes unnoticed. Activities beat every second.
const heartbeat = 5 * time.Second

// deciding bounds how long a workflow thinks about what comes next: milliseconds, or
// some more where its history is read again first. It is what a worker costs that dies
// of a sudden while it does, less what the next one takes to start; where a machine is
// too slow for it, the engine gives longer by itself from the fourth try on.
const deciding = 2 * time.Second

// quick suits steps that end within seconds and may be repeated freely.
var quick = workflow.ActivityOptions{
	TaskQueue: Queue, StartToCloseTimeout: 15 * time.Minute, ScheduleToCloseTimeout: time.Hour,
	HeartbeatTimeout: heartbeat, RetryPolicy: patient, WaitForCancellation: true,
}

// BuildPatience bounds how long a build, or a run of the tests, waits for a slot
// and lasts, with what is tried again.
const BuildPatience = 6 * time.Hour

// heavy suits builds and tests: long, few at once, with their own limits inside.
// They wait for a slot in the worker, so that the wait is part of their time.
var heavy = workflow.ActivityOptions{
	TaskQueue: BuildQueue, StartToCloseTimeout: BuildPatience, ScheduleToCloseTimeout: BuildPatience,
	HeartbeatTimeout: heartbeat, RetryPolicy: patient, WaitForCancellation: true,
}

// undo suits giving the traffic back: it must work, so it is tried for as long
// as a machine takes to start again and as the half hour that a worker may take
// to finish, but not for hours, during which nothing else could be promoted there.
var undo = workflow.ActivityOptions{
	TaskQueue: Queue, StartToCloseTimeout: 5 * time.Minute, ScheduleToCloseTimeout: 45 * time.Minute, HeartbeatTimeout: heartbeat,
	RetryPolicy: &temporal.RetryPolicy{InitialInterval: 500 * time.Millisecond, BackoffCoefficient: 2, MaximumInterval: 30 * time.Second},
}

// finally suits the last word of a promotion: it must be written, so it is tried
// for a day. Until it is, nothing else is promoted there.
var finally = workflow.ActivityOptions{
	TaskQueue: Queue, StartToCloseTimeout: time.Minute, ScheduleToCloseTimeout: 24 * time.Hour, HeartbeatTimeout: heartbeat,
	RetryPolicy: &temporal.RetryPolicy{InitialInterval: 200 * time.Millisecond, BackoffCoefficient: 2, MaximumInterval: time.Minute},
}

// policy is that of a step. Teams take turns at the slots for builds, so that one
// with many commits doesn't keep the others waiting.
func policy(step slipway.StepName, in Input) workflow.ActivityOptions {
	switch step {
	case slipway.StepBuild, slipway.StepTest:
		o := heavy
		o.Priority.FairnessKey = in.Service
		if in.Team != 0 { // an input of an earlier version names none
			o.Priority.FairnessKey = "team " + strconv.Itoa(in.Team)
		}
		return o
	}
	return quick
}

// prompt suits what a person waits for: it is tried for ten seconds.
var prompt = workflow.ActivityOptions{
	TaskQueue: Queue, StartToCloseTimeout: 5 * time.Second, ScheduleToCloseTimeout: 10 * time.Second,
	RetryPolicy: &temporal.RetryPolicy{InitialInterval: 100 * time.Millisecond, BackoffCoefficient: 2, MaximumInterval: time.Second},
}
