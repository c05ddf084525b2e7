package platform

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/decision"
	"github.com/slipway-dev/slipway/ent/environment"
	"github.com/slipway-dev/slipway/ent/logchunk"
	"github.com/slipway-dev/slipway/ent/predicate"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/ent/service"
	"github.com/slipway-dev/slipway/ent/step"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/report"
	"github.com/slipway-dev/slipway/store"
	"github.com/slipway-dev/slipway/workflows"
)

// engineWait bounds how long a caller waits for the workflow engine.
const engineWait = 10 * time.Second

// Promote starts what Plan describes and returns at once; Watch follows it. A
// promotion that is under way for the same service and environment is a
// Conflict that names it. A workflow engine that doesn't answer is Unavailable,
// and nothing is recorded then.
func (p *Platform) Promote(ctx context.Context, in PromoteInput) (*ent.Promotion, error) {
	plan, err := p.plan(ctx, in, slipway.PermitPromote)
	if err != nil {
		return nil, err
	}
	return p.start(ctx, plan)
}

// Rollback deploys a release that was verified in the environment before, with
// the config it ran with then. It runs no release command: migrations stay.
func (p *Platform) Rollback(ctx context.Context, in RollbackInput) (*ent.Promotion, error) {
	plan, err := p.planRollback(ctx, in, slipway.PermitRollback)
	if err != nil {
		return nil, err
	}
	return p.start(ctx, plan)
}

// start records the promotion before its workflow starts: nothing happens that
// isn't recorded, and what a crash leaves between the two, Recover starts.
func (p *Platform) start(ctx context.Context, plan *Plan) (*ent.Promotion, error) {
	inputs, err := p.enterAll(ctx, []*Plan{plan})
	if err != nil {
		return nil, err
	}
	input := inputs[0]
	if err := p.handOver(ctx, input, plan.Policy); err != nil {
		if left := p.leave(context.WithoutCancel(ctx), int(input.Fence)); left != nil {
			p.Log.Error("a promotion that did not start could not be removed", "promotion", input.Promotion, "error", left)
		}
		p.notStarted(ctx, input, err)
		return nil, err
	}
	p.journal.Tell(ctx, promotionRequested, input.Service, input.Environment, int(input.Fence), requested(plan, input))
	return p.Promotion(ctx, input.Promotion)
}

// handOver hands a recorded promotion to the engine.
func (p *Platform) handOver(ctx context.Context, input workflows.Input, policy slipway.Policy) error {
	if input.Queued {
		return p.enqueue(ctx, input, policy)
	}
	return p.launch(ctx, input)
}

const promotionRequested = "promotion.requested"

// requested is what the record holds of a promotion that was asked for.
func requested(plan *Plan, input workflows.Input) map[string]string {
	facts := map[string]string{"commit": input.Commit.ID, "ref": input.Commit.Ref, "release": strconv.Itoa(input.Release), "rollback": strconv.FormatBool(plan.Rollback)}
	if input.Bundle != 0 {
		facts["bundle"] = strconv.Itoa(input.Bundle)
	}
	if plan.Why != "" {
		facts["reason"] = plan.Why
	}
	if plan.Skip != "" {
		facts["skipped"], facts["why"] = string(plan.Skip), store.Clean(plan.SkipWhy)
	}
	return facts
}

// notStarted puts on record that what was asked for did not come about.
func (p *Platform) notStarted(ctx context.Context, input workflows.Input, why error) {
	reason := "internal error"
	if slipway.CodeOf(why) != slipway.Internal {
		reason = why.Error()
	}
	p.audit.Record(ctx, audit.Refused, promotionRequested, input.Service, input.Environment, "promotion "+input.Promotion, reason, nil, nil)
}

func requester(ctx context.Context, plan *Plan) string {
	if plan.Requester != "" {
		return plan.Requester
	}
	return slipway.Actor(ctx)
}

