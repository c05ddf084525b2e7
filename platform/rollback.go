package platform

import (
	"context"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/deployment"
	"github.com/slipway-dev/slipway/ent/promotion"
)

// RollbackInput asks to go back.
type RollbackInput struct {
	Service     string
	Environment string
	Release     int // 0: the one that was verified there before what is live now
	// AnySchema goes back although the older release does not run on the schema
	// that the newer one left: somebody has seen to that.
	AnySchema bool
	// Why is said wherever the release that was gone back from would go on.
	Why string
	// Today goes back with the config of today instead of the one that the release
	// ran with. It is rehearsed, as nobody has seen the two together.
	Today bool
}

// PlanRollback works out what Rollback would do, and does nothing.
func (p *Platform) PlanRollback(ctx context.Context, in RollbackInput) (*Plan, error) {
	plan, err := p.planRollback(ctx, in, slipway.PermitServiceRead)
	if err != nil {
		return nil, err
	}
	return plan, p.preview(ctx, plan)
}

func (p *Platform) planRollback(ctx context.Context, in RollbackInput, permission slipway.Permission) (*Plan, error) {
	if in.Release < 0 {
		return nil, slipway.Errorf(slipway.Invalid, "release %d is not a release; they count from 1", in.Release).At("release")
	}
	if len(in.Why) > 500 {
		return nil, slipway.Errorf(slipway.Invalid, "say why in at most 500 characters").At("reason")
	}
	s, err := p.Service(ctx, in.Service)
	if err != nil {
		return nil, err
	}
	if in.Environment == "" {
		return nil, slipway.Errorf(slipway.Invalid, "environment is missing").At("environment")
	}
	e, err := p.Environment(ctx, in.Environment)
	if err != nil {
		return nil, err
	}
	if err := p.may(ctx, permission, s.TeamID, s.Name, e.Name); err != nil {
		return nil, err
	}
	rows, err := p.db.Deployment.Query().Where(deployment.ServiceID(s.ID), deployment.EnvironmentID(e.ID),
		deployment.Or(deployment.Verified(true), deployment.Live(true))).WithRelease().Order(ent.Desc(deployment.FieldID)).Limit(1000).All(ctx)
	if err != nil {
		return nil, err
	}
	ids := make([]int, len(rows))
	for i, d := range rows {
		ids[i] = d.PromotionID
	}
	back, err := p.db.Promotion.Query().Where(promotion.IDIn(ids...), promotion.Rollback(true)).IDs(ctx)
	if err != nil {
		return nil, err
	}
	d := previousOf(rows, back, in.Release)
	if d == nil {
		if in.Release != 0 {
			if _, err := p.Release(ctx, s.Name, in.Release); err != nil {
				return nil, err
			}
			return nil, slipway.Errorf(slipway.Conflict, "release %d of %s was never verified in %s, so there is no way back to it; promote it instead: slipway promote %s --to %s --release %d",
				in.Release, s.Name, e.Name, s.Name, e.Name, in.Release)
		}
		return nil, slipway.Errorf(slipway.Conflict, "no earlier release of %s was verified in %s, so there is nothing to go back to", s.Name, e.Name)
	}
	if d.Live {
		return nil, slipway.Errorf(slipway.Conflict, "release %d of %s is live in %s already", d.Edges.Release.Number, s.Name, e.Name)
	}
	if !in.AnySchema {
		if err := p.schemaAllows(ctx, s, e, d.Edges.Release); err != nil {
			return nil, err
		}
	}
	policy, err := policyOf(ctx, p.db, s.ID, e)
	if err != nil {
		return nil, err
	}
	plan := &Plan{Service: s, Environment: e, Policy: policy.Policy, Rollback: true, Release: d.Edges.Release, Snapshot: slipway.Digest(d.Snapshot), Today: in.Today, Why: clean(in.Why)}
	if in.Today {
		plan.Snapshot = ""
	}
	return plan, p.finishPlan(ctx, plan)
}

// previousOf finds the deployment to go back to among those of a service in an
// environment, newest first; back are the promotions that were rollbacks. A
// rollback leads from what is live to what was there before it; a second one
// goes on further back, not forth again.
func previousOf(rows []*ent.Deployment, back []int, number int) *ent.Deployment {
	rolledBack := map[int]bool{}
	for _, id := range back {
		rolledBack[id] = true
	}
	at := -1
	for i, d := range rows {
		if number == 0 && d.Live && at < 0 {
			at = i
		}
		if number != 0 && d.Edges.Release.Number == number && (d.Verified || d.Live) {
			return d
		}
	}
	if number != 0 || len(rows) == 0 {
		return nil
	}
	if at < 0 { // nothing is live: the newest that was verified
		return rows[0]
	}
	current := rows[at].ReleaseID
	// What a rollback brought back stands in the history where it first stood.
	for rolledBack[rows[at].PromotionID] {
		older := at + 1
		for older < len(rows) && rows[older].ReleaseID != current {
			older++
		}
		if older == len(rows) {
			break
		}
		at = older
	}
	for _, d := range rows[at+1:] {
		if d.ReleaseID != current && d.Verified {
			return d
		}
	}
	return nil
}

// schemaAllows refuses to go back where the newer release has changed the
// database so that the older one does not run on it.
func (p *Platform) schemaAllows(ctx context.Context, s *ent.Service, e *ent.Environment, to *ent.Release) error {
	running, err := p.live(ctx, s.ID, e.ID)
	if err != nil || running == nil {
		return err
	}
	return schemaFits(running.Edges.Release, to, "promote a fix instead, or undo that migration by hand and roll back with --any-schema")
}

// schemaFits refuses an older release that does not run on what a newer one left
// of the database; remedy is what to do then.
func schemaFits(running, to *ent.Release, remedy string) error {
	if running.Migrations == nil || to.Migrations == nil {
		return nil
	}
	left := running.Migrations.Beyond(*to.Migrations)
	if class, worst := classOf(left); class == slipway.MigrationDestructive {
		return slipway.Errorf(slipway.Conflict, "release %d does not run on the schema that release %d left: %s %s; %s",
			to.Number, running.Number, worst.ID, worst.Reason, remedy)
	}
	return nil
}
