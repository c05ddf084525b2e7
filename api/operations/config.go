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

// ListConfigVersions lists what settings were.
func (h *handlers) ListConfigVersions(ctx context.Context, r ListConfigVersionsRequestObject) (ListConfigVersionsResponseObject, error) {
	list, err := h.platform.ConfigVersions(ctx, catalog.ConfigVersions{
		Service: r.Service, Environment: r.Params.Environment, Key: r.Params.Key, Page: page(r.Params.Cursor, r.Params.Limit),
	})
	if err != nil {
		return nil, err
	}
	return ListConfigVersions200JSONResponse{NextCursor: list.Next, Items: each(list.Items, func(v catalog.ConfigVersion) ConfigVersion {
		out := ConfigVersion{
			Key: v.Key, Layer: v.Layer, Version: v.Number, Secret: string(v.Secret), Unset: v.Unset, Author: v.Author, Since: v.Since, Current: v.Current,
		}
		if v.Secret == "" && !v.Unset {
			out.Value = &v.Value
		}
		return out
	})}, nil
}

// RestoreConfig makes a setting what it was.
func (h *handlers) RestoreConfig(ctx context.Context, r RestoreConfigRequestObject) (RestoreConfigResponseObject, error) {
	err := h.platform.RestoreConfig(ctx, catalog.ConfigRestore{
		Service: r.Service, Environment: r.Params.Environment, Layer: r.Body.Layer, Key: r.Body.Key, Number: r.Body.Version, If: onlyIf(r.Params.IfMatch),
	})
	if err != nil {
		return nil, err
	}
	c, tag, err := h.config(ctx, r.Service, r.Params.Environment)
	if err != nil {
		return nil, err
	}
	return RestoreConfig200JSONResponse{Body: c, Headers: RestoreConfig200ResponseHeaders{ETag: tag}}, nil
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
	if err := h.platform.RemoveSecret(ctx, r.Service, r.Params.Environment, r.Name, r.Params.Erase); err != nil {
		return nil, err
	}
	return DeleteSecret204Response{}, nil
}
