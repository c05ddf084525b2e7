package node_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
)

// TestMemoryLimit: an instance that grows over it ends, even one that ignores
// SIGTERM, says why wherever one looks, and is started again.
func TestMemoryLimit(t *testing.T) {
	t.Run("of the node", func(t *testing.T) { memoryLimit(t, 100<<20, 0) })
	t.Run("of the process", func(t *testing.T) { memoryLimit(t, 1<<40, 100) })
}

func memoryLimit(t *testing.T, node int64, own int) {
	b := emptyBench(t)
	b.memory = node
	b.open()
	d := b.deployment(1, "one", map[string]string{"MODE": "stubborn"})
	d.Manifest.Processes[0].GraceSeconds, d.Manifest.Processes[0].MemoryMB = 1, own
	b.must(d)
	pid := b.instance("web.1").PID
	if status, _, _ := b.get("/grow"); status != 200 {
		t.Fatal(status)
	}
	b.eventually("it waits for its next start", func() bool { return b.instance("web.1").State == slipway.InstanceBackoff })
	if reason := b.instance("web.1").Reason; !strings.Contains(reason, "more than its limit of 100 MiB") || !strings.Contains(reason, "did not end by itself") {
		t.Errorf("reason %q", reason)
	}
	b.eventually("it is healthy again", func() bool { return b.instance("web.1").State == slipway.InstanceHealthy })
	if i := b.instance("web.1"); i.PID == pid || i.Restarts != 1 || !strings.Contains(i.Reason, "MiB, more than its limit of 100 MiB") {
		t.Errorf("%+v", i)
	}
	if logs := b.logs(); !strings.Contains(logs, "[slipway] web.1 used ") {
		t.Errorf("the service's log doesn't say it:\n%s", logs)
	}
	if !strings.Contains(b.file("state/shop.dev.json"), "more than its limit") {
		t.Error("the state file doesn't say it")
	}
	if status, _, _ := b.ask(); status != 200 {
		t.Error(status)
	}
}

// TestCrashes: an instance comes back, each time later, and is said to be
// healthy as soon as it is.
func TestCrashes(t *testing.T) {
	b := newBench(t)
	began := time.Now()
	b.must(b.deployment(1, "one", nil))
	start := time.Since(began)
	first := b.instance("web.1")
	var waits []time.Duration
	for k := range 2 {
		end(t, b.instance("web.1").PID)
		b.eventually("the crash is seen", func() bool { return b.instance("web.1").State == slipway.InstanceBackoff })
		crashed := time.Now()
		if reason := b.instance("web.1").Reason; !strings.Contains(reason, "ended by signal killed") {
			t.Errorf("reason %q", reason)
		}
		b.eventually("it runs", func() bool { return b.instance("web.1").State == slipway.InstanceHealthy })
		waits = append(waits, time.Since(crashed))
		if i := b.instance("web.1"); i.Restarts != k+1 || !i.StartedAt.After(first.StartedAt) {
			t.Errorf("after crash %d: %+v", k+1, i)
		}
	}
	// 1 s and 2 s of back-off, and a start; neither has the 5 s in it after which a
	// settled instance is looked at.
	if waits[0] < 900*time.Millisecond || waits[1] < 1900*time.Millisecond || waits[0] > 3*time.Second+3*start {
		t.Errorf("it was healthy after %v, and the first start took %s", waits, start)
	}
	if status, _, _ := b.ask(); status != 200 {
		t.Error(status)
	}
}

// TestHalted: an instance that does not answer is said to fail, and to be
// healthy when it goes on.
func TestHalted(t *testing.T) {
	b := newBench(t)
	b.must(b.deployment(1, "one", nil))
	pid := b.instance("web.1").PID
	for _, c := range []struct {
		signal syscall.Signal
		state  slipway.InstanceState
	}{{syscall.SIGSTOP, slipway.InstanceFailing}, {syscall.SIGCONT, slipway.InstanceHealthy}} {
		if err := syscall.Kill(pid, c.signal); err != nil {
			t.Fatal(err)
		}
		b.eventually("it is seen to be "+string(c.state), func() bool { return b.instance("web.1").State == c.state })
	}
}

// followed follows the service's log until the test ends.
func (b *bench) followed() *syncBuffer {
	var out syncBuffer
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := b.node.Logs(ctx, slipway.LogQuery{Service: "shop", Environment: "dev", Follow: true}, &out); err != nil {
			b.t.Error(err)
		}
	})
	b.t.Cleanup(func() {
		cancel()
		wg.Wait()
		if b.t.Failed() {
			b.t.Logf("the reader saw:\n%s", out.String())
		}
	})
	return &out
}

// TestFollowGoesOn: who follows a log sees the instances that a deploy and a
// restart bring, each line once.
func TestFollowGoesOn(t *testing.T) {
	b := newBench(t)
	b.must(b.deployment(1, "one", nil))
	out := b.followed()
	shows := func(line string) {
		t.Helper()
		b.eventually("the reader sees "+line, func() bool { return strings.Contains(out.String(), line) })
	}
	shows("serving one")
	b.must(b.deployment(2, "two", nil))
	shows("web.1 | serving two")
	end(t, b.instance("web.1").PID)
	b.eventually("it serves again", func() bool { _, body, _ := b.get("/after"); return strings.HasPrefix(body, "two ") })
	shows("asked /after [secret]")
	back := b.deployment(1, "one", nil)
	back.ID, back.Fence = "3", 3
	b.must(back)
	b.get("/back")
	shows("asked /back [secret]")
	if n := strings.Count(out.String(), "serving one"); n != 1 {
		t.Errorf("a line is shown %d times:\n%s", n, out.String())
	}
	if n := strings.Count(out.String(), "serving two"); n != 2 {
		t.Errorf("two starts are shown %d times", n)
	}
}

