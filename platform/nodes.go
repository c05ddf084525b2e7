package platform

import (
	"context"
	"time"

	"github.com/slipway-dev/slipway"
)

// NodeList tells how the machines are that run services. One that doesn't answer
// within two seconds is Unavailable.
func (p *Platform) NodeList(ctx context.Context) ([]slipway.NodeStatus, error) {
	if _, err := p.SignedIn(ctx, slipway.PermitSignedIn); err != nil {
		return nil, err
	}
	if p.Nodes == nil {
		return []slipway.NodeStatus{}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return p.Nodes(ctx)
}
