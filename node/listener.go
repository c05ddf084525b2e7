package node

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/slipway-dev/slipway"
)

// network is the name under which Caddy finds the edge's socket. Left to itself
// Caddy opens a new socket at each reload and closes the old one, and the kernel
// resets the connections that wait in the old one's queue.
const network = "slipway"

// sockets are the open ones by address: each outlives Caddy's configurations.
var sockets = struct {
	sync.Mutex
	open map[string]*socket
}{open: map[string]*socket{}}

func init() {
	caddy.RegisterNetwork(network, func(_ context.Context, _, host, port string, _ uint, _ net.ListenConfig) (any, error) {
		sockets.Lock()
		defer sockets.Unlock()
		s := sockets.open[net.JoinHostPort(host, port)]
		if s == nil {
			return nil, errors.New("the edge's socket is not open")
		}
		v := &view{socket: s, closed: make(chan struct{})}
		s.views = append(s.views, v)
		return v, nil
	})
}

// socket accepts connections and hands them to whichever configuration is in force.
type socket struct {
	net.Listener
	conns chan net.Conn
	done  chan struct{}
	views []*view // guarded by sockets
}

// former are the views that the configuration in force has of the socket.
func (s *socket) former() []*view {
	sockets.Lock()
	defer sockets.Unlock()
	return slices.Clone(s.views)
}

// retire waits until the former configuration has let go of the socket. Caddy
// does that a moment after it says that the next one is in force, and until then
// a new connection could go where the old one says.
func (s *socket) retire(former []*view) {
	limit := time.NewTimer(2 * time.Second)
	defer limit.Stop()
	for _, v := range former {
		select {
		case <-v.closed:
		case <-limit.C:
			limit.Reset(0)
			_ = v.Close()
		}
	}
	sockets.Lock()
	defer sockets.Unlock()
	s.views = slices.DeleteFunc(s.views, func(v *view) bool { return slices.Contains(former, v) })
}

// openSocket opens addr for the life of the edge.
func openSocket(addr string) (*socket, error) {
	l, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, slipway.Errorf(slipway.Conflict, "%s is in use by another program; choose another address for the edge with --edge", addr)
	}
	if err != nil {
		return nil, slipway.Wrap(slipway.Invalid, err, "the edge can't listen on %s", addr)
	}
	s := &socket{Listener: l, conns: make(chan net.Conn), done: make(chan struct{})}
	sockets.Lock()
	sockets.open[addr] = s
	sockets.Unlock()
	go func() {
		for {
			conn, err := l.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				continue // out of descriptors, or the client has gone
			}
			select {
			case s.conns <- conn:
			case <-s.done:
				_ = conn.Close()
				return
			}
		}
	}()
	return s, nil
}

func (s *socket) close(addr string) {
	sockets.Lock()
	delete(sockets.open, addr)
	sockets.Unlock()
	close(s.done)
	_ = s.Listener.Close()
}

// view is what one configuration sees of the socket: closing it lets go of the
// socket and leaves it open.
type view struct {
	*socket
	once   sync.Once
	closed chan struct{}
}

func (v *view) Accept() (net.Conn, error) {
	select {
	case <-v.closed:
		return nil, net.ErrClosed
	default:
	}
	select {
	case conn := <-v.conns:
		select {
		case <-v.closed: // at the same moment: it is for the next one
			go v.giveBack(conn)
			return nil, net.ErrClosed
		default:
			return conn, nil
		}
	case <-v.closed:
		return nil, net.ErrClosed
	case <-v.done:
		return nil, net.ErrClosed
	}
}

func (v *view) giveBack(conn net.Conn) {
	select {
	case v.conns <- conn:
	case <-v.done:
		_ = conn.Close()
	}
}

func (v *view) Close() error {
	v.once.Do(func() { close(v.closed) })
	return nil
}
