package project

import (
	"context"
	"path/filepath"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/adapters/build"
	"github.com/slipway-dev/slipway/adapters/config"
)

// NewBuilder opens what makes releases and renders their config.
func NewBuilder(ctx context.Context, o build.Options) (*build.Builder, *config.Jinja, error) {
	interpreters, err := build.FindInterpreters(ctx, o.Data)
	if err != nil {
		return nil, nil, err
	}
	if len(interpreters) == 0 {
		return nil, nil, slipway.Errorf(slipway.Unavailable, "no Python 3 found on this machine; install one, such as Debian's python3 and python3-venv")
	}
	o.Interpreters = interpreters
	builder, err := build.New(o)
	if err != nil {
		return nil, nil, err
	}
	python, err := build.Newest(interpreters)
	if err != nil {
		return nil, nil, err
	}
	renderer := config.New(config.Options{Data: o.Data, Python: python, Tree: func(ctx context.Context, d slipway.Digest) (string, slipway.Manifest, error) {
		artifact, err := builder.Open(ctx, d)
		return filepath.Join(artifact.Path, "source"), artifact.Manifest, err
	}})
	return builder, renderer, nil
}
