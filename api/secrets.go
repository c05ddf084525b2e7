package api

import (
	"context"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
)

func secret(s catalog.SecretEntry) Secret {
	return Secret{Name: s.Name, Environment: s.Environment, Reference: string(s.Reference)}
}

// ListSecrets lists names and references.
func (h *handlers) ListSecrets(ctx context.Context, r ListSecretsRequestObject) (ListSecretsResponseObject, error) {
	list, err := h.platform.ListSecrets(ctx, r.Service, r.Params.Environment)
	if err != nil {
		return nil, err
	}
	return ListSecrets200JSONResponse{Items: each(list, secret)}, nil
}

// SetSecret seals a value.
func (h *handlers) SetSecret(ctx context.Context, r SetSecretRequestObject) (SetSecretResponseObject, error) {
	entry, err := h.platform.SetSecret(ctx, catalog.SecretInput{
		Service: r.Service, Environment: r.Params.Environment, Name: r.Name, Value: slipway.NewSecret(r.Body.Value),
	})
	if err != nil {
		return nil, err
	}
	return SetSecret200JSONResponse(secret(entry)), nil
}

// DeleteSecret removes a value and the setting that refers to it.
func (h *handlers) DeleteSecret(ctx context.Context, r DeleteSecretRequestObject) (DeleteSecretResponseObject, error) {
	if err := h.platform.RemoveSecret(ctx, r.Service, r.Params.Environment, r.Name); err != nil {
		return nil, err
	}
	return DeleteSecret204Response{}, nil
}
