package platform

import (
	"context"
	"slices"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/deployment"
	"github.com/slipway-dev/slipway/store"
)

// RollbackInput asks to go back.
type RollbackInput struct {
	Service     string
	Environment string
	Release     int       // 0: that of the last good deployment before what is live now
	Deployment  int       // the promotion whose deployment to go back to; 0 for none
	At          time.Time // to what had the traffic then; zero for none
	// AnySchema goes back although the older release does not run on the schema
	// that the newer one left: somebody has seen to that.
	AnySchema bool
	// Why is said wherever the release that was gone back from would go on.
	Why string
	// Today goes back with the config of today instead of the one that the release
	// ran with. It is rehearsed, as nobody has seen the two together.
	Today bool

	snapshot string // the config that it is to have had, of a rollback that is tried again
}

// Validate names the field at fault.
func (in RollbackInput) Validate() error {
	named := 0
	for _, is := range []bool{in.Release != 0, in.Deployment != 0, !in.At.IsZero()} {
		if is {
			named++
		}
	}
	switch {
	case in.Release < 0:
		return slipway.Errorf(slipway.Invalid, "release %d is not a release; they count from 1", in.Release).At("release")
	case in.Deployment < 0:
		return slipway.Errorf(slipway.Invalid, "deployment %d is not a deployment; it has the number of its promotion", in.Deployment).At("deployment")
	case named > 1:
		return slipway.Errorf(slipway.Invalid, "say where to go back to by a release, a deployment or a time, not by several of them").At("release")
	case len(in.Why) > 500:
		return slipway.Errorf(slipway.Invalid, "say why in at most 500 characters").At("reason")
	}
	return nil
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
	if err := in.Validate(); err != nil {
		return nil, err
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
	if err := p.May(ctx, permission, s.TeamID, s.Name, e.Name); err != nil {
		return nil, err
	}
	d, err := p.goodDeployment(ctx, s, e, in)
	if err != nil {
		return nil, err
	}
	if !in.AnySchema {
		if err := p.schemaAllows(ctx, s, e, d.Edges.Release); err != nil {
			return nil, err
		}
	}
	policy, err := catalog.PolicyOf(ctx, p.db, s.ID, e)
	if err != nil {
		return nil, err
	}
	plan := &Plan{Service: s, Environment: e, Policy: policy.Policy, Rollback: true, Release: d.Edges.Release, Snapshot: slipway.Digest(d.Snapshot), Today: in.Today, Why: store.Clean(in.Why), Back: d.PromotionID}
	if in.Today {
		plan.Snapshot = ""
	}
	return plan, p.finishPlan(ctx, plan)
}

// goodDeployment finds the deployment to go back to, with its release.
func (p *Platform) goodDeployment(ctx context.Context, s *ent.Service, e *ent.Environment, in RollbackInput) (*ent.Deployment, error) {
	lines, err := linesOf(ctx, p.db, s.ID, nil, e.ID)
	if err != nil {
		return nil, err
	}
	line := lines[e.ID]
	to, ok := in.choose(line)
	live := slices.IndexFunc(line.Stays, func(s slipway.Stay) bool { return s.Live })
	switch {
	case ok && live >= 0 && to.Same(line.Stays[live]) && (in.Deployment != 0 || !in.At.IsZero()):
		return nil, slipway.Errorf(slipway.Conflict, "that is what runs in %s already: release %d with the same config", e.Name, to.Release)
	case ok:
		return p.db.Deployment.Query().Where(deployment.PromotionID(to.Promotion)).WithRelease().Only(ctx)
	case in.Deployment != 0:
		return nil, slipway.Errorf(slipway.NotFound, "promotion %d has no deployment of %s in %s that was verified; list them with: slipway promotion ls --service %s --env %s --state succeeded",
			in.Deployment, s.Name, e.Name, s.Name, e.Name)
	case !in.At.IsZero():
		return nil, slipway.Errorf(slipway.Conflict, "nothing of %s that was verified had the traffic in %s at %s", s.Name, e.Name, in.At.UTC().Format("2006-01-02 15:04:05 UTC"))
	case in.Release == 0:
		return nil, slipway.Errorf(slipway.Conflict, "no earlier deployment of %s was verified in %s, so there is nothing to go back to", s.Name, e.Name)
	case live >= 0 && line.Stays[live].Release == in.Release:
		return nil, slipway.Errorf(slipway.Conflict, "release %d of %s is live in %s already", in.Release, s.Name, e.Name)
	}
	if _, err := p.Release(ctx, s.Name, in.Release); err != nil {
		return nil, err
	}
	return nil, slipway.Errorf(slipway.Conflict, "release %d of %s was never verified in %s, so there is no way back to it; promote it instead: slipway promote %s --to %s --release %d",
		in.Release, s.Name, e.Name, s.Name, e.Name, in.Release)
}

// RollbackTargets are the deployments of a service in an environment that going back
// can lead to, the last one first, and the number of the release that runs, 0 for none.
func (p *Platform) RollbackTargets(ctx context.Context, serviceName, environmentName string) (targets []slipway.Stay, running int, err error) {
	line, err := p.lineIn(ctx, serviceName, environmentName)
	if err != nil {
		return nil, 0, err
	}
	for _, s := range line.Stays {
		if s.Live {
			running = s.Release
		}
	}
	return line.Targets(), running, nil
}

// ahead is the newer release that was gone back from there, 0 for none.
func (p *Platform) ahead(ctx context.Context, serviceName, environmentName string) (int, error) {
	line, err := p.lineIn(ctx, serviceName, environmentName)
	s, _ := line.Ahead()
	return s.Release, err
}

// lineIn is what became of a service's deployments in an environment, for who may see it.
func (p *Platform) lineIn(ctx context.Context, serviceName, environmentName string) (slipway.Line, error) {
	s, err := p.Service(ctx, serviceName)
	if err != nil {
		return slipway.Line{}, err
	}
	e, err := p.Environment(ctx, environmentName)
	if err != nil {
		return slipway.Line{}, err
	}
	lines, err := linesOf(ctx, p.db, s.ID, nil, e.ID)
	return lines[e.ID], err
}

// choose finds where to go back to in a line.
func (in RollbackInput) choose(line slipway.Line) (slipway.Stay, bool) {
	for _, s := range slices.Backward(line.Stays) {
		switch {
		case in.Deployment != 0 && s.Promotion == in.Deployment && s.Verified:
			return s, true
		case in.snapshot != "" && s.Release == in.Release && string(s.Config) == in.snapshot && s.Verified && !s.Live:
			return s, true
		}
	}
	switch {
	case in.Deployment != 0:
		return slipway.Stay{}, false
	case !in.At.IsZero():
		return line.At(in.At)
	case in.Release != 0:
		return line.Of(in.Release)
	}
	return line.Back()
}

// schemaAllows refuses to go back where the newer release has changed the
// database so that the older one does not run on it.
func (p *Platform) schemaAllows(ctx context.Context, s *ent.Service, e *ent.Environment, to *ent.Release) error {
	running, err := p.Live(ctx, s.ID, e.ID)
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
