package operations

import (
	"context"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/store"
)

func commit(c slipway.Commit) Commit {
	out := Commit{Id: c.ID, Ref: c.Ref, Author: c.Author, Committer: c.Committer, Subject: c.Subject}
	if !c.Time.IsZero() {
		out.Time = c.Time.UTC()
	}
	return out
}

func step(s *ent.Step) Step {
	return Step{
		Name: slipway.StepName(s.Name), State: slipway.StepState(s.State), Attempt: s.Attempt, Reason: s.Reason,
		StartedAt: when(s.StartedAt), EndedAt: when(s.EndedAt), Until: when(s.Until),
	}
}

func (h *handlers) promotion(p *ent.Promotion) Promotion {
	out := Promotion{
		Id: p.ID, State: slipway.PromotionState(p.State), Rollback: p.Rollback, Ref: p.Commit.Ref, Commit: commit(p.Commit),
		Step: slipway.StepName(p.EndedAtStep), Reason: p.Reason, RequestedBy: p.RequestedBy, Steps: each(p.Edges.Steps, step),
		CreatedAt: p.CreatedAt.UTC(), StartedAt: when(p.StartedAt), EndedAt: when(p.EndedAt),
		Cause: p.Cause, Why: p.Why, PlanHash: p.PlanHash, Decisions: each(p.Edges.Decisions, decided), ExpiresAt: when(p.ExpiresAt),
		SupersededBy: p.SupersededBy, RetryOf: p.RetryOf, Bundle: p.Bundle,
	}
	if p.Plan != nil {
		out.Plan = *p.Plan
	}
	out.Behind, out.Authors = p.Behind, p.Authors
	out.Rollout, out.Rehearsal, out.Undo = p.Rollout, p.Rehearsal, p.Undo
	if out.State == slipway.PromotionWaiting {
		out.Waits = p.Waits
	}
	if s, e := p.Edges.Service, p.Edges.Environment; s != nil && e != nil {
		out.Service, out.Environment = s.Name, e.Name
		if out.State == slipway.PromotionSucceeded {
			out.Url = h.platform.AddressOf(s.Name, e.Name)
		}
	}
	if p.Edges.Release != nil {
		out.Release = p.Edges.Release.Number
	}
	return out
}

func plan(p *platform.Plan) Plan {
	out := Plan{Service: p.Service.Name, Environment: p.Environment.Name, Commit: commit(p.Commit),
		Steps: each(p.Steps, func(s slipway.PlannedStep) PlannedStep {
			return PlannedStep{Name: s.Name, State: s.State, Reason: s.Reason}
		}), Plan: p.Outline, PlanHash: string(p.Outline.Hash()), Waits: p.Waits}
	if p.Release != nil {
		out.Release = p.Release.Number
	}
	if p.Running != nil {
		out.Current = p.Running.Number
	}
	return out
}

func promoteInput(service string, in *PromotionInput) platform.PromoteInput {
	return platform.PromoteInput{Service: service, Environment: in.Environment, Ref: in.Ref, Release: in.Release}
}

// PlanPromotion says what a promotion would do.
func (h *handlers) PlanPromotion(ctx context.Context, r PlanPromotionRequestObject) (PlanPromotionResponseObject, error) {
	p, err := h.platform.Plan(ctx, promoteInput(r.Service, r.Body))
	if err != nil {
		return nil, err
	}
	out, err := h.planned(ctx, p)
	if err != nil {
		return nil, err
	}
	return PlanPromotion200JSONResponse(out), nil
}

// CreatePromotion starts a promotion.
func (h *handlers) CreatePromotion(ctx context.Context, r CreatePromotionRequestObject) (CreatePromotionResponseObject, error) {
	p, err := h.platform.Promote(ctx, promoteInput(r.Service, r.Body))
	if err != nil {
		return nil, err
	}
	return CreatePromotion202JSONResponse{
		Body: h.promotion(p), Headers: CreatePromotion202ResponseHeaders{Location: promotionPath(p.ID)},
	}, nil
}

func rollbackInput(service, environment string, in *RollbackInput) platform.RollbackInput {
	return platform.RollbackInput{Service: service, Environment: environment, Release: in.Release, AnySchema: in.AnySchema, Today: in.Config == Today, Why: in.Reason, Deployment: in.Deployment, At: in.At}
}

// GetWayBack tells whether a rollback would go now.
func (h *handlers) GetWayBack(ctx context.Context, r GetWayBackRequestObject) (GetWayBackResponseObject, error) {
	back, err := h.platform.WayBack(ctx, r.Service, r.Environment)
	if err != nil {
		return nil, err
	}
	return GetWayBack200JSONResponse(back), nil
}

