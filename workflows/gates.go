package workflows

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/slipway-dev/slipway"
)

// gates is what a promotion knows while it waits.
type gates struct {
	waiting   bool                   // it may be decided about
	reviewing bool                   // whether it may is being found out
	plan      slipway.Digest         // that decisions are given to
	look      bool                   // something has changed since the gates were looked at
	deciding  int                    // decisions that are being recorded
	over      slipway.PromotionState // how the gates ended it
	ready     bool                   // the others of its bundle know that nothing else keeps it
}

// errOver ends the step of a promotion that the gates have ended.
var errOver = errors.New("the promotion is over")

// listenAtGates takes decisions. Whoever decides learns at once whether it
// counts: what can be known here is refused before anything is written.
func (p *promotion) listenAtGates(ctx workflow.Context) error {
	err := workflow.SetUpdateHandlerWithOptions(ctx, decideUpdate, p.decide,
		workflow.UpdateHandlerOptions{Validator: func(_ workflow.Context, d slipway.Decision) error { return p.mayDecide(d) }})
	if err != nil {
		return fmt.Errorf("set the update handler: %w", err)
	}
	err = workflow.SetUpdateHandlerWithOptions(ctx, supersedeUpdate,
		func(ctx workflow.Context, promotion, by string, w Word) error {
			if err := p.hear(ctx, w, WordSupersede); err != nil {
				return err
			}
			if err := p.maySupersede(promotion); err != nil {
				return err
			}
			p.over, p.reason = slipway.PromotionSuperseded, "superseded by promotion "+by
			p.stop()
			return nil
		},
		workflow.UpdateHandlerOptions{Validator: func(_ workflow.Context, promotion, _ string, _ Word) error { return p.maySupersede(promotion) }})
	if err != nil {
		return fmt.Errorf("set the update handler: %w", err)
	}
	workflow.Go(ctx, func(ctx workflow.Context) {
		for {
			workflow.GetSignalChannel(ctx, lookSignal).Receive(ctx, nil)
			p.look = true
		}
	})
	return nil
}

func refusal(code slipway.Code, format string, args ...any) error {
	return temporal.NewNonRetryableApplicationError(fmt.Sprintf(format, args...), string(code), nil)
}

func (p *promotion) mayDecide(d slipway.Decision) error {
	switch {
	case d.Promotion != p.Promotion || p.over != "" || slipway.EndState(p.Steps) != slipway.PromotionRunning:
		return refusal(slipway.Conflict, "promotion %s is over", d.Promotion)
	case p.cancelled:
		return refusal(slipway.Conflict, "promotion %s is being cancelled", d.Promotion)
	case p.reviewing:
		return nil // asked again when that is known
	case !p.waiting:
		return refusal(slipway.Conflict, "promotion %s doesn't wait for a decision now", d.Promotion)
	case d.Plan != p.plan:
		return refusal(slipway.Conflict, "the plan of promotion %s has changed since you saw it; look at it again: slipway promotion show %s", d.Promotion, d.Promotion)
	}
	return nil
}

func (p *promotion) maySupersede(promotion string) error {
	if promotion != p.Promotion || !p.waiting || p.over != "" || p.cancelled {
		return refusal(slipway.Conflict, "promotion %s doesn't wait any more", promotion)
	}
	return nil
}

func (p *promotion) decide(ctx workflow.Context, d slipway.Decision) error {
	if err := workflow.Await(ctx, func() bool { return !p.reviewing }); err != nil {
		return err
	}
	if err := p.mayDecide(d); err != nil {
		return err
	}
	p.deciding++
	defer func() { p.deciding--; p.look = true }()
	return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, prompt), "Decide", d).Get(ctx, nil)
}

// approve waits until every gate is open. A waiting promotion costs a timer.
func (p *promotion) approve(ctx workflow.Context) error {
	for {
		p.look, p.reviewing = false, true
		var r slipway.Review
		err := p.note(ctx, quick, activityOf[slipway.StepApprove], p.stepInput(), &r)
		p.waiting, p.reviewing = err == nil && r.State == slipway.PromotionWaiting, false
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		p.Snapshot, p.plan, p.Strategy, p.Bake = r.Config, r.Plan, r.Strategy, r.Bake
		if p.Bundle != 0 && r.Ready != p.ready {
			p.ready = r.Ready
			if err := p.rally(ctx); err != nil {
				return err
			}
		}
		switch {
		// What was said meanwhile was accepted, so it counts.
		case (p.look || p.deciding > 0) && !r.State.Over():
			p.waiting = true
			if err := workflow.Await(ctx, func() bool { return p.deciding == 0 }); err != nil {
				return err
			}
		case r.State == slipway.PromotionRunning && !r.Waited:
			p.mark(slipway.StepApprove, slipway.StepSkipped)
			return nil
		case r.State == slipway.PromotionRunning:
			return nil
		case r.State.Over():
			p.over, p.reason = r.State, r.Reason
			return errOver
		default:
			if _, err := workflow.AwaitWithTimeout(ctx, r.Again.Sub(workflow.Now(ctx)), func() bool { return p.look }); err != nil {
				return err
			}
		}
	}
}

