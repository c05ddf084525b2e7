package node

import (
	"testing"

	"github.com/slipway-dev/slipway"
)

// TestNothingStatedIsNoLimit: a release that states no answer_seconds may take as long as it
// takes.
func TestNothingStatedIsNoLimit(t *testing.T) {
	made := (&deployment{Deployment: slipway.Deployment{ID: "1", Manifest: slipway.Manifest{}}}).branch(1, nil)
	if made.Limit != 0 {
		t.Errorf("a release that states nothing is held to %s", made.Limit)
	}
}
