package workflows_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/workflows"
)

// busy is a world whose builds go on until they are let go.
type busy struct {
	*world
	mu    sync.Mutex
	began []string
	more  chan string
	end   map[string]chan struct{}
}

func (b *busy) Build(ctx context.Context, r slipway.BuildRequest, _ io.Writer) (slipway.Artifact, error) {
	b.mu.Lock()
	b.began = append(b.began, r.Service)
	end := make(chan struct{})
	b.end[r.Service] = end
	b.mu.Unlock()
	b.more <- r.Service
	select {
	case <-end:
		return slipway.Artifact{}, slipway.Errorf(slipway.Refused, "let go")
	case <-ctx.Done():
		return slipway.Artifact{}, ctx.Err()
	}
}

func (b *busy) next(t *testing.T) string {
	t.Helper()
	select {
	case service := <-b.more:
		return service
	case <-time.After(time.Minute):
		t.Fatal("no build begins")
		return ""
	}
}

func (b *busy) let(service string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.end[service])
}

// TestOneTeamsBuildsDontStarveOthers has one team ask for many builds, and another
// for one afterwards, on the real scheduler.
func TestOneTeamsBuildsDontStarveOthers(t *testing.T) {
	b := &busy{world: &world{}, more: make(chan string, 100), end: map[string]chan struct{}{}}
	steps := &workflows.Steps{Source: b, Builder: b, Renderer: b, Target: b, Rehearser: b, Verifier: b, Ledger: ledger{b.world}, Snapshots: ledger{b.world}, Gates: open{}, Warrants: trusting{}, Work: t.TempDir()}
	worker := workflows.NewWorker(shared.Client(), steps, workflows.Options{Builds: 2, Shared: func(context.Context) bool { return true }})
	if err := worker.Start(); err != nil {
		t.Fatal(err)
	}
	defer worker.Stop()
	start := func(service, promotion string, team int) {
		in := input(service, slipway.PlanRequest{})
		in.Promotion, in.Team = promotion, team
		if err := workflows.Start(t.Context(), shared.Client(), in); err != nil {
			t.Fatal(err)
		}
	}
	const many = 20
	for i := range many {
		start(fmt.Sprint("greedy-", i), fmt.Sprint(100+i), 1)
	}
	first := b.next(t)
	start("modest", "200", 2)
	if got := b.next(t); got != "modest" { // in the slot that was kept, while the first one goes on
		t.Errorf("%s begins beside %s", got, first)
	}
	b.mu.Lock()
	if began := slices.Clone(b.began); len(began) != 2 {
		t.Errorf("%v run at once in two slots", began)
	}
	b.mu.Unlock()
	b.let("modest")
	_ = result(t, "modest")
	b.let(first)
	for range many - 1 { // one after the other, to the last
		b.let(b.next(t))
	}
	for i := range many {
		_ = result(t, fmt.Sprint("greedy-", i))
	}
}

// TestOneTeamAloneHasAllSlots keeps none for nobody.
func TestOneTeamAloneHasAllSlots(t *testing.T) {
	b := &busy{world: &world{}, more: make(chan string, 100), end: map[string]chan struct{}{}}
	steps := &workflows.Steps{Source: b, Builder: b, Renderer: b, Target: b, Rehearser: b, Verifier: b, Ledger: ledger{b.world}, Snapshots: ledger{b.world}, Gates: open{}, Warrants: trusting{}, Work: t.TempDir()}
	worker := workflows.NewWorker(shared.Client(), steps, workflows.Options{Builds: 2})
	if err := worker.Start(); err != nil {
		t.Fatal(err)
	}
	defer worker.Stop()
	for i, service := range []string{"alone-a", "alone-b"} {
		in := input(service, slipway.PlanRequest{})
		in.Promotion, in.Team = fmt.Sprint(300+i), 1
		if err := workflows.Start(t.Context(), shared.Client(), in); err != nil {
			t.Fatal(err)
		}
	}
	one, two := b.next(t), b.next(t)
	b.let(one)
	b.let(two)
	_, _ = result(t, "alone-a"), result(t, "alone-b")
}
