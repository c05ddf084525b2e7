package platform

import (
	"context"
	"strconv"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/deployment"
	"github.com/slipway-dev/slipway/ent/predicate"
	"github.com/slipway-dev/slipway/ent/release"
	"github.com/slipway-dev/slipway/report"
	"github.com/slipway-dev/slipway/workflows"
)

// PromoteInput asks to move a release into an environment. Without Ref and
// Release it is the head of the service's branch for the first environment,
// and for a later one the release that is live in the environment before.
type PromoteInput struct {
	Service     string
	Environment string // "" is the first
	Ref         string // a branch, a tag or a commit; excludes Release
	Release     int    // a release that exists; excludes Ref

	skip     slipway.StepName // left out; Retry has asked the policy
	skipWhy  string
	onward   bool // asked for by no person: never a release older than what runs, or one that was taken back on the way
	recorded bool // the release comes from a record, and nobody names it now
}

// Validate names the field at fault.
func (in PromoteInput) Validate() error {
	switch {
	case in.Service == "":
		return slipway.Errorf(slipway.Invalid, "service is missing").At("service")
	case in.Ref != "" && in.Release != 0:
		return slipway.Errorf(slipway.Invalid, "give a ref or a release, not both").At("release")
	case in.Release < 0:
		return slipway.Errorf(slipway.Invalid, "release %d is not a release; they count from 1", in.Release).At("release")
	case in.Ref != "":
		return slipway.CheckRef("ref", in.Ref)
	}
	return nil
}

// Plan is what a promotion will do.
type Plan struct {
	Service     *ent.Service
	Environment *ent.Environment
	Commit      slipway.Commit
	Release     *ent.Release   // nil: to be built
	Running     *ent.Release   // what has the traffic there now; nil: nothing
	Rollback    bool           // Forward tells one that leads to a newer release
	Snapshot    slipway.Digest // the config of a rollback
	Steps       []slipway.PlannedStep
	Policy      slipway.Policy        // in force
	Outline     slipway.PromotionPlan // what an approval would be given to, as far as it is known
	Waits       []slipway.Wait        // the gates that are closed now
	Config      *slipway.Snapshot     // that would run; nil until the release is built
	Requester   string                // "" for the viewer
	Behind      []string              // who made what Requester asked with
	Cause       string                // what asked for it when no person did
	Retry       int                   // the promotion that is tried again
	Today       bool                  // a rollback with the config of today
	Why         string                // of a rollback
	Skip        slipway.StepName      // left out
	SkipWhy     string                // who wants that, and why
	Overrides   slipway.Overrides     // of a release that is to be built
	Back        int                   // of a rollback: the promotion whose deployment it goes back to
	onward      bool                  // asked for by no person
	named       bool                  // somebody wants this very release, also one that is older than what runs
	namedOver   int                   // which newer release runs where it goes; 0 for none
}

// Plan works out what Promote would do, and does nothing. It fails as Promote would.
func (p *Platform) Plan(ctx context.Context, in PromoteInput) (*Plan, error) {
	plan, err := p.plan(ctx, in, slipway.PermitServiceRead)
	if err != nil {
		return nil, err
	}
	return plan, p.preview(ctx, plan)
}

func (p *Platform) plan(ctx context.Context, in PromoteInput, permission slipway.Permission) (*Plan, error) {
	if err := in.Validate(); err != nil {
		return nil, err
	}
	s, err := p.Service(ctx, in.Service)
	if err != nil {
		return nil, err
	}
	e, previous, err := p.OnPath(ctx, s, in.Environment)
	if err != nil {
		return nil, err
	}
	if err := p.May(ctx, permission, s.TeamID, s.Name, e.Name); err != nil {
		return nil, err
	}
	policy, err := catalog.PolicyOf(ctx, p.db, s.ID, e)
	if err != nil {
		return nil, err
	}
	plan := &Plan{Service: s, Environment: e, Policy: policy.Policy, Skip: in.skip, SkipWhy: in.skipWhy, onward: in.onward, named: in.Release != 0 && !in.onward && !in.recorded, Overrides: slipway.Overrides(s.Overrides)}
	if policy.Policy.SkipsAllowed && (in.Release != 0 || in.Ref != "") {
		previous = nil
	}
	switch {
	case in.Release != 0:
		err = p.planRelease(ctx, plan, in.Release, previous)
	case in.Ref == "" && previous != nil:
		err = p.planNext(ctx, plan, previous)
	default:
		err = p.planCommit(ctx, plan, in.Ref, previous)
	}
	if err != nil {
		return nil, err
	}
	return plan, p.finishPlan(ctx, plan)
}

