package socket

import (
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
)

// Loopback listens at a TCP address. Where that is this machine's own, 127.0.0.1 or
// ::1, it is held under both: a name below localhost means the two, browsers ask ::1
// first, and whoever had the one that is left over would be sent what is meant for the
// other, passwords and cookies included. EADDRINUSE says that somebody has it. A
// machine that has one of the two only is content with that.
func Loopback(addr string) (net.Listener, error) {
	for tries := 10; ; tries-- {
		first, err := net.Listen("tcp", addr)
		if err != nil {
			return nil, err
		}
		at := first.Addr().(*net.TCPAddr)
		twin := net.TCPAddr{IP: net.IPv6loopback, Port: at.Port}
		switch {
		case at.IP.Equal(net.IPv6loopback):
			twin.IP = net.IPv4(127, 0, 0, 1)
		case !at.IP.Equal(net.IPv4(127, 0, 0, 1)):
			return first, nil
		}
		second, err := net.Listen("tcp", twin.String())
		if err == nil {
			return join(first, second), nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return first, nil // it isn't there
		}
		_ = first.Close()
		if _, port, _ := net.SplitHostPort(addr); port != "0" || tries == 0 {
			return nil, err
		}
	}
}

// joined are two listeners that are one.
type joined struct {
	net.Listener // the one that was asked for, whose address it has
	second       net.Listener
	came         chan came
	over         chan struct{}
	once         sync.Once
}

type came struct {
	conn net.Conn
	err  error
}

func join(first, second net.Listener) *joined {
	j := &joined{Listener: first, second: second, came: make(chan came), over: make(chan struct{})}
	for _, l := range []net.Listener{first, second} {
		go j.take(l)
	}
	return j
}

func (j *joined) take(l net.Listener) {
	for {
		conn, err := l.Accept()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return // it is paused
		}
		select {
		case j.came <- came{conn, err}:
		case <-j.over:
			if err == nil {
				_ = conn.Close()
			}
			return
		}
	}
}

func (j *joined) Accept() (net.Conn, error) {
	select {
	case <-j.over:
		return nil, net.ErrClosed
	case c := <-j.came:
		return c.conn, c.err
	}
}

func (j *joined) Close() (err error) {
	j.once.Do(func() {
		close(j.over)
		err = errors.Join(j.Listener.Close(), j.second.Close())
	})
	return err
}