// Rollback starts a promotion that goes back.
func (h *handlers) Rollback(ctx context.Context, r RollbackRequestObject) (RollbackResponseObject, error) {
	p, err := h.platform.Rollback(ctx, rollbackInput(r.Service, r.Environment, r.Body))
	if err != nil {
		return nil, err
	}
	return Rollback202JSONResponse{Body: h.promotion(p), Headers: Rollback202ResponseHeaders{Location: promotionPath(p.ID)}}, nil
}

// ListPromotions lists promotions, newest first.
func (h *handlers) ListPromotions(ctx context.Context, r ListPromotionsRequestObject) (ListPromotionsResponseObject, error) {
	if r.Params.WaitingForMe {
		rows, err := h.platform.WaitingFor(ctx)
		if err != nil {
			return nil, err
		}
		return ListPromotions200JSONResponse{Items: each(rows, h.promotion)}, nil
	}
	list, err := h.platform.Promotions(ctx, platform.PromotionsQuery{
		Service: r.Params.Service, Environment: r.Params.Environment, State: r.Params.State, Page: page(r.Params.Cursor, r.Params.Limit),
	})
	if err != nil {
		return nil, err
	}
	return ListPromotions200JSONResponse{Items: each(list.Items, h.promotion), NextCursor: list.Next}, nil
}

// GetPromotion shows a promotion with its steps.
func (h *handlers) GetPromotion(ctx context.Context, r GetPromotionRequestObject) (GetPromotionResponseObject, error) {
	p, err := h.platform.Promotion(ctx, strconv.Itoa(r.Promotion))
	if err != nil {
		return nil, err
	}
	out := h.promotion(p)
	stands, err := h.platform.Line(ctx, p)
	if err != nil || stands == nil {
		return GetPromotion200JSONResponse(out), err
	}
	line := &Line{Ahead: stands.Ahead, Since: stands.Since.UTC(), Until: stands.Until.UTC(), On: each(stands.On, func(id int) int { return id })}
	if stands.Slot {
		out.Slot = line
	} else {
		out.Turn = line
	}
	return GetPromotion200JSONResponse(out), nil
}

// CancelPromotion asks a promotion to stop.
func (h *handlers) CancelPromotion(ctx context.Context, r CancelPromotionRequestObject) (CancelPromotionResponseObject, error) {
	p, err := h.platform.Cancel(ctx, strconv.Itoa(r.Promotion))
	if err != nil {
		return nil, err
	}
	return CancelPromotion202JSONResponse(h.promotion(p)), nil
}

func chunk(c *ent.LogChunk) LogChunk {
	return LogChunk{Step: slipway.StepName(c.Step), Attempt: c.Attempt, Seq: c.Seq, Text: c.Text}
}

// maxTextLog bounds a log that is asked for as one text; pages have no such end.
const maxTextLog = 32 << 20

// GetStepLog reads a page of a step's log, or all of it as text.
func (h *handlers) GetStepLog(ctx context.Context, r GetStepLogRequestObject) (GetStepLogResponseObject, error) {
	id, at := strconv.Itoa(r.Promotion), page(r.Params.Cursor, r.Params.Limit)
	if r.Params.Format != Text {
		list, err := h.platform.StepLog(ctx, id, r.Step, at)
		if err != nil {
			return nil, err
		}
		return GetStepLog200JSONResponse{Items: each(list.Items, chunk), NextCursor: list.Next}, nil
	}
	var text strings.Builder
	for at.Limit = store.MaxPage; ; {
		list, err := h.platform.StepLog(ctx, id, r.Step, at)
		if err != nil {
			return nil, err
		}
		for _, c := range list.Items {
			text.WriteString(c.Text)
		}
		if list.Next == "" {
			return GetStepLog200TextResponse(text.String()), nil
		}
		if text.Len() > maxTextLog {
			return nil, slipway.Errorf(slipway.Conflict, "this log is too long for one text; read it in pages with format=json")
		}
		at.Cursor = list.Next
	}
}

// RenderConfig previews rendered config.
func (h *handlers) RenderConfig(ctx context.Context, r RenderConfigRequestObject) (RenderConfigResponseObject, error) {
	s, err := h.platform.RenderConfig(ctx, platform.RenderInput{Service: r.Service, Environment: r.Body.Environment, Release: r.Body.Release})
	if err != nil {
		return nil, err
	}
	return RenderConfig200JSONResponse(snapshot(s)), nil
}