// planRelease takes a release by its number.
func (p *Platform) planRelease(ctx context.Context, plan *Plan, number int, previous *ent.Environment) (err error) {
	if plan.Release, err = p.Release(ctx, plan.Service.Name, number); err != nil || previous == nil {
		return err
	}
	ok, err := p.verifiedIn(ctx, plan.Release.ID, previous)
	if err == nil && !ok {
		return slipway.Errorf(slipway.Conflict, "release %d has not been verified in %s; run: slipway promote %s --to %s --release %d",
			number, previous.Name, plan.Service.Name, previous.Name, number)
	}
	return err
}

// planNext takes the release that is live in the environment before.
func (p *Platform) planNext(ctx context.Context, plan *Plan, previous *ent.Environment) error {
	d, err := p.Live(ctx, plan.Service.ID, previous.ID)
	if err != nil {
		return err
	}
	if d == nil {
		return slipway.Errorf(slipway.Conflict, "no release of %s is live in %s, so there is none to take on to %s; run: slipway promote %s --to %s",
			plan.Service.Name, previous.Name, plan.Environment.Name, plan.Service.Name, previous.Name)
	}
	plan.Release = d.Edges.Release
	if !d.Verified {
		return slipway.Errorf(slipway.Conflict, "release %d is live in %s but not verified there yet; wait for the end of that promotion: slipway promotion ls --service %s",
			plan.Release.Number, previous.Name, plan.Service.Name)
	}
	return nil
}

// planCommit takes a commit. One that was built before is not built again, unless
// with other overrides.
func (p *Platform) planCommit(ctx context.Context, plan *Plan, ref string, previous *ent.Environment) error {
	commit, err := p.Source.Resolve(ctx, catalog.RepositoryOf(plan.Service), ref)
	if err != nil {
		return err
	}
	plan.Commit = commit
	where := []predicate.Release{release.ServiceID(plan.Service.ID), release.Commit(commit.ID)}
	if previous != nil {
		where = append(where, release.HasDeploymentsWith(deployment.EnvironmentID(previous.ID), deployment.Verified(true)))
	}
	candidates, err := p.db.Release.Query().Where(where...).Order(ent.Desc(release.FieldNumber)).All(ctx)
	if err != nil {
		return err
	}
	others := 0
	for _, r := range candidates {
		if r.Manifest.Overrides != plan.Overrides {
			others = max(others, r.Number)
			continue
		}
		if outdated, err := p.outdated(ctx, r); err != nil {
			return err
		} else if outdated {
			continue
		}
		switch _, err := p.Builder.Open(ctx, slipway.Digest(r.Artifact)); slipway.CodeOf(err) {
		case "":
			plan.Release = r
			return nil
		case slipway.NotFound: // removed since; it can be built again
		default:
			return err
		}
	}
	if previous != nil && others > 0 {
		return slipway.Errorf(slipway.Conflict, "release %d of commit %s was built with other overrides than %s has now; run: slipway promote %s --to %s --release %d, or build it anew with: slipway promote %s --to %s --ref %s",
			others, report.Short(commit.ID), plan.Service.Name, plan.Service.Name, plan.Environment.Name, others, plan.Service.Name, previous.Name, report.Short(commit.ID))
	}
	if previous != nil {
		return slipway.Errorf(slipway.Conflict, "commit %s has no release that was verified in %s; run: slipway promote %s --to %s --ref %s",
			report.Short(commit.ID), previous.Name, plan.Service.Name, previous.Name, report.Short(commit.ID))
	}
	return nil
}

// outdated says that a release has been verified nowhere, and that another version of
// Slipway made it last: this one may understand the same commit better. What has served is
// never made anew.
func (p *Platform) outdated(ctx context.Context, r *ent.Release) (bool, error) {
	if p.Version == "" || r.BuiltBy == p.Version {
		return false, nil
	}
	served, err := p.db.Deployment.Query().Where(deployment.ReleaseID(r.ID), deployment.Verified(true)).Exist(ctx)
	return !served, err
}

