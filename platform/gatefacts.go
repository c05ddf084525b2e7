package platform

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/deployment"
	"github.com/slipway-dev/slipway/ent/environment"
	"github.com/slipway-dev/slipway/ent/freeze"
	"github.com/slipway-dev/slipway/ent/release"
	"github.com/slipway-dev/slipway/report"
	"github.com/slipway-dev/slipway/store"
)

// subject is what a plan is made of. The same code describes it for a dry run
// and for a promotion under way, so that what is approved is what happens.
type subject struct {
	service     *ent.Service
	environment *ent.Environment
	release     *ent.Release // nil: to be built
	commit      slipway.Commit
	config      slipway.Digest
	rollback    bool
	steps       []slipway.PlannedStep
	policy      slipway.Policy
	id          int // of the promotion; 0 for a dry run
	automatic   bool
	before      string   // the environment before when it was asked for; "" for that of now
	namedOver   int      // the newer release that ran there when somebody named this one; 0 for none
	bundle      []string // what takes over together
}

// describe makes the plan. path is the service's.
func (s subject) describe(running *ent.Deployment, path []*ent.Environment) slipway.PromotionPlan {
	plan := slipway.PromotionPlan{
		Service: s.service.Name, Environment: s.environment.Name, Commit: s.commit.ID, Config: s.config, Rollback: s.rollback, Policy: s.policy, Bundle: s.bundle,
	}
	if s.service.Edges.Team != nil {
		plan.Team = s.service.Edges.Team.Name
	}
	if !s.rollback {
		plan.Path = slipway.WayTo(catalog.NameList(path), s.environment.Name)
	}
	if r := s.release; r != nil {
		plan.Release, plan.Artifact = r.Number, slipway.Digest(r.Artifact)
		plan.Processes = r.Manifest.Processes
		if !s.rollback {
			plan.ReleaseCommand = r.Manifest.ReleaseCommand
			for _, m := range pending(r, running) {
				plan.Migrations = append(plan.Migrations, m.ID)
			}
		}
	}
	if running != nil && running.PromotionID != s.id {
		plan.Replaces, plan.ReplacesNumber = strconv.Itoa(running.PromotionID), running.Edges.Release.Number
		plan.ReplacesConfig = slipway.Digest(running.Snapshot)
	}
	for _, step := range s.steps {
		if step.State == slipway.StepPending {
			plan.Steps = append(plan.Steps, step.Name)
		}
	}
	return plan
}

// anew tells whether going back brings a config that the release hasn't run with
// in the environment. One that isn't known yet may be such a one.
func (s subject) anew(ctx context.Context, db *ent.Client) (bool, error) {
	if !s.rollback || s.release == nil {
		return false, nil
	}
	ran, err := db.Deployment.Query().Where(deployment.ReleaseID(s.release.ID), deployment.EnvironmentID(s.environment.ID), deployment.Snapshot(string(s.config)),
		deployment.Or(deployment.Verified(true), deployment.Live(true)), deployment.PromotionIDNEQ(s.id)).Exist(ctx)
	return !ran, err
}

// forward tells whether what is asked for as a rollback leads to a newer release than
// the one that runs: to one that was gone back from itself.
func forward(rollback bool, running, to *ent.Release) bool {
	return rollback && running != nil && to != nil && to.Number > running.Number
}

// gateFacts gathers what the gates look at, but for what people said.
func gateFacts(ctx context.Context, db *ent.Client, s subject) (slipway.GateFacts, error) {
	running, err := report.LiveIn(ctx, db, s.service.ID, s.environment.ID)
	if err != nil {
		return slipway.GateFacts{}, err
	}
	path, err := catalog.PathOf(ctx, db, s.service)
	if err != nil {
		return slipway.GateFacts{}, err
	}
	facts := slipway.GateFacts{Now: store.Now(), Asked: store.Now(), Plan: s.describe(running, path)}
	if facts.Anew, err = s.anew(ctx, db); err != nil {
		return facts, err
	}
	if running != nil && forward(s.rollback, running.Edges.Release, s.release) {
		facts.Anew = true
	}
	at := slices.IndexFunc(path, func(e *ent.Environment) bool { return e.ID == s.environment.ID })
	if at < 0 {
		facts.Off = catalog.Names(path)
	}
	below := path[:max(0, at)]
	if s.before != "" && (len(below) == 0 || below[len(below)-1].Name != s.before) {
		if err := s.then(ctx, db, &facts); err != nil {
			return facts, err
		}
	}
	if r := s.release; r != nil {
		facts.Locked, facts.ReleasedAt, facts.Tests = r.Lock != "", r.CreatedAt, r.Tests.Standing()
		if r.Tests != nil {
			facts.Passed = r.Tests.Passed
		}
	} else {
		facts.ReleasedAt = facts.Now
	}
	stands, err := standings(ctx, db, s.release, below, facts.Now)
	if err != nil {
		return facts, err
	}
	for _, st := range stands {
		facts.Previous, facts.Before = st.Environment, st // the last one
		if st.Taken != nil {
			facts.Taken = append(facts.Taken, *st.Taken)
		}
	}
	facts.NamedOver = s.namedOver
	if facts.Automatic = s.automatic; s.automatic {
		held, err := holdOn(ctx, db, s.service, s.environment)
		if err != nil {
			return facts, err
		}
		if held != nil {
			facts.Held = held.Reason
		}
	}
	facts.Freezes, err = frozen(ctx, db, s.service.TeamID, s.environment.ID, facts.Now)
	return facts, err
}

// then adds how the release stands in the environment that was the one before when
// it was asked for.
func (s subject) then(ctx context.Context, db *ent.Client, facts *slipway.GateFacts) error {
	e, err := db.Environment.Query().Where(environment.Name(s.before)).All(ctx)
	if err != nil || len(e) == 0 {
		return err
	}
	stands, err := standings(ctx, db, s.release, e, facts.Now)
	if err != nil {
		return err
	}
	facts.Then = stands[0]
	return nil
}

func releaseOf(ctx context.Context, db *ent.Client, service, number int) (*ent.Release, error) {
	if number == 0 {
		return nil, nil
	}
	r, err := db.Release.Query().Where(release.ServiceID(service), release.Number(number)).Only(ctx)
	return r, store.Missing(err, "there is no release %d", number)
}

// frozen lists the freezes in force for a team's services in an environment.
func frozen(ctx context.Context, db *ent.Client, team, environment int, now time.Time) ([]slipway.Frozen, error) {
	rows, err := db.Freeze.Query().Where(freeze.StartsAtLTE(now), freeze.EndsAtGT(now), freeze.TeamIDIn(0, team), freeze.EnvironmentIDIn(0, environment)).
		Order(freeze.ByID()).Limit(100).All(ctx)
	if err != nil {
		return nil, err
	}
	var out []slipway.Frozen
	for _, row := range rows {
		if until, ok := catalog.InForce(row, now); ok {
			out = append(out, slipway.Frozen{Reason: row.Reason, Until: until, By: row.PlacedBy})
		}
	}
	return out, nil
}
