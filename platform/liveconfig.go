package platform

import (
	"context"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
)

// LiveConfig is the config with which a service runs in an environment, secrets
// by reference, and the deployment that it belongs to. That is nil when nothing
// is live there.
func (p *Platform) LiveConfig(ctx context.Context, serviceName, environmentName string) (slipway.Snapshot, *ent.Deployment, error) {
	none := slipway.Snapshot{}
	s, err := p.Service(ctx, serviceName)
	if err != nil {
		return none, nil, err
	}
	e, err := p.Environment(ctx, environmentName)
	if err != nil {
		return none, nil, err
	}
	d, err := p.Live(ctx, s.ID, e.ID)
	if err != nil || d == nil {
		return none, nil, err
	}
	snapshot, err := NewLedger(p.Storage).Snapshot(ctx, slipway.Digest(d.Snapshot))
	return snapshot, d, err
}
