package slipway

import "context"

// Peer is who has made a connection to the platform, as the kernel of this machine
// tells. It is asked only where the portal is reached over loopback in clear: there a
// browser gives the portal's cookies to every port of its host, so that having one
// proves nothing. The zero Peer was not asked about.
type Peer struct {
	// Name is to whom a session belongs that is begun over the connection: a user of
	// this machine, such as "uid 1000", or UnknownPeer.
	Name string
	// Barred says why no session is begun or used over it; "" when one may be.
	Barred string
}

// UnknownPeer is what has no socket on this machine that its kernel knows of here:
// it came through a forwarder, or from another network namespace.
const UnknownPeer = "unknown"

type peerKey struct{}

// WithPeer keeps how to find out who has made the connection of a request. It is
// called when a session is begun or used, and not otherwise.
func WithPeer(ctx context.Context, ask func() Peer) context.Context {
	return context.WithValue(ctx, peerKey{}, ask)
}

// PeerFrom asks who has made the connection of a request.
func PeerFrom(ctx context.Context) Peer {
	if ask, ok := ctx.Value(peerKey{}).(func() Peer); ok {
		return ask()
	}
	return Peer{}
}
