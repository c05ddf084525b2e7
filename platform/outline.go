package platform

import (
	"context"
	"io"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/promotion"
)

// outline describes the plan, and refuses what no waiting would make right.
func (p *Platform) outline(ctx context.Context, plan *Plan) error {
	facts, err := p.facts(ctx, plan)
	if err != nil {
		return err
	}
	plan.Outline = facts.Plan
	for _, w := range facts.Gates() {
		if w.Gate == slipway.GateCheck && plan.Release != nil {
			return slipway.Errorf(slipway.Conflict, "%s", w.Reason)
		}
	}
	return nil
}

// preview adds what only a dry run shows: the config that would be rendered, and
// the gates that are closed now.
func (p *Platform) preview(ctx context.Context, plan *Plan) error {
	if plan.Release != nil && plan.Snapshot == "" {
		snapshot, err := p.rendered(ctx, plan.Service, plan.Environment, plan.Release)
		if err != nil {
			return err
		}
		plan.Outline.Config, plan.Config = snapshot.Digest, &snapshot
	}
	facts, err := p.facts(ctx, plan)
	if err != nil {
		return err
	}
	facts.Plan = plan.Outline
	row := &ent.Promotion{RequestedBy: Actor(ctx), Commit: plan.Commit}
	row.Edges.Service = plan.Service
	people, err := approvers(ctx, p.db, row, plan.Policy)
	if err != nil {
		return err
	}
	facts.Approvers = namesOf(people, plan.Policy)
	plan.Waits = facts.Gates()
	return nil
}

func (p *Platform) facts(ctx context.Context, plan *Plan) (slipway.GateFacts, error) {
	return gateFacts(ctx, p.db, subject{
		service: plan.Service, environment: plan.Environment, release: plan.Release, commit: plan.Commit, config: plan.Snapshot,
		rollback: plan.Rollback, steps: plan.Steps, policy: plan.Policy,
	})
}

// rendered is the config that a release would get now.
func (p *Platform) rendered(ctx context.Context, s *ent.Service, e *ent.Environment, r *ent.Release) (slipway.Snapshot, error) {
	layers, err := layers(ctx, p.db, s.ID, e, r.Manifest.Env)
	if err != nil {
		return slipway.Snapshot{}, err
	}
	values, _ := slipway.MergeConfig(layers)
	snapshot, err := p.Renderer.Render(ctx, slipway.RenderRequest{
		Artifact: slipway.Digest(r.Artifact), Service: s.Name, Environment: e.Name, Release: r.Number,
		Templates: r.Manifest.Templates, Values: values,
	}, io.Discard)
	return snapshot, gone(err, r)
}

// Retry promotes again what a promotion that ended badly has promoted: the same
// commit, the same release if it was made. What was done isn't done again.
func (p *Platform) Retry(ctx context.Context, id string) (*ent.Promotion, error) {
	row, err := p.Promotion(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := p.may(ctx, slipway.PermitPromote, row.Edges.Service.TeamID, row.Edges.Service.Name, row.Edges.Environment.Name); err != nil {
		return nil, err
	}
	switch row.State {
	case promotion.StateFailed, promotion.StateErrored, promotion.StateCancelled, promotion.StateExpired, promotion.StateSuperseded, promotion.StateRejected:
	default:
		return nil, slipway.Errorf(slipway.Conflict, "promotion %s is %s; only one that ended badly is tried again", id, row.State)
	}
	s, e := row.Edges.Service.Name, row.Edges.Environment.Name
	if row.Rollback {
		in := RollbackInput{Service: s, Environment: e}
		if row.Edges.Release != nil {
			in.Release = row.Edges.Release.Number
		}
		plan, err := p.planRollback(ctx, in, slipway.PermitRollback)
		if err != nil {
			return nil, err
		}
		plan.Retry = row.ID
		return p.start(ctx, plan)
	}
	in := PromoteInput{Service: s, Environment: e, Ref: row.Commit.ID}
	if row.Edges.Release != nil {
		in.Ref, in.Release = "", row.Edges.Release.Number
	}
	plan, err := p.plan(ctx, in, slipway.PermitPromote)
	if err != nil {
		return nil, err
	}
	plan.Retry = row.ID
	if plan.Commit.Ref == row.Commit.ID {
		plan.Commit.Ref = row.Commit.Ref
	}
	return p.start(ctx, plan)
}
