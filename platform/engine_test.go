package platform_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/report"
	"github.com/slipway-dev/slipway/workflows"
	"github.com/slipway-dev/slipway/workflows/engine"
)

// theEngine is one workflow engine for the whole test program.
var theEngine struct {
	sync.Once
	*engine.Engine
	dir   string
	err   error
	names int
}

func temporal(t *testing.T) client.Client {
	t.Helper()
	theEngine.Do(func() {
		if theEngine.dir, theEngine.err = os.MkdirTemp("", "slipway-engine-"); theEngine.err != nil {
			return
		}
		theEngine.Engine, theEngine.err = engine.Start(context.Background(), engine.Options{File: filepath.Join(theEngine.dir, "temporal.db")})
	})
	if theEngine.err != nil {
		t.Fatal(theEngine.err)
	}
	return theEngine.Client()
}

func stopEngine() {
	if theEngine.Engine != nil {
		theEngine.Stop()
	}
	if theEngine.dir != "" {
		_ = os.RemoveAll(theEngine.dir)
	}
}

// live runs a test over both databases with the engine and a worker. The name is
// that of a registered service, which no other test has.
func live(t *testing.T, test func(w *world, name string)) {
	both(t, func(w *world) {
		w.engaged()
		name := w.newName()
		w.register(name)
		test(w, name)
	})
}

func (w *world) newName() string {
	theEngine.names++
	return fmt.Sprintf("billing-%d", theEngine.names)
}

// engaged gives the world an engine and a worker, whose gatekeeper may be another.
func (w *world) engaged(instead ...func(*platform.Gates) slipway.Gatekeeper) {
	w.Helper()
	options := w.Options
	options.Temporal = temporal(w.T)
	w.Platform = platform.New(options)
	gates := &platform.Gates{Ledger: w.ledger, Source: options.Source, Target: options.Target, Builder: options.Builder, Renderer: options.Renderer, Secrets: options.Secrets}
	var keeper slipway.Gatekeeper = gates
	for _, other := range instead {
		keeper = other(gates)
	}
	worker := workflows.NewWorker(options.Temporal, &workflows.Steps{
		Source: options.Source, Builder: options.Builder, Renderer: options.Renderer, Target: options.Target, Rehearser: rehearser{}, Verifier: verifier{},
		Ledger: w.ledger, Snapshots: w.ledger, Queue: w.Platform, Deliveries: w.Platform,
		Gates: keeper, Warrants: gates, Work: w.TempDir(), Log: slog.New(slog.DiscardHandler),
	}, workflows.Options{})
	w.must(worker.Start())
	w.Cleanup(worker.Stop)
}

// ended follows a promotion to its end and returns how that was.
func (w *world) ended(id string) (state, reason string) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), 60*time.Second)
	defer cancel()
	if err := w.Watch(ctx, id, "", func(report.LiveEvent) error { return nil }); err != nil {
		w.Fatalf("watching promotion %s: %v", id, err)
	}
	row, err := w.Promotion(ctx, id)
	w.must(err)
	return string(row.State), row.Reason
}

// promote promotes and waits for the end.
func (w *world) promote(in platform.PromoteInput, want string) string {
	w.Helper()
	row, err := w.Promote(w.Context(), in)
	w.must(err)
	id := fmt.Sprint(row.ID)
	if state, reason := w.ended(id); state != want {
		w.Fatalf("promotion %s has %s: %s", id, state, reason)
	}
	return id
}

// hold makes builds wait until the returned function is called.
func (w *world) hold() (begun <-chan struct{}, release func()) {
	gate, started := make(chan struct{}), make(chan struct{}, 100)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.build = func(ctx context.Context) error {
		started <- struct{}{}
		select {
		case <-gate:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return started, sync.OnceFunc(func() { close(gate) })
}

type verifier struct{}

func (verifier) Verify(context.Context, slipway.VerifyRequest, io.Writer) ([]slipway.CheckResult, error) {
	return nil, nil
}
