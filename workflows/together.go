package workflows

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/slipway-dev/slipway"
)

// A step that is an activity of its own costs the engine several transactions and a
// round of the workflow, which is more than most steps cost themselves. So steps
// between which the workflow has nothing to decide are carried out by one activity,
// RunSteps, and what only reads or writes the platform's record is a local one.
// docs/decisions/0062-steps-together.md says what that is worth.

// RunInput names the steps that are carried out together, in their order.
type RunInput struct {
	StepInput
	Run []slipway.StepName
}

// Progress is how far steps that are carried out together have come. The engine
// keeps the last one that it was told, so that another try goes on from there.
type Progress struct {
	Done  []Ran
	Found StepResult       // by those that are done
	Gates *slipway.Review  `json:",omitempty"` // what was found when they were open
	At    slipway.StepName `json:",omitzero"`  // the one under way, or that ended badly
	Since time.Time        `json:",omitzero"`  // when At began
	Tries int              `json:",omitzero"`  // that were over before At began
	Acted bool             `json:",omitzero"`  // At may have changed something
	Code  slipway.Code     `json:",omitzero"`  // why At ended badly, for good
	Why   string           `json:",omitzero"`
}

// Ran is a step that is done.
type Ran struct {
	Step    slipway.StepName
	Skipped bool `json:",omitzero"`
}

// together are the steps from one on that can be carried out by one activity: those
// up to the next that needs the workflow, or another queue.
func (p *promotion) together(from slipway.StepName) []slipway.StepName {
	if !p.Together {
		return nil
	}
	var run []slipway.StepName
	begun := false
	for _, s := range p.Steps {
		begun = begun || s.Name == from
		if !begun || s.State != slipway.StepPending {
			continue
		}
		passes := s.Name == slipway.StepApprove && len(run) > 0 && p.Bundle == 0 // by gates that are open, which are looked at on the way
		if carried[s.Name] == nil && !passes || s.Name == slipway.StepDeploy && p.Strategy.Kind == slipway.Canary {
			break
		}
		run = append(run, s.Name)
	}
	return run
}

// carry has steps carried out by one activity, and marks how they ended.
func (p *promotion) carry(ctx workflow.Context, run []slipway.StepName) {
	p.mark(run[0], slipway.StepRunning)
	options := quick
	options.StartToCloseTimeout *= time.Duration(len(run))
	options.ScheduleToCloseTimeout *= time.Duration(len(run))
	// Nobody can decide yet. Whoever tries as soon as the gates were looked at waits for
	// what comes of that.
	p.reviewing = slices.Contains(run, slipway.StepApprove)
	var got Progress
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), "RunSteps", RunInput{p.stepInput(), run}).Get(ctx, &got)
	known := err == nil
	p.reviewing = false
	switch {
	case err != nil:
		got, known = progressOf(err)
	case got.Code != "":
		err = refusal(got.Code, "%s", got.Why)
	}
	if got.At == "" {
		got.At = run[0]
	}
	p.take(got.Found)
	if r := got.Gates; r != nil {
		p.Snapshot, p.plan, p.Strategy, p.Bake = r.Config, r.Plan, r.Strategy, r.Bake
	}
	for _, r := range got.Done {
		p.mark(r.Step, slipway.StepSucceeded)
		if r.Skipped {
			p.mark(r.Step, slipway.StepSkipped)
		}
	}
	// From its effect on the release may have the traffic, whatever the answer: undoing
	// what did not happen is a no-op.
	if deploy := slices.Index(run, slipway.StepDeploy); deploy >= 0 {
		at := slices.Index(run, got.At)
		p.deployed = p.deployed || !known || at > deploy || at == deploy && got.Acted
	}
	if err != nil && got.At == slipway.StepDeploy && slipway.OutcomeOf(fromTemporal(err)) == slipway.Failed {
		p.deployed = false // the target said that it took it away again
	}
	last := got.At
	switch {
	case err != nil:
		p.mark(got.At, p.end(got.At, err))
	case last == slipway.StepVerify && p.Bake > 0 && !p.cancelled:
		p.mark(last, slipway.StepRunning)
		p.mark(last, p.end(last, p.bake(ctx)))
	default:
		p.mark(last, p.end(last, nil)) // cancelled, where that came too late for it
	}
}

// progressOf is how far steps came that were given up, false where nobody knows.
func progressOf(err error) (got Progress, known bool) {
	var app *temporal.ApplicationError
	var canceled *temporal.CanceledError
	var timeout *temporal.TimeoutError
	var read error
	switch {
	case errors.As(err, &app) && app.HasDetails():
		read = app.Details(&got)
	case errors.As(err, &canceled) && canceled.HasDetails():
		read = canceled.Details(&got)
	case errors.As(err, &timeout) && timeout.HasLastHeartbeatDetails():
		read = timeout.LastHeartbeatDetails(&got)
	default:
		return got, false
	}
	return got, read == nil && got.At != ""
}

// carried are the steps that one activity may carry out together with others.
var carried = map[slipway.StepName]func(*Steps, context.Context, StepInput) (StepResult, error){
	slipway.StepRender:    (*Steps).Render,
	slipway.StepRehearse:  (*Steps).Rehearse,
	slipway.StepPreflight: (*Steps).Preflight,
	slipway.StepMigrate:   (*Steps).Migrate,
	slipway.StepDeploy: func(s *Steps, ctx context.Context, in StepInput) (StepResult, error) {
		return StepResult{}, s.Deploy(ctx, in)
	},
	slipway.StepVerify: func(s *Steps, ctx context.Context, in StepInput) (StepResult, error) {
		return StepResult{}, s.Verify(ctx, in)
	},
}

