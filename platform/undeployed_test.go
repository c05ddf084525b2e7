package platform_test

import (
	"strings"
	"testing"
	"time"
)

// TestChangesAreFoundByAnIndex: the overview doesn't read all that ever happened to
// tell who changed what doesn't run.
func TestChangesAreFoundByAnIndex(t *testing.T) {
	both(t, func(w *world) {
		plan, err := w.Storage.PlanOfChanges(w.Context(), []string{"billing"}, time.Now().Add(-time.Hour))
		w.must(err)
		if !strings.Contains(plan, "event_kind_at") {
			t.Errorf("the changes are found by\n%s", plan)
		}
	})
}
