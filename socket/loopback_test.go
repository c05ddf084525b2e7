package socket_test

import (
	"errors"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/slipway-dev/slipway/socket"
)

// TestLoopbackIsHeldWhole: who has an address of this machine has it under each of
// the addresses that a name below localhost means, and nobody else can have one.
func TestLoopbackIsHeldWhole(t *testing.T) {
	if l, err := net.Listen("tcp", "[::1]:0"); err != nil {
		t.Skipf("this machine has no ::1, and so nobody who could take it: %v", err)
	} else {
		_ = l.Close()
	}
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0", "localhost:0"} {
		l, err := socket.Loopback(addr)
		if err != nil {
			t.Fatal(err)
		}
		_, port, err := net.SplitHostPort(l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				conn, err := l.Accept()
				if errors.Is(err, net.ErrClosed) {
					return
				}
				if err == nil {
					_, _ = io.WriteString(conn, "ours")
					_ = conn.Close()
				}
			}
		}()
		for _, host := range []string{"127.0.0.1", "::1"} {
			at := net.JoinHostPort(host, port)
			if other, err := net.Listen("tcp", at); !errors.Is(err, syscall.EADDRINUSE) {
				t.Errorf("%s: somebody else listens at %s: %v", addr, at, err)
				if err == nil {
					_ = other.Close()
				}
			}
			conn, err := net.Dial("tcp", at)
			if err != nil {
				t.Fatal(err)
			}
			if said, err := io.ReadAll(conn); err != nil || string(said) != "ours" {
				t.Errorf("%s: %s answers %q %v", addr, at, said, err)
			}
			_ = conn.Close()
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a closed one: %v", err)
		}
		for _, host := range []string{"127.0.0.1", "::1"} {
			again, err := net.Listen("tcp", net.JoinHostPort(host, port))
			if err != nil {
				t.Errorf("%s is still taken: %v", host, err)
				continue
			}
			_ = again.Close()
		}
	}
}

// TestLoopbackThatSomebodyHas: an address of which somebody has one half is none.
func TestLoopbackThatSomebodyHas(t *testing.T) {
	thief, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skipf("this machine has no ::1: %v", err)
	}
	defer thief.Close()
	_, port, err := net.SplitHostPort(thief.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	l, err := socket.Loopback(net.JoinHostPort("127.0.0.1", port))
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("%v", err)
	}
	if err == nil {
		_ = l.Close()
	}
}
