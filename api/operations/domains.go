package operations

import (
	"context"

	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
)

// domainIn describes a host name of a service in an environment.
func domainIn(service, environment string) func(*ent.Domain) Domain {
	return func(d *ent.Domain) Domain {
		return Domain{Name: d.Name, Service: service, Environment: environment, AddedBy: d.AddedBy, CreatedAt: d.CreatedAt.UTC()}
	}
}

// ListDomains lists a service's own host names.
func (h *handlers) ListDomains(ctx context.Context, r ListDomainsRequestObject) (ListDomainsResponseObject, error) {
	rows, err := h.platform.Domains(ctx, r.Service, r.Environment)
	if err != nil {
		return nil, err
	}
	return ListDomains200JSONResponse{Items: each(rows, domainIn(r.Service, r.Environment))}, nil
}

// CreateDomain gives a service a host name.
func (h *handlers) CreateDomain(ctx context.Context, r CreateDomainRequestObject) (CreateDomainResponseObject, error) {
	d, err := h.platform.AddDomain(ctx, r.Service, r.Environment, catalog.DomainInput{Name: r.Body.Name, First: r.Body.First})
	if err != nil {
		return nil, err
	}
	return CreateDomain201JSONResponse{
		Body:    domainIn(r.Service, r.Environment)(d),
		Headers: CreateDomain201ResponseHeaders{Location: BasePath + "/services/" + r.Service + "/environments/" + r.Environment + "/domains"},
	}, nil
}

// DeleteDomain takes a host name away.
func (h *handlers) DeleteDomain(ctx context.Context, r DeleteDomainRequestObject) (DeleteDomainResponseObject, error) {
	if err := h.platform.RemoveDomain(ctx, r.Service, r.Environment, r.Domain); err != nil {
		return nil, err
	}
	return DeleteDomain204Response{}, nil
}
