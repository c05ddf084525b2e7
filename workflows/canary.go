package workflows

import (
	"context"
	"fmt"
	"io"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/workflow"

	"github.com/slipway-dev/slipway"
)

const (
	steerUpdate = "steer"
	// canaryPatience is how long a stage that waits for somebody, or for more
	// traffic, is waited for before the canary is given up.
	canaryPatience = 24 * time.Hour
	// finalStage is the number of the stage that has all the traffic, after any other.
	finalStage = 99
)

// Steered is what a person told a canary.
type Steered struct {
	Promotion string
	What      slipway.Steering
	By        string
	Why       string `json:",omitempty"`
	Word      Word
}

// canary is what a promotion knows while its release takes over little by little.
type canary struct {
	onStage bool   // it may be steered
	paused  string // by whom
	resumed bool   // the stage is over when it may be
	promote bool   // all the traffic now
	steered bool   // something was said since the last look
}

// ShiftInput moves a canary's weight.
type ShiftInput struct {
	StepInput
	Stage   int
	Weight  int // 0 is all
	Rollout *slipway.Rollout
}

// JudgeInput asks how a canary does.
type JudgeInput struct {
	StepInput
	Rollout slipway.Rollout
}

// Judged is how it does.
type Judged struct {
	slipway.Judgement
	Whole bool // it has all the traffic already
}

func (p *promotion) listenOnStage(ctx workflow.Context) error {
	err := workflow.SetUpdateHandlerWithOptions(ctx, steerUpdate, p.steer,
		workflow.UpdateHandlerOptions{Validator: func(_ workflow.Context, s Steered) error { return p.maySteer(s) }})
	if err != nil {
		return fmt.Errorf("set the update handler: %w", err)
	}
	return nil
}

func (p *promotion) maySteer(s Steered) error {
	switch {
	case s.Promotion != p.Promotion || p.over != "" || slipway.EndState(p.Steps) != slipway.PromotionRunning:
		return refusal(slipway.Conflict, "promotion %s is over", s.Promotion)
	case p.cancelled:
		return refusal(slipway.Conflict, "promotion %s is being cancelled", s.Promotion)
	case !p.onStage:
		return refusal(slipway.Conflict, "promotion %s is not at a stage of a canary now", s.Promotion)
	case s.What == slipway.SteerPause && p.paused != "":
		return refusal(slipway.Conflict, "promotion %s is paused already, by %s", s.Promotion, p.paused)
	}
	return nil
}

func (p *promotion) steer(ctx workflow.Context, s Steered) error {
	if err := p.hear(ctx, s.Word, string(s.What)); err != nil {
		return err
	}
	if err := p.maySteer(s); err != nil { // the stage may have ended meanwhile
		return err
	}
	p.steered = true
	switch s.What {
	case slipway.SteerPause:
		p.paused = s.By
	case slipway.SteerResume:
		p.paused, p.resumed = "", p.paused == ""
	case slipway.SteerPromote:
		p.paused, p.promote = "", true
	case slipway.SteerAbort:
		p.cancelled, p.abortedBy = true, s.By
		if s.Why != "" {
			p.abortedBy += ": " + s.Why
		}
		p.stop()
	}
	return nil
}

// takeOver gives a canary its part of the traffic, stage after stage, and all of
// it when no stage found it worse than what it replaces.
func (p *promotion) takeOver(ctx workflow.Context) error {
	strategy := p.Strategy.Defaults()
	ctx = workflow.WithActivityOptions(ctx, quick)
	for n, stage := range strategy.Stages {
		r := slipway.Rollout{Stage: n + 1, Stages: len(strategy.Stages), Weight: stage.Weight, ByHand: stage.Pause == 0, Paused: p.paused}
		r.Since = workflow.Now(ctx).UTC()
		r.Until = r.Since.Add(time.Duration(stage.Pause) * time.Second)
		if r.ByHand {
			r.Until = r.Since.Add(canaryPatience)
		}
		shift := ShiftInput{StepInput: p.stepInput(), Stage: n + 1, Weight: stage.Weight, Rollout: &r}
		if err := workflow.ExecuteActivity(ctx, "Shift", shift).Get(ctx, nil); err != nil {
			p.deployed = slipway.OutcomeOf(fromTemporal(err)) != slipway.Failed // the target took it away again
			return err
		}
		done, err := p.stage(ctx, r)
		if err != nil {
			return err
		}
		if done {
			break
		}
	}
	return workflow.ExecuteActivity(ctx, "Shift", ShiftInput{StepInput: p.stepInput(), Stage: finalStage}).Get(ctx, nil)
}

