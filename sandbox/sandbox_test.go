package sandbox_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/sandbox"
)

func run(t *testing.T, c sandbox.Command) (sandbox.Result, string) {
	t.Helper()
	var out bytes.Buffer
	if c.Env == nil {
		c.Env = sandbox.Environment(t.TempDir(), nil, nil)
	}
	result, err := sandbox.Run(context.Background(), c, &out)
	if err != nil {
		t.Fatal(err)
	}
	return result, out.String()
}

func TestRunSeesOnlyItsEnvironment(t *testing.T) {
	t.Setenv("PLATFORM_TOKEN", "do-not-tell")
	result, out := run(t, sandbox.Command{Args: []string{"env"}})
	if !result.OK() || strings.Contains(out, "PLATFORM_TOKEN") {
		t.Errorf("%+v\n%s", result, out)
	}
}

func TestRunTellsHowItEnded(t *testing.T) {
	if r, _ := run(t, sandbox.Command{Args: []string{"sh", "-c", "exit 7"}}); r.ExitCode != 7 || r.OK() {
		t.Errorf("%+v", r)
	}
	if r, _ := run(t, sandbox.Command{Args: []string{"sh", "-c", "kill -9 $$"}}); r.Signal != "killed" {
		t.Errorf("%+v", r)
	}
	if _, err := sandbox.Run(context.Background(), sandbox.Command{Args: []string{"no-such-program"}}, &bytes.Buffer{}); err == nil {
		t.Error("a missing program is no error")
	}
}

// More than the system takes is the command's own, whatever may be tried again.
func TestRunWithTooManyVariables(t *testing.T) {
	var env []string
	for i := range 30 {
		env = append(env, fmt.Sprintf("KEY_%d=", i)+strings.Repeat("x", 100<<10))
	}
	_, err := sandbox.Run(context.Background(), sandbox.Command{Args: []string{"true"}, Env: env}, &bytes.Buffer{})
	if slipway.CodeOf(err) != slipway.Refused || !strings.Contains(err.Error(), "more bytes than the system takes") {
		t.Error(err)
	}
}

func TestRunBounds(t *testing.T) {
	cases := []struct {
		name string
		c    sandbox.Command
		hit  func(sandbox.Result) bool
	}{
		{"time", sandbox.Command{Args: []string{"sleep", "60"}, Timeout: 300 * time.Millisecond}, func(r sandbox.Result) bool { return r.TimedOut }},
		{"deaf to SIGTERM", sandbox.Command{Args: []string{"sh", "-c", "trap '' TERM; while :; do sleep 1; done"}, Timeout: 300 * time.Millisecond}, func(r sandbox.Result) bool { return r.TimedOut }},
		{"output", sandbox.Command{Args: []string{"yes"}, MaxOutput: 10000}, func(r sandbox.Result) bool { return r.Flooded }},
		{"memory", sandbox.Command{Args: []string{"python3", "-c", "x = bytearray(200<<20)\nimport time\ntime.sleep(60)"}, MaxMemory: 100 << 20, Timeout: 30 * time.Second}, func(r sandbox.Result) bool { return r.OutOfMemory }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if c.name == "memory" {
				c.c.Env = append(sandbox.Environment(t.TempDir(), nil, nil), "PATH="+os.Getenv("PATH"))
			}
			r, out := run(t, c.c)
			if !c.hit(r) || r.OK() {
				t.Errorf("%+v", r)
			}
			if c.c.MaxOutput > 0 && int64(len(out)) > c.c.MaxOutput {
				t.Errorf("%d bytes passed", len(out))
			}
		})
	}
}

// TestRunLeavesNothing starts a child that moves to a session of its own.
func TestRunLeavesNothing(t *testing.T) {
	id := "leaves-" + t.TempDir() // these tests may run twice at once
	r, _ := run(t, sandbox.Command{Args: []string{"sh", "-c", "setsid sleep 300 >/dev/null 2>&1 & setsid sleep 300 & exit 0"}, RunID: id})
	if r.Leftover < 1 {
		t.Errorf("found %d leftovers", r.Leftover)
	}
	if n := sandbox.End(id); n != 0 {
		t.Errorf("%d processes were left", n)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	started := make(chan struct{})
	done := make(chan error)
	go func() {
		_, err := sandbox.Run(ctx, sandbox.Command{Args: []string{"sh", "-c", "echo started; sleep 300"}, Env: sandbox.Environment(t.TempDir(), nil, nil)}, onceWriter(started))
		done <- err
	}()
	<-started
	cancel()
	select {
	case err := <-done:
		if err == nil {
			t.Error("a cancelled command ended well")
		}
	case <-time.After(time.Minute):
		t.Fatal("a cancelled command goes on")
	}
}

type onceWriter chan struct{}

func (w onceWriter) Write(p []byte) (int, error) {
	select {
	case <-w:
	default:
		close(w)
	}
	return len(p), nil
}
