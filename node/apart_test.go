package node

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/layertest"
	"github.com/slipway-dev/slipway/sandbox"
)

// TestApart has a confined process start one that leaves its session, its group, its
// parent and its environment: it is counted with it, and ends with it.
func TestApart(t *testing.T) {
	layertest.Needs(t, sandbox.Protection().Mounts, "mounts of one's own")
	out, err := exec.Command("python3", "-c", "import sys; print(sys.executable)").Output() // not a version manager's stand-in
	if err != nil {
		t.Fatal(err)
	}
	python, dir := strings.TrimSpace(string(out)), t.TempDir()
	script := `import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execv("/usr/bin/env", ["env", "-i", "` + python + `", "-c", "import os, time; x = bytearray(os.urandom(1 << 20) * 150); open('detached', 'w').write(str(os.getpid())); time.sleep(600)"])
    os._exit(0)
os.wait()
time.sleep(600)
`
	cmd := exec.Command(python, "-c", script)
	cmd.Dir, cmd.Env, cmd.SysProcAttr = dir, sandbox.Environment(dir, nil, nil), &syscall.SysProcAttr{Setsid: true}
	if err := sandbox.Start(cmd, sandbox.Confinement{Read: sandbox.Interpreter(python), Write: []string{dir}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	alone := apartOf(cmd.Process.Pid)
	if alone == nil {
		t.Fatal("it has the agent's mounts")
	}
	defer alone.release()
	detached := 0
	eventually(t, "something has detached", func() bool {
		text, err := os.ReadFile(filepath.Join(dir, "detached"))
		if err == nil {
			detached, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		}
		return detached > 0
	})
	eventually(t, "it is counted with what started it", func() bool {
		used := usedBy(cmd.Process.Pid, alone)
		return used.memory > 140<<20 && used.number >= 2
	})
	if used := usedBy(cmd.Process.Pid, nil); used.memory > 140<<20 {
		t.Errorf("it is in the group: %+v", used)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	alone.end()
	// It is beyond return as soon as it has no mounts, and takes a moment more.
	eventually(t, "what has detached is over", func() bool {
		fields, ok := statFields(detached)
		return !ok || fields[0] == "Z" || fields[0] == "X"
	})
	if apartOf(os.Getpid()) != nil {
		t.Error("the agent's own mounts are somebody's")
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for deadline := time.Now().Add(30 * time.Second); !ok(); <-poll.C {
		if time.Now().After(deadline) {
			t.Fatalf("it does not come: %s", what)
		}
	}
}
