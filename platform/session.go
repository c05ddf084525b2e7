package platform

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/account"
	"github.com/slipway-dev/slipway/ent/session"
	"github.com/slipway-dev/slipway/store"
)

const (
	// refreshLife is how long a session lasts without being used.
	refreshLife = 14 * 24 * time.Hour
	// sessionLife is how long it lasts at all.
	sessionLife = 90 * 24 * time.Hour
	// providedLife is how long the session of an account lasts that only a
	// provider opens: what the provider says of its people is asked for anew.
	providedLife = 24 * time.Hour
)

// lifeOf is how long a session of an account lasts at all.
func lifeOf(a *ent.Account) time.Duration {
	if a.Password == "" {
		return providedLife
	}
	return sessionLife
}

// Session is what signing in gives.
type Session struct {
	Access        slipway.Secret // a JWT for `Authorization: Bearer`
	AccessExpires time.Time
	Refresh       slipway.Secret // good once, for the next pair
	Expires       time.Time      // of the refresh token
	Account       string
	Browser       slipway.Secret // what a browser keeps, to be known when it comes again
}

// errCredentials is one sentence for every reason: it doesn't tell which names exist.
var errCredentials = slipway.Errorf(slipway.Unauthenticated, "name or password is wrong")

// SignIn opens a session by name and password. Wrong passwords make the next one
// wait, as docs/security.md says. The error of an account that has a second
// factor is a FactorNeeded.
func (p *Platform) SignIn(ctx context.Context, name string, password slipway.Secret, from Caller) (Session, error) {
	sys := store.AsSystem(ctx)
	who := slipway.WithViewer(ctx, slipway.Viewer{Kind: slipway.ViewerPerson, Name: store.Printable(name), Via: from.Via, Address: from.Address})
	onlyAdmins, err := p.passwordsClosed(ctx)
	if err != nil {
		p.audit.Record(who, audit.Refused, "session.begin", "", "", "", err.Error(), nil, nil)
		return Session{}, err
	}
	a, err := p.db.Account.Query().Where(account.Name(name), account.KindEQ(account.KindPerson), account.Active(true)).Only(sys)
	if err != nil && !ent.IsNotFound(err) {
		return Session{}, err
	}
	err = p.prove(ctx, name, a, password, from)
	if err == nil && onlyAdmins && !a.Admin {
		err = errPasswordsClosed
	}
	if err != nil {
		p.audit.Record(who, audit.Refused, "session.begin", "", "", "", err.Error(), nil, nil)
		return Session{}, err
	}
	return p.enter(ctx, a, from, "password", "", from.Next)
}

// Caller is where a request to sign in comes from.
type Caller struct {
	Via, Address, Agent string
	Browser             slipway.Secret // what the browser kept of signing in before
	Next                string         // a path of the portal to go to after the second step
}

// begin opens a session for an account that has proved itself; how is for the record.
func (p *Platform) begin(ctx context.Context, a *ent.Account, from Caller, how map[string]string) (Session, error) {
	if err := mayBegin(ctx); err != nil {
		p.audit.Record(slipway.WithViewer(ctx, slipway.Viewer{Kind: slipway.ViewerPerson, Name: a.Name, Via: from.Via, Address: from.Address}), audit.Refused, "session.begin", "", "", "", err.Error(), nil, nil)
		return Session{}, err
	}
	sys := store.AsSystem(ctx)
	key, secret := hex.EncodeToString(random(12)), base64.RawURLEncoding.EncodeToString(random(32))
	now := time.Now().UTC()
	with := how["factor"]
	if with == "" {
		with = how["by"]
	}
	var row *ent.Session
	err := p.audit.Change(slipway.WithViewer(ctx, slipway.Viewer{Kind: slipway.ViewerPerson, Name: a.Name, Via: from.Via, Address: from.Address}), func(ctx context.Context, tx *ent.Tx) (err error) {
		row, err = tx.Session.Create().SetKey(key).SetAccountID(a.ID).SetRefresh(store.Fingerprint(secret)).SetVia(from.Via).SetAddress(from.Address).
			SetAgent(store.Clean(from.Agent[:min(len(from.Agent), 200)])).SetUsedAt(now).SetExpiresAt(now.Add(min(refreshLife, lifeOf(a)))).
			SetProvedAt(now).SetProvedWith(with).SetFactor(how["factor"]).SetPeer(slipway.PeerFrom(ctx).Name).Save(store.AsSystem(ctx))
		p.audit.Record(ctx, audit.Done, "session.begin", "", "", "", "", nil, how)
		return err
	})
	if err != nil {
		return Session{}, err
	}
	_ = p.db.Account.UpdateOneID(a.ID).SetLastSeenAt(now).Exec(sys) // for display alone
	s, err := p.pair(ctx, a.Name, row, secret)
	if err != nil {
		return s, err
	}
	if err := p.remember(ctx, a.Name, from); err != nil {
		return s, err
	}
	if from.Via == "portal" {
		s.Browser, err = p.knownBrowser(ctx, from.Browser, a.ID)
	}
	return s, err
}

