//go:build long

package python

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// running is a process that Slipway would have started.
type running struct {
	cmd    *exec.Cmd
	notes  string
	port   int
	output *output
	ended  chan struct{}
}

// heard has the tests hear what a shell made them ignore that started them in the background:
// servers that are asked to end by SIGINT would ignore it too. (The node agent does likewise.)
var heard = sync.OnceFunc(func() {
	for _, sign := range []os.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP} {
		if signal.Ignored(sign) {
			signal.Notify(make(chan os.Signal, 1), sign)
		}
	}
})

func (b *proving) start(line Command, notes string, more ...string) *running {
	b.t.Helper()
	heard()
	r := &running{notes: notes, port: freePort(b.t), output: &output{}, ended: make(chan struct{})}
	run, home := b.t.TempDir(), b.t.TempDir()
	env := []string{
		"HOME=" + home, "TMPDIR=" + home, "XDG_RUNTIME_DIR=" + run, "LANG=C.UTF-8", "PYTHONUNBUFFERED=1", "PYTHONDONTWRITEBYTECODE=1",
		"PATH=" + b.bin + ":/usr/local/bin:/usr/bin:/bin", "HOST=127.0.0.1", "NOTES=" + notes, "PYTHONPATH=" + b.dir,
	}
	if more == nil {
		env = append(env, "PORT="+strconv.Itoa(r.port))
	}
	for _, variable := range more {
		env = append(env, variable+"="+strconv.Itoa(r.port))
	}
	for name, v := range b.stop.Env {
		env = append(env, name+"="+v)
	}
	for name, v := range b.stop.Options {
		env = append(env, name+"="+v)
	}
	args, err := line.Expand(func(name string) string {
		for _, e := range env {
			if v, ok := strings.CutPrefix(e, name+"="); ok {
				return v
			}
		}
		return ""
	})
	if err != nil {
		b.t.Fatal(err)
	}
	r.cmd = exec.Command("/usr/bin/env", args...)
	r.cmd.Dir, r.cmd.Env, r.cmd.Stdout, r.cmd.Stderr = b.dir, env, r.output, r.output
	r.cmd.WaitDelay = time.Second
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := r.cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	go func() { _ = r.cmd.Wait(); close(r.ended) }()
	b.t.Cleanup(func() { _ = syscall.Kill(-r.cmd.Process.Pid, syscall.SIGKILL); <-r.ended })
	return r
}

// output is what a process prints, to be read while it prints.
type output struct {
	sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) { o.Lock(); defer o.Unlock(); return o.text.Write(p) }
func (o *output) String() string              { o.Lock(); defer o.Unlock(); return o.text.String() }

// ending is how a process was stopped.
type ending struct {
	exit     int
	took     time.Duration
	last     bool // it took the last signal
	killed   bool
	leftover bool
}

// end stops as node does.
func (b *proving) end(r *running) (e ending) {
	began := time.Now()
	pid := r.cmd.Process.Pid
	_ = syscall.Kill(pid, signalNamed(b.stop.Signal))
	within := func(d time.Duration) bool {
		select {
		case <-r.ended:
			return true
		case <-time.After(d):
			return false
		}
	}
	gone := within(time.Duration(b.stop.GraceSeconds) * time.Second)
	if !gone && b.stop.LastSignal != "" {
		e.last = true
		_ = syscall.Kill(pid, signalNamed(b.stop.LastSignal))
		gone = within(5 * time.Second)
	}
	if !gone {
		e.killed = true
		_ = syscall.Kill(-pid, syscall.SIGKILL)
		<-r.ended
	}
	e.took = time.Since(began)
	for look := 0; look < 100 && !e.killed; look++ { // what was its child ends a moment later
		if e.leftover = groupRuns(pid); !e.leftover {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	_ = syscall.Kill(-pid, syscall.SIGKILL)
	status := r.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if e.exit = status.ExitStatus(); status.Signaled() {
		e.exit = -int(status.Signal())
	}
	return e
}

// groupRuns says that a process of a group has not ended, whoever reaps it.
func groupRuns(group int) bool {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range stats {
		text, _ := os.ReadFile(file)
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if len(fields) > 2 && fields[2] == strconv.Itoa(group) && fields[0] != "Z" && fields[0] != "X" {
			return true
		}
	}
	return false
}

func signalNamed(name string) syscall.Signal {
	return map[string]syscall.Signal{"": syscall.SIGTERM, "TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "QUIT": syscall.SIGQUIT, "WINCH": syscall.SIGWINCH}[name]
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func (r *running) get(path string) (status int, body string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d%s", r.port, path), nil)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return res.StatusCode, string(text), err
}

// until waits for something that the process does.
func (b *proving) until(r *running, what string, ok func() bool) {
	b.t.Helper()
	for deadline := time.Now().Add(90 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		select {
		case <-r.ended:
			b.t.Fatalf("%s: it exited before %s\n%s", r.cmd.Args, what, r.output)
		default:
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("%s: waited in vain until %s", r.cmd.Args, what)
		}
	}
}

func (r *running) noted(name string) bool {
	_, err := os.Stat(filepath.Join(r.notes, name))
	return err == nil
}

func (b *proving) serving(line Command, more ...string) *running {
	b.t.Helper()
	r := b.start(line, b.t.TempDir(), more...)
	b.until(r, "it answered", func() bool { status, _, err := r.get("/healthz"); return err == nil && status == 200 })
	if strings.HasPrefix(b.row.Name, "sanic") {
		time.Sleep(2 * time.Second) // its manager is deaf in its first moments, as its row says
	}
	return r
}
