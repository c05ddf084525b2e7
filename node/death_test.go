package node_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
)

// TestTheAgentIsKilled: the next one takes over what runs, with what was known of it.
func TestTheAgentIsKilled(t *testing.T) {
	b := emptyBench(t)
	b.spawn()
	d := b.deployment(1, "one", nil)
	d.Manifest.Processes = append(d.Manifest.Processes, process("worker", 1), process("beat", 1))
	b.must(d)
	end(t, b.instance("web.1").PID) // so that there is a restart to be remembered
	b.eventually("the instance was started again", func() bool {
		i := b.instance("web.1")
		return i.Restarts == 1 && i.State == slipway.InstanceHealthy
	})
	before := b.observe().Instances
	b.killed()
	b.spawn()
	b.eventually("all are healthy", func() bool { return healthy(b.observe().Instances) })
	after := b.observe().Instances
	if len(after) != 3 || fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("before: %+v\nafter:  %+v", before, after)
	}
	if status, body, _ := b.ask(); status != 200 || !strings.Contains(body, fmt.Sprint(b.instance("web.1").PID)) {
		t.Errorf("%d %q", status, body)
	}
	for _, role := range []string{"web", "worker", "beat"} {
		if alive := b.alive(role, "one"); len(alive) != 1 {
			t.Errorf("%s runs as %v", role, alive)
		}
	}
}

func healthy(all []slipway.Instance) bool {
	for _, i := range all {
		if i.State != slipway.InstanceHealthy {
			return false
		}
	}
	return true
}

