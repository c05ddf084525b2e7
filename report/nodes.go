package report

import (
	"context"
	"time"

	"github.com/slipway-dev/slipway"
)

// NodeList tells how the machines are that run services. One that doesn't answer
// within two seconds is Unavailable.
func (rep *Reports) NodeList(ctx context.Context) ([]slipway.NodeStatus, error) {
	if _, err := rep.people.SignedIn(ctx, slipway.PermitSignedIn); err != nil {
		return nil, err
	}
	if rep.ports.Nodes == nil {
		return []slipway.NodeStatus{}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return rep.ports.Nodes(ctx)
}
