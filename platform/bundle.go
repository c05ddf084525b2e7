package platform

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/ent/step"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/report"
	"github.com/slipway-dev/slipway/store"
	"github.com/slipway-dev/slipway/workflows"
)

// maxBundle is how many promotions a bundle has at most.
const maxBundle = 20

// BundleInput asks to promote several services together, in the order in which
// they take over: what others depend on comes first.
type BundleInput struct {
	Environment string
	Members     []PromoteInput // their Environment is the bundle's
}

// Validate names the field at fault.
func (in BundleInput) Validate() error {
	switch {
	case in.Environment == "":
		return slipway.Errorf(slipway.Invalid, "environment is missing").At("environment")
	case len(in.Members) < 2 || len(in.Members) > maxBundle:
		return slipway.Errorf(slipway.Invalid, "a bundle has between 2 and %d promotions", maxBundle).At("promotions")
	}
	seen := map[string]bool{}
	for _, m := range in.Members {
		if err := m.Validate(); err != nil {
			return err
		}
		if seen[m.Service] {
			return slipway.Errorf(slipway.Invalid, "%s is in the bundle twice", store.Printable(m.Service)).At("promotions")
		}
		seen[m.Service] = true
	}
	return nil
}

// PlanBundle works out what PromoteBundle would do, and does nothing.
func (p *Platform) PlanBundle(ctx context.Context, in BundleInput) ([]*Plan, error) {
	return p.planBundle(ctx, in, slipway.PermitServiceRead, func(plan *Plan) error { return p.preview(ctx, plan) })
}

// PromoteBundle starts the promotions of a bundle, or none: what one of them
// refuses, the bundle refuses. None of them changes anything before all are
// ready; when one ends badly, those that have not taken over yet end too. The
// bundle is known by the id of its first promotion.
func (p *Platform) PromoteBundle(ctx context.Context, in BundleInput) ([]*ent.Promotion, error) {
	plans, err := p.planBundle(ctx, in, slipway.PermitPromote, func(plan *Plan) error { return p.free(ctx, plan) })
	if err != nil {
		return nil, err
	}
	inputs, err := p.enterAll(ctx, plans)
	if err != nil {
		return nil, err
	}
	for i, input := range inputs {
		if err := p.handOver(ctx, input, plans[i].Policy); err != nil {
			p.abandon(context.WithoutCancel(ctx), inputs, i)
			p.notStarted(ctx, input, err)
			return nil, err
		}
	}
	for i, input := range inputs {
		p.journal.Tell(ctx, promotionRequested, input.Service, input.Environment, int(input.Fence), requested(plans[i], input))
	}
	return p.Bundle(ctx, strconv.Itoa(inputs[0].Bundle))
}

func (p *Platform) planBundle(ctx context.Context, in BundleInput, permission slipway.Permission, also func(*Plan) error) ([]*Plan, error) {
	if err := in.Validate(); err != nil {
		return nil, err
	}
	plans := make([]*Plan, len(in.Members))
	for i, member := range in.Members {
		member.Environment = in.Environment
		plan, err := p.plan(ctx, member, permission)
		if err == nil {
			err = also(plan)
		}
		if err != nil {
			return nil, ofMember(err, member.Service)
		}
		plans[i] = plan
	}
	for _, plan := range plans {
		plan.Outline.Bundle = membersOf(plans)
	}
	return plans, nil
}

// ofMember says whose refusal it is.
func ofMember(err error, service string) error {
	var known *slipway.Error
	if !errors.As(err, &known) || known.Code == slipway.Internal {
		return err
	}
	return slipway.Wrap(known.Code, err, "%s: %s", store.Printable(service), known.Message)
}

// free refuses a plan that would be refused when it starts. What comes between is
// refused then.
func (p *Platform) free(ctx context.Context, plan *Plan) error {
	if plan.Policy.Concurrency != slipway.ConcurrencyRefuse && plan.Policy.Concurrency != "" {
		return nil
	}
	other, err := p.db.Promotion.Query().Where(promotion.ServiceID(plan.Service.ID), promotion.EnvironmentID(plan.Environment.ID), promotion.StateIn(catalog.UnderWay...)).FirstID(ctx)
	if ent.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return slipway.Errorf(slipway.Conflict, "promotion %d to %s is under way already; wait for its end, or cancel it", other, plan.Environment.Name)
}

