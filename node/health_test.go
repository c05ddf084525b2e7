package node

import (
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
)

// An answer that isn't taken says what would have it taken.
func TestAnswersSayWhatToDo(t *testing.T) {
	i := &instance{place: &place{node: &Node{}, service: "billing", environment: "prod"}}
	i.owner.Store(&deployment{Deployment: slipway.Deployment{Manifest: slipway.Manifest{Health: slipway.Health{Path: "/healthz"}}}, Host: "billing.example.com"})
	for status, says := range map[int]string{
		401: "slipway service set billing --set 'health.statuses=[401]' (or health: {statuses: [401]} in slipway.yaml)",
		403: "slipway service set billing --set 'health.statuses=[403]'",
		404: "slipway service set billing --set health.path=/...",
		500: "answered 500 to GET /healthz",
	} {
		if got := i.words(answer{status: status}); !strings.HasPrefix(got, "answered ") || !strings.Contains(got, says) {
			t.Errorf("%d: %s", status, got)
		}
	}
}
