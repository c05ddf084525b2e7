package edge

import (
	"context"
	"net"
	"syscall"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"golang.org/x/sys/unix"
)

// peers is the wrapper by which a request knows the connection that it came by: Caddy
// hides that behind one of its own, of which only the addresses pass through.
type peers struct{}

func (peers) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "caddy.listeners.slipway", New: func() caddy.Module { return new(peers) }}
}

// WrapListener has a listener's connections tell their socket by their address.
func (peers) WrapListener(l net.Listener) net.Listener { return peerListener{l} }

var _ caddy.ListenerWrapper = peers{}

type peerListener struct{ net.Listener }

func (l peerListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return peerConn{c}, nil
}

type peerConn struct{ net.Conn }

func (c peerConn) RemoteAddr() net.Addr { return peer{c.Conn.RemoteAddr(), c.Conn} }

// peer is a client's address with the connection to it.
type peer struct {
	net.Addr
	conn net.Conn
}

type peerKey struct{}

// knowPeers has each request of a server know its peer.
func knowPeers(s *caddyhttp.Server) {
	s.RegisterConnContext(func(ctx context.Context, c net.Conn) context.Context {
		if p, ok := c.RemoteAddr().(peer); ok {
			ctx = context.WithValue(ctx, peerKey{}, p.conn)
		}
		return ctx
	})
}

// hungUp tells whether the client of a request has closed its connection. net/http's
// server sees that by itself only once it has read the whole body.
func hungUp(ctx context.Context) (gone bool) {
	c, ok := ctx.Value(peerKey{}).(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return true
	}
	err = raw.Control(func(fd uintptr) {
		look := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}} // #nosec G115 -- a descriptor's number is small
		n, err := unix.Poll(look, 0)
		gone = err == nil && n > 0 && look[0].Revents&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR) != 0
	})
	return gone || err != nil
}
