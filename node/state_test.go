package node_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
)

// block makes the state file impossible to replace, as a broken disk would.
func (b *bench) block() (unblock func()) {
	b.t.Helper()
	path := filepath.Join(b.data, "node", "state", "shop.dev.json")
	aside := filepath.Join(b.data, "aside")
	if err := os.Rename(path, aside); err != nil {
		b.t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(path, "in-the-way"), 0o700); err != nil {
		b.t.Fatal(err)
	}
	return func() {
		if err := os.RemoveAll(path); err != nil {
			b.t.Fatal(err)
		}
		if err := os.Rename(aside, path); err != nil {
			b.t.Fatal(err)
		}
	}
}

// TestMemoryFollowsTheDisk: what could not be written down has not happened.
func TestMemoryFollowsTheDisk(t *testing.T) {
	b := newBench(t)
	one, two := b.deployment(1, "one", nil), b.deployment(2, "two", nil)
	b.must(one)
	unblock := b.block()
	if _, err := b.deploy(two); slipway.CodeOf(err) != slipway.Unavailable || !strings.Contains(err.Error(), "state can't be written") {
		t.Errorf("a deploy that can't be written down: %v", err)
	}
	if err := b.node.Revert(context.Background(), one, io.Discard); slipway.CodeOf(err) != slipway.Unavailable {
		t.Errorf("a revert that can't be written down: %v", err)
	}
	if o := b.observe(); o.Deployment != "1" {
		t.Errorf("deployment %q is said to have the traffic", o.Deployment)
	}
	unblock()
	if log, err := b.deploy(one); err != nil { // its fence is still the newest
		t.Errorf("%v\n%s", err, log)
	}
	b.must(two)
	if _, body, _ := b.ask(); !strings.HasPrefix(body, "two ") {
		t.Errorf("%q", body)
	}
}

// TestNoInstanceTwice: an instance whose pid can't be written down does not stay
// beside the one that is started for it, even when it hides its mark.
func TestNoInstanceTwice(t *testing.T) {
	b := newBench(t)
	d := b.deployment(1, "one", map[string]string{"MODE": "unmarked"})
	d.Manifest.Processes = []slipway.Process{process("worker", 1)}
	b.must(d)
	unblock := b.block()
	end(t, b.instance("worker.1").PID)
	b.eventually("the state could not be written", func() bool {
		return strings.Contains(b.instance("worker.1").Reason, "state can't be written")
	})
	unblock()
	b.eventually("it runs again", func() bool { return b.instance("worker.1").State == slipway.InstanceHealthy })
	if alive := b.alive("worker", "one"); len(alive) != 1 || alive[0] != b.instance("worker.1").PID {
		t.Errorf("process %v runs, %+v is kept", alive, b.instance("worker.1"))
	}
}
