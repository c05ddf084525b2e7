package node_test

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// mostOutput is what docs/security.md says of the logs of an instance.
const mostOutput = 50 << 20

// logSize is what the logs of the service take on disk.
func (b *bench) logSize() (bytes int64) {
	_ = filepath.WalkDir(filepath.Join(b.data, "node", "logs"), func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			if info, err := e.Info(); err == nil {
				bytes += info.Size()
			}
		}
		return nil
	})
	return bytes
}

// flood has the service print 300 MB in one line and looks at the disk meanwhile.
func (b *bench) flood(port int) {
	b.t.Helper()
	done := make(chan error, 1)
	go func() {
		answer, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/flood", port))
		if err == nil {
			err = answer.Body.Close()
		}
		done <- err
	}()
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for {
		select {
		case err := <-done:
			if err != nil {
				b.t.Fatal(err)
			}
			return
		case <-poll.C:
			if size := b.logSize(); size > mostOutput {
				b.t.Fatalf("the logs have %d bytes", size)
			}
		}
	}
}

// TestOutputIsBoundedAsItIsWritten prints without end and without a line's end,
// while an agent runs and while none does: the disk is bounded in every moment,
// the service isn't held up, and no part of a secret is shown.
func TestOutputIsBoundedAsItIsWritten(t *testing.T) {
	b := emptyBench(t)
	b.spawn()
	b.must(b.deployment(1, "one", nil))
	before := b.instance("web.1")
	b.flood(before.Port)
	b.eventually("the log goes on", func() bool { b.get("/after"); return strings.Contains(b.logs(), "asked /after") })
	if logs := b.logs(); strings.Contains(logs, "t0p") || strings.Contains(logs, "secret/") {
		t.Error("a part of a secret is shown")
	}

	b.killed()
	b.flood(before.Port) // nobody looks after it
	b.spawn()
	if after := b.instance("web.1"); after.PID != before.PID || after.Restarts != 0 {
		t.Errorf("%+v, was %+v", after, before)
	}
	b.eventually("the log goes on", func() bool { b.get("/later"); return strings.Contains(b.logs(), "asked /later") })
}

// TestAKeeperThatDiesIsReplaced ends what writes the log: the service doesn't
// notice, and nothing that it printed afterwards is lost.
func TestAKeeperThatDiesIsReplaced(t *testing.T) {
	b := newBench(t)
	b.must(b.deployment(1, "one", nil))
	before := b.instance("web.1")
	keeper := func() (pids []int) {
		files, _ := filepath.Glob("/proc/[0-9]*/environ")
		for _, file := range files {
			text, _ := os.ReadFile(file)
			var pid int
			if _, err := fmt.Sscanf(file, "/proc/%d/environ", &pid); err == nil && strings.Contains(string(text), "SLIPWAY_OUTPUT=shop.dev.1.web.1\x00SLIPWAY_NODE="+b.id()) {
				pids = append(pids, pid)
			}
		}
		return pids
	}
	for _, pid := range keeper() {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	b.get("/meanwhile")
	b.eventually("another keeper writes", func() bool { return strings.Contains(b.logs(), "asked /meanwhile") })
	if after := b.instance("web.1"); after.PID != before.PID || after.Restarts != 0 {
		t.Errorf("%+v, was %+v", after, before)
	}
	if err := b.node.Remove(context.Background(), "shop", "dev"); err != nil {
		t.Fatal(err)
	}
	if left := keeper(); len(left) > 0 {
		t.Errorf("keepers are left: %v", left)
	}
}

// id is the node's.
func (b *bench) id() string { return strings.Trim(b.file("id"), "\"\n") }

// TestReleaseCommandGrowsItsOutcome: the file in which its end is noted is its own to
// write to, and the agent doesn't take all of it into its memory.
func TestReleaseCommandGrowsItsOutcome(t *testing.T) {
	b := newBench(t)
	d := b.deployment(1, "one", nil)
	grow := "import os\nstatus = open('/proc/%d/cmdline' % os.getppid()).read().split('\\0')[4]\nopen(status, 'r+').truncate(8 << 40)\nprint('it has grown')\n"
	if err := os.WriteFile(filepath.Join(b.data, "artifacts", "one", "source", "grow.py"), []byte(grow), 0o600); err != nil {
		t.Fatal(err)
	}
	d.Manifest.ReleaseCommand = python() + " -c exec(open('grow.py').read())"
	if log, err := b.released(d); err != nil || !strings.Contains(log, "it has grown") {
		t.Errorf("%v\n%s", err, log)
	}
}

// TestAReleaseCommandsOutputIsBounded prints 300 MB in a release command.
func TestAReleaseCommandsOutputIsBounded(t *testing.T) {
	b := newBench(t)
	d := b.deployment(1, "one", map[string]string{"MODE": "flood"})
	b.touch("hold")
	done := make(chan error, 1)
	go func() { done <- b.node.Release(context.Background(), d, &counted{}) }()
	output := filepath.Join(b.data, "node", "deployments", "shop", "dev", "1-release", "output")
	b.eventually("it has printed", func() bool { return len(b.noted("flooded")) > 0 })
	info, err := os.Stat(output)
	if err != nil || info.Size() > mostOutput || info.Size() < 1<<20 {
		t.Errorf("%v %v", info, err)
	}
	b.touch("go")
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// counted takes what is written.
type counted struct{ bytes int64 }

func (c *counted) Write(text []byte) (int, error) { c.bytes += int64(len(text)); return len(text), nil }

// TestSpaceOverTheBoundIsTold writes more than is allowed into the data directory.
func TestSpaceOverTheBoundIsTold(t *testing.T) {
	b := emptyBench(t)
	b.space = 3 << 20
	b.open()
	b.must(b.deployment(1, "one", nil))
	if told := b.observe().Problems; len(told) > 0 {
		t.Fatalf("%q before", told)
	}
	if err := os.WriteFile(b.inData("big"), []byte(strings.Repeat("x", 4<<20)), 0o600); err != nil {
		t.Fatal(err)
	}
	b.eventually("it is told", func() bool {
		told := b.observe().Problems
		return len(told) == 1 && strings.Contains(told[0], "more than the bound of 3 MiB")
	})
	b.eventually("its log says so", func() bool { return strings.Contains(b.logs(), "[slipway] its data and temporary directories hold") })
	if status, _, _ := b.ask(); status != 200 {
		t.Errorf("it answers %d", status)
	}
	b.remove("big")
	b.eventually("it is told no longer", func() bool { return len(b.observe().Problems) == 0 })
}