// enterAll writes promotions, and who asked for them, in one transaction. Several belong to a bundle, which
// is known by its first one.
func (p *Platform) enterAll(ctx context.Context, plans []*Plan) (inputs []workflows.Input, err error) {
	err = p.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		inputs = nil
		bundle := 0
		for _, plan := range plans {
			input, err := enter(ctx, tx, plan, bundle, len(plans) > 1)
			if err != nil {
				return err
			}
			p.audit.Record(ctx, audit.Done, promotionRequested, input.Service, input.Environment, "promotion "+input.Promotion, "", nil, requested(plan, input))
			inputs, bundle = append(inputs, input), input.Bundle
		}
		return nil
	})
	return inputs, err
}

// enter writes a promotion, its steps, and the frozen input of its workflow.
func enter(ctx context.Context, tx *ent.Tx, plan *Plan, bundle int, bundled bool) (input workflows.Input, err error) {
	behind := plan.Behind
	if plan.Requester == "" {
		if behind, err = identity.Makers(ctx, tx.Client()); err != nil {
			return input, err
		}
	}
	create := tx.Promotion.Create().SetServiceID(plan.Service.ID).SetEnvironmentID(plan.Environment.ID).
		SetCommit(plan.Commit).SetRequestedBy(requester(ctx, plan)).SetRollback(plan.Rollback).
		SetPlan(&plan.Outline).SetCause(plan.Cause).SetWhy(plan.Why).SetRetryOf(plan.Retry).SetBehind(behind)
	if plan.Release != nil {
		create.SetReleaseID(plan.Release.ID)
	}
	row, err := create.Save(ctx)
	if ent.IsConstraintError(err) {
		return input, slipway.Errorf(slipway.Conflict, "%s or %s was removed in the meantime", plan.Service.Name, plan.Environment.Name)
	}
	if err != nil {
		return input, err
	}
	var steps []*ent.StepCreate
	for i, s := range plan.Steps {
		steps = append(steps, tx.Step.Create().SetPromotionID(row.ID).SetName(step.Name(s.Name)).
			SetPosition(i).SetState(step.State(s.State)).SetReason(s.Reason))
	}
	if err := tx.Step.CreateBulk(steps...).Exec(ctx); err != nil {
		return input, err
	}
	if bundled && bundle == 0 {
		bundle = row.ID
	}
	input = plan.input(row.ID)
	input.Bundle, input.Role = bundle, roleOf(ctx, plan.Service.TeamID)
	text, err := json.Marshal(input)
	if err != nil {
		return input, err
	}
	return input, tx.Promotion.Update().Where(promotion.ID(row.ID)).SetInput(text).SetBundle(bundle).Exec(ctx)
}

// leave takes back what enter wrote.
func (p *Platform) leave(ctx context.Context, id int) error {
	return store.InTx(ctx, p.db, func(tx *ent.Tx) error {
		if _, err := tx.Step.Delete().Where(step.PromotionID(id)).Exec(ctx); err != nil {
			return err
		}
		return tx.Promotion.DeleteOneID(id).Exec(ctx)
	})
}

// lingering bounds how long a caller waits for the workflow of a promotion that is
// over: a moment, but for one whose worker died right then.
const lingering = 2 * time.Second

// launch starts the workflow. The workflow of the promotion before ends a moment
// after that promotion is recorded as over; such a moment is waited for, and
// after a longer one the promotion stands behind it.
func (p *Platform) launch(ctx context.Context, input workflows.Input) error {
	// A caller that goes away in between must not leave it open whether it started.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), engineWait)
	defer cancel()
	for {
		err := workflows.Start(ctx, p.Temporal, input)
		if slipway.CodeOf(err) != slipway.Conflict {
			return err
		}
		running, ok, asked := workflows.Running(ctx, p.Temporal, input.Service, input.Environment)
		if asked != nil {
			return asked
		}
		if !ok {
			continue
		}
		over, asked := p.over(ctx, running)
		if asked != nil {
			return asked
		}
		if !over {
			return err
		}
		moment, passed := context.WithTimeout(ctx, lingering)
		// Its own error is of no interest here, only that it has ended.
		_ = p.Temporal.GetWorkflow(moment, workflows.WorkflowID(input.Service, input.Environment), "").Get(moment, nil)
		lingers := moment.Err() != nil
		passed()
		if lingers {
			return p.stand(ctx, input)
		}
	}
}

