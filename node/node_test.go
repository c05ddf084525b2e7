package node_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
)

func TestDeploySwitchAndWarmRollback(t *testing.T) {
	b := newBench(t)
	one, two := b.deployment(1, "one", nil), b.deployment(2, "two", nil)
	warm := 0
	for _, d := range []slipway.Deployment{one, two} {
		if log, err := b.deploy(d); err != nil {
			t.Fatalf("%v\n%s", err, log)
		}
		if d.ID == one.ID {
			warm = b.instance("web.1").PID
		}
	}
	if status, body, from := b.ask(); status != 200 || !strings.HasPrefix(body, "two ") || from != "2" || !strings.HasSuffix(body, " t0p-secret") {
		t.Fatalf("%d %q from %q", status, body, from)
	}
	if _, err := b.deploy(one); slipway.CodeOf(err) != slipway.Conflict {
		t.Errorf("an older deployment: %v", err)
	}
	back := one
	back.ID, back.Fence = "3", 3
	log, err := b.deploy(back)
	if err != nil || !strings.Contains(log, "still warm") {
		t.Fatalf("%v\n%s", err, log)
	}
	if pid := b.instance("web.1").PID; pid != warm {
		t.Errorf("process %d serves, and %d was warm", pid, warm)
	}
	if _, body, from := b.ask(); !strings.HasPrefix(body, "one ") || from != "3" {
		t.Fatalf("%q from %q", body, from)
	}
	if err := b.node.Revert(context.Background(), back, io.Discard); err != nil {
		t.Fatal(err)
	}
	if _, body, _ := b.ask(); !strings.HasPrefix(body, "two ") {
		t.Fatalf("after the revert: %q", body)
	}
	var logs bytes.Buffer
	if err := b.node.Logs(context.Background(), slipway.LogQuery{Service: "shop", Environment: "dev"}, &logs); err != nil || !strings.Contains(logs.String(), "asked / [secret]") || strings.Contains(logs.String(), "t0p") {
		t.Errorf("%v\n%s", err, logs.String())
	}
	if err := b.node.Remove(context.Background(), "shop", "dev"); err != nil {
		t.Fatal(err)
	}
	if status, _, _ := b.ask(); status != 404 {
		t.Errorf("a removed service answers %d", status)
	}
}

func TestBadDeploysKeepTheOld(t *testing.T) {
	b := newBench(t)
	if log, err := b.deploy(b.deployment(1, "one", nil)); err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	for id, c := range []struct{ mode, says string }{
		{"exit", `exited with code 3 before it was healthy; the last that it printed is "no licence for [secret]"`}, {"elsewhere", "listens on port"}, {"deaf", "never listened"},
		{"rude", `answered 400 to GET / for the host shop.dev.localhost ("Missing \x1b[31m'q' of [secret]......`},
		{"unix", "listens on the unix socket app.sock"}, {"host", "slipway domain add shop NAME --env dev"},
		{"unreached", "exited with code 3 before it was healthy: OperationalError: connection to server at \"127.0.0.1\", port 5432 failed: Connection refused; nothing answers at 127.0.0.1:5432, where it looks for PostgreSQL: start one there, or give it the address of one by DATABASE_URL"},
	} {
		d := b.deployment(id+2, "bad"+c.mode, map[string]string{"MODE": c.mode})
		d.Manifest.Health.TimeoutSeconds, d.Manifest.Addresses = 2, []string{"DATABASE_URL"}
		d.Manifest.Processes = append(d.Manifest.Processes, process("worker", 1))
		_, err := b.deploy(d)
		if slipway.CodeOf(err) != slipway.Refused || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.mode, err)
		}
		if _, body, _ := b.ask(); !strings.HasPrefix(body, "one ") {
			t.Errorf("%s: %q", c.mode, body)
		}
	}
	for _, start := range b.noted("starts") {
		if strings.HasPrefix(start, "worker ") {
			t.Errorf("a release that was never healthy had a worker, which may have taken jobs: %s", start)
		}
	}
}

// TestTheNextAgentAdopts closes the agent and opens another: the same process answers.
func TestTheNextAgentAdopts(t *testing.T) {
	b := newBench(t)
	if log, err := b.deploy(b.deployment(1, "one", nil)); err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	_, before, _ := b.ask()
	b.closed()
	b.open()
	if _, after, _ := b.ask(); after != before {
		t.Errorf("%q answers, before it was %q", after, before)
	}
}
