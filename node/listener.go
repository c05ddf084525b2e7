package node

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"

	"github.com/caddyserver/caddy/v2"

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
	caddy.RegisterNetwork(network, func(_ context.Context, _, host, port string, _ uint, _ net.ListenConfig) (any, error) {
		l, there := edgeSockets.Load(net.JoinHostPort(host, port))
		if !there {
			return nil, errors.New("the edge's socket is not open")
		}
		return l, nil
	})
}

// openSocket opens addr for the life of the edge.
func openSocket(addr string) error {
	l, err := socket.Loopback(addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return slipway.Errorf(slipway.Conflict, "%s is in use by another program, or its port is on the other loopback address (127.0.0.1, ::1); choose another address for the edge with --edge", addr)
	}
	if err != nil {
		return slipway.Wrap(slipway.Invalid, err, "the edge can't listen on %s", addr)
	}
	edgeSockets.Store(addr, &edgeSocket{Listener: l})
	return nil
}

// edgeSocket is closed once, and every Close returns when it is. Caddy closes it too, in
// a goroutine of its own: a second Close of the bare listener returns at once, while
// the address is still taken.
type edgeSocket struct {
	net.Listener
	once sync.Once
	err  error
}

func (s *edgeSocket) Close() error {
	s.once.Do(func() { s.err = s.Listener.Close() })
	return s.err
}

func closeSocket(addr string) {
	if l, there := edgeSockets.LoadAndDelete(addr); there {
		_ = l.(net.Listener).Close()
	}
}
