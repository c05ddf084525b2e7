package operations

import (
	"context"
	"maps"
	"slices"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/python/syntax"
)

func setting(s catalog.Setting) Setting {
	out := Setting{Key: s.Key, Secret: string(s.Secret), Layer: s.Layer}
	if s.Secret == "" {
		out.Value = &s.Value
	}
	return out
}

func (h *handlers) config(ctx context.Context, service, environment string) (c Config, tag string, err error) {
	list, revision, err := h.platform.Config(ctx, service, environment)
	if err != nil {
		return c, "", err
	}
	return Config{Service: service, Environment: environment, Items: each(list, setting)}, tagged(revision), nil
}

// GetConfig shows the merged settings and where each comes from.
func (h *handlers) GetConfig(ctx context.Context, r GetConfigRequestObject) (GetConfigResponseObject, error) {
	c, tag, err := h.config(ctx, r.Service, r.Params.Environment)
	if err != nil {
		return nil, err
	}
	return GetConfig200JSONResponse{Body: c, Headers: GetConfig200ResponseHeaders{ETag: tag}}, nil
}

// UpdateConfig sets and unsets settings of one layer, all or none.
func (h *handlers) UpdateConfig(ctx context.Context, r UpdateConfigRequestObject) (UpdateConfigResponseObject, error) {
	warnings, err := h.platform.ChangeConfig(ctx, catalog.ConfigChange{
		Service: r.Service, Environment: r.Params.Environment, Layer: r.Body.Layer, Set: r.Body.Set, Unset: r.Body.Unset,
		If: onlyIf(r.Params.IfMatch),
	})
	if err != nil {
		return nil, err
	}
	c, tag, err := h.config(ctx, r.Service, r.Params.Environment)
	if err != nil {
		return nil, err
	}
	c.Warnings = warnings
	return UpdateConfig200JSONResponse{Body: c, Headers: UpdateConfig200ResponseHeaders{ETag: tag}}, nil
}

// CheckConfig tells which settings a release misses, and which it never names.
func (h *handlers) CheckConfig(ctx context.Context, r CheckConfigRequestObject) (CheckConfigResponseObject, error) {
	check, err := h.platform.CheckConfig(ctx, r.Service, r.Params.Environment)
	if err != nil {
		return nil, err
	}
	return CheckConfig200JSONResponse{
		Service: r.Service, Environment: r.Params.Environment, Release: check.Release, Running: check.Running, Asked: check.Asked,
		Missing: each(check.Missing, func(v syntax.Variable) MissingKey { return MissingKey{Key: v.Name, File: v.File, Line: v.Line} }),
		Unused:  append([]string{}, check.Unused...), Why: check.Why,
	}, nil
}

func snapshot(s slipway.Snapshot) Snapshot {
	out := Snapshot{Digest: s.Digest, Env: []SnapshotValue{}}
	for _, key := range slices.Sorted(maps.Keys(s.Env)) {
		v := SnapshotValue{Key: key, Secret: string(s.Env[key].Secret)}
		if plain := s.Env[key].Value; v.Secret == "" {
			v.Value = &plain
		}
		out.Env = append(out.Env, v)
	}
	out.Files = each(s.Files, func(f slipway.RenderedFile) RenderedFile { return RenderedFile{Path: f.Path, Content: f.Content} })
	return out
}

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