// stage stays at a weight until its time is over and the figures allow more, or
// somebody says so. done means that no further stage is wanted.
func (p *promotion) stage(ctx workflow.Context, r slipway.Rollout) (done bool, err error) {
	p.onStage, p.resumed = true, false
	defer func() { p.onStage = false }()
	due, byHand, giveUp := r.Until, r.ByHand, r.Since.Add(canaryPatience)
	if due.After(giveUp) {
		giveUp = due
	}
	for {
		now := workflow.Now(ctx).UTC()
		pause := min(max(now.Sub(r.Since)/10, 10*time.Second), 5*time.Minute)
		if left := r.Until.Sub(now); left > 0 {
			pause = min(pause, left)
		}
		p.steered = false
		if _, err := workflow.AwaitWithTimeout(ctx, pause, func() bool { return p.steered }); err != nil {
			return false, err
		}
		r.Paused = p.paused
		var found Judged
		if err := workflow.ExecuteActivity(ctx, "Judge", JudgeInput{StepInput: p.stepInput(), Rollout: r}).Get(ctx, &found); err != nil {
			return false, err
		}
		now = workflow.Now(ctx).UTC()
		switch {
		case found.Whole || p.promote:
			return true, nil
		case found.Finding == slipway.FindingBad:
			return false, refusal(slipway.Refused, "the canary at %d %% is worse than what it replaces: %s", r.Weight, found.Reason)
		case p.resumed:
			return false, nil
		case !now.Before(giveUp):
			return false, refusal(slipway.Refused, "the canary stayed at %d %% for %s, and nobody said how to go on: %s", r.Weight, now.Sub(r.Since).Round(time.Minute), found.Reason)
		case p.paused == "" && !byHand && !now.Before(due) && found.Finding == slipway.FindingGood:
			return false, nil
		}
		// What is over and not good enough waits for more traffic, or for a person.
		r.Until, r.ByHand = due, byHand || !now.Before(due)
		if p.paused != "" || r.ByHand {
			r.Until = giveUp
		}
	}
}

// Shift gives a canary a part of the traffic; the final one gives it all.
func (s *Steps) Shift(ctx context.Context, in ShiftInput) error {
	final := in.Weight == 0
	return s.part(ctx, in.StepInput, slipway.StepDeploy, 100*in.Stage, final, in.Rollout, func(ctx context.Context, log io.Writer) error {
		d, err := s.deployment(ctx, in.StepInput)
		if err != nil {
			return err
		}
		d.Weight = in.Weight
		if err := s.Target.Deploy(ctx, d, log); err != nil {
			return err
		}
		if final {
			return s.served(ctx, d)
		}
		if seen, err := s.Target.Observe(ctx, in.Service, in.Environment); err == nil && seen.Deployment == in.Promotion {
			fmt.Fprintln(log, "Nothing ran here before: there is nothing to compare a canary with, so it has all the traffic at once.")
		}
		return nil
	})
}

// Judge compares a canary's figures with those of what it replaces, and records
// where it stands.
func (s *Steps) Judge(ctx context.Context, in JudgeInput) (Judged, error) {
	seen, err := s.Target.Observe(ctx, in.Service, in.Environment)
	if err != nil {
		return Judged{}, err
	}
	if seen.Deployment == in.Promotion {
		return Judged{Judgement: slipway.Judgement{Finding: slipway.FindingGood, Reason: "it has all the traffic"}, Whole: true}, nil
	}
	if seen.Next == nil || seen.Next.Deployment != in.Promotion {
		return Judged{}, slipway.Errorf(slipway.Refused, "the canary no longer runs: something else took its place in %s", in.Environment)
	}
	traffic, err := s.Target.Traffic(ctx, in.Service, in.Environment, in.Rollout.Since)
	if err != nil {
		return Judged{}, err
	}
	since := in.Rollout.Since.Truncate(10 * time.Second)
	found := in.Strategy.Judge.Compare(traffic.Sum(seen.Deployment, since), traffic.Sum(in.Promotion, since), in.Rollout.Stages)
	for _, i := range seen.Next.Instances {
		if i.Restarts > 0 {
			found.Finding, found.Reason = slipway.FindingBad, fmt.Sprintf("its instance %s ended and was started again: %s", i.ID, i.Reason)
		}
	}
	in.Rollout.Judgement = found
	event := slipway.StepEvent{Promotion: in.Promotion, Step: slipway.StepDeploy, State: slipway.StepRunning, Reason: in.Rollout.Words(), Rollout: &in.Rollout, Until: in.Rollout.Until}
	return Judged{Judgement: found}, s.Ledger.Step(ctx, event)
}

// Steer tells a canary what to do. Conflict says that there is none to be told.
func Steer(ctx context.Context, c client.Client, service, environment string, s Steered) error {
	return update(ctx, c, service, environment, s.Promotion, steerUpdate, s)
}