func endGroup(t *testing.T, pid int) {
	t.Helper()
	group, err := syscall.Getpgid(pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(-group, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// TestDiedMeanwhile: what died while no agent ran is started again, and that counts.
func TestDiedMeanwhile(t *testing.T) {
	b := emptyBench(t)
	b.spawn()
	b.must(b.deployment(1, "one", nil))
	b.killed()
	pid := b.alive("web", "one")[0]
	end(t, pid)
	b.spawn()
	b.eventually("it is healthy", func() bool { return b.instance("web.1").State == slipway.InstanceHealthy })
	if i := b.instance("web.1"); i.Restarts != 1 || i.PID == pid || !strings.Contains(i.Reason, "no node agent ran") {
		t.Errorf("%+v", i)
	}
}

func end(t *testing.T, pid int) {
	t.Helper()
	p, err := os.FindProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
}

// TestInterruptedDeployIsCollected: an agent dies in the middle of a deploy that
// nobody asks for again. Its processes, files and port don't stay.
func TestInterruptedDeployIsCollected(t *testing.T) {
	b := emptyBench(t)
	b.spawn()
	b.must(b.deployment(1, "one", nil))
	lost := b.deployment(2, "lost", map[string]string{"MODE": "deaf"})
	lost.Manifest.Health.TimeoutSeconds = 60
	lost.Manifest.Processes[0].Instances = 2
	answered := make(chan error, 1)
	go func() { answered <- b.node.Deploy(context.Background(), lost, io.Discard) }()
	b.eventually("its instances run", func() bool { return len(b.alive("web", "lost")) == 2 })
	// Half a directory too, of which the state says nothing.
	stray := filepath.Join(b.data, "node", "deployments", "shop", "dev", "99")
	if err := os.MkdirAll(filepath.Join(stray, "app"), 0o700); err != nil {
		t.Fatal(err)
	}
	b.killed()
	if err := <-answered; err == nil {
		t.Fatal("the deploy succeeded all the same")
	}
	b.spawn()
	b.eventually("its instances are gone", func() bool { return len(b.alive("web", "lost")) == 0 })
	b.eventually("its files are gone", func() bool {
		left, _ := filepath.Glob(filepath.Join(b.data, "node", "deployments", "shop", "dev", "*"))
		return len(left) == 1
	})
	state, err := os.ReadFile(filepath.Join(b.data, "node", "state", "shop.dev.json"))
	if err != nil || bytes.Contains(state, []byte("lost")) {
		t.Errorf("%v: the state still knows it: %s", err, state)
	}
	b.must(b.deployment(3, "three", nil))
	if _, body, _ := b.ask(); !strings.HasPrefix(body, "three ") {
		t.Errorf("%q", body)
	}
}

// TestStartedAndNotWrittenDown: an agent that is killed between starting a process
// and writing its pid down leaves one that the next agent knows by its mark alone.
func TestStartedAndNotWrittenDown(t *testing.T) {
	b := emptyBench(t)
	b.spawn()
	lost := b.deployment(1, "lost", map[string]string{"MODE": "deaf"})
	go func() { _, _ = b.deploy(lost) }()
	b.eventually("its instance runs", func() bool { return len(b.alive("web", "lost")) == 1 })
	b.killed()
	file := filepath.Join(b.data, "node", "state", "shop.dev.json")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	unwritten := regexp.MustCompile(`"web\.1":\s*\{[^}]*\}`).ReplaceAll(text, nil)
	if bytes.Equal(unwritten, text) {
		t.Fatalf("the state knows no process: %s", text)
	}
	if err := os.WriteFile(file, unwritten, 0o600); err != nil {
		t.Fatal(err)
	}
	b.spawn()
	b.eventually("it has ended", func() bool { return len(b.alive("web", "lost")) == 0 })
}

// TestAbandonedDeployIsCollected: the caller goes away; a later deploy finds nothing left.
func TestAbandonedDeployIsCollected(t *testing.T) {
	b := newBench(t)
	ctx, cancel := context.WithCancel(context.Background())
	lost := b.deployment(1, "lost", map[string]string{"MODE": "deaf"})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := b.node.Deploy(ctx, lost, io.Discard); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	b.eventually("its instance runs", func() bool { return len(b.alive("web", "lost")) == 1 })
	if status, body, _ := b.ask(); status != 503 || !strings.Contains(body, "shop has no release running in dev") {
		t.Errorf("meanwhile: %d %q", status, body)
	}
	cancel()
	wg.Wait()
	if alive := b.alive("web", "lost"); len(alive) > 0 {
		t.Errorf("%v still run", alive)
	}
	if left, _ := filepath.Glob(filepath.Join(b.data, "node", "deployments", "shop", "dev", "*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// released runs the release command and tells how it ended.
func (b *bench) released(d slipway.Deployment) (string, error) {
	var log bytes.Buffer
	err := b.node.Release(context.Background(), d, &log)
	return log.String(), err
}

func TestReleaseCommandOnce(t *testing.T) {
	b := newBench(t)
	good, bad := b.deployment(1, "one", nil), b.deployment(2, "two", map[string]string{"RELEASE": "7"})
	for range 2 {
		if log, err := b.released(good); err != nil || strings.Contains(log, "t0p") {
			t.Errorf("%v\n%s", err, log)
		}
	}
	for range 2 {
		log, err := b.released(bad)
		if slipway.CodeOf(err) != slipway.Refused || !strings.Contains(err.Error(), "exited with code 7") {
			t.Errorf("%v\n%s", err, log)
		}
	}
	if n := len(b.noted("released")); n != 2 {
		t.Errorf("two release commands ran %d times", n)
	}
	missing := b.deployment(3, "three", nil)
	missing.Manifest.ReleaseCommand = "no-such-program --now"
	if _, err := b.released(missing); slipway.CodeOf(err) != slipway.Refused || !strings.Contains(err.Error(), "no-such-program is not found") {
		t.Error(err)
	}
}

// TestReleaseCommandStopsWhatWatchesIt: it can't hide that it has ended.
func TestReleaseCommandStopsWhatWatchesIt(t *testing.T) {
	for name, halt := range map[string]string{
		"signal": "__import__('os').kill(__import__('os').getppid(),19)",
		"trace":  "__import__('sys').exit(__import__('ctypes').CDLL(None).ptrace(16,__import__('os').getppid(),0,0))", // PTRACE_ATTACH
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			d := b.deployment(1, "one", nil)
			d.Manifest.ReleaseCommand = python() + " -c " + halt
			answered := make(chan error, 1)
			go func() { _, err := b.released(d); answered <- err }()
			select {
			case err := <-answered:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(30 * time.Second):
				t.Error("it is under way for ever")
				for _, pid := range b.alive("release", "one") {
					endGroup(t, pid)
				}
			}
		})
	}
}

func TestReleaseCommandSaysWhoDoesNotAnswer(t *testing.T) {
	b := newBench(t)
	d := b.deployment(1, "one", map[string]string{"RELEASE": "1", "MODE": "unreached"})
	if log, err := b.released(d); slipway.CodeOf(err) != slipway.Refused || !strings.Contains(err.Error(), "exited with code 1") || !strings.Contains(err.Error(), "nothing answers at 127.0.0.1:5432, where it looks for PostgreSQL") {
		t.Errorf("%v\n%s", err, log)
	}
}

// TestReleaseCommandOutlivesTheAgent: the next agent waits for it, shows all that
// it printed and says how it really ended; whoever asks again doesn't run it again.
func TestReleaseCommandOutlivesTheAgent(t *testing.T) {
	for _, c := range []struct {
		name, exit, says string
		goAt             string // when it may end: while an agent runs, or none
		code             slipway.Code
	}{
		{"well", "0", "", "after", ""},
		{"badly", "3", "exited with code 3", "after", slipway.Refused},
		{"meanwhile", "0", "", "between", ""},
		{"killed meanwhile", "0", "interrupted", "never", slipway.Unknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := emptyBench(t)
			b.touch("hold")
			b.spawn()
			d := b.deployment(1, "one", map[string]string{"RELEASE": c.exit})
			answered := make(chan error, 1)
			go func() { _, err := b.released(d); answered <- err }()
			b.eventually("the command runs", func() bool { return len(b.alive("release", "one")) == 1 })
			b.killed()
			if err := <-answered; slipway.CodeOf(err) != slipway.Unavailable {
				t.Errorf("the first call: %v", err)
			}
			pid := b.alive("release", "one")[0]
			switch c.goAt {
			case "between":
				b.touch("go")
				b.eventually("it has ended", func() bool { return len(b.alive("release", "one")) == 0 })
			case "never":
				endGroup(t, pid)
				b.eventually("it has ended", func() bool { return len(b.alive("release", "one")) == 0 })
			}
			b.spawn()
			if c.goAt == "after" {
				go func() { b.touch("go") }()
			}
			log, err := b.released(d)
			if slipway.CodeOf(err) != c.code || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v\n%s", err, log)
			}
			if strings.Contains(log, "t0p-secret") {
				t.Errorf("a secret in %s", log)
			}
			again, err := b.released(d)
			if slipway.CodeOf(err) != c.code {
				t.Errorf("asked once more: %v\n%s", err, again)
			}
			starts := 0
			for _, line := range b.noted("starts") {
				if strings.HasPrefix(line, "release ") {
					starts++
				}
			}
			if starts != 1 {
				t.Errorf("the command was started %d times", starts)
			}
		})
	}
}

// TestRepeatableReleaseCommand runs one again whose outcome is not known, because it
// is declared safe to repeat.
func TestRepeatableReleaseCommand(t *testing.T) {
	b := emptyBench(t)
	b.touch("hold")
	b.spawn()
	d := b.deployment(1, "one", nil)
	d.Manifest.ReleaseRepeatable = true
	go func() { _, _ = b.released(d) }()
	b.eventually("the command runs", func() bool { return len(b.alive("release", "one")) == 1 })
	b.killed()
	endGroup(t, b.alive("release", "one")[0])
	b.eventually("it has ended", func() bool { return len(b.alive("release", "one")) == 0 })
	b.spawn()
	b.touch("go")
	for _, says := range []string{"it runs again", "has run already"} {
		if log, err := b.released(d); err != nil || !strings.Contains(log, says) {
			t.Errorf("%v, without %q\n%s", err, says, log)
		}
	}
}

// TestShutdownLeavesTheReleaseCommand: the agent doesn't wait for it, and it goes on.
func TestShutdownLeavesTheReleaseCommand(t *testing.T) {
	b := newBench(t)
	b.touch("hold")
	d := b.deployment(1, "one", nil)
	answered := make(chan error, 1)
	go func() { _, err := b.released(d); answered <- err }()
	b.eventually("the command runs", func() bool { return len(b.alive("release", "one")) == 1 })
	if err := b.node.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := <-answered; slipway.CodeOf(err) != slipway.Unavailable {
		t.Errorf("its caller was told: %v", err)
	}
	b.closed()
	if len(b.alive("release", "one")) != 1 {
		t.Fatal("the command was ended")
	}
	b.open()
	var log syncBuffer
	go func() { answered <- b.node.Release(context.Background(), d, &log) }()
	b.eventually("its output is shown again", func() bool { return strings.Contains(log.String(), "migrating with [secret]") })
	b.touch("go")
	if err := <-answered; err != nil || !strings.Contains(log.String(), "migrated") {
		t.Errorf("%v\n%s", err, log.String())
	}
}

// syncBuffer may be read while it is written.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// TestTwoNodes on one machine leave each other's processes alone, even of the
// same service, environment and deployment.
func TestTwoNodes(t *testing.T) {
	a, b := emptyBench(t), emptyBench(t)
	a.spawn()
	b.spawn()
	a.must(a.deployment(1, "one", nil))
	before := a.instance("web.1").PID
	b.must(b.deployment(1, "one", nil))
	b.revert(b.deployment(1, "one", nil))
	if i := a.instance("web.1"); i.PID != before || i.Restarts != 0 || i.State != slipway.InstanceHealthy {
		t.Errorf("the other node's instance was %d, is %+v", before, i)
	}
	if alive := a.alive("web", "one"); len(alive) != 1 || alive[0] != before {
		t.Errorf("%d runs as %v", before, alive)
	}
}
