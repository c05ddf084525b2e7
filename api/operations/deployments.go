package operations

import (
	"context"
	"net/http"

	"github.com/slipway-dev/slipway/platform"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/report"
)

func deployment(d *ent.Deployment) Deployment {
	out := Deployment{Id: d.PromotionID, Config: slipway.Digest(d.Snapshot), Live: d.Live, CreatedAt: d.CreatedAt.UTC(), EndedAt: when(d.EndedAt)}
	if d.Edges.Service != nil {
		out.Service = d.Edges.Service.Name
	}
	if d.Edges.Environment != nil {
		out.Environment = d.Edges.Environment.Name
	}
	if d.Edges.Release != nil {
		out.Release, out.Artifact = d.Edges.Release.Number, slipway.Digest(d.Edges.Release.Artifact)
	}
	return out
}

// ListDeployments lists what ran in an environment, newest first.
func (h *handlers) ListDeployments(ctx context.Context, r ListDeploymentsRequestObject) (ListDeploymentsResponseObject, error) {
	list, err := h.platform.Deployments(ctx, report.DeploymentsQuery{
		Service: r.Service, Environment: r.Environment, Page: page(r.Params.Cursor, r.Params.Limit),
	})
	if err != nil {
		return nil, err
	}
	return ListDeployments200JSONResponse{Items: each(list.Items, deployment), NextCursor: list.Next}, nil
}

func instance(i slipway.Instance) Instance {
	return Instance{Id: i.ID, Process: i.Process, State: i.State, Restarts: i.Restarts, StartedAt: i.StartedAt, Reason: i.Reason}
}

func cell(c report.Cell) StatusCell {
	out := StatusCell{
		Service: c.Service, Environment: c.Environment, Url: c.URL, Problem: c.Problem,
		Instances: each(c.Observed.Instances, instance), Artifact: c.Observed.Artifact, Config: c.Observed.Config,
	}
	for _, w := range c.Observed.Warm {
		out.Warm = append(out.Warm, w.Release)
	}
	if d := c.Deployment; d != nil {
		out.Deployment, out.Config = d.PromotionID, slipway.Digest(d.Snapshot)
		out.Condition, out.ConditionReason, out.ConditionSince = slipway.Condition(d.Condition), d.ConditionReason, when(d.ConditionSince)
		if d.Edges.Release != nil {
			out.Release, out.Artifact = d.Edges.Release.Number, slipway.Digest(d.Edges.Release.Artifact)
		}
	}
	if c.Hold != nil {
		out.Hold, out.HeldBy = c.Hold.Reason, c.Hold.PlacedBy
	}
	if u := c.Undeployed; u != nil {
		out.Undeployed = UndeployedConfig{Keys: u.Keys, By: u.By, Summary: u.String(), At: u.At}
	}
	if c.Promotion != nil {
		out.Promotion = PromotionBrief{Id: c.Promotion.ID, State: slipway.PromotionState(c.Promotion.State)}
	}
	return out
}

// GetStatus tells what runs where.
func (h *handlers) GetStatus(ctx context.Context, r GetStatusRequestObject) (GetStatusResponseObject, error) {
	s, err := h.platform.Status(ctx, r.Params.Service)
	if err != nil {
		return nil, err
	}
	return GetStatus200JSONResponse{
		Environments: each(s.Environments, func(e *ent.Environment) string { return e.Name }),
		Services:     each(s.Services, func(s *ent.Service) string { return s.Name }),
		Cells:        each(s.Cells, cell),
	}, nil
}

// GetLogs passes on the output of the running service.
func (h *handlers) GetLogs(ctx context.Context, r GetLogsRequestObject) (GetLogsResponseObject, error) {
	return serviceLogs{ctx, h, slipway.LogQuery{
		Service: r.Service, Environment: r.Environment, Process: r.Params.Process, Lines: r.Params.Lines, Follow: r.Params.Follow,
	}}, nil
}

// serviceLogs is the answer of GetLogs, sent as it comes.
type serviceLogs struct {
	ctx context.Context
	*handlers
	query slipway.LogQuery
}

// VisitGetLogsResponse sends lines until there are no more, or, following,
// until the reader leaves or the server stops.
func (l serviceLogs) VisitGetLogsResponse(w http.ResponseWriter) error {
	ctx, cancel, err := l.streaming(l.ctx)
	if err != nil {
		return err
	}
	defer cancel()
	out := newLive(w, "text/plain; charset=utf-8")
	if l.query.Follow {
		// Ask first: a refusal must come before the headers.
		if _, err := l.platform.Service(ctx, l.query.Service); err != nil {
			return err
		}
		if _, err := l.platform.Environment(ctx, l.query.Environment); err != nil {
			return err
		}
	}
	err = l.platform.ServiceLogs(ctx, l.query, out)
	if ctx.Err() != nil {
		return nil // the reader or the server has ended it
	}
	if err != nil {
		return err
	}
	return out.begin()
}

// ListNodes tells of the machines that run services.
func (h *handlers) ListNodes(ctx context.Context, _ ListNodesRequestObject) (ListNodesResponseObject, error) {
	nodes, err := h.platform.NodeList(ctx)
	if err != nil {
		return nil, err
	}
	return ListNodes200JSONResponse{Items: nodes}, nil
}

func stray(u slipway.Unrecorded) Unrecorded {
	return Unrecorded{
		Service: u.Service, Environment: u.Environment, Deployment: u.Deployment, Release: u.Release, Artifact: string(u.Artifact), Config: string(u.Config),
		Weight: u.Weight, Instances: each(u.Instances, instance), Url: u.URL, Recorded: u.Recorded, Registered: u.Registered, Unfit: u.Unfit, Remedy: u.Remedy(),
	}
}

// ListUnrecorded lists what runs without being on record.
func (h *handlers) ListUnrecorded(ctx context.Context, _ ListUnrecordedRequestObject) (ListUnrecordedResponseObject, error) {
	all, err := h.platform.Unrecorded(ctx)
	if err != nil {
		return nil, err
	}
	return ListUnrecorded200JSONResponse{Items: each(all, stray)}, nil
}

// AdoptUnrecorded puts it on record.
func (h *handlers) AdoptUnrecorded(ctx context.Context, r AdoptUnrecordedRequestObject) (AdoptUnrecordedResponseObject, error) {
	p, err := h.platform.Adopt(ctx, platform.UnrecordedInput{Service: r.Service, Environment: r.Environment, Deployment: r.Body.Deployment, Reason: r.Body.Reason})
	if err != nil {
		return nil, err
	}
	return AdoptUnrecorded200JSONResponse(h.promotion(p)), nil
}

// EndUnrecorded ends it.
func (h *handlers) EndUnrecorded(ctx context.Context, r EndUnrecordedRequestObject) (EndUnrecordedResponseObject, error) {
	in := platform.UnrecordedInput{Service: r.Service, Environment: r.Environment, Deployment: r.Body.Deployment, Reason: r.Body.Reason, WithoutGoingBack: r.Body.WithoutGoingBack}
	if err := h.platform.EndUnrecorded(ctx, in); err != nil {
		return nil, err
	}
	return EndUnrecorded204Response{}, nil
}