func (p *Platform) pair(ctx context.Context, name string, row *ent.Session, secret string) (Session, error) {
	access, expires, err := p.sign(ctx, name, row.Key)
	if err != nil {
		return Session{}, err
	}
	return Session{
		Access: slipway.NewSecret(access), AccessExpires: expires, Account: name,
		Refresh: slipway.NewSecret(row.Key + "." + secret), Expires: row.ExpiresAt,
	}, nil
}

// Refresh exchanges a refresh token for the next pair. One that was used before
// has been stolen, or its thief was quicker: the session ends for both. One that is
// tried by whom the session isn't of is refused, and ends and lengthens nothing.
func (p *Platform) Refresh(ctx context.Context, refresh slipway.Secret, from Caller) (Session, error) {
	over := slipway.Errorf(slipway.Unauthenticated, "the session is over; sign in again")
	key, secret, ok := strings.Cut(refresh.Reveal(), ".")
	if !ok || len(refresh.Reveal()) > 200 {
		return Session{}, over
	}
	sys := store.AsSystem(ctx)
	next := base64.RawURLEncoding.EncodeToString(random(32))
	var row *ent.Session
	peer := slipway.PeerFrom(ctx) // which takes its time: before the transaction
	stolen, misuse := false, ""
	err := store.InTx(sys, p.db, func(tx *ent.Tx) (err error) {
		row, err = tx.Session.Query().Where(session.Key(key), session.EndedAtIsNil()).WithAccount().Only(sys)
		if ent.IsNotFound(err) {
			return over
		}
		if err != nil {
			return err
		}
		now := time.Now().UTC()
		if now.After(row.ExpiresAt) || now.Sub(row.CreatedAt) > lifeOf(row.Edges.Account) || !row.Edges.Account.Active {
			return over
		}
		if misuse = misused(peer, row); misuse != "" {
			return over
		}
		if subtle.ConstantTimeCompare([]byte(store.Fingerprint(secret)), []byte(row.Refresh)) != 1 {
			stolen = true
			return tx.Session.UpdateOneID(row.ID).SetEndedAt(now).SetEndedBy("a refresh token was used twice").Exec(sys)
		}
		expires := now.Add(refreshLife)
		if last := row.CreatedAt.Add(lifeOf(row.Edges.Account)); expires.After(last) {
			expires = last
		}
		// Only while it is what was read: of two that come at once, one is a reuse.
		n, err := tx.Session.Update().Where(session.ID(row.ID), session.Refresh(row.Refresh)).
			SetRefresh(store.Fingerprint(next)).SetUsedAt(now).SetExpiresAt(expires).SetAddress(from.Address).Save(sys)
		if err != nil {
			return err
		}
		if n == 0 {
			stolen = true
			return tx.Session.UpdateOneID(row.ID).SetEndedAt(now).SetEndedBy("a refresh token was used twice").Exec(sys)
		}
		row.ExpiresAt = expires
		return nil
	})
	if misuse != "" {
		p.tellMisuse(ctx, row, peer, misuse, from)
	}
	if err != nil {
		return Session{}, err
	}
	name := row.Edges.Account.Name
	if stolen {
		p.audit.Record(slipway.WithViewer(ctx, slipway.Viewer{Kind: slipway.ViewerPerson, Name: name, Via: from.Via, Address: from.Address}),
			audit.Refused, "session.refresh", "", "", "", "a refresh token was used twice, so the session was ended", nil, nil)
		return Session{}, over
	}
	return p.pair(ctx, name, row, next)
}

// SignOut ends the viewer's session.
func (p *Platform) SignOut(ctx context.Context) error {
	v := slipway.ViewerFrom(ctx)
	if v.Session == "" {
		return slipway.Errorf(slipway.Conflict, "this is a token, not a session; revoke it with: slipway token revoke")
	}
	return p.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		p.audit.Record(ctx, audit.Done, "session.end", "", "", "", "", nil, nil)
		return tx.Session.Update().Where(session.Key(v.Session), session.EndedAtIsNil()).SetEndedAt(time.Now().UTC()).SetEndedBy("signed out").Exec(ctx)
	})
}
