package operations

import (
	"context"
	"strconv"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/platform"
)

func decided(d *ent.Decision) Decision {
	return Decision{Account: d.Name, Verdict: slipway.Verdict(d.Verdict), Comment: d.Comment, Plan: d.Plan, Via: d.Via, Factor: d.Factor, Own: d.Own, Void: d.Void, Lapsed: d.Lapsed, At: d.CreatedAt.UTC()}
}

// ListDecisions shows what was said to a promotion, and what may be said.
func (h *handlers) ListDecisions(ctx context.Context, r ListDecisionsRequestObject) (ListDecisionsResponseObject, error) {
	p, err := h.platform.Promotion(ctx, strconv.Itoa(r.Promotion))
	if err != nil {
		return nil, err
	}
	may, err := h.platform.Deciding(ctx, p)
	if err != nil {
		return nil, err
	}
	list := DecisionList{Items: each(p.Edges.Decisions, decided), May: []slipway.Verdict{}, WhyNot: may.Approve}
	for _, v := range []struct {
		verdict slipway.Verdict
		not     string
	}{{slipway.VerdictApprove, may.Approve}, {slipway.VerdictReject, may.Reject}, {slipway.VerdictExempt, may.Exempt}, {slipway.VerdictBreakGlass, may.BreakGlass}} {
		if v.not == "" {
			list.May = append(list.May, v.verdict)
		}
	}
	return ListDecisions200JSONResponse(list), nil
}

// CreateDecision gives a promotion an answer.
func (h *handlers) CreateDecision(ctx context.Context, r CreateDecisionRequestObject) (CreateDecisionResponseObject, error) {
	p, err := h.platform.Decide(ctx, strconv.Itoa(r.Promotion), platform.DecideInput{
		Verdict: r.Body.Verdict, Comment: r.Body.Comment, Plan: slipway.Digest(r.Body.Plan),
	})
	if err != nil {
		return nil, err
	}
	return CreateDecision201JSONResponse(h.promotion(p)), nil
}

// RetryPromotion tries a promotion again.
func (h *handlers) RetryPromotion(ctx context.Context, r RetryPromotionRequestObject) (RetryPromotionResponseObject, error) {
	var skip platform.Skip
	if r.Body != nil {
		skip = platform.Skip{Step: r.Body.Skip, Reason: r.Body.Reason}
	}
	p, err := h.platform.Retry(ctx, strconv.Itoa(r.Promotion), skip)
	if err != nil {
		return nil, err
	}
	return RetryPromotion202JSONResponse{Body: h.promotion(p), Headers: RetryPromotion202ResponseHeaders{Location: promotionPath(p.ID)}}, nil
}

func servicePolicy(p catalog.ServicePolicy) ServicePolicy {
	return ServicePolicy{Policy: p.Policy, Change: p.Change, Held: p.Held}
}

// GetPolicy shows the policy of a service in an environment.
func (h *handlers) GetPolicy(ctx context.Context, r GetPolicyRequestObject) (GetPolicyResponseObject, error) {
	p, err := h.platform.PolicyOf(ctx, r.Service, r.Environment)
	if err != nil {
		return nil, err
	}
	return GetPolicy200JSONResponse{Body: servicePolicy(p), Headers: GetPolicy200ResponseHeaders{ETag: etag(p.Revision)}}, nil
}

// UpdatePolicy changes what a service asks for in an environment.
func (h *handlers) UpdatePolicy(ctx context.Context, r UpdatePolicyRequestObject) (UpdatePolicyResponseObject, error) {
	p, err := h.platform.SetPolicy(ctx, r.Service, r.Environment, *r.Body, false, onlyIf(r.Params.IfMatch))
	if err != nil {
		return nil, err
	}
	return UpdatePolicy200JSONResponse{Body: servicePolicy(p), Headers: UpdatePolicy200ResponseHeaders{ETag: etag(p.Revision)}}, nil
}

// ResetPolicy drops what a service asks for in an environment.
func (h *handlers) ResetPolicy(ctx context.Context, r ResetPolicyRequestObject) (ResetPolicyResponseObject, error) {
	p, err := h.platform.SetPolicy(ctx, r.Service, r.Environment, slipway.PolicyChange{}, true, onlyIf(r.Params.IfMatch))
	if err != nil {
		return nil, err
	}
	return ResetPolicy200JSONResponse{Body: servicePolicy(p), Headers: ResetPolicy200ResponseHeaders{ETag: etag(p.Revision)}}, nil
}

