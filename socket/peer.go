package socket

import (
	"context"
	"net"
	"sync"

	"github.com/slipway-dev/slipway"
)

// Asking has every request of a connection able to tell who has made it. The kernel is
// asked at most once a connection, and only when somebody wants to know; what could
// not be told is asked again.
func (p *Peers) Asking(ctx context.Context, conn net.Conn) context.Context {
	var mu sync.Mutex
	var known slipway.Peer
	return slipway.WithPeer(ctx, func() slipway.Peer {
		mu.Lock()
		defer mu.Unlock()
		if known.Name == "" {
			known = p.of(conn)
		}
		return known
	})
}
