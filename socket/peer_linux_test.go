package socket_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/internal/layertest"
	"github.com/slipway-dev/slipway/socket"
)

// caller connects to where it is told, and does as it is told by line.
const caller = `import ctypes, os, socket, sys
def confined():
    assert ctypes.CDLL(None).prctl(38, 1, 0, 0, 0) == 0
how, host, port = sys.argv[1:]
if how == "confined": confined()
s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
s.connect((host, int(port)))
if how == "later": confined()
ends = socket.socketpair()
print("connected", flush=True)
for word in sys.stdin:
    word = word.strip()
    if word == "close": s.close()
    if word == "underway": socket.send_fds(ends[0], [b"x"], [s.fileno()]); s.close()
    if word in ("part", "apart", "shared"):
        if os.fork() == 0:
            if word != "part": os.setsid()
            confined(); print(word, flush=True); sys.stdin.read(); os._exit(0)
        if word != "shared": s.close()
        continue
    print(word, flush=True)
`

// connection is our end of one that another process has made.
type connection struct {
	net.Conn
	t     testing.TB
	tell  io.Writer
	lines *bufio.Scanner
}

// connect has a process connect to us. As is a user of the machine; nil is our own.
func connect(t testing.TB, l net.Listener, how, host string, as *syscall.Credential) connection {
	t.Helper()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	cmd := exec.Command("/usr/bin/python3", "-c", caller, how, host, port)
	cmd.SysProcAttr, cmd.Stderr = &syscall.SysProcAttr{Setsid: true, Credential: as}, os.Stderr
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
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	c := connection{conn, t, in, bufio.NewScanner(out)}
	c.line()
	return c
}

func (c connection) line() {
	c.t.Helper()
	if !c.lines.Scan() {
		c.t.Fatal("it said nothing")
	}
}

func (c connection) peer() slipway.Peer {
	return slipway.PeerFrom(socket.NewPeers().Asking(c.t.Context(), c.Conn))
}

// does has the other end do something first.
func (c connection) does(word string) connection {
	c.t.Helper()
	_, _ = fmt.Fprintln(c.tell, word)
	c.line()
	return c
}

// TestPeers: whose a connection is, and what makes that nobody can tell.
func TestPeers(t *testing.T) {
	l, err := socket.Loopback("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	own := fmt.Sprintf("uid %d", os.Geteuid())
	hosts := []string{"127.0.0.1", "::ffff:127.0.0.1"}
	if v6, err := net.Listen("tcp", "[::1]:0"); err == nil {
		_ = v6.Close()
		hosts = append(hosts, "::1")
	}
	for _, host := range hosts {
		if got := connect(t, l, "", host, nil).peer(); got != (slipway.Peer{Name: own}) {
			t.Errorf("a program, to %s: %+v", host, got)
		}
		// As a browser has a process of its own for the network.
		if got := connect(t, l, "", host, nil).does("part").peer(); got != (slipway.Peer{Name: own}) {
			t.Errorf("a part of a program, to %s: %+v", host, got)
		}
		if got := connect(t, l, "confined", host, nil).peer(); got.Name != "" || !strings.Contains(got.Barred, "is confined") {
			t.Errorf("what is confined, to %s: %+v", host, got)
		}
	}
	for what, c := range map[string]struct {
		conn connection
		says string
	}{
		"one that is confined later":         {connect(t, l, "later", "127.0.0.1", nil), "is confined"},
		"one that has let go":                {connect(t, l, "", "127.0.0.1", nil).does("close"), "let go"},
		"one that has it on its way":         {connect(t, l, "confined", "127.0.0.1", nil).does("underway"), "can't be told"},
		"one that shares it with confined":   {connect(t, l, "", "127.0.0.1", nil).does("shared"), "is confined"},
		"one that has handed it to confined": {connect(t, l, "", "127.0.0.1", nil).does("apart"), "is confined"},
		"one of which nobody knows anymore":  {connect(t, l, "", "::1", nil).does("close"), "let go"},
	} {
		if got := c.conn.peer(); got.Name != "" || !strings.Contains(got.Barred, c.says) {
			t.Errorf("%s: %+v", what, got)
		}
	}

	// Our own calls are somebody else's.
	mine, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer mine.Close()
	theirs, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	if got := (connection{Conn: theirs, t: t}).peer(); !strings.Contains(got.Barred, "the platform itself") {
		t.Errorf("the platform: %+v", got)
	}

	if layertest.Root(t) {
		other := &syscall.Credential{Uid: 65534, Gid: 65534}
		for _, how := range []string{"", "confined"} {
			if got := connect(t, l, how, "127.0.0.1", other).peer(); got != (slipway.Peer{Name: "uid 65534"}) {
				t.Errorf("another user, %s: %+v", how, got)
			}
		}
	}
}

// TestUnknownPeer: what has no socket here is nobody's of this machine.
func TestUnknownPeer(t *testing.T) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), "ours")
	defer file.Close()
	// A connection whose other end was made elsewhere: one that is put in its state.
	layertest.Needs(t, unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_REPAIR, 1) == nil, "right to put a connection in its state (TCP_REPAIR)")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	there := unix.SockaddrInet4{Port: l.Addr().(*net.TCPAddr).Port, Addr: [4]byte{127, 0, 0, 1}}
	_ = l.Close()
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Connect(fd, &there); err != nil {
		t.Fatal(err)
	}
	conn, err := net.FileConn(file)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got := (connection{Conn: conn, t: t}).peer(); got != (slipway.Peer{Name: slipway.UnknownPeer}) {
		t.Errorf("%+v", got)
	}
}

// BenchmarkPeer is what it costs to find out whose a connection is, once each.
func BenchmarkPeer(b *testing.B) {
	l, err := socket.Loopback("127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	users := map[string]*syscall.Credential{"own user": nil}
	if layertest.Root(b) {
		users["another user"] = &syscall.Credential{Uid: 65534, Gid: 65534}
	}
	for name, as := range users {
		b.Run(name, func(b *testing.B) {
			c := connect(b, l, "", "127.0.0.1", as)
			for b.Loop() {
				if c.peer().Name == "" {
					b.Fatal("nobody")
				}
			}
		})
	}
}