// abandon takes back a bundle of which some promotions could not be started.
func (p *Platform) abandon(ctx context.Context, inputs []workflows.Input, started int) {
	for i, input := range inputs {
		var err error
		if i < started {
			_, err = p.Cancel(ctx, input.Promotion)
		} else {
			err = p.leave(ctx, int(input.Fence))
		}
		if err != nil {
			p.Log.Error("a promotion of a bundle that did not start could not be taken back", "promotion", input.Promotion, "error", err)
		}
	}
}

// Bundle lists the promotions of a bundle, in their order. Members that the
// viewer may not see are left out; a bundle without any others is not there.
func (p *Platform) Bundle(ctx context.Context, id string) ([]*ent.Promotion, error) {
	n, err := report.Number(id)
	if err != nil {
		return nil, err
	}
	if _, err := p.SignedIn(ctx, slipway.PermitSignedIn); err != nil {
		return nil, err
	}
	query := withAll(p.db.Promotion.Query()).Where(promotion.Bundle(n), promotion.BundleNEQ(0))
	if seen := identity.Visible(ctx); seen != nil {
		query.Where(promotion.HasServiceWith(seen...))
	}
	rows, err := query.Order(promotion.ByID()).All(ctx)
	if err == nil && len(rows) == 0 {
		return nil, slipway.Errorf(slipway.NotFound, "there is no bundle %s; a bundle is known by its first promotion", id)
	}
	return rows, err
}

// member is what a plan holds of a promotion of its bundle.
func member(service string, commit slipway.Commit) string {
	return service + " " + report.Short(commit.ID)
}

// membersOf is what a plan holds of its bundle.
func membersOf(plans []*Plan) []string {
	list := make([]string, len(plans))
	for i, plan := range plans {
		list[i] = member(plan.Service.Name, plan.Commit)
	}
	return list
}

// bundleOf is what the gates see of the bundle that a promotion belongs to, and what
// its plan holds of that.
func bundleOf(ctx context.Context, db *ent.Client, id int) (slipway.Bundle, []string, error) {
	if id == 0 {
		return nil, nil, nil
	}
	rows, err := db.Promotion.Query().Where(promotion.Bundle(id)).WithService().
		WithSteps(func(q *ent.StepQuery) { q.Where(step.NameEQ(step.NameApprove)) }).Order(promotion.ByID()).All(ctx)
	if err != nil {
		return nil, nil, err
	}
	bundle, members := make(slipway.Bundle, len(rows)), make([]string, len(rows))
	for i, row := range rows {
		members[i] = member(row.Edges.Service.Name, row.Commit)
		m := slipway.BundleMember{Promotion: strconv.Itoa(row.ID), Service: row.Edges.Service.Name, State: slipway.PromotionState(row.State), Reason: row.Reason}
		m.Passed = slices.ContainsFunc(row.Edges.Steps, func(s *ent.Step) bool { return s.State == step.StateSucceeded || s.State == step.StateSkipped })
		m.Ready = row.State == promotion.StateWaiting && len(row.Waits) > 0 && slipway.OnlyBundle(row.Waits)
		bundle[i] = m
	}
	return bundle, members, nil
}

// Rally tells the others of a promotion's bundle to look at their gates.
func (p *Platform) Rally(ctx context.Context, in workflows.Input) error {
	rows, err := p.db.Promotion.Query().Where(promotion.Bundle(in.Bundle), promotion.IDNEQ(int(in.Fence)), undecided).
		WithService().WithEnvironment().All(store.AsSystem(ctx))
	for _, row := range rows {
		if err == nil {
			err = workflows.Look(ctx, p.Temporal, row.Edges.Service.Name, row.Edges.Environment.Name)
		}
	}
	return err
}