// TestFollowToTheEnd: what a replaced worker says while it finishes is shown to
// who followed it.
func TestFollowToTheEnd(t *testing.T) {
	b := newBench(t)
	first := b.deployment(1, "one", map[string]string{"MODE": "late"})
	first.Manifest.Processes = append(first.Manifest.Processes, process("worker", 1))
	b.must(first)
	out := b.followed()
	shows := func(line string) {
		t.Helper()
		b.eventually("the reader sees "+line, func() bool { return strings.Contains(out.String(), line) })
	}
	shows("serving one")
	done := make(chan error, 1)
	next := b.deployment(2, "two", nil)
	go func() { _, err := b.deploy(next); done <- err }()
	shows("worker.1 | finishing one")
	b.get("/meanwhile")
	shows("asked /meanwhile") // the reader has looked since
	b.touch("go")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	shows("worker.1 | finished one")
}

// TestLongLines: a line over 1 MiB is shown in marked pieces, and no secret is
// cut in two by it.
func TestLongLines(t *testing.T) {
	b := newBench(t)
	b.must(b.deployment(1, "one", nil))
	out := b.followed()
	b.eventually("the reader is there", func() bool { return strings.Contains(out.String(), "serving one") })
	if status, _, _ := b.get("/long"); status != 200 {
		t.Fatal(status)
	}
	b.eventually("the end of the line is shown", func() bool { return strings.Contains(out.String(), "end of the long line") })
	for _, text := range []string{out.String(), b.logs()} {
		if !strings.Contains(text, "[slipway: the line goes on below]\nweb.1 | ") {
			t.Error("no piece is marked")
		}
		if strings.Count(text, "x") < 1_500_000 || strings.Count(text, "y") < 1_500_000 {
			t.Error("some of the line is lost")
		}
		if strings.Contains(text, "t0p") || strings.Contains(text, "secretyy") {
			t.Error("a secret is shown")
		}
	}
}

// TestRenderedFiles are the service's alone, whatever the release had in their
// place, and their secrets are nowhere else.
func TestRenderedFiles(t *testing.T) {
	b := newBench(t)
	d := b.deployment(1, "one", nil)
	source := filepath.Join(b.data, "artifacts", "one", "source")
	mark := slipway.SecretMark("sealed://x/TOKEN")
	if err := os.WriteFile(filepath.Join(source, "settings.toml"), []byte("from the repository"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(source, "settings.toml"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("app.py", filepath.Join(source, "linked.toml")); err != nil {
		t.Fatal(err)
	}
	d.Config.Files = []slipway.RenderedFile{
		{Path: "settings.toml", Content: "token = " + mark}, {Path: "linked.toml", Content: "linked = " + mark}, {Path: "conf/deep.toml", Content: "deep"},
	}
	b.must(d)
	app := filepath.Join(b.data, "node", "deployments", "shop", "dev", "1", "app")
	for name, want := range map[string]string{"settings.toml": "token = t0p-secret", "linked.toml": "linked = t0p-secret", "conf/deep.toml": "deep"} {
		info, err := os.Lstat(filepath.Join(app, name))
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v %v", name, info.Mode(), err)
		}
		if text, err := os.ReadFile(filepath.Join(app, name)); err != nil || string(text) != want {
			t.Errorf("%s: %q %v", name, text, err)
		}
	}
	if text, err := os.ReadFile(filepath.Join(app, "app.py")); err != nil || !strings.HasPrefix(string(text), "WORD") {
		t.Errorf("a file was written through a link: %v", err)
	}
	if err := filepath.WalkDir(filepath.Join(b.data, "node", "state"), func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), "t0p-secret") {
			t.Errorf("%s holds a secret", path)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
	// A directory that is a link is refused: what is behind it is not meant.
	linked := b.deployment(2, "two", nil)
	if err := os.Symlink("venv", filepath.Join(b.data, "artifacts", "two", "source", "conf")); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(b.data, "artifacts", "two", "source", "venv"), 0o755); err != nil {
		t.Fatal(err)
	}
	linked.Config.Files = []slipway.RenderedFile{{Path: "conf/settings.toml", Content: "x"}}
	if _, err := b.deploy(linked); slipway.CodeOf(err) != slipway.Refused || !strings.Contains(err.Error(), "conf/settings.toml can't be written") {
		t.Error(err)
	}
}

// TestUnknownNames: the edge tells who is not known from who has nothing to answer with.
func TestUnknownNames(t *testing.T) {
	b := newBench(t)
	b.observe() // asking is not knowing
	if status, body, _ := b.ask(); status != 404 {
		t.Errorf("unknown: %d %q", status, body)
	}
	bad := b.deployment(1, "one", map[string]string{"MODE": "exit"})
	if _, err := b.deploy(bad); err == nil {
		t.Fatal("it was deployed")
	}
	if status, body, _ := b.ask(); status != 503 || !strings.Contains(body, "shop has no release running in dev") {
		t.Errorf("without a release: %d %q", status, body)
	}
	if err := b.node.Remove(context.Background(), "shop", "dev"); err != nil {
		t.Fatal(err)
	}
	if status, body, _ := b.ask(); status != 404 {
		t.Errorf("removed: %d %q", status, body)
	}
}
