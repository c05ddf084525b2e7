package operations

import (
	"context"
	"encoding/json"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
)

func service(s *ent.Service) Service {
	team := ""
	if s.Edges.Team != nil {
		team = s.Edges.Team.Name
	}
	return Service{
		Name: s.Name, Team: team, Kind: slipway.ServiceKind(s.Kind), Url: s.Repository, Path: s.Path, Branch: s.Branch,
		Credential: s.Credential, Environments: s.Environments, Overrides: json.RawMessage(s.Overrides), CreatedAt: s.CreatedAt.UTC(),
	}
}

func serviceInput(in ServiceInput) catalog.ServiceInput {
	return catalog.ServiceInput{
		Name: in.Name, URL: in.Url, Path: in.Path, Branch: in.Branch, Kind: in.Kind, Team: in.Team,
		Credential: slipway.SecretRef(in.Credential), Token: slipway.NewSecret(in.Token), Environments: in.Environments, Overrides: slipway.Overrides(in.Overrides),
	}
}

// ListServices lists services by name.
func (h *handlers) ListServices(ctx context.Context, r ListServicesRequestObject) (ListServicesResponseObject, error) {
	list, err := h.platform.Services(ctx, catalog.ServicesQuery{Search: r.Params.Q, Page: page(r.Params.Cursor, r.Params.Limit)})
	if err != nil {
		return nil, err
	}
	return ListServices200JSONResponse{Items: each(list.Items, service), NextCursor: list.Next}, nil
}

// CreateService registers a repository.
func (h *handlers) CreateService(ctx context.Context, r CreateServiceRequestObject) (CreateServiceResponseObject, error) {
	s, err := h.platform.Register(ctx, serviceInput(*r.Body))
	if err != nil {
		return nil, err
	}
	return CreateService201JSONResponse{
		Body: service(s), Headers: CreateService201ResponseHeaders{Location: BasePath + "/services/" + s.Name},
	}, nil
}

// GetService shows a service.
func (h *handlers) GetService(ctx context.Context, r GetServiceRequestObject) (GetServiceResponseObject, error) {
	s, err := h.platform.Service(ctx, r.Service)
	if err != nil {
		return nil, err
	}
	return GetService200JSONResponse{Body: service(s), Headers: GetService200ResponseHeaders{ETag: etag(s.Revision)}}, nil
}

// UpdateService changes a service.
func (h *handlers) UpdateService(ctx context.Context, r UpdateServiceRequestObject) (UpdateServiceResponseObject, error) {
	s, err := h.platform.UpdateService(ctx, r.Service, catalog.ServiceChange{
		URL: r.Body.Url, Path: r.Body.Path, Branch: r.Body.Branch, Kind: r.Body.Kind, Team: r.Body.Team,
		Credential: (*slipway.SecretRef)(r.Body.Credential), Token: slipway.NewSecret(r.Body.Token),
		Environments: r.Body.Environments, Overrides: overrides(r.Body.Overrides), If: onlyIf(r.Params.IfMatch),
	})
	if err != nil {
		return nil, err
	}
	return UpdateService200JSONResponse{Body: service(s), Headers: UpdateService200ResponseHeaders{ETag: etag(s.Revision)}}, nil
}

// DeleteService stops and removes a service.
func (h *handlers) DeleteService(ctx context.Context, r DeleteServiceRequestObject) (DeleteServiceResponseObject, error) {
	if err := h.platform.RemoveService(ctx, r.Service, onlyIf(r.Params.IfMatch)); err != nil {
		return nil, err
	}
	return DeleteService204Response{}, nil
}
