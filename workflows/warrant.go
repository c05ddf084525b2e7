package workflows

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/workflow"

	"github.com/slipway-dev/slipway"
)

// Warrants says what a promotion may do. A workflow is only rung: whoever can
// speak to the engine can start one with any input and tell one anything, so that
// neither counts before the platform's own record bears it out.
type Warrants interface {
	// Warrant is asked before each step, with "" before what belongs to none, and
	// with StepEnd before the last word on it. Denied says that no promotion of this
	// platform is to do this now.
	Warrant(ctx context.Context, in Input, step slipway.StepName) error
	// Heard is asked about each word to a promotion. Denied says that it is none of
	// the platform's.
	Heard(ctx context.Context, w Word) error
}

// Word is what the platform tells a promotion under way on somebody's behalf.
// It was put on record before its seal was made.
type Word struct {
	Promotion string
	What      string // cancel, supersede, or a slipway.Steering
	By        string
	At        time.Time
	Seal      string // the platform's: nobody else can make it
}

// What a word says besides a steering.
const (
	WordCancel    = "cancel"
	WordSupersede = "supersede"
)

// heard is what a promotion was told.
type heard struct{ seals map[string]bool }

// hear has a word confirmed. A seal counts once: it stands in the history, where
// somebody might have read it.
func (p *promotion) hear(ctx workflow.Context, w Word, what string) error {
	if workflow.GetVersion(ctx, "words are sealed", workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return nil // it was heard by a version that asked nobody
	}
	if w.Promotion != p.Promotion || w.What != what || p.seals[w.Seal] {
		return refusal(slipway.Denied, "promotion %s listens to the platform only", p.Promotion)
	}
	if p.seals == nil {
		p.seals = map[string]bool{}
	}
	p.seals[w.Seal] = true
	return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, prompt), "Heard", w).Get(ctx, nil)
}

// Heard asks whether a word is the platform's.
func (s *Steps) Heard(ctx context.Context, w Word) error {
	if s.Warrants == nil {
		return errUnwarranted
	}
	return s.Warrants.Heard(ctx, w)
}

// StepEnd stands for the last word on a promotion where steps are asked about. It
// may be said again after it was.
const StepEnd slipway.StepName = "end"

// warrant asks whether a step may be carried out. Only the one workflow that the
// engine admits for a service and environment acts for it; another one with the
// same input would be a second promotion at a time.
func (s *Steps) warrant(ctx context.Context, in StepInput, step slipway.StepName) error {
	if s.Warrants == nil {
		return errUnwarranted
	}
	at := activity.GetInfo(ctx).WorkflowExecution.ID
	if incomplete := in.Service == "" || in.Environment == ""; !incomplete && at != WorkflowID(in.Service, in.Environment) {
		return slipway.Errorf(slipway.Denied, "promotion %s is not carried out by a workflow %q", in.Promotion, at)
	}
	return s.Warrants.Warrant(ctx, in.Input, step)
}

var errUnwarranted = slipway.Errorf(slipway.Denied, "this worker knows nobody who could say what is to be done")
