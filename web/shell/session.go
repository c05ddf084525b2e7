package shell

import (
	"context"
	"crypto/sha256"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/platform"
)

// CallerOf says where a request comes from. Forwarding headers are not looked
// at: anybody can write them, and for trusted proxies the server has put the
// client's address in place of theirs.
func CallerOf(r *http.Request) identity.Caller {
	address := r.RemoteAddr
	if host, _, err := net.SplitHostPort(address); err == nil {
		address = host
	}
	return identity.Caller{Via: "portal", Address: address, Agent: r.UserAgent()}
}

// SigningIn says where somebody signs in from, with what his browser has kept.
func (p *Portal) SigningIn(r *http.Request) identity.Caller {
	from := CallerOf(r)
	from.Browser = slipway.NewSecret(p.Cookie(r, browserCookie))
	return from
}

// viewer finds out who asks, by the browser's session. One whose access token
// has run out is renewed on the way. It is Unauthenticated without a session.
func (p *Portal) viewer(w http.ResponseWriter, r *http.Request) (slipway.Viewer, error) {
	from := CallerOf(r)
	if access := p.Cookie(r, accessCookie); access != "" {
		v, err := p.Identify(r.Context(), slipway.NewSecret(access), from)
		// A token of the API is no session, wherever it was put.
		if err == nil && v.Session != "" {
			return v, nil
		}
		if err != nil && slipway.CodeOf(err) != slipway.Unauthenticated {
			return v, err
		}
	}
	refresh := p.Cookie(r, refreshCookie)
	if refresh == "" {
		return slipway.Viewer{}, slipway.Errorf(slipway.Unauthenticated, "sign in first")
	}
	s, err := p.sessions.refresh(r.Context(), slipway.NewSecret(refresh), from)
	if err != nil {
		if slipway.CodeOf(err) == slipway.Unauthenticated {
			p.Forget(w, r)
		}
		return slipway.Viewer{}, err
	}
	p.Keep(w, r, s)
	return p.Identify(r.Context(), s.Access, from)
}

// refresher renews sessions. Browsers send several requests at once, and a
// refresh token that comes twice ends its session as stolen; so requests with
// the same token are answered with the same pair.
type refresher struct {
	platform *platform.Platform

	mu      sync.Mutex
	renewed map[[32]byte]*renewal
}

// renewal is a refresh under way or just done.
type renewal struct {
	done    chan struct{}
	session identity.Session
	err     error
	until   time.Time
}

// reuse is how long requests that were under way may still bring the old token.
const reuse = 20 * time.Second

func newRefresher(p *platform.Platform) *refresher {
	return &refresher{platform: p, renewed: map[[32]byte]*renewal{}}
}

func (f *refresher) refresh(ctx context.Context, token slipway.Secret, from identity.Caller) (identity.Session, error) {
	// Not with another connection's owner: what he is refused isn't this one's answer.
	key := sha256.Sum256([]byte(slipway.PeerFrom(ctx).Name + " " + token.Reveal()))
	now := time.Now()
	f.mu.Lock()
	for k, r := range f.renewed {
		if now.After(r.until) {
			delete(f.renewed, k)
		}
	}
	r, known := f.renewed[key]
	if !known {
		r = &renewal{done: make(chan struct{}), until: now.Add(reuse)}
		f.renewed[key] = r
	}
	f.mu.Unlock()
	if known {
		select {
		case <-r.done:
			return r.session, r.err
		case <-ctx.Done():
			return identity.Session{}, ctx.Err()
		}
	}
	// The token is spent from here on, also when this request's reader leaves.
	r.session, r.err = f.platform.Refresh(context.WithoutCancel(ctx), token, from)
	close(r.done)
	if slipway.Retryable(r.err) {
		f.mu.Lock()
		delete(f.renewed, key)
		f.mu.Unlock()
	}
	return r.session, r.err
}