// interrupted is an error of steps that are carried out together, and where.
type interrupted struct {
	at  Progress
	err error
}

func (e *interrupted) Error() string { return e.err.Error() }
func (e *interrupted) Unwrap() error { return e.err }

// RunSteps carries steps out one after the other. A step that ended badly for good
// is an answer; an error is worth another try, which goes on where this one was. A
// release command that was run is never run again, wherever the worker ends.
func (s *Steps) RunSteps(ctx context.Context, in RunInput) (Progress, error) {
	var p Progress
	info := activity.GetInfo(ctx)
	if activity.HasHeartbeatDetails(ctx) {
		if err := activity.GetHeartbeatDetails(ctx, &p); err != nil {
			return p, slipway.Wrap(slipway.Internal, err, "how far the steps came can't be read")
		}
	}
	if len(p.Done) > len(in.Run) {
		return p, slipway.Errorf(slipway.Invalid, "more steps are done than there are")
	}
	for _, step := range in.Run[len(p.Done):] {
		if step == slipway.StepDeploy && p.Gates != nil && p.Gates.Strategy.Kind == slipway.Canary {
			return p, nil // which takes its stages one by one
		}
		before := p
		if p.At != step {
			p.At, p.Since, p.Tries, p.Acted = step, time.Now().UTC(), int(info.Attempt)-1, false
		}
		say(ctx, p)
		found, err := s.bounded(ctx, in, &p)
		switch {
		case errors.Is(err, errShut):
			return before, nil
		case err == nil:
		case ctx.Err() == context.Canceled: //nolint:errorlint // the context's own
			return p, temporal.NewCanceledError(p)
		case slipway.Retryable(err) && time.Now().Before(p.Since.Add(quick.ScheduleToCloseTimeout)):
			return p, &interrupted{p, err}
		default:
			known := fromTemporal(toTemporal(err))
			p.Code, p.Why = known.Code, known.Message
			return p, nil
		}
		p.Done = append(p.Done, Ran{step, found.Skipped})
		p.Found = p.Found.and(found)
		if ctx.Err() != nil { // it was cancelled too late for this step, and in time for the next
			return p, temporal.NewCanceledError(p)
		}
	}
	return p, nil
}

// errShut says that the workflow has to look at the gates, as they aren't open.
var errShut = errors.New("the gates are not open")

// bounded carries out the step that is under way, in the time that it would have by
// itself.
func (s *Steps) bounded(ctx context.Context, run RunInput, p *Progress) (StepResult, error) {
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, progressKey{}, p), quick.StartToCloseTimeout)
	defer cancel()
	in := run.after(*p)
	if p.At == slipway.StepApprove {
		r, err := s.Gates.Review(ctx, in.review())
		if err != nil {
			return StepResult{}, err
		}
		if r.State != slipway.PromotionRunning {
			return StepResult{}, errShut
		}
		p.Gates = &r
		return StepResult{Skipped: !r.Waited}, s.Ledger.Step(ctx, opened(in, r))
	}
	do := carried[p.At]
	if do == nil {
		return StepResult{}, slipway.Errorf(slipway.Invalid, "the step %s is not carried out together with others", p.At)
	}
	return do(s, ctx, in)
}

// effect is called by a step right before it changes an environment. It has the
// engine know for certain how far the steps have come, as beats are held back for up
// to a second, and learns whether the promotion was cancelled: who was told that it
// stops must not find that it went on. By itself a step was begun by the workflow,
// which knew both.
func (s *Steps) effect(ctx context.Context) error {
	p, ok := ctx.Value(progressKey{}).(*Progress)
	if !ok {
		return nil
	}
	acting := *p
	acting.Acted = true
	say(ctx, acting)
	switch err := s.client.RecordActivityHeartbeat(ctx, activity.GetInfo(ctx).TaskToken, acting); {
	case temporal.IsCanceledError(err):
		<-ctx.Done() // the next beat says so
		return ctx.Err()
	case err != nil:
		return slipway.Wrap(slipway.Unavailable, err, "the workflow engine does not answer")
	}
	p.Acted = true
	return nil
}

// after is the input of a step after others.
func (in RunInput) after(p Progress) StepInput {
	step := in.StepInput
	if p.Found.Snapshot != "" {
		step.Snapshot = p.Found.Snapshot
	}
	step.Withheld = step.Withheld || p.Found.Withheld
	if r := p.Gates; r != nil {
		step.Snapshot, step.Strategy, step.Bake = r.Config, r.Strategy, r.Bake
	}
	return step
}

func (r StepResult) and(more StepResult) StepResult {
	if more.Snapshot != "" {
		r.Snapshot = more.Snapshot
	}
	r.Withheld = r.Withheld || more.Withheld
	return r
}

type progressKey struct{}

// attempt is which try at a step this is, from 1.
func attempt(ctx context.Context) int {
	tries := int(activity.GetInfo(ctx).Attempt)
	if p, ok := ctx.Value(progressKey{}).(*Progress); ok {
		return tries - p.Tries
	}
	return tries
}

// note has done what only reads or writes the platform's record: within the
// workflow's own turn, where an activity would be another three. It is not cancelled
// under way, as the engine would not wait for its end.
func (p *promotion) note(ctx workflow.Context, o workflow.ActivityOptions, name string, in, found any) error {
	if !p.Together {
		return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, o), name, in).Get(ctx, found)
	}
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout: time.Minute, ScheduleToCloseTimeout: o.ScheduleToCloseTimeout, RetryPolicy: o.RetryPolicy,
	})
	return workflow.ExecuteLocalActivity(ctx, name, in).Get(ctx, found)
}
