package workflows

import (
	"context"
	"fmt"
	"io"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/workflow"

	"github.com/slipway-dev/slipway"
)

// baseline is how far back the figures of what ran before are looked at: as far as
// the edge counts.
const baseline = time.Hour

// BakeInput asks how a release does that has all the traffic.
type BakeInput struct {
	StepInput
	Since, Until time.Time
	Look         int  // which one this is, from 1
	Last         bool // the time is over
}

// bake watches what the edge counts for a release that has passed its checks,
// against what it counted before for the release that was replaced. Only
// afterwards is the release verified.
func (p *promotion) bake(ctx workflow.Context) error {
	since := workflow.Now(ctx).UTC()
	until := since.Add(time.Duration(p.Bake) * time.Second)
	every := min(max(time.Duration(p.Bake)*time.Second/30, 10*time.Second), 5*time.Minute)
	ctx = workflow.WithActivityOptions(ctx, quick)
	for look := 1; ; look++ {
		pause := min(every, until.Sub(workflow.Now(ctx)))
		if err := workflow.Sleep(ctx, max(pause, 0)); err != nil {
			return err
		}
		in := BakeInput{StepInput: p.stepInput(), Since: since, Until: until, Look: look, Last: !workflow.Now(ctx).Before(until)}
		if err := workflow.ExecuteActivity(ctx, "Bake", in).Get(ctx, nil); err != nil || in.Last {
			return err
		}
	}
}

// Bake looks once. Figures that are worse are the release's own result; too few of
// them are no reason to refuse it, and are said.
func (s *Steps) Bake(ctx context.Context, in BakeInput) error {
	return s.part(ctx, in.StepInput, slipway.StepVerify, 100*in.Look, in.Last, nil, func(ctx context.Context, log io.Writer) error {
		found, err := s.baked(ctx, in)
		if err != nil {
			return err
		}
		if found.Finding == slipway.FindingBad {
			fmt.Fprintf(log, "%s\n", found.Reason)
			return slipway.Errorf(slipway.Refused, "after the switch it did worse than the release before: %s", found.Reason)
		}
		if !in.Last {
			return s.Ledger.Step(ctx, slipway.StepEvent{Promotion: in.Promotion, Step: slipway.StepVerify, State: slipway.StepRunning, Attempt: int(activity.GetInfo(ctx).Attempt), Until: in.Until,
				Reason: "its checks passed; its figures are watched until " + in.Until.Format("15:04:05 UTC") + ": " + found.Reason})
		}
		fmt.Fprintf(log, "watched for %s: %s\n", in.Until.Sub(in.Since).Round(time.Second), found.Reason)
		d, err := s.deployment(ctx, in.StepInput)
		if err != nil {
			return err
		}
		return s.Ledger.Deployed(ctx, d, slipway.DeploymentVerified)
	})
}

func (s *Steps) baked(ctx context.Context, in BakeInput) (found slipway.Judgement, err error) {
	seen, err := s.Target.Observe(ctx, in.Service, in.Environment)
	if err != nil {
		return found, err
	}
	if seen.Deployment != in.Promotion {
		return found, slipway.Errorf(slipway.Refused, "another deployment (%s) has the traffic, not this one", seen.Deployment)
	}
	traffic, err := s.Target.Traffic(ctx, in.Service, in.Environment, in.Since.Add(-baseline))
	if err != nil {
		return found, err
	}
	var before slipway.Answers
	for id := range traffic.Deployments {
		if id != in.Promotion {
			before.Add(traffic.Sum(id, in.Since.Add(-baseline)))
		}
	}
	found = in.Strategy.Judge.Compare(before, traffic.Sum(in.Promotion, in.Since.Truncate(10*time.Second)), 1)
	for _, i := range seen.Instances {
		if i.Restarts > 0 && i.StartedAt.After(in.Since) {
			found.Finding, found.Reason = slipway.FindingBad, fmt.Sprintf("its instance %s ended and was started again: %s", i.ID, i.Reason)
		}
	}
	return found, nil
}
