package identity

import (
	"cmp"
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
func (d *Directory) SignIn(ctx context.Context, name string, password slipway.Secret, from Caller) (Session, error) {
	sys := store.AsSystem(ctx)
	who := slipway.WithViewer(ctx, slipway.Viewer{Kind: slipway.ViewerPerson, Name: store.Printable(name), Via: from.Via, Address: from.Address})
	onlyAdmins, err := d.passwordsClosed(ctx)
	if err != nil {
		d.audit.Record(who, audit.Refused, "session.begin", "", "", "", err.Error(), nil, nil)
		return Session{}, err
	}
	a, err := d.db.Account.Query().Where(account.Name(name), account.KindEQ(account.KindPerson), account.Active(true)).Only(sys)
	if err != nil && !ent.IsNotFound(err) {
		return Session{}, err
	}
	err = d.prove(ctx, name, a, password, from)
	if err == nil && onlyAdmins && !a.Admin {
		err = errPasswordsClosed
	}
	if err != nil {
		d.audit.Record(who, audit.Refused, "session.begin", "", "", "", err.Error(), nil, nil)
		return Session{}, err
	}
	return d.enter(ctx, a, from, "password", "", from.Next)
}

// Caller is where a request to sign in comes from.
type Caller struct {
	Via, Address, Agent string
	Browser             slipway.Secret // what the browser kept of signing in before
	Next                string         // a path of the portal to go to after the second step
}

// begin opens a session for an account that has proved itself; how is for the record.
func (d *Directory) begin(ctx context.Context, a *ent.Account, from Caller, how map[string]string) (Session, error) {
	if err := mayBegin(ctx); err != nil {
		d.audit.Record(slipway.WithViewer(ctx, slipway.Viewer{Kind: slipway.ViewerPerson, Name: a.Name, Via: from.Via, Address: from.Address}), audit.Refused, "session.begin", "", "", "", err.Error(), nil, nil)
		return Session{}, err
	}
	sys := store.AsSystem(ctx)
	key, secret := hex.EncodeToString(Random(12)), base64.RawURLEncoding.EncodeToString(Random(32))
	now := time.Now().UTC()
	with := how["factor"]
	if with == "" {
		with = how["by"]
	}
	var row *ent.Session
	err := d.audit.Change(slipway.WithViewer(ctx, slipway.Viewer{Kind: slipway.ViewerPerson, Name: a.Name, Via: from.Via, Address: from.Address}), func(ctx context.Context, tx *ent.Tx) (err error) {
		row, err = tx.Session.Create().SetKey(key).SetAccountID(a.ID).SetRefresh(store.Fingerprint(secret)).SetVia(from.Via).SetAddress(from.Address).
			SetAgent(store.Clean(from.Agent[:min(len(from.Agent), 200)])).SetUsedAt(now).SetExpiresAt(now.Add(min(refreshLife, lifeOf(a)))).
			SetProvedAt(now).SetProvedWith(with).SetFactor(how["factor"]).SetPeer(slipway.PeerFrom(ctx).Name).Save(store.AsSystem(ctx))
		d.audit.Record(ctx, audit.Done, "session.begin", "", "", "", "", nil, how)
		return err
	})
	if err != nil {
		return Session{}, err
	}
	_ = d.db.Account.UpdateOneID(a.ID).SetLastSeenAt(now).Exec(sys) // for display alone
	s, err := d.pair(ctx, a.Name, row, secret)
	if err != nil {
		return s, err
	}
	if err := d.remember(ctx, a.Name, from); err != nil {
		return s, err
	}
	if from.Via == "portal" {
		s.Browser, err = d.knownBrowser(ctx, from.Browser, a.ID)
	}
	return s, err
}

func (d *Directory) pair(ctx context.Context, name string, row *ent.Session, secret string) (Session, error) {
	access, expires, err := d.sign(ctx, name, row.Key)
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
func (d *Directory) Refresh(ctx context.Context, refresh slipway.Secret, from Caller) (Session, error) {
	over := slipway.Errorf(slipway.Unauthenticated, "the session is over; sign in again")
	key, secret, ok := strings.Cut(refresh.Reveal(), ".")
	if !ok || len(refresh.Reveal()) > 200 {
		return Session{}, over
	}
	sys := store.AsSystem(ctx)
	next := base64.RawURLEncoding.EncodeToString(Random(32))
	var row *ent.Session
	peer := slipway.PeerFrom(ctx) // which takes its time: before the transaction
	stolen, misuse := false, ""
	err := store.InTx(sys, d.db, func(tx *ent.Tx) (err error) {
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
		d.tellMisuse(ctx, row, peer, misuse, from)
	}
	if err != nil {
		return Session{}, err
	}
	name := row.Edges.Account.Name
	if stolen {
		d.audit.Record(slipway.WithViewer(ctx, slipway.Viewer{Kind: slipway.ViewerPerson, Name: name, Via: from.Via, Address: from.Address}),
			audit.Refused, "session.refresh", "", "", "", "a refresh token was used twice, so the session was ended", nil, nil)
		return Session{}, over
	}
	return d.pair(ctx, name, row, next)
}

// SignOut ends the viewer's session.
func (d *Directory) SignOut(ctx context.Context) error {
	v := slipway.ViewerFrom(ctx)
	if v.Session == "" {
		return slipway.Errorf(slipway.Conflict, "this is a token, not a session; revoke it with: slipway token revoke")
	}
	return d.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		d.audit.Record(ctx, audit.Done, "session.end", "", "", "", "", nil, nil)
		return tx.Session.Update().Where(session.Key(v.Session), session.EndedAtIsNil()).SetEndedAt(time.Now().UTC()).SetEndedBy("signed out").Exec(ctx)
	})
}

// Sessions lists one's own sessions that are open, the newest first.
func (d *Directory) Sessions(ctx context.Context) ([]*ent.Session, error) {
	v, err := d.SignedIn(ctx, slipway.PermitSelf)
	if err != nil {
		return nil, err
	}
	return d.db.Session.Query().Where(session.AccountID(v.Account), session.EndedAtIsNil(), session.ExpiresAtGT(time.Now().UTC())).
		Order(ent.Desc(session.FieldID)).Limit(100).All(ctx)
}

// EndedSessions lists one's own sessions that are over, those that began last
// first, with when and why each ended.
func (d *Directory) EndedSessions(ctx context.Context) ([]*ent.Session, error) {
	v, err := d.SignedIn(ctx, slipway.PermitSelf)
	if err != nil {
		return nil, err
	}
	rows, err := d.db.Session.Query().Where(session.AccountID(v.Account), session.Or(session.EndedAtNotNil(), session.ExpiresAtLTE(time.Now().UTC()))).
		Order(ent.Desc(session.FieldID)).Limit(100).All(ctx)
	for _, row := range rows {
		if row.EndedAt == nil { // nothing ended it but time
			row.EndedAt, row.EndedBy = &row.ExpiresAt, "it was not used any more, or had lasted as long as a session may"
		}
	}
	return rows, err
}

// EndSession ends one of one's own sessions at once, with what it follows live.
func (d *Directory) EndSession(ctx context.Context, key string) error {
	v, err := d.SignedIn(ctx, slipway.PermitSelf)
	if err != nil {
		return err
	}
	absent := slipway.Errorf(slipway.NotFound, "there is no open session %s of yours; `slipway sessions` lists them", store.Printable(key))
	row, err := d.db.Session.Query().Where(session.Key(key), session.AccountID(v.Account)).Only(ctx)
	if err != nil {
		return store.Missing(err, "%s", absent.Message)
	}
	return d.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		n, err := tx.Session.Update().Where(session.ID(row.ID), session.EndedAtIsNil()).SetEndedAt(time.Now().UTC()).SetEndedBy("ended from the list of sessions").Save(ctx)
		if err != nil || n == 0 {
			return cmp.Or[error](err, absent)
		}
		d.audit.Record(ctx, audit.Done, "session.end", "", "", "session "+row.Key, "", nil, map[string]string{"via": row.Via, "from": row.Address})
		return nil
	})
}