func (p *Platform) verifiedIn(ctx context.Context, release int, e *ent.Environment) (bool, error) {
	return p.db.Deployment.Query().Where(deployment.ReleaseID(release), deployment.EnvironmentID(e.ID), deployment.Verified(true)).Exist(ctx)
}

// Forward tells whether a rollback leads to a newer release than the one that runs.
func (p *Plan) Forward() bool { return forward(p.Rollback, p.Running, p.Release) }

// finishPlan adds what follows from the choice of a release.
func (p *Platform) finishPlan(ctx context.Context, plan *Plan) error {
	d, err := p.Live(ctx, plan.Service.ID, plan.Environment.ID)
	if err != nil {
		return err
	}
	if d != nil {
		plan.Running = d.Edges.Release
	}
	if r := plan.Release; r != nil && d != nil && !plan.Rollback && r.Number < d.Edges.Release.Number {
		if err := p.older(ctx, plan, d.Edges.Release); err != nil {
			return err
		}
	}
	request := slipway.PlanRequest{Rollback: plan.Rollback, Today: plan.Today, Secrets: plan.Policy.Rehearse == slipway.RehearseSecrets, Skip: plan.Skip, Why: plan.SkipWhy}
	if r := plan.Release; r != nil {
		if _, err := p.Builder.Open(ctx, slipway.Digest(r.Artifact)); err != nil {
			if slipway.CodeOf(err) != slipway.NotFound {
				return err
			}
			return slipway.Errorf(slipway.Conflict, "the artifact of release %d is gone; build its commit again with: slipway promote %s --ref %s",
				r.Number, plan.Service.Name, report.Short(r.Commit))
		}
		ref := plan.Commit.Ref
		plan.Commit = slipway.Commit{ID: r.Commit, Ref: r.Ref, Author: r.Author, Subject: r.Subject, Time: r.CommittedAt}
		if ref != "" {
			plan.Commit.Ref = ref
		}
		request.Release, request.Built, request.Tests = r.Number, true, r.Tests.Standing()
	}
	plan.Steps = slipway.PlanSteps(request)
	return p.outline(ctx, plan)
}

// older decides whether a release may go to where a newer one runs. One that ran
// there before is gone back to. One that never did has no config there to go back
// to: it is promoted, if somebody names it and the database allows.
func (p *Platform) older(ctx context.Context, plan *Plan, running *ent.Release) error {
	r, service, environment := plan.Release, plan.Service, plan.Environment
	ran, err := p.verifiedIn(ctx, r.ID, environment)
	switch {
	case err != nil:
		return err
	case ran:
		return slipway.Errorf(slipway.Conflict, "release %d is older than release %d, which runs in %s; to go back run: slipway rollback %s --env %s --to %d",
			r.Number, running.Number, environment.Name, service.Name, environment.Name, r.Number)
	case !plan.named:
		return slipway.Errorf(slipway.Conflict, "release %d is older than release %d, which runs in %s; if it is to run there all the same: slipway promote %s --to %s --release %d",
			r.Number, running.Number, environment.Name, service.Name, environment.Name, r.Number)
	}
	plan.namedOver = running.Number
	return schemaFits(running, r, "promote a fix instead")
}

// input freezes the plan for the workflow.
func (plan *Plan) input(id int) workflows.Input {
	in := workflows.Input{
		Promotion: strconv.Itoa(id), Fence: int64(id), Service: plan.Service.Name, Environment: plan.Environment.Name,
		Repository: catalog.RepositoryOf(plan.Service), Commit: plan.Commit, Snapshot: plan.Snapshot, Steps: plan.Steps,
		Queued: plan.Policy.Concurrency != slipway.ConcurrencyRefuse, Advance: true, Team: plan.Service.TeamID, Secrets: plan.Policy.Rehearse == slipway.RehearseSecrets,
		NamedOver: &plan.namedOver,
	}
	if way := plan.Outline.Path; len(way) > 1 {
		in.Before = way[len(way)-2]
	}
	if plan.Release == nil {
		in.Overrides = plan.Overrides
	} else {
		in.Release, in.Artifact = plan.Release.Number, slipway.Digest(plan.Release.Artifact)
	}
	return in
}
