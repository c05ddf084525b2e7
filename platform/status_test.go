package platform_test

import (
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/report"
)

// TestDrifted: what has the traffic without being what was deployed is told, but for the
// moments in which a promotion gives it to another release.
func TestDrifted(t *testing.T) {
	for state, want := range map[promotion.State]bool{
		"": true, promotion.StateSucceeded: true, promotion.StateWaiting: true, promotion.StateQueued: true, promotion.StateRunning: false, promotion.StateVerifying: false,
	} {
		c := report.Cell{Deployment: &ent.Deployment{PromotionID: 4}, Observed: slipway.Observed{Deployment: "10"}}
		if state != "" {
			c.Promotion = &ent.Promotion{State: state}
		}
		if c.Drifted() != want {
			t.Errorf("a promotion is %q: %v", state, !want)
		}
		c.Observed.Deployment = "4"
		if c.Drifted() {
			t.Errorf("a promotion is %q: what was deployed is drifted", state)
		}
	}
}
