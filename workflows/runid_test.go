package workflows_test

import (
	"context"
	"io"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/workflows"
)

// marking keeps the marks of the builds that it was asked for.
type marking struct {
	*world
	marks chan string
}

func (m marking) Build(ctx context.Context, r slipway.BuildRequest, log io.Writer) (slipway.Artifact, error) {
	m.marks <- r.RunID
	return m.world.Build(ctx, r, log)
}

// TestPlatformsMarkTheirOwn: two platforms on one machine, whose promotions have the
// same numbers, must not end each other's builds.
func TestPlatformsMarkTheirOwn(t *testing.T) {
	m := marking{&world{}, make(chan string, 2)}
	for _, service := range []string{"here", "there"} {
		w := workWith(t, &workflows.Steps{Source: m, Builder: m, Renderer: m, Target: m, Rehearser: m, Verifier: m, Ledger: ledger{m.world}, Snapshots: ledger{m.world}, Gates: open{}, Work: t.TempDir()})
		if err := workflows.Start(t.Context(), shared.Client(), input(service, slipway.PlanRequest{})); err != nil {
			t.Fatal(err)
		}
		result(t, service)
		w.Stop()
	}
	if here, there := <-m.marks, <-m.marks; here == there {
		t.Errorf("both are marked %s", here)
	}
}
