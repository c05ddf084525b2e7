package platform

import (
	"context"
	"sync"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
)

// Over loopback in clear a session belongs to the user of the machine who began it: a
// browser gives its cookies to whatever listens on another port of the portal's host.
// So what was stolen there is worth nothing to who isn't that user, and nothing to the
// code of projects, which runs as the platform's.

// mayBegin refuses a session over a connection of which it would be worth nothing.
func mayBegin(ctx context.Context) error {
	if peer := slipway.PeerFrom(ctx); peer.Barred != "" {
		return slipway.Errorf(slipway.Denied, "nobody signs in over this connection: %s; programs use a token", peer.Barred)
	}
	return nil
}

// misused says why a session is not good for who asks; "" when it is.
func misused(peer slipway.Peer, row *ent.Session) string {
	switch {
	case peer == (slipway.Peer{}):
		return ""
	case peer.Barred != "":
		return "a session was tried that isn't good over this connection: " + peer.Barred
	case row.Peer == "":
		return "a session was tried over loopback that was begun elsewhere, or by an earlier version"
	case row.Peer != peer.Name:
		return "a session of " + row.Peer + " of this machine was tried by " + peer.Name
	}
	return ""
}

// misuses remembers what was told, so that who tries again and again fills no log.
type misuses struct {
	mu   sync.Mutex
	told map[string]time.Time
}

const (
	misuseToldFor = time.Hour
	mostMisuse    = 10_000
)

func (m *misuses) first(key string, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if at, ok := m.told[key]; ok && now.Sub(at) < misuseToldFor {
		return false
	}
	if m.told == nil || len(m.told) >= mostMisuse {
		m.told = map[string]time.Time{}
	}
	m.told[key] = now
	return true
}

// tellMisuse puts on record, once an hour, that a session was tried by who it isn't of.
func (p *Platform) tellMisuse(ctx context.Context, row *ent.Session, peer slipway.Peer, why string, from Caller) {
	name := row.Edges.Account.Name
	kind := peer.Name
	if peer.Barred != "" {
		kind = "barred"
	}
	if !p.misuses.first(row.Key+" "+kind, time.Now()) {
		return
	}
	p.Log.Warn("a session was tried by whom it isn't of", "account", name, "session", row.Key, "reason", why)
	p.audit.Record(slipway.WithViewer(ctx, slipway.Viewer{Kind: slipway.ViewerPerson, Name: name, Via: from.Via, Address: from.Address}),
		audit.Refused, "session.use", "", "", "session "+row.Key, why, nil, nil)
}
