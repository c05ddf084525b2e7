package operations

import (
	"context"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/identity"
)

// list is never null.
func list[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}

func (h *handlers) provider(p *ent.IdentityProvider) Provider {
	return Provider{
		Name: p.Name, DisplayName: p.DisplayName, Issuer: p.Issuer, ClientId: p.ClientID, HasSecret: p.ClientSecret != "", Scopes: list(p.Scopes),
		GroupsClaim: p.GroupsClaim, Groups: list(p.Groups), Open: p.Open, TrustMfa: p.TrustMfa, Active: p.Active, Callback: h.platform.Address + identity.CallbackPath + p.Name,
		CreatedAt: p.CreatedAt.UTC(),
	}
}

func (h *handlers) waysIn(ctx context.Context) (SignIn, error) {
	ways, local, err := h.platform.WaysIn(ctx)
	return SignIn{Passwords: local, Providers: each(ways, func(w identity.Way) Way { return Way{Name: w.Name, Title: w.Title} })}, err
}

// GetSignIn says how one signs in.
func (h *handlers) GetSignIn(ctx context.Context, _ GetSignInRequestObject) (GetSignInResponseObject, error) {
	ways, err := h.waysIn(ctx)
	if err != nil {
		return nil, err
	}
	return GetSignIn200JSONResponse(ways), nil
}

// UpdateSignIn switches passwords on or off.
func (h *handlers) UpdateSignIn(ctx context.Context, r UpdateSignInRequestObject) (UpdateSignInResponseObject, error) {
	if err := h.platform.SetLocalSignIn(ctx, r.Body.Passwords); err != nil {
		return nil, err
	}
	ways, err := h.waysIn(ctx)
	if err != nil {
		return nil, err
	}
	return UpdateSignIn200JSONResponse(ways), nil
}

// ListProviders lists providers by name.
func (h *handlers) ListProviders(ctx context.Context, _ ListProvidersRequestObject) (ListProvidersResponseObject, error) {
	rows, err := h.platform.Providers(ctx)
	if err != nil {
		return nil, err
	}
	return ListProviders200JSONResponse{Items: each(rows, h.provider)}, nil
}

// CreateProvider adds a provider.
func (h *handlers) CreateProvider(ctx context.Context, r CreateProviderRequestObject) (CreateProviderResponseObject, error) {
	p, err := h.platform.AddProvider(ctx, identity.ProviderInput{
		Name: r.Body.Name, DisplayName: r.Body.DisplayName, Issuer: r.Body.Issuer, ClientID: r.Body.ClientId, ClientSecret: slipway.NewSecret(r.Body.ClientSecret),
		Scopes: r.Body.Scopes, GroupsClaim: r.Body.GroupsClaim, Groups: r.Body.Groups, Open: r.Body.Open, TrustMFA: r.Body.TrustMfa,
	})
	if err != nil {
		return nil, err
	}
	return CreateProvider201JSONResponse{Body: h.provider(p), Headers: CreateProvider201ResponseHeaders{Location: BasePath + "/providers/" + p.Name}}, nil
}

// GetProvider shows a provider.
func (h *handlers) GetProvider(ctx context.Context, r GetProviderRequestObject) (GetProviderResponseObject, error) {
	p, err := h.platform.Provider(ctx, r.Provider)
	if err != nil {
		return nil, err
	}
	return GetProvider200JSONResponse{Body: h.provider(p), Headers: GetProvider200ResponseHeaders{ETag: etag(p.Revision)}}, nil
}

// UpdateProvider changes a provider.
func (h *handlers) UpdateProvider(ctx context.Context, r UpdateProviderRequestObject) (UpdateProviderResponseObject, error) {
	p, err := h.platform.UpdateProvider(ctx, r.Provider, identity.ProviderChange{
		DisplayName: r.Body.DisplayName, ClientID: r.Body.ClientId, ClientSecret: slipway.NewSecret(r.Body.ClientSecret), Scopes: r.Body.Scopes,
		GroupsClaim: r.Body.GroupsClaim, Groups: r.Body.Groups, Open: r.Body.Open, Active: r.Body.Active, TrustMFA: r.Body.TrustMfa, If: onlyIf(r.Params.IfMatch),
	})
	if err != nil {
		return nil, err
	}
	return UpdateProvider200JSONResponse{Body: h.provider(p), Headers: UpdateProvider200ResponseHeaders{ETag: etag(p.Revision)}}, nil
}

// DeleteProvider removes a provider.
func (h *handlers) DeleteProvider(ctx context.Context, r DeleteProviderRequestObject) (DeleteProviderResponseObject, error) {
	if err := h.platform.RemoveProvider(ctx, r.Provider, onlyIf(r.Params.IfMatch)); err != nil {
		return nil, err
	}
	return DeleteProvider204Response{}, nil
}
