package platform

import (
	"context"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
)

// RenderInput asks what config a release would get.
type RenderInput struct {
	Service     string
	Environment string
	Release     int // 0: what is live there, or else the newest release
}

// RenderConfig renders the config that a release would get in an environment
// now. Nothing is kept or deployed; secrets stay references.
func (p *Platform) RenderConfig(ctx context.Context, in RenderInput) (slipway.Snapshot, error) {
	s, err := p.Service(ctx, in.Service)
	if err != nil {
		return slipway.Snapshot{}, err
	}
	e, err := p.Environment(ctx, in.Environment)
	if err != nil {
		return slipway.Snapshot{}, err
	}
	var r *ent.Release
	if in.Release != 0 {
		r, err = p.Release(ctx, in.Service, in.Release)
	} else {
		r, err = p.Newest(ctx, s, e)
	}
	if err != nil {
		return slipway.Snapshot{}, err
	}
	if r == nil {
		return slipway.Snapshot{}, slipway.Errorf(slipway.Conflict, "%s has no release yet whose templates could be rendered; run: slipway promote %s", s.Name, s.Name)
	}
	return p.rendered(ctx, s, e, r)
}