// rally lets the others of the bundle look at their gates.
func (p *promotion) rally(ctx workflow.Context) error {
	return p.note(ctx, quick, "Rally", p.stepInput().Input, nil)
}

// hand passes on: the environment behind may take the release by itself, and a
// promotion that is queued goes on in this workflow's place, so that there is
// never more than one.
func (p *promotion) hand(ctx workflow.Context, out Output) error {
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	if p.Advance && out.State == slipway.PromotionSucceeded {
		// An environment that doesn't follow is seen by people; it is no failure of this promotion.
		if err := p.note(ctx, finally, "Advance", p.stepInput().Input, nil); err != nil {
			workflow.GetLogger(ctx).Warn("the next environment could not be asked", "promotion", p.Promotion, "error", err)
		}
	}
	if err := workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) }); err != nil {
		return err
	}
	next := workflow.GetSignalChannel(ctx, nextSignal)
	// The signal of one that stands behind may have come to the run before. One
	// that comes while the queue is looked at means looking again; the engine lets
	// no workflow end with a signal that it hasn't seen.
	for ask := p.Queued; ; ask = false {
		for next.ReceiveAsync(nil) {
			ask = true
		}
		if !ask {
			return nil
		}
		var found NextResult
		if err := p.note(ctx, finally, "Next", p.stepInput().Input, &found); err != nil {
			return err
		}
		if found.Input == nil {
			continue
		}
		if err := workflow.UpsertMemo(ctx, map[string]any{promotionMemo: found.Input.Promotion}); err != nil {
			return fmt.Errorf("name the next promotion: %w", err)
		}
		return workflow.NewContinueAsNewError(ctx, Promotion, *found.Input)
	}
}

// Queued is what stands behind a promotion.
type Queued interface {
	// Next returns the promotion that has waited longest for its turn in a
	// service's environment, nil when there is none.
	Next(ctx context.Context, service, environment string) (*Input, error)
	// Advance starts promotions into the environments that take a release by
	// themselves once it has succeeded here. Called again, it starts none twice.
	Advance(ctx context.Context, done Input) error
	// Rally tells the others of a promotion's bundle to look at their gates.
	Rally(ctx context.Context, in Input) error
}

// NextResult is the promotion that goes on in this one's place.
type NextResult struct{ Input *Input }

// Review looks at the gates, and records where that leaves the step.
func (s *Steps) Review(ctx context.Context, in StepInput) (slipway.Review, error) {
	r, err := s.Gates.Review(ctx, in.review())
	if err != nil || r.State.Over() {
		return r, err
	}
	return r, s.Ledger.Step(ctx, opened(in, r))
}

func (in StepInput) review() slipway.ReviewRequest {
	return slipway.ReviewRequest{Promotion: in.Promotion, Release: in.Release, Artifact: in.Artifact, Config: in.Snapshot}
}

// opened is where a look at the gates leaves the step.
func opened(in StepInput, r slipway.Review) slipway.StepEvent {
	event := slipway.StepEvent{Promotion: in.Promotion, Step: slipway.StepApprove, State: slipway.StepRunning, Attempt: 1, Until: r.Expires}
	switch {
	case r.State == slipway.PromotionRunning && r.Waited:
		event.State = slipway.StepSucceeded
	case r.State == slipway.PromotionRunning:
		event.State, event.Reason = slipway.StepSkipped, "no gate is closed"
	}
	return event
}

// Decide records what a person said.
func (s *Steps) Decide(ctx context.Context, d slipway.Decision) error { return s.Gates.Decide(ctx, d) }

// Next finds the promotion that is queued behind one that is over.
func (s *Steps) Next(ctx context.Context, done Input) (NextResult, error) {
	in, err := s.Queue.Next(ctx, done.Service, done.Environment)
	if in != nil {
		in.Together = true
	}
	return NextResult{in}, err
}

// Advance lets the next environments take the release.
func (s *Steps) Advance(ctx context.Context, done Input) error { return s.Queue.Advance(ctx, done) }

// Rally tells the others of the bundle to look at their gates.
func (s *Steps) Rally(ctx context.Context, in Input) error { return s.Queue.Rally(ctx, in) }
