package platform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/environment"
	"github.com/slipway-dev/slipway/ent/predicate"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/ent/service"
	"github.com/slipway-dev/slipway/report"
	"github.com/slipway-dev/slipway/store"
	"github.com/slipway-dev/slipway/workflows"
)

var _ workflows.Queued = (*Platform)(nil)

// enqueue lets a promotion begin now or after those before it. Where the policy
// says so, those that haven't begun make way for it.
func (p *Platform) enqueue(ctx context.Context, input workflows.Input, policy slipway.Policy) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), engineWait)
	defer cancel()
	if err := workflows.Enqueue(ctx, p.Temporal, input); err != nil {
		return err
	}
	if policy.Concurrency != slipway.ConcurrencySupersede {
		return nil
	}
	id := int(input.Fence)
	rows, err := p.db.Promotion.Query().Where(promotion.HasServiceWith(service.Name(input.Service)), promotion.HasEnvironmentWith(environment.Name(input.Environment)),
		promotion.IDLT(id), promotion.StateIn(promotion.StateQueued, promotion.StateWaiting), promotion.Rollback(false)).All(store.AsSystem(ctx))
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := p.supersede(store.AsSystem(ctx), row, input); err != nil {
			return err
		}
	}
	return nil
}

// supersede ends a promotion that makes way for another one. One that has begun
// meanwhile goes on.
func (p *Platform) supersede(ctx context.Context, row *ent.Promotion, by workflows.Input) error {
	id := strconv.Itoa(row.ID)
	if err := p.db.Promotion.Update().Where(promotion.ID(row.ID)).SetSupersededBy(int(by.Fence)).Exec(ctx); err != nil {
		return err
	}
	word, err := p.word(ctx, id, workflows.WordSupersede, by.Promotion)
	if err == nil {
		err = workflows.Supersede(ctx, p.Temporal, by.Service, by.Environment, by.Promotion, word)
	}
	if slipway.CodeOf(err) != slipway.Conflict {
		return err
	}
	if row.State != promotion.StateQueued {
		return nil
	}
	running, ok, err := workflows.Running(ctx, p.Temporal, by.Service, by.Environment)
	if err != nil || ok && running == id {
		return err
	}
	return p.close(ctx, id, slipway.PromotionSuperseded, "superseded by promotion "+by.Promotion)
}

// Next returns the promotion that has waited longest for its turn. One that is
// not to be waited for (another answer is on its way to who asked) is left out.
func (p *Platform) Next(ctx context.Context, serviceName, environmentName string) (*workflows.Input, error) {
	ctx = store.AsSystem(ctx)
	rows, err := p.db.Promotion.Query().Where(promotion.HasServiceWith(service.Name(serviceName)), promotion.HasEnvironmentWith(environment.Name(environmentName)),
		promotion.StateEQ(promotion.StateQueued)).Order(promotion.ByID()).All(ctx)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		var input workflows.Input
		if err := json.Unmarshal(row.Input, &input); err == nil && input.Queued && input.Promotion == strconv.Itoa(row.ID) {
			return &input, nil
		}
	}
	return nil, nil
}

// Advance starts promotions of a release that has succeeded in one environment
// into the next one on its path, where that takes it by itself. After a rollback
// nothing gets there by itself until somebody says so.
func (p *Platform) Advance(ctx context.Context, done workflows.Input) error {
	ctx = store.AsSystem(ctx)
	id, err := report.Number(done.Promotion)
	if err != nil {
		return err
	}
	row, err := p.db.Promotion.Query().Where(promotion.ID(id)).WithService().WithEnvironment().WithRelease().Only(ctx)
	if err != nil {
		return store.Missing(err, "there is no promotion %s", done.Promotion)
	}
	// What is recorded counts, not what the engine says.
	if row.State != promotion.StateSucceeded || row.Edges.Release == nil {
		return nil
	}
	why := wentBack(row)
	if why != "" {
		err = p.placeHold(ctx, row.Edges.Service, row.Edges.Environment, row.ID, why, row.RequestedBy)
	}
	p.look(ctx, row.ServiceID, 0) // what is proven has changed
	if err != nil || why != "" {
		return err
	}
	path, err := catalog.PathOf(ctx, p.db, row.Edges.Service)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(path, func(e *ent.Environment) bool { return e.ID == row.EnvironmentID })
	if i < 0 || i+1 == len(path) {
		return nil
	}
	next := path[i+1]
	policy, err := catalog.PolicyOf(ctx, p.db, row.ServiceID, next)
	if err != nil || policy.Policy.Advance != slipway.AdvanceAfter {
		return err
	}
	return p.follow(ctx, row, next, row.Edges.Release.Number)
}

