package sandbox_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/layertest"
	"github.com/slipway-dev/slipway/sandbox"
)

// asPlatform makes this test's program the platform of a test that kills it: it
// runs the script given by it, in a directory.
const asPlatform = "SLIPWAY_TEST_PLATFORM"

func TestMain(m *testing.M) {
	if script := os.Getenv(asPlatform); script != "" {
		if os.Getenv("WITHOUT_NAMESPACES") != "" {
			sandbox.WithoutNamespaces()
		}
		p := place{data: os.Args[1], own: filepath.Join(os.Args[1], "own")}
		c := p.confinement()
		_, _ = sandbox.Run(context.Background(), sandbox.Command{
			Args: []string{"/bin/sh", "-c", script}, Dir: p.own, Env: sandbox.Environment(p.own, nil, nil),
			ExtraFiles: []*os.File{os.NewFile(3, "alive")}, RunID: killed(p.data), Confinement: &c,
		}, io.Discard)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// killed marks what the platform of one test runs: the mark counts on the whole
// machine, which may run these tests twice at once.
func killed(data string) string { return "killed-" + data }

// eachWay runs a test with namespaces, where this machine has them, and without.
func eachWay(t *testing.T, f func(t *testing.T)) {
	if sandbox.Protection().Namespaces {
		t.Run("namespaces", f)
	}
	t.Run("without namespaces", func(t *testing.T) {
		defer sandbox.WithoutNamespaces()()
		f(t)
	})
}

func (p place) held(t *testing.T, c sandbox.Confinement, script string, extra ...*os.File) (string, sandbox.Result) {
	t.Helper()
	var out bytes.Buffer
	result, err := sandbox.Run(t.Context(), sandbox.Command{
		Args: []string{"/bin/sh", "-c", script}, Dir: p.own, Env: sandbox.Environment(p.own, nil, nil),
		Timeout: time.Minute, ExtraFiles: extra, Confinement: &c,
	}, &out)
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), result
}

func TestHeldReachesItsOwnOnly(t *testing.T) {
	eachWay(t, func(t *testing.T) {
		p := newPlace(t)
		for name, script := range attacks(t, p) {
			if out, r := p.held(t, p.confinement(), script); r.OK() {
				t.Errorf("%s: this worked: %s\n%s", name, script, out)
			}
		}
		for name, script := range map[string]string{
			"signal the holder": `kill -9 $PPID; sleep 0.1; kill -0 $PPID`,
			"trace the holder":  `cat /proc/$PPID/environ`,
		} {
			if out, r := p.held(t, p.confinement(), script); r.OK() || r.Signal != "" {
				t.Errorf("%s: this worked: %s %+v\n%s", name, script, r, out)
			}
		}
		// The thread that started the command is confined as it is, and may be there for
		// another moment: the kernel takes the signal and does nothing with it.
		if out, r := p.held(t, p.confinement(), `for t in /proc/$PPID/task/*; do kill -9 ${t##*/}; done; sleep 0.1; exit 7`); r.ExitCode != 7 {
			t.Errorf("a signal to a thread ended the holder: %+v\n%s", r, out)
		}
		if text, err := os.ReadFile(p.secret); err != nil || string(text) != "the-key" {
			t.Errorf("the secret is %q now, %v", text, err)
		}
	})
}

func TestHeldDoesItsWork(t *testing.T) {
	eachWay(t, func(t *testing.T) {
		p := newPlace(t)
		c, all := works(t, p)
		for name, script := range all {
			if out, r := p.held(t, c, script); !r.OK() {
				t.Errorf("%s: %+v: %s\n%s", name, r, script, out)
			}
		}
	})
}

// TestHeldSeesItsOwnOnly is about what only namespaces can keep from a command.
func TestHeldSeesItsOwnOnly(t *testing.T) {
	layertest.Needs(t, sandbox.Protection().Namespaces, "namespaces")
	p := newPlace(t)
	socket := filepath.Join(p.data, "api.sock")
	c := p.confinement()
	c.Tmp = filepath.Join(p.own, "tmp")
	listen := exec.Command("python3", "-c", "import socket, sys\ns = socket.socket(socket.AF_UNIX)\ns.bind(sys.argv[1])\ns.listen()\nprint(flush=True)\nsys.stdin.read()", socket)
	in, _ := listen.StdinPipe()
	out, _ := listen.StdoutPipe()
	if err := listen.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close(); _ = listen.Wait() }()
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	reach := `python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect("` + socket + `")'`
	if err := exec.Command("/bin/sh", "-c", reach).Run(); err != nil {
		t.Fatalf("nobody reaches the socket: %v", err)
	}
	for name, script := range map[string]string{
		"reach a socket of the platform": reach,
		"see other processes":            `ls -d /proc/[0-9]* | grep -qvE "/proc/(1|$$|[0-9]{1,2})$"`,
		"see what lies beside":           `ls ` + filepath.Dir(p.secret),
	} {
		if out, r := p.held(t, c, script); r.OK() {
			t.Errorf("%s: this worked: %s\n%s", name, script, out)
		}
	}
	if out, r := p.held(t, c, `echo x > /tmp/here && echo y > /var/tmp/too && ls "$TMPDIR"`); !r.OK() || !strings.Contains(out, "here\n") || !strings.Contains(out, "too\n") {
		t.Errorf("/tmp: %+v\n%s", r, out)
	}
	if _, err := os.Stat("/tmp/here"); err == nil {
		t.Error("what it writes to /tmp is seen by others")
	}
}

