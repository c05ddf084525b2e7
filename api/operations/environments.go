package operations

import (
	"context"

	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
)

func environment(e *ent.Environment) Environment {
	return Environment{Name: e.Name, Position: e.Position, Target: e.Target, Policy: e.Policy.Defaults()}
}

// ListEnvironments lists all environments in order.
func (h *handlers) ListEnvironments(ctx context.Context, _ ListEnvironmentsRequestObject) (ListEnvironmentsResponseObject, error) {
	all, err := h.platform.Environments(ctx)
	if err != nil {
		return nil, err
	}
	return ListEnvironments200JSONResponse{Items: each(all, environment)}, nil
}

// CreateEnvironment adds an environment.
func (h *handlers) CreateEnvironment(ctx context.Context, r CreateEnvironmentRequestObject) (CreateEnvironmentResponseObject, error) {
	e, err := h.platform.AddEnvironment(ctx, catalog.EnvironmentInput{
		Name: r.Body.Name, Position: r.Body.Position, After: r.Body.After, Target: r.Body.Target,
	})
	if err != nil {
		return nil, err
	}
	return CreateEnvironment201JSONResponse{
		Body: environment(e), Headers: CreateEnvironment201ResponseHeaders{Location: BasePath + "/environments/" + e.Name},
	}, nil
}

// GetEnvironment shows an environment.
func (h *handlers) GetEnvironment(ctx context.Context, r GetEnvironmentRequestObject) (GetEnvironmentResponseObject, error) {
	e, err := h.platform.Environment(ctx, r.Environment)
	if err != nil {
		return nil, err
	}
	return GetEnvironment200JSONResponse{Body: environment(e), Headers: GetEnvironment200ResponseHeaders{ETag: etag(e.Revision)}}, nil
}

// UpdateEnvironment changes an environment.
func (h *handlers) UpdateEnvironment(ctx context.Context, r UpdateEnvironmentRequestObject) (UpdateEnvironmentResponseObject, error) {
	e, err := h.platform.UpdateEnvironment(ctx, r.Environment, catalog.EnvironmentChange{Position: r.Body.Position, Target: r.Body.Target, Policy: r.Body.Policy, If: onlyIf(r.Params.IfMatch)})
	if err != nil {
		return nil, err
	}
	return UpdateEnvironment200JSONResponse{Body: environment(e), Headers: UpdateEnvironment200ResponseHeaders{ETag: etag(e.Revision)}}, nil
}