// stand lets a promotion wait for its turn, whatever the policy says of those
// that are under way: what it waits for is over.
func (p *Platform) stand(ctx context.Context, input workflows.Input) error {
	input.Queued = true
	text, err := json.Marshal(input)
	if err != nil {
		return err
	}
	if err := p.db.Promotion.Update().Where(promotion.ID(int(input.Fence))).SetInput(text).Exec(store.AsSystem(ctx)); err != nil {
		return err
	}
	return workflows.Enqueue(ctx, p.Temporal, input)
}

func (p *Platform) over(ctx context.Context, id string) (bool, error) {
	n, err := report.Number(id)
	if err != nil {
		return false, nil // a workflow of someone else's under our id: it is in the way
	}
	return p.db.Promotion.Query().Where(promotion.ID(n), promotion.StateNotIn(catalog.UnderWay...)).Exist(ctx)
}

// Promotion finds a promotion by its id, with its service, environment, release
// and steps in order.
func (p *Platform) Promotion(ctx context.Context, id string) (*ent.Promotion, error) {
	n, err := report.Number(id)
	if err != nil {
		return nil, err
	}
	row, err := withAll(p.db.Promotion.Query()).Where(promotion.ID(n)).Only(ctx)
	if err == nil {
		err = p.May(ctx, slipway.PermitServiceRead, row.Edges.Service.TeamID, row.Edges.Service.Name, row.Edges.Environment.Name)
	}
	if err == identity.ErrHidden || ent.IsNotFound(err) { //nolint:errorlint // ErrHidden is never wrapped
		return nil, slipway.Errorf(slipway.NotFound, "there is no promotion %s; `slipway promotion ls` lists them", id)
	}
	if err == nil && row.Authors != nil && !slipway.PromotionState(row.State).Over() {
		err = whoIs(ctx, p.db, row.Authors) // of today; somebody may have come since its gates were looked at
	}
	if err != nil {
		return nil, err
	}
	return row, nil
}

func withAll(q *ent.PromotionQuery) *ent.PromotionQuery {
	return q.WithService().WithEnvironment().WithRelease().WithDecisions(func(q *ent.DecisionQuery) { q.Order(decision.ByID()) }).
		WithSteps(func(q *ent.StepQuery) { q.Order(step.ByPosition()) })
}

// PromotionsQuery selects promotions; they are listed newest first.
type PromotionsQuery struct {
	Service, Environment string // "" for all
	State                slipway.PromotionState
	store.Page
}

// Promotions lists promotions, newest first, as far as lists show them.
func (p *Platform) Promotions(ctx context.Context, q PromotionsQuery) (store.List[*ent.Promotion], error) {
	limit, after, err := q.Numbered()
	if err != nil {
		return store.List[*ent.Promotion]{}, err
	}
	if _, err := p.SignedIn(ctx, slipway.PermitSignedIn); err != nil {
		return store.List[*ent.Promotion]{}, err
	}
	var where []predicate.Promotion
	if seen := identity.Visible(ctx); seen != nil {
		where = append(where, promotion.HasServiceWith(seen...))
	}
	if q.Service != "" {
		s, err := p.Service(ctx, q.Service)
		if err != nil {
			return store.List[*ent.Promotion]{}, err
		}
		where = append(where, promotion.HasServiceWith(service.ID(s.ID)))
	}
	if q.Environment != "" {
		e, err := p.Environment(ctx, q.Environment)
		if err != nil {
			return store.List[*ent.Promotion]{}, err
		}
		where = append(where, promotion.HasEnvironmentWith(environment.ID(e.ID)))
	}
	if q.State != "" {
		if err := promotion.StateValidator(promotion.State(q.State)); err != nil {
			return store.List[*ent.Promotion]{}, slipway.Errorf(slipway.Invalid, "%q is not a state of a promotion", store.Printable(string(q.State))).At("state")
		}
		where = append(where, promotion.StateEQ(promotion.State(q.State)))
	}
	if after > 0 {
		where = append(where, promotion.IDLT(after))
	}
	rows, err := report.Listed(ctx, p.db.Promotion.Query().Where(where...).Order(ent.Desc(promotion.FieldID)).Limit(limit+1))
	if err != nil {
		return store.List[*ent.Promotion]{}, err
	}
	return store.Cut(rows, limit, func(r *ent.Promotion) string { return strconv.Itoa(r.ID) }), nil
}