// detached are processes that hide: from the mark, the session and the parent. Each
// writes a line to descriptor 3, which it keeps open.
var detached = map[string]string{
	"forked twice": `(env -i setsid sh -c 'echo up >&3; exec sleep 300' &) ; exec 3>&-`,
	"forks on and on": `(env -i setsid /usr/bin/python3 -c 'import os
os.write(3, b"up\n")
while True:
    if os.fork():
        os._exit(0)' &) ; exec 3>&-`,
}

// alive is a pipe that is open as long as somebody holds it.
func alive(t *testing.T) (mine, theirs *os.File) {
	t.Helper()
	mine, theirs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mine.Close(); _ = theirs.Close() })
	return mine, theirs
}

// gone reads to the end of the pipe, which comes when nobody holds it any more.
func gone(t *testing.T, f *os.File) {
	t.Helper()
	_ = f.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.Copy(io.Discard, f); err != nil {
		t.Errorf("somebody lives: %v", err)
	}
}

func TestNothingOutlivesACommand(t *testing.T) {
	eachWay(t, func(t *testing.T) {
		for name, script := range detached {
			t.Run(name, func(t *testing.T) {
				p := newPlace(t)
				mine, theirs := alive(t)
				// The command ends only when the other one is there.
				fifo := `mkfifo up; exec 4<>up; ` + strings.ReplaceAll(script, ">&3;", ">&3; echo up >&4;")
				fifo = strings.ReplaceAll(fifo, `os.write(3, b"up\n")`, `os.write(3, b"up\n"); os.write(4, b"up\n")`) + `; read line <&4`
				out, r := p.held(t, p.confinement(), fifo, theirs)
				_ = theirs.Close()
				if !r.OK() {
					t.Errorf("%+v\n%s", r, out)
				}
				gone(t, mine)
			})
		}
	})
}

func TestNothingOutlivesThePlatform(t *testing.T) {
	eachWay(t, func(t *testing.T) {
		for name, script := range detached {
			t.Run(name, func(t *testing.T) {
				p := newPlace(t)
				mine, theirs := alive(t)
				platform := exec.Command(os.Args[0], p.data)
				platform.Env = append(os.Environ(), asPlatform+"="+script+"\nexec sleep 300")
				if strings.Contains(t.Name(), "without") {
					platform.Env = append(platform.Env, "WITHOUT_NAMESPACES=yes")
				}
				platform.ExtraFiles, platform.Stderr = []*os.File{theirs}, os.Stderr
				if err := platform.Start(); err != nil {
					t.Fatal(err)
				}
				_ = theirs.Close()
				_ = mine.SetReadDeadline(time.Now().Add(20 * time.Second))
				if _, err := mine.Read(make([]byte, 3)); err != nil {
					_ = platform.Process.Kill()
					t.Fatalf("it did not start: %v", err)
				}
				if err := platform.Process.Signal(syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
				_ = platform.Wait()
				gone(t, mine)
				if n := sandbox.End(killed(p.data)); n != 0 {
					t.Errorf("%d were left", n)
				}
			})
		}
	})
}

// TestHeldBounds has the bounds of a command hold a confined one too.
func TestHeldBounds(t *testing.T) {
	eachWay(t, func(t *testing.T) {
		p := newPlace(t)
		c := p.confinement()
		run := func(command sandbox.Command) sandbox.Result {
			t.Helper()
			command.Dir, command.Env, command.Confinement = p.own, sandbox.Environment(p.own, nil, nil), &c
			r, err := sandbox.Run(t.Context(), command, io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		if r := run(sandbox.Command{Args: []string{"sleep", "60"}, Timeout: 300 * time.Millisecond}); !r.TimedOut || r.Signal != "terminated" {
			t.Errorf("time: %+v", r)
		}
		if r := run(sandbox.Command{Args: []string{"sh", "-c", "trap '' TERM; while :; do sleep 1; done"}, Timeout: 300 * time.Millisecond}); !r.TimedOut || r.Signal != "killed" {
			t.Errorf("deaf: %+v", r)
		}
		if r := run(sandbox.Command{Args: []string{"yes"}, MaxOutput: 10000}); !r.Flooded {
			t.Errorf("output: %+v", r)
		}
		hidden := "(env -i setsid /usr/bin/python3 -c 'x = bytearray(200<<20)\nimport time\ntime.sleep(60)' &); sleep 60"
		if r := run(sandbox.Command{Args: []string{"sh", "-c", hidden}, MaxMemory: 100 << 20, Timeout: 30 * time.Second}); !r.OutOfMemory {
			t.Errorf("memory: %+v", r)
		}
		if r := run(sandbox.Command{Args: []string{"sh", "-c", "exit 7"}}); r.ExitCode != 7 || r.Signal != "" {
			t.Errorf("exit: %+v", r)
		}
		if r := run(sandbox.Command{Args: []string{"sh", "-c", "kill -9 $$"}}); r.Signal != "killed" {
			t.Errorf("signal: %+v", r)
		}
		if r := run(sandbox.Command{Args: []string{"sh", "-c", "(sleep 300 &) ; (setsid sleep 300 &) ; exit 0"}}); r.Leftover < 1 {
			t.Errorf("left: %+v", r)
		}
		for _, missing := range []string{"no-such-program", "/no/such/program"} {
			if _, err := sandbox.Run(t.Context(), sandbox.Command{Args: []string{missing}, Confinement: &c}, io.Discard); err == nil {
				t.Errorf("%s is no error", missing)
			}
		}
	})
}
