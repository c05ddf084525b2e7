package workflows

import (
	"context"
	"strings"

	"github.com/slipway-dev/slipway"
)

// served records that a deployment has the traffic. What work of its predecessor was cut
// for that is said with the step; where that can't be asked it is in its log alone.
func (s *Steps) served(ctx context.Context, d slipway.Deployment) error {
	if err := s.Ledger.Deployed(ctx, d, slipway.DeploymentServing); err != nil {
		return err
	}
	seen, err := s.Target.Observe(ctx, d.Service, d.Environment)
	if err != nil || seen.Deployment != d.ID || len(seen.Cut) == 0 {
		return nil
	}
	return errSaid(strings.Join(seen.Cut, "; "))
}
