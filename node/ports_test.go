package node_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/slipway-dev/slipway"
)

// thief takes a port as soon as it can, answers everybody, and notes what it is asked.
const thief = `import socket, sys
port, file, shared = int(sys.argv[1]), sys.argv[2], sys.argv[3] == "shared"
while True:
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT if shared else socket.SO_REUSEADDR, 1)
    try: s.bind(("127.0.0.1", port)); s.listen(64); break
    except OSError: s.close()
open(file + ".listens", "w").close()
while True:
    c, _ = s.accept(); c.settimeout(2)
    try: asked = c.recv(3000)
    except OSError: asked = b""
    if asked: open(file, "ab").write(asked)
    try: c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nSTOLEN")
    except OSError: pass
    c.close()
`

// steal starts the thief of a port, with an environment that claims to be the
// instance; got is what it was asked.
func (b *bench) steal(port, like int, how string) (got func() string, listens func() bool) {
	b.t.Helper()
	file := filepath.Join(b.t.TempDir(), "asked")
	cmd := exec.Command(python(), "-c", thief, fmt.Sprint(port), file, how)
	env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", like))
	if err != nil {
		b.t.Fatal(err)
	}
	for _, entry := range strings.Split(string(env), "\x00") {
		if entry != "" {
			cmd.Env = append(cmd.Env, entry)
		}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return func() string { text, _ := os.ReadFile(file); return string(text) },
		func() bool { _, err := os.Stat(file + ".listens"); return err == nil }
}

// TestStolenPort: somebody waits for the port of an instance to be free, and gets
// nothing but the port.
func TestStolenPort(t *testing.T) {
	b := newBench(t)
	b.must(b.deployment(1, "one", nil))
	before := b.instance("web.1")
	got, listens := b.steal(before.Port, os.Getpid(), "alone")
	end(t, before.PID)
	answers := map[string]bool{}
	b.eventually("the port is stolen, and the instance healthy again", func() bool {
		_, body, _ := b.ask()
		answers[strings.Fields(body + " ?")[0]] = true
		i := b.instance("web.1")
		return listens() && i.State == slipway.InstanceHealthy && i.PID != before.PID
	})
	b.ask()
	if i := b.instance("web.1"); i.Port == before.Port {
		t.Errorf("it was started again at port %d", i.Port)
	}
	if answers["STOLEN"] || !answers["one"] || got() != "" {
		t.Errorf("answered: %v; the thief was asked: %q", answers, got())
	}
}

// TestSharedPort: somebody shares the port of an instance that lets that be done, with
// the instance's own environment. It is told nothing, and the instance moves away.
func TestSharedPort(t *testing.T) {
	b := newBench(t)
	d := b.deployment(1, "one", map[string]string{"MODE": "shared"})
	b.must(d)
	before := b.instance("web.1")
	got, listens := b.steal(before.Port, before.PID, "shared")
	b.eventually("the port is shared", listens)
	answers := map[string]bool{}
	b.eventually("the instance is healthy at another port", func() bool {
		_, body, _ := b.ask()
		answers[strings.Fields(body + " ?")[0]] = true
		i := b.instance("web.1")
		return i.State == slipway.InstanceHealthy && i.Port != before.Port
	})
	if answers["STOLEN"] || got() != "" {
		t.Errorf("answered: %v; the thief was asked: %q", answers, got())
	}
	said := b.observe().Problems
	if len(said) != 1 || !strings.Contains(said[0], "another process (pid ") || !strings.Contains(said[0], "of shop in dev") || !strings.Contains(said[0], fmt.Sprintf("port %d", before.Port)) {
		t.Errorf("%q", said)
	}
	if i := b.instance("web.1"); !strings.Contains(i.Reason, "listens at port") {
		t.Errorf("%+v", i)
	}
}
