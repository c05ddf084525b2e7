package identity

import (
	"context"
	"crypto/hmac"
	"encoding/hex"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
)

// maxKnown is of how many accounts a browser is known to be.
const maxKnown = 4

// A browser that somebody has signed in with keeps, for each account, which one
// it is, until when, and a seal that only this platform makes:
// ACCOUNT.BROWSER.UNTIL.SEAL, several with ~ between them. Whoever steals it may
// guess as often as from an address of his own, and no more.
type kept struct {
	account int
	browser string
	until   int64
}

func (k kept) text() string {
	return strconv.Itoa(k.account) + "." + k.browser + "." + strconv.FormatInt(k.until, 10)
}

// keptBy reads what a browser has kept and is still good.
func keptBy(key []byte, browser slipway.Secret) []kept {
	text := browser.Reveal()
	if text == "" || len(text) > 1000 {
		return nil
	}
	var list []kept
	for one := range strings.SplitSeq(text, "~") {
		parts := strings.Split(one, ".")
		if len(parts) != 4 {
			continue
		}
		account, err := strconv.Atoi(parts[0])
		until, err2 := strconv.ParseInt(parts[2], 10, 64)
		k := kept{account, parts[1], until}
		if err != nil || err2 != nil || !hmac.Equal([]byte(keyed(key, "browser", k.text())), []byte(parts[3])) || time.Now().Unix() > until {
			continue
		}
		list = append(list, k)
	}
	return list
}

// browserOf is by what a browser's guesses at an account are counted: "" when
// nobody has signed in to it there.
func (d *Directory) browserOf(ctx context.Context, browser slipway.Secret, accountID int) (string, error) {
	key, err := d.guessKey(ctx)
	if err != nil {
		return "", err
	}
	for _, k := range keptBy(key, browser) {
		if k.account == accountID {
			return "browser " + k.browser, nil
		}
	}
	return "", nil
}

// knownBrowser is what a browser keeps from now on: anew at each sign-in.
func (d *Directory) knownBrowser(ctx context.Context, before slipway.Secret, accountID int) (slipway.Secret, error) {
	key, err := d.guessKey(ctx)
	if err != nil {
		return slipway.Secret{}, err
	}
	list := []kept{{accountID, hex.EncodeToString(Random(12)), time.Now().Add(knownFor).Unix()}}
	for _, k := range keptBy(key, before) {
		if k.account != accountID && len(list) < maxKnown {
			list = append(list, k)
		}
	}
	var out []string
	for _, k := range list {
		out = append(out, k.text()+"."+keyed(key, "browser", k.text()))
	}
	return slipway.NewSecret(strings.Join(out, "~")), nil
}

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
func (d *Directory) tellMisuse(ctx context.Context, row *ent.Session, peer slipway.Peer, why string, from Caller) {
	name := row.Edges.Account.Name
	kind := peer.Name
	if peer.Barred != "" {
		kind = "barred"
	}
	if !d.misuses.first(row.Key+" "+kind, time.Now()) {
		return
	}
	d.log.Warn("a session was tried by whom it isn't of", "account", name, "session", row.Key, "reason", why)
	d.audit.Record(slipway.WithViewer(ctx, slipway.Viewer{Kind: slipway.ViewerPerson, Name: name, Via: from.Via, Address: from.Address}),
		audit.Refused, "session.use", "", "", "session "+row.Key, why, nil, nil)
}
