package engine_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/slipway-dev/slipway/workflows/engine"
)

func start(t *testing.T, file string) *engine.Engine {
	t.Helper()
	e, err := engine.Start(context.Background(), engine.Options{File: file})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// waits is a workflow that ends when it is told to.
func waits(ctx workflow.Context) (string, error) {
	var word string
	workflow.GetSignalChannel(ctx, "word").Receive(ctx, &word)
	return word, nil
}

func run(t *testing.T, c client.Client) worker.Worker {
	t.Helper()
	w := worker.New(c, "test", worker.Options{})
	w.RegisterWorkflow(waits)
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	return w
}

// TestEngineGoesOnAfterAKill starts a workflow in another process, kills that
// process, and ends the workflow in this one.
func TestEngineGoesOnAfterAKill(t *testing.T) {
	if file := os.Getenv("ENGINE_TEST_FILE"); file != "" {
		e := start(t, file)
		if _, err := e.Client().ExecuteWorkflow(context.Background(), client.StartWorkflowOptions{ID: "one", TaskQueue: "test"}, waits); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file+".started", nil, 0o600); err != nil {
			t.Fatal(err)
		}
		select {} // until it is killed
	}
	file := filepath.Join(t.TempDir(), "temporal.db")
	child := exec.Command(os.Args[0], "-test.run=^TestEngineGoesOnAfterAKill$")
	child.Env = append(os.Environ(), "ENGINE_TEST_FILE="+file)
	child.Stdout, child.Stderr = os.Stderr, os.Stderr
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	deadline := time.After(time.Minute)
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for {
		if _, err := os.Stat(file + ".started"); err == nil {
			break
		}
		select {
		case <-poll.C:
		case <-deadline:
			t.Fatal("the engine of the other process did not start")
		}
	}
	_ = child.Process.Kill()
	_ = child.Wait()

	began := time.Now()
	e := start(t, file)
	defer e.Stop()
	t.Logf("ready after %s", time.Since(began))
	w := run(t, e.Client())
	defer w.Stop()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := e.Client().SignalWorkflow(ctx, "one", "", "word", "well"); err != nil {
		t.Fatal(err)
	}
	var got string
	if err := e.Client().GetWorkflow(ctx, "one", "").Get(ctx, &got); err != nil || got != "well" {
		t.Errorf("%q %v", got, err)
	}
}
