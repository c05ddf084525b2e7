package node

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
)

// shares listens at a port that it lets others share, and does as it is told by line.
const shares = `import os, socket, sys
def listen(port):
    s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    s.bind(("127.0.0.1", port)); s.listen(64); return s
s = listen(int(sys.argv[1])); got = []
print(s.getsockname()[1], flush=True)
for word in sys.stdin:
    word = word.strip()
    if word == "accept":
        s.settimeout(0.2)
        try:
            c, at = s.accept(); got.append(c); print(at[1], flush=True)
        except OSError: print(0, flush=True)
    if word == "close": s.close(); print("closed", flush=True)
    if word == "fork":
        child = os.fork()
        if child == 0:
            os.setsid(); c, at = s.accept(); print(at[1], flush=True); sys.stdin.read()
        print("forked", flush=True)
`

type sharer struct {
	t     testing.TB
	pid   int
	port  int
	tell  io.Writer
	lines *bufio.Scanner
}

func share(t testing.TB, port int) *sharer {
	t.Helper()
	cmd := exec.Command("python3", "-c", shares, strconv.Itoa(port))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); _ = in.Close(); _ = cmd.Wait() })
	s := &sharer{t: t, pid: cmd.Process.Pid, tell: in, lines: bufio.NewScanner(out)}
	s.port, _ = strconv.Atoi(s.line())
	return s
}

func (s *sharer) line() string {
	s.t.Helper()
	if !s.lines.Scan() {
		s.t.Fatal("it said nothing")
	}
	return s.lines.Text()
}

func (s *sharer) ask(word string) string {
	s.t.Helper()
	_, _ = fmt.Fprintln(s.tell, word)
	return s.line()
}

// of is an instance whose process is the sharer's.
func (s *sharer) of() *instance {
	p := newPlace(&Node{places: map[string]*place{}}, placeState{Service: "blue", Environment: "dev"})
	i := newInstance(p, &deployment{}, "web.1", slipway.Process{Name: "web"}, s.port)
	i.known = running{PID: s.pid, Start: startTime(s.pid)}
	return i
}

func connect(t testing.TB, port int) net.Conn {
	t.Helper()
	conn, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// TestWhoListens: a connection to an instance is one to its own processes, whether it
// was accepted already or not, and not one to whoever shares its port.
func TestWhoListens(t *testing.T) {
	blue := share(t, 0)
	i := blue.of()
	conn := connect(t, blue.port)
	if err := i.admits(conn); err != nil {
		t.Errorf("not accepted yet: %v", err)
	}
	blue.ask("accept")
	if err := i.admits(conn); err != nil {
		t.Errorf("accepted: %v", err)
	}
	blue.ask("fork")
	later := connect(t, blue.port)
	blue.line()
	if err := i.admits(later); err != nil {
		t.Errorf("accepted by a child with a session of its own: %v", err)
	}

	red := share(t, blue.port)
	var taken *takenError
	if err := i.admits(connect(t, blue.port)); !errors.As(err, &taken) || !strings.Contains(err.Error(), fmt.Sprintf("pid %d", red.pid)) || !strings.Contains(err.Error(), "python") {
		t.Errorf("red listens, too: %v", err)
	}
	// Red has a connection, and is gone from the listeners when they are looked at.
	theirs := map[string]net.Conn{}
	got := "0"
	for theirs[got] == nil {
		c := connect(t, blue.port)
		_, local, _ := net.SplitHostPort(c.LocalAddr().String())
		theirs[local] = c
		got = red.ask("accept")
	}
	red.ask("close")
	if err := i.admits(connect(t, blue.port)); err != nil {
		t.Errorf("red listens no more: %v", err)
	}
	if err := i.admits(theirs[got]); !errors.As(err, &taken) {
		t.Errorf("red has accepted it: %v", err)
	}
}

// BenchmarkConnection is a connection with and without the look at who has it.
func BenchmarkConnection(b *testing.B) {
	for name, checked := range map[string]bool{"bare": false, "checked": true} {
		b.Run(name, func(b *testing.B) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					_ = c.(*net.TCPConn).SetLinger(0)
					go func() { _, _ = io.Copy(io.Discard, c); _ = c.Close() }()
				}
			}()
			s := &sharer{pid: os.Getpid(), port: l.Addr().(*net.TCPAddr).Port}
			i := s.of()
			for b.Loop() {
				conn, err := net.Dial("tcp", l.Addr().String())
				if err != nil {
					b.Fatal(err)
				}
				if checked {
					if err := i.admits(conn); err != nil {
						b.Fatal(err)
					}
				}
				_ = conn.(*net.TCPConn).SetLinger(0)
				_ = conn.Close()
			}
		})
	}
}
