package edge

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/socket"
)

// network is the name under which Caddy finds the edge's socket. Left to itself
// Caddy shares the address with whoever has it already, and a second edge would
// take half of the first one's requests.
const network = "slipway"

// edgeSockets are the open ones by address.
var edgeSockets sync.Map

func init() {
	caddy.RegisterModule(farewell{})
	caddy.RegisterNetwork(network, func(_ context.Context, _, host, port string, _ uint, _ net.ListenConfig) (any, error) {
		l, there := edgeSockets.Load(net.JoinHostPort(host, port))
		if !there {
			return nil, errors.New("the edge's socket is not open")
		}
		return l, nil
	})
}

// OpenSocket opens addr for the life of an edge. An address that somebody has is a Conflict,
// one that can't be listened on Invalid.
func OpenSocket(addr string) (net.Listener, error) {
	l, err := socket.Loopback(addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, slipway.Wrap(slipway.Conflict, err, "%s is in use by another program, or its port is on the other loopback address (127.0.0.1, ::1); choose another address for the edge with --edge", addr)
	}
	if err != nil {
		return nil, slipway.Wrap(slipway.Invalid, err, "the edge can't listen on %s", addr)
	}
	return l, nil
}

// edgeSocket is closed once, and every Close returns when it is. Caddy closes it too, in
// a goroutine of its own: a second Close of the bare listener returns at once, while
// the address is still taken.
type edgeSocket struct {
	net.Listener
	once sync.Once
	err  error
	over chan struct{}

	leaving atomic.Bool
	open    atomic.Int64  // connections
	changed chan struct{} // has something in it after one was closed
}

func newEdgeSocket(l net.Listener) *edgeSocket {
	return &edgeSocket{Listener: l, over: make(chan struct{}), changed: make(chan struct{}, 1)}
}

func (s *edgeSocket) Accept() (net.Conn, error) {
	conn, err := s.Listener.Accept()
	if err != nil {
		if s.leaving.Load() && errors.Is(err, os.ErrDeadlineExceeded) {
			<-s.over
			return nil, net.ErrClosed
		}
		return nil, err
	}
	s.open.Add(1)
	return &edgeConn{TCPConn: conn.(*net.TCPConn), of: s}, nil
}

func (s *edgeSocket) Close() error {
	s.once.Do(func() { close(s.over); s.err = s.Listener.Close() })
	return s.err
}

// leave has the socket accept nothing more: who comes waits for the next agent. Whoever
// is connected is told to connect anew for what he asks next.
func (s *edgeSocket) leave() {
	s.leaving.Store(true)
	_ = socket.Pause(s.Listener)
}

// left waits until no connection is open, for at most limit.
func (s *edgeSocket) left(limit time.Duration) {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	for s.open.Load() > 0 {
		select {
		case <-s.changed:
		case <-deadline.C:
			return
		}
	}
}

// edgeConn is counted while it is open.
type edgeConn struct {
	*net.TCPConn
	of    *edgeSocket
	once  sync.Once
	until atomic.Int64 // its deadline for writes, in nanoseconds since 1970; 0 for none
}

// deadlineSlack is the part of a deadline by which it may come later, so that it isn't
// put off anew for each answer of a connection that has many.
const deadlineSlack = 32

// SetWriteDeadline sets it, or one that is a little later.
func (c *edgeConn) SetWriteDeadline(t time.Time) error {
	at := int64(0)
	if !t.IsZero() {
		asked := t
		t = t.Add(max(time.Until(t)/deadlineSlack, 0))
		at = t.UnixNano()
		if was := c.until.Load(); asked.UnixNano() <= was && was <= at {
			return nil
		}
	}
	c.until.Store(at)
	return c.TCPConn.SetWriteDeadline(t)
}

// SetDeadline is what a connection is told that is no longer one of HTTP.
func (c *edgeConn) SetDeadline(t time.Time) error {
	c.until.Store(0)
	return c.TCPConn.SetDeadline(t)
}

func (c *edgeConn) Close() error {
	err := c.TCPConn.Close()
	c.once.Do(func() {
		c.of.open.Add(-1)
		select {
		case c.of.changed <- struct{}{}:
		default:
		}
	})
	return err
}

func closeSocket(addr string) {
	if l, there := edgeSockets.LoadAndDelete(addr); there {
		_ = l.(net.Listener).Close()
	}
}

// farewell is the handler that has the answers of an edge that leaves say so. A
// connection that is closed without it may have the next request on its way already.
type farewell struct {
	Edge   string `json:"edge"`
	socket *edgeSocket
}

var _ caddyhttp.MiddlewareHandler = (*farewell)(nil)

func (farewell) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.slipway_farewell", New: func() caddy.Module { return new(farewell) }}
}

func (f *farewell) Provision(caddy.Context) error {
	s, there := edgeSockets.Load(f.Edge)
	if !there {
		return fmt.Errorf("no edge on %s", f.Edge)
	}
	f.socket = s.(*edgeSocket)
	return nil
}

func (f *farewell) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if f.socket.leaving.Load() && r.Header.Get("Upgrade") == "" {
		w.Header().Set("Connection", "close")
	}
	return next.ServeHTTP(w, r)
}