// StepLog reads a step's output, oldest first. At the end of what there is now
// Next is ""; Watch waits for more.
func (p *Platform) StepLog(ctx context.Context, id string, name slipway.StepName, page store.Page) (store.List[*ent.LogChunk], error) {
	limit, after, err := page.Numbered()
	if err != nil {
		return store.List[*ent.LogChunk]{}, err
	}
	row, err := p.Promotion(ctx, id)
	if err != nil {
		return store.List[*ent.LogChunk]{}, err
	}
	known := false
	for _, s := range row.Edges.Steps {
		known = known || s.Name == step.Name(name)
	}
	if !known {
		return store.List[*ent.LogChunk]{}, slipway.Errorf(slipway.NotFound, "promotion %s has no step %s", id, store.Printable(string(name)))
	}
	rows, err := p.db.LogChunk.Query().Where(logchunk.PromotionID(row.ID), logchunk.Step(string(name)), logchunk.IDGT(after)).
		Order(logchunk.ByID()).Limit(limit + 1).All(ctx)
	if err != nil {
		return store.List[*ent.LogChunk]{}, err
	}
	return store.Cut(rows, limit, func(c *ent.LogChunk) string { return strconv.Itoa(c.ID) }), nil
}

// Cancel asks a promotion to stop and returns it; its state says when it has.
// It is a Conflict when it is over or stopping already.
func (p *Platform) Cancel(ctx context.Context, id string) (*ent.Promotion, error) {
	row, err := p.Promotion(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := p.May(ctx, slipway.PermitCancel, row.Edges.Service.TeamID, row.Edges.Service.Name, row.Edges.Environment.Name); err != nil {
		return nil, err
	}
	if slipway.PromotionState(row.State).Over() {
		return nil, slipway.Errorf(slipway.Conflict, "promotion %s is over: it has %s", id, row.State)
	}
	ctx, cancel := context.WithTimeout(ctx, engineWait)
	defer cancel()
	const action = "promotion.cancel_requested"
	if err := p.begun(ctx, action, row, nil); err != nil {
		return nil, err
	}
	word, err := p.word(ctx, id, workflows.WordCancel, slipway.Actor(ctx))
	if err != nil {
		return nil, err
	}
	if err := workflows.Cancel(ctx, p.Temporal, row.Edges.Service.Name, row.Edges.Environment.Name, word); err != nil {
		if slipway.CodeOf(err) != slipway.Conflict {
			return nil, err
		}
		if begun, asked := p.underWay(ctx, row); asked != nil || begun {
			if asked != nil {
				return nil, asked
			}
			return nil, err
		}
		// A crash left it recorded and not started: this is its end.
		if err := p.close(ctx, id, slipway.PromotionCancelled, "cancelled before it began"); err != nil {
			return nil, err
		}
	}
	p.journal.Happened(ctx, action, row.Edges.Service.Name, row.Edges.Environment.Name, row.ID, nil)
	return p.Promotion(ctx, id)
}
