package socket_test

import (
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/addresstest"
	"github.com/slipway-dev/slipway/socket"
)

const edge = "edge.sock"

// again is this program once more, in another role.
func again(args []string, files ...*os.File) *exec.Cmd {
	return &exec.Cmd{Path: "/proc/self/exe", Args: args, ExtraFiles: files}
}

// heldAt has sockets held, and returns them with who holds them.
func heldAt(t *testing.T, dir string, patience time.Duration) (net.Listener, *socket.Holder) {
	t.Helper()
	l, err := socket.Loopback(addresstest.Free(t))
	if err != nil {
		t.Fatal(err)
	}
	h, err := socket.Hold(again, dir, edge, "a test", l.Addr().String(), l, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.End)
	return l, h
}

func found(t *testing.T, dir string) *socket.Holder {
	t.Helper()
	h, err := socket.FindHolder(dir, edge)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestHeldSocketsOutliveWhoServes: a client that comes while nobody serves is taken by
// the next one, under both families; and the end of the holder is the end of it all.
func TestHeldSocketsOutliveWhoServes(t *testing.T) {
	dir := t.TempDir()
	l, first := heldAt(t, dir, time.Minute)
	at := l.Addr().String()
	_, port, _ := net.SplitHostPort(at)
	if err := first.Serve(); err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	first.Close()
	for _, addr := range []string{at, net.JoinHostPort("::1", port)} {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatalf("while nobody serves: %v", err)
		}
		next := found(t, dir)
		if next == nil || next.Address != at {
			t.Fatalf("the holder is %+v", next)
		}
		taken, err := next.Listener()
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := taken.Accept()
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(theirs, "here")
		_ = theirs.Close()
		if text, err := io.ReadAll(conn); string(text) != "here" {
			t.Errorf("%s: %q %v", addr, text, err)
		}
		_, _ = conn.Close(), taken.Close()
		next.Close()
	}
	last := found(t, dir)
	last.End()
	if conn, err := net.Dial("tcp", at); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("after the end: %v %v", conn, err)
	}
	if h := found(t, dir); h != nil {
		t.Error("it is found after its end")
	}
}

// TestNobodyWaitsForEver: the sockets are closed when nobody has served them for as long
// as it was said, and not while somebody does.
func TestNobodyWaitsForEver(t *testing.T) {
	const patience = 300 * time.Millisecond
	dir := t.TempDir()
	l, first := heldAt(t, dir, patience)
	if err := first.Serve(); err != nil {
		t.Fatal(err)
	}
	second := found(t, dir)
	if err := second.Serve(); err != nil {
		t.Fatal(err)
	}
	first.Close()
	select {
	case <-second.Gone():
		t.Fatal("the sockets were closed under who serves them")
	case <-time.After(3 * patience):
	}
	at := l.Addr().String()
	_ = l.Close()
	waits, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer waits.Close()
	second.Close()
	_ = waits.SetReadDeadline(time.Now().Add(time.Minute))
	if _, err := waits.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("who waited learns %v", err)
	}
	if _, err := net.Dial("tcp", at); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("who comes later learns %v", err)
	}
}

// TestHeldSocketsAreGivenToTheKey: to connect is not enough, as it is what a confined
// process of the same user can do.
func TestHeldSocketsAreGivenToTheKey(t *testing.T) {
	dir := t.TempDir()
	heldAt(t, dir, time.Minute)
	key := filepath.Join(dir, socket.KeyFile(edge))
	for _, name := range []string{edge, socket.KeyFile(edge)} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", name, info, err)
		}
	}
	right, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	for what, wrong := range map[string]string{"none": "", "another": "A" + string(right[1:]), "its beginning": string(right[:9])} {
		if err := os.WriteFile(key, []byte(wrong), 0o600); err != nil {
			t.Fatal(err)
		}
		if h := found(t, dir); h != nil {
			t.Errorf("with %s the sockets are given", what)
		}
	}
	if err := os.WriteFile(key, right, 0o600); err != nil {
		t.Fatal(err)
	}
	h := found(t, dir)
	if h == nil {
		t.Fatal("the key opens nothing")
	}
	h.Close()
}

// TestPausedListenersLoseNobody: who was accepted before a pause is given out, and who
// comes later is left to the next one.
func TestPausedListenersLoseNobody(t *testing.T) {
	dir := t.TempDir()
	l, _ := heldAt(t, dir, time.Minute)
	const many = 20
	var conns []net.Conn
	dial := func() {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		conns = append(conns, conn)
	}
	serve := func(l net.Listener, over chan<- struct{}) {
		for {
			conn, err := l.Accept()
			if err != nil {
				break
			}
			_ = conn.Close()
		}
		close(over)
	}
	dial()
	dial() // one of them waits between the kernel and Accept
	if err := socket.Pause(l); err != nil {
		t.Fatal(err)
	}
	for range many {
		dial()
	}
	one, two := make(chan struct{}), make(chan struct{})
	go serve(l, one)
	next, err := found(t, dir).Listener()
	if err != nil {
		t.Fatal(err)
	}
	go serve(next, two)
	for n, conn := range conns {
		_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("connection %d: %v", n, err)
		}
	}
	_, _ = l.Close(), next.Close()
	<-one
	<-two
}