// wentBack says how a promotion that has succeeded took a newer release back, "" for
// one that didn't.
func wentBack(row *ent.Promotion) string {
	var how string
	switch {
	case row.Rollback:
		how = "rolled back by " + row.RequestedBy
	case row.Plan != nil && row.Plan.ReplacesNumber > row.Edges.Release.Number:
		how = fmt.Sprintf("release %d put in the place of %d by %s", row.Edges.Release.Number, row.Plan.ReplacesNumber, row.RequestedBy)
	default:
		return ""
	}
	how += " in promotion " + strconv.Itoa(row.ID)
	if row.Why != "" {
		how += ": " + row.Why
	}
	return how
}

// follow starts an automatic promotion, in the name of who asked for the one
// that it follows, unless something holds it or it was started before.
func (p *Platform) follow(ctx context.Context, row *ent.Promotion, next *ent.Environment, release int) error {
	cause := "after promotion " + strconv.Itoa(row.ID)
	begun, err := p.db.Promotion.Query().Where(promotion.ServiceID(row.ServiceID), promotion.EnvironmentID(next.ID), promotion.Cause(cause)).Exist(ctx)
	if err != nil || begun {
		return err
	}
	held, err := holdOn(ctx, p.db, row.Edges.Service, next)
	if err != nil {
		return err
	}
	at := place{row.Edges.Service.Name, next.Name}
	if held != nil {
		return p.skipped(ctx, at, row.ID, "held: "+held.Reason)
	}
	plan, err := p.plan(ctx, PromoteInput{Service: at.service, Environment: at.environment, Release: release, onward: true}, slipway.PermitServiceRead)
	if err == nil {
		plan.Cause, plan.Requester, plan.Behind = cause, row.RequestedBy, row.Behind
		if err = p.makeWay(ctx, row.Edges.Service, next, plan.Policy); err == nil {
			_, err = p.start(ctx, plan)
		}
	}
	if code := slipway.CodeOf(err); code == slipway.Conflict || code == slipway.Refused || code == slipway.Invalid {
		return p.skipped(ctx, at, row.ID, err.Error())
	}
	return err
}

// makeWay waits for the end of what began by itself in an environment and ends by
// itself now: the release has lost the traffic in the environment before, and can't
// be proven there any more. Advance has told it to look.
func (p *Platform) makeWay(ctx context.Context, s *ent.Service, e *ent.Environment, policy slipway.Policy) error {
	rows, err := p.db.Promotion.Query().Where(promotion.ServiceID(s.ID), promotion.EnvironmentID(e.ID), promotion.StateEQ(promotion.StateWaiting), promotion.CauseNEQ("")).
		WithRelease().All(ctx)
	if err != nil {
		return err
	}
	for _, row := range rows {
		facts, err := gateFacts(ctx, p.db, subject{service: s, environment: e, release: row.Edges.Release, commit: row.Commit, rollback: row.Rollback, policy: policy, id: row.ID, automatic: true})
		if err != nil {
			return err
		}
		if ends, _ := facts.Ends(); ends == "" {
			continue
		}
		asked, cancel := context.WithTimeout(ctx, engineWait)
		// Its end is recorded, or who comes next is told that it is under way.
		_ = p.Watch(asked, strconv.Itoa(row.ID), "", func(report.LiveEvent) error { return nil })
		cancel()
	}
	return nil
}

// skipped puts on record that an environment did not take a release by itself.
func (p *Platform) skipped(ctx context.Context, at place, id int, why string) error {
	return store.InTx(ctx, p.db, func(tx *ent.Tx) error {
		return at.event(ctx, p.Storage, tx, "promotion.not_advanced", id, map[string]string{"reason": store.Clean(why)})
	})
}

// undecided are the promotions whose gates are looked at, or may be in this moment: one
// that waits for the first time is recorded as running until its look is over.
var undecided = promotion.StateIn(promotion.StateWaiting, promotion.StateRunning)

// look tells promotions whose gates aren't passed that something these look at has
// changed. 0 stands for every service or environment. What is missed here, they
// find out themselves within the hour.
func (p *Platform) look(ctx context.Context, serviceID, environmentID int) {
	ctx = store.AsSystem(context.WithoutCancel(ctx))
	where := []predicate.Promotion{undecided}
	if serviceID != 0 {
		where = append(where, promotion.ServiceID(serviceID))
	}
	if environmentID != 0 {
		where = append(where, promotion.EnvironmentID(environmentID))
	}
	rows, err := p.db.Promotion.Query().Where(where...).WithService().WithEnvironment().All(ctx)
	for _, row := range rows {
		asked, cancel := context.WithTimeout(ctx, engineWait)
		err = errors.Join(err, workflows.Look(asked, p.Temporal, row.Edges.Service.Name, row.Edges.Environment.Name))
		cancel()
	}
	if err != nil {
		p.Log.Warn("promotions that wait could not be told to look again; they do so within the hour", "error", err)
	}
}