func held(x *ent.Hold) Hold {
	return Hold{Service: x.Edges.Service.Name, Environment: x.Edges.Environment.Name, Reason: x.Reason, PlacedBy: x.PlacedBy, Promotion: x.PromotionID, CreatedAt: x.CreatedAt.UTC()}
}

// ListHolds lists holds.
func (h *handlers) ListHolds(ctx context.Context, r ListHoldsRequestObject) (ListHoldsResponseObject, error) {
	rows, err := h.platform.Holds(ctx, r.Params.Service)
	if err != nil {
		return nil, err
	}
	return ListHolds200JSONResponse{Items: each(rows, held)}, nil
}

// PlaceHold stops automatic promotion.
func (h *handlers) PlaceHold(ctx context.Context, r PlaceHoldRequestObject) (PlaceHoldResponseObject, error) {
	row, err := h.platform.Hold(ctx, r.Service, r.Environment, r.Body.Reason)
	if err != nil {
		return nil, err
	}
	return PlaceHold200JSONResponse(held(row)), nil
}

// ReleaseHold lets automatic promotion go on.
func (h *handlers) ReleaseHold(ctx context.Context, r ReleaseHoldRequestObject) (ReleaseHoldResponseObject, error) {
	if err := h.platform.ReleaseHold(ctx, r.Service, r.Environment); err != nil {
		return nil, err
	}
	return ReleaseHold204Response{}, nil
}

func freeze(f *catalog.Freeze) Freeze {
	out := Freeze{Id: f.ID, Reason: f.Reason, Team: f.Team, Environment: f.Environment, StartsAt: f.StartsAt.UTC(), EndsAt: f.EndsAt.UTC(), PlacedBy: f.PlacedBy, InForce: !f.Until.IsZero()}
	if f.Window != nil {
		out.Window = *f.Window
	}
	return out
}

// ListFreezes lists freezes.
func (h *handlers) ListFreezes(ctx context.Context, _ ListFreezesRequestObject) (ListFreezesResponseObject, error) {
	all, err := h.platform.Freezes(ctx)
	if err != nil {
		return nil, err
	}
	return ListFreezes200JSONResponse{Items: each(all, freeze)}, nil
}

// CreateFreeze places a freeze.
func (h *handlers) CreateFreeze(ctx context.Context, r CreateFreezeRequestObject) (CreateFreezeResponseObject, error) {
	in := catalog.FreezeInput{Reason: r.Body.Reason, Team: r.Body.Team, Environment: r.Body.Environment, Starts: r.Body.StartsAt, Ends: r.Body.EndsAt}
	if w := r.Body.Window; w.From != "" {
		in.Window = &w
	}
	f, err := h.platform.AddFreeze(ctx, in)
	if err != nil {
		return nil, err
	}
	return CreateFreeze201JSONResponse(freeze(f)), nil
}

// LiftFreeze ends a freeze.
func (h *handlers) LiftFreeze(ctx context.Context, r LiftFreezeRequestObject) (LiftFreezeResponseObject, error) {
	if err := h.platform.LiftFreeze(ctx, r.Freeze); err != nil {
		return nil, err
	}
	return LiftFreeze204Response{}, nil
}

// planned is a plan with what it changes.
func (h *handlers) planned(ctx context.Context, p *platform.Plan) (Plan, error) {
	out := plan(p)
	change, err := h.platform.ChangeOfPlan(ctx, p)
	if err == nil {
		out.Change = *change
	}
	return out, err
}

// PlanRollback says what a rollback would do.
func (h *handlers) PlanRollback(ctx context.Context, r PlanRollbackRequestObject) (PlanRollbackResponseObject, error) {
	p, err := h.platform.PlanRollback(ctx, rollbackInput(r.Service, r.Environment, r.Body))
	if err != nil {
		return nil, err
	}
	out, err := h.planned(ctx, p)
	if err != nil {
		return nil, err
	}
	return PlanRollback200JSONResponse(out), nil
}

// GetChange shows what a promotion changes.
func (h *handlers) GetChange(ctx context.Context, r GetChangeRequestObject) (GetChangeResponseObject, error) {
	c, err := h.platform.Change(ctx, strconv.Itoa(r.Promotion))
	if err != nil {
		return nil, err
	}
	return GetChange200JSONResponse(*c), nil
}
