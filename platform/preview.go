package platform

import (
	"context"
	"io"
	"slices"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/report"
	"github.com/slipway-dev/slipway/store"
)

// outline describes the plan, and refuses what no waiting would make right.
func (p *Platform) outline(ctx context.Context, plan *Plan) error {
	facts, err := p.facts(ctx, plan)
	if err != nil {
		return err
	}
	plan.Outline = facts.Plan
	if ends, why := facts.Ends(); ends != "" {
		return slipway.Errorf(slipway.Conflict, "%s", why)
	}
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
	row := &ent.Promotion{RequestedBy: slipway.Actor(ctx), Commit: plan.Commit, CreatedAt: store.Now(), Rollback: plan.Rollback}
	row.Edges.Service, row.Edges.Environment = plan.Service, plan.Environment
	if row.Behind, err = identity.Makers(ctx, p.db); err != nil {
		return err
	}
	if asksForAuthors(facts, plan.Policy) {
		b := brought{config: plan.Config, overrides: &plan.Overrides}
		switch {
		case plan.Rollback:
			b.overrides = nil
		case plan.Release != nil:
			b.overrides = &plan.Release.Manifest.Overrides
		}
		if row.Authors, err = authors(ctx, p.db, p.commitLog, row, b); err != nil {
			return err
		}
		facts.AuthorsWhy = row.Authors.Why
	}
	who, err := approvers(ctx, p.db, row, plan.Policy)
	if err != nil {
		return err
	}
	facts.Approvers, facts.New = who.namesFor(plan.Policy), who.names
	facts.Seconded = seconded(plan.Rollback, roleOf(ctx, plan.Service.TeamID), plan.Policy)
	plan.Waits = facts.Gates()
	return nil
}

func (p *Platform) facts(ctx context.Context, plan *Plan) (slipway.GateFacts, error) {
	config := plan.Snapshot
	if config == "" {
		config = plan.Outline.Config // of a dry run, which has rendered it
	}
	facts, err := gateFacts(ctx, p.db, subject{
		service: plan.Service, environment: plan.Environment, release: plan.Release, commit: plan.Commit, config: config,
		rollback: plan.Rollback, steps: plan.Steps, policy: plan.Policy, automatic: plan.onward, namedOver: plan.namedOver,
	})
	if err == nil {
		facts.Unrecorded, err = unrecordedIn(store.AsSystem(ctx), p.db, p.Target, plan.Service.Name, plan.Environment.Name)
	}
	return facts, err
}

// rendered is the config that a release would get now.
func (p *Platform) rendered(ctx context.Context, s *ent.Service, e *ent.Environment, r *ent.Release) (slipway.Snapshot, error) {
	layers, err := catalog.Layers(ctx, p.db, s.ID, e, r.Manifest.Env)
	if err != nil {
		return slipway.Snapshot{}, err
	}
	values, _ := slipway.MergeConfig(layers)
	snapshot, err := p.Renderer.Render(ctx, slipway.RenderRequest{
		Artifact: slipway.Digest(r.Artifact), Service: s.Name, Environment: e.Name, Release: r.Number,
		Templates: r.Manifest.Templates, Values: values,
	}, io.Discard)
	return snapshot, report.Gone(err, r)
}

// Skip is a step to leave out, and why.
type Skip struct {
	Step   slipway.StepName // "" for none
	Reason string
}

// maySkip asks the policy.
func (p *Platform) maySkip(ctx context.Context, row *ent.Promotion, skip Skip) error {
	if skip.Step == "" {
		return nil
	}
	if len(skip.Reason) == 0 || len(skip.Reason) > 500 {
		return slipway.Errorf(slipway.Invalid, "say in at most 500 characters why %s is left out", store.Printable(string(skip.Step))).At("reason")
	}
	policy, err := catalog.PolicyOf(ctx, p.db, row.ServiceID, row.Edges.Environment)
	if err != nil {
		return err
	}
	unknown := row.State == promotion.StateErrored && row.EndedAtStep == string(slipway.StepMigrate)
	switch allowed := policy.Policy.MaySkip; {
	case skip.Step == slipway.StepMigrate && unknown:
		return nil // whether the release command has run only a person can tell
	case skip.Step == slipway.StepMigrate:
		return slipway.Errorf(slipway.Conflict, "the release command is left out only after a promotion that could not find out whether it has run").At("skip")
	case row.Rollback:
		return slipway.Errorf(slipway.Invalid, "a rollback has no step that could be left out").At("skip")
	case !slices.Contains(slipway.SkippableSteps, skip.Step):
		return slipway.Errorf(slipway.Invalid, "%s is never left out; test and rehearse may be, where the policy says so", store.Printable(string(skip.Step))).At("skip")
	case skip.Step == slipway.StepTest && policy.Policy.RequireTests:
		return slipway.Errorf(slipway.Conflict, "%s takes releases whose tests have passed only, so they can't be left out; mend them and promote that commit", row.Edges.Environment.Name).At("skip")
	case !slices.Contains(allowed, skip.Step):
		return slipway.Errorf(slipway.Conflict, "the policy of %s lets nobody leave out %s; an admin of the platform can change that: slipway policy set --env %s --may-skip %s",
			row.Edges.Environment.Name, skip.Step, row.Edges.Environment.Name, skip.Step)
	}
	return nil
}

