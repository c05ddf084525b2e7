package target_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/adapters/target"
	"github.com/slipway-dev/slipway/adapters/target/targettest"
	"github.com/slipway-dev/slipway/internal/addresstest"
	"github.com/slipway-dev/slipway/node"
	"github.com/slipway-dev/slipway/sandbox"
)

const token = "t0p-secret"

// TestMain lets the test binary be the node agent, a process of its own.
func TestMain(m *testing.M) {
	data := os.Getenv("TARGET_TEST_AGENT")
	if data == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	n, err := node.Open(node.Options{
		Data: data, Edge: os.Getenv("TARGET_TEST_EDGE"), Readable: sandbox.Interpreter(python()),
		Secrets: func(context.Context, slipway.SecretRef) (slipway.Secret, error) { return slipway.NewSecret(token), nil },
		Expand: func(command string, env func(string) string) ([]string, error) {
			return strings.Fields(os.Expand(command, env)), nil
		},
	})
	if err == nil {
		err = n.Run(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// python is the interpreter itself: a version manager's stand-in is slow to start.
var python = sync.OnceValue(func() string {
	out, err := exec.Command("python3", "-c", "import sys; print(sys.executable)").Output()
	if err != nil {
		panic(err)
	}
	return strings.TrimSpace(string(out))
})

// agent is a node agent and its client.
type agent struct {
	*target.Node
	data, edge string
	cmd        *exec.Cmd
}

func newAgent(t *testing.T) *agent {
	t.Helper()
	// Longer than the path of a socket may be.
	data := filepath.Join(t.TempDir(), strings.Repeat("deep", 20), strings.Repeat("deeper", 20))
	a := &agent{data: data, edge: addresstest.Free(t), Node: target.Process(data)}
	a.start(t)
	t.Cleanup(func() {
		if err := a.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		_ = a.cmd.Wait()
	})
	return a
}

func (a *agent) start(t *testing.T) {
	t.Helper()
	a.cmd = exec.Command(os.Args[0])
	a.cmd.Env = append(os.Environ(), "TARGET_TEST_AGENT="+a.data, "TARGET_TEST_EDGE="+a.edge)
	a.cmd.Stderr = os.Stderr
	a.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	deadline := time.NewTimer(2 * time.Minute)
	defer deadline.Stop()
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for {
		if status, err := a.Status(context.Background()); err == nil && status.PID == a.cmd.Process.Pid {
			return
		}
		select {
		case <-poll.C:
		case <-deadline.C:
			t.Fatal("the agent does not answer")
		}
	}
}

func (a *agent) kill(t *testing.T) {
	t.Helper()
	if err := a.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = a.cmd.Wait()
}

// artifact lays a release out as the builder does.
func (a *agent) artifact(t *testing.T, source string) slipway.Digest {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(source, "app.py"))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(text)
	dir := filepath.Join(a.data, "artifacts", hex.EncodeToString(sum[:]))
	if err := os.MkdirAll(filepath.Join(dir, "venv", "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(dir, "source"), os.DirFS(source)); err != nil {
		t.Fatal(err)
	}
	return slipway.Digest("sha256:" + hex.EncodeToString(sum[:]))
}

func TestProcess(t *testing.T) {
	targettest.Run(t, func(t *testing.T) targettest.Bench {
		a := newAgent(t)
		return targettest.Bench{
			Target: a.Node, Python: python(), Artifact: a.artifact, Secret: "sealed://suite/TOKEN", Value: token,
			Restart: func(t *testing.T) { a.kill(t); a.start(t) },
		}
	})
}

// TestNoAgent: an agent that is not there, or goes away in the middle of an
// answer, is a machine that is down, not a release that is bad.
func TestNoAgent(t *testing.T) {
	ctx := context.Background()
	if _, err := target.Process(t.TempDir()).Observe(ctx, "shop", "dev"); slipway.CodeOf(err) != slipway.Unavailable || !strings.Contains(err.Error(), "slipway up") {
		t.Errorf("no agent: %v", err)
	}
	a := newAgent(t)
	read, write := io.Pipe()
	ended := make(chan error, 1)
	source := t.TempDir()
	if err := os.WriteFile(filepath.Join(source, "app.py"), []byte("import signal\nsignal.pause()\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	d := slipway.Deployment{
		ID: "1", Fence: 1, Service: "shop", Environment: "dev", Release: 1, Artifact: a.artifact(t, source),
		Manifest: slipway.Manifest{Dir: ".", Health: slipway.Health{Path: "/", TimeoutSeconds: 60}, Processes: []slipway.Process{{Name: "web", Command: python() + " app.py"}}},
	}
	go func() { ended <- a.Deploy(ctx, d, write) }()
	if _, err := read.Read(make([]byte, 64)); err != nil {
		t.Fatal(err)
	}
	a.kill(t)
	if err := <-ended; slipway.CodeOf(err) != slipway.Unavailable || !slipway.Retryable(err) {
		t.Errorf("it went away: %v", err)
	}
	a.start(t)
}
