package report

import (
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/client"
)

// TestCellSaysWhatIsSeen: a service that crashes now and then is healthy between
// two crashes, and its condition is not.
func TestCellSaysWhatIsSeen(t *testing.T) {
	healthy := []client.Instance{{State: slipway.InstanceHealthy}}
	for _, c := range []struct {
		cell client.StatusCell
		want string
	}{
		{client.StatusCell{}, ""},
		{client.StatusCell{Release: 3, Instances: healthy}, "release 3 healthy"},
		{client.StatusCell{Release: 3, Instances: healthy, Condition: slipway.ConditionCrashes}, "release 3 crash looping"},
		{client.StatusCell{Release: 3, Condition: slipway.ConditionDown}, "release 3 down"},
		{client.StatusCell{Release: 3, Instances: healthy, Condition: slipway.ConditionDrifted}, "release 3 drifted"},
	} {
		if got := cellText(c.cell); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