// Retry promotes again what a promotion that ended badly has promoted: the same
// commit, and the same release if it was made, with the config of now. What was done
// isn't done again; what has to be built is built with the overrides of now, and so is
// a release that was only to come into the first environment and has others.
// It overtakes nothing: the release comes from the record, so where a newer one runs
// by now, it is a Conflict that says how to go back.
// A step that the environment's policy names may be left out, with a reason.
func (p *Platform) Retry(ctx context.Context, id string, skip Skip) (*ent.Promotion, error) {
	row, err := p.Promotion(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := p.May(ctx, slipway.PermitPromote, row.Edges.Service.TeamID, row.Edges.Service.Name, row.Edges.Environment.Name); err != nil {
		return nil, err
	}
	switch row.State {
	case promotion.StateFailed, promotion.StateErrored, promotion.StateCancelled, promotion.StateExpired, promotion.StateSuperseded, promotion.StateRejected:
	default:
		return nil, slipway.Errorf(slipway.Conflict, "promotion %s %s; only one that ended badly is tried again", id, standing(slipway.PromotionState(row.State)))
	}
	if err := p.maySkip(ctx, row, skip); err != nil {
		return nil, err
	}
	s, e := row.Edges.Service.Name, row.Edges.Environment.Name
	if row.Rollback {
		if err := p.sameGround(ctx, row); err != nil {
			return nil, err
		}
		in := RollbackInput{Service: s, Environment: e, Why: row.Why}
		if row.Edges.Release != nil {
			in.Release = row.Edges.Release.Number
		}
		if was, err := frozenInput(row); err == nil {
			in.snapshot, in.Today = string(was.Snapshot), was.Snapshot == ""
		}
		plan, err := p.planRollback(ctx, in, slipway.PermitRollback)
		if err != nil {
			return nil, err
		}
		plan.Retry = row.ID
		return p.start(ctx, plan)
	}
	in := PromoteInput{Service: s, Environment: e, Ref: row.Commit.ID, skip: skip.Step, recorded: true}
	if skip.Step != "" {
		in.skipWhy = "left out by " + slipway.Actor(ctx) + ": " + store.Clean(skip.Reason)
	}
	anew, err := p.builtAnew(ctx, row)
	if err != nil {
		return nil, err
	}
	if !anew {
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

// builtAnew tells whether trying a promotion again builds: where it has made no release,
// or one with other overrides than the service has now, in the first environment, and
// nothing newer runs there.
func (p *Platform) builtAnew(ctx context.Context, row *ent.Promotion) (bool, error) {
	r, s, e := row.Edges.Release, row.Edges.Service, row.Edges.Environment
	if r == nil || string(r.Manifest.Overrides) == s.Overrides {
		return r == nil, nil
	}
	path, err := catalog.PathOf(ctx, p.db, s)
	if err != nil || len(path) == 0 || path[0].ID != e.ID {
		return false, err
	}
	running, err := p.Live(ctx, s.ID, e.ID)
	return err == nil && (running == nil || running.Edges.Release.Number <= r.Number), err
}

// sameGround refuses to try a rollback again where a newer release runs than the
// one that it was to go back from.
func (p *Platform) sameGround(ctx context.Context, row *ent.Promotion) error {
	running, err := p.Live(ctx, row.ServiceID, row.EnvironmentID)
	if err != nil || running == nil || row.Plan == nil || running.Edges.Release.Number <= row.Plan.ReplacesNumber {
		return err
	}
	s, e := row.Edges.Service.Name, row.Edges.Environment.Name
	return slipway.Errorf(slipway.Conflict, "promotion %d was to go back from release %d, and release %d runs in %s now; to go back from that run: slipway rollback %s --env %s",
		row.ID, row.Plan.ReplacesNumber, running.Edges.Release.Number, e, s, e)
}

// standing says how a promotion stands, as a part of a sentence.
func standing(s slipway.PromotionState) string {
	switch s {
	case slipway.PromotionSucceeded, slipway.PromotionFailed, slipway.PromotionErrored, slipway.PromotionExpired:
		return "has " + string(s)
	case slipway.PromotionRejected, slipway.PromotionCancelled, slipway.PromotionSuperseded:
		return "was " + string(s)
	}
	return "is " + string(s)
}
