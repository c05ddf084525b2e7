package platform

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"sync"
	"time"

	"github.com/alexedwards/argon2id"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/account"
	"github.com/slipway-dev/slipway/ent/session"
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
}

// errCredentials is one sentence for every reason: it doesn't tell which names exist.
var errCredentials = slipway.Errorf(slipway.Unauthenticated, "name or password is wrong")

// SignIn opens a session by name and password. Wrong passwords make the account,
// and the address they come from, wait ever longer.
func (p *Platform) SignIn(ctx context.Context, name string, password slipway.Secret, from Caller) (Session, error) {
	sys := asSystem(ctx)
	who := slipway.WithViewer(ctx, slipway.Viewer{Kind: slipway.ViewerPerson, Name: printable(name), Via: from.Via, Address: from.Address})
	onlyAdmins, err := p.passwordsClosed(ctx)
	if err != nil {
		p.audit(who, AuditRefused, "session.begin", "", "", "", err.Error(), nil, nil)
		return Session{}, err
	}
	a, err := p.db.Account.Query().Where(account.Name(name), account.KindEQ(account.KindPerson), account.Active(true)).Only(sys)
	if err != nil && !ent.IsNotFound(err) {
		return Session{}, err
	}
	err = p.prove(ctx, a, password, from.Address)
	if err == nil && onlyAdmins && !a.Admin {
		err = errPasswordsClosed
	}
	if err != nil {
		p.audit(who, AuditRefused, "session.begin", "", "", "", err.Error(), nil, nil)
		return Session{}, err
	}
	return p.begin(ctx, a, from, map[string]string{"by": "password"})
}

// Caller is where a request to sign in comes from.
type Caller struct{ Via, Address, Agent string }

// begin opens a session for an account that has proved itself; how is for the record.
func (p *Platform) begin(ctx context.Context, a *ent.Account, from Caller, how map[string]string) (Session, error) {
	sys := asSystem(ctx)
	key, secret := hex.EncodeToString(random(12)), base64.RawURLEncoding.EncodeToString(random(32))
	now := time.Now().UTC()
	var row *ent.Session
	err := p.recorded(slipway.WithViewer(ctx, slipway.Viewer{Kind: slipway.ViewerPerson, Name: a.Name, Via: from.Via, Address: from.Address}), func(ctx context.Context, tx *ent.Tx) (err error) {
		row, err = tx.Session.Create().SetKey(key).SetAccountID(a.ID).SetRefresh(fingerprint(secret)).SetVia(from.Via).SetAddress(from.Address).
			SetAgent(clean(from.Agent[:min(len(from.Agent), 200)])).SetUsedAt(now).SetExpiresAt(now.Add(min(refreshLife, lifeOf(a)))).Save(asSystem(ctx))
		p.audit(ctx, AuditDone, "session.begin", "", "", "", "", nil, how)
		return err
	})
	if err != nil {
		return Session{}, err
	}
	_ = p.db.Account.UpdateOneID(a.ID).SetLastSeenAt(now).Exec(sys) // for display alone
	return p.pair(ctx, a.Name, row, secret)
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
// has been stolen, or its thief was quicker: the session ends for both.
func (p *Platform) Refresh(ctx context.Context, refresh slipway.Secret, from Caller) (Session, error) {
	over := slipway.Errorf(slipway.Unauthenticated, "the session is over; sign in again")
	key, secret, ok := strings.Cut(refresh.Reveal(), ".")
	if !ok || len(refresh.Reveal()) > 200 {
		return Session{}, over
	}
	sys := asSystem(ctx)
	next := base64.RawURLEncoding.EncodeToString(random(32))
	var row *ent.Session
	stolen := false
	err := p.inTx(sys, func(tx *ent.Tx) (err error) {
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
		if subtle.ConstantTimeCompare([]byte(fingerprint(secret)), []byte(row.Refresh)) != 1 {
			stolen = true
			return tx.Session.UpdateOneID(row.ID).SetEndedAt(now).SetEndedBy("a refresh token was used twice").Exec(sys)
		}
		expires := now.Add(refreshLife)
		if last := row.CreatedAt.Add(lifeOf(row.Edges.Account)); expires.After(last) {
			expires = last
		}
		// Only while it is what was read: of two that come at once, one is a reuse.
		n, err := tx.Session.Update().Where(session.ID(row.ID), session.Refresh(row.Refresh)).
			SetRefresh(fingerprint(next)).SetUsedAt(now).SetExpiresAt(expires).SetAddress(from.Address).Save(sys)
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
	if err != nil {
		return Session{}, err
	}
	name := row.Edges.Account.Name
	if stolen {
		p.audit(slipway.WithViewer(ctx, slipway.Viewer{Kind: slipway.ViewerPerson, Name: name, Via: from.Via, Address: from.Address}),
			AuditRefused, "session.refresh", "", "", "", "a refresh token was used twice, so the session was ended", nil, nil)
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
	return p.recorded(ctx, func(ctx context.Context, tx *ent.Tx) error {
		p.audit(ctx, AuditDone, "session.end", "", "", "", "", nil, nil)
		return tx.Session.Update().Where(session.Key(v.Session), session.EndedAtIsNil()).SetEndedAt(time.Now().UTC()).SetEndedBy("signed out").Exec(ctx)
	})
}

// Sessions lists one's own sessions that are open, the newest first.
func (p *Platform) Sessions(ctx context.Context) ([]*ent.Session, error) {
	v, err := p.signedIn(ctx, slipway.PermitSelf)
	if err != nil {
		return nil, err
	}
	return p.db.Session.Query().Where(session.AccountID(v.Account), session.EndedAtIsNil(), session.ExpiresAtGT(time.Now().UTC())).
		Order(ent.Desc(session.FieldID)).Limit(100).All(ctx)
}

// fingerprint is how random secrets are stored: they have entropy enough that a
// plain hash keeps them.
func fingerprint(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// attempts slows down those who try passwords: by address in memory, by account
// in the database.
type attempts struct {
	mu      sync.Mutex
	address map[string]*tries
	hashing chan struct{} // bounds how many passwords are hashed at once
	absent  string        // a hash to compare with where there is no account
}

type tries struct {
	failed int
	next   time.Time
}

// wait is how long n wrong passwords in a row keep the next one waiting: nothing
// for the first few, then doubling up to a quarter of an hour.
func wait(n, free int) time.Duration {
	if n < free {
		return 0
	}
	return min(time.Second<<min(n-free, 20), 15*time.Minute)
}

const (
	freeForAccount = 5
	freeForAddress = 20
	maxAddresses   = 10_000
)

func tooMany(until time.Time) error {
	after := time.Until(until).Round(time.Second) + time.Second
	err := slipway.Errorf(slipway.Limited, "too many wrong passwords; try again in %s", after)
	err.After = after
	return err
}

// prove checks a password. It takes as long for an account that isn't there, nil.
func (p *Platform) prove(ctx context.Context, a *ent.Account, password slipway.Secret, address string) error {
	now := time.Now()
	p.attempts.mu.Lock()
	if p.attempts.address == nil {
		p.attempts.address, p.attempts.hashing = map[string]*tries{}, make(chan struct{}, 4)
	}
	t := p.attempts.address[address]
	if t == nil {
		p.forgetAddresses(now)
		t = &tries{}
		p.attempts.address[address] = t
	}
	until := t.next
	p.attempts.mu.Unlock()
	if now.Before(until) {
		return tooMany(until)
	}
	if a != nil && a.RetryAt != nil && now.Before(*a.RetryAt) {
		return tooMany(*a.RetryAt)
	}
	ok, err := p.matches(ctx, a, password)
	if err != nil {
		return err
	}
	p.attempts.mu.Lock()
	if ok {
		delete(p.attempts.address, address)
	} else {
		t.failed++
		t.next = now.Add(wait(t.failed, freeForAddress))
	}
	p.attempts.mu.Unlock()
	sys := asSystem(ctx)
	switch {
	case ok && a.Failures > 0:
		return p.db.Account.UpdateOneID(a.ID).SetFailures(0).ClearRetryAt().Exec(sys)
	case ok:
		return nil
	case a != nil:
		update := p.db.Account.UpdateOneID(a.ID).AddFailures(1)
		if d := wait(a.Failures+1, freeForAccount); d > 0 {
			update.SetRetryAt(now.UTC().Add(d))
		}
		if err := update.Exec(sys); err != nil {
			return err
		}
	}
	return errCredentials
}

// matches compares a password with an account's, or with nobody's.
func (p *Platform) matches(ctx context.Context, a *ent.Account, password slipway.Secret) (bool, error) {
	select {
	case p.attempts.hashing <- struct{}{}:
		defer func() { <-p.attempts.hashing }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	text := password.Reveal()
	if len(text) > maxPassword {
		text = ""
	}
	if a != nil && a.Password != "" {
		return argon2id.ComparePasswordAndHash(text, a.Password)
	}
	p.attempts.mu.Lock()
	absent := p.attempts.absent
	p.attempts.mu.Unlock()
	if absent == "" {
		hash, err := hashPassword(slipway.NewSecret(hex.EncodeToString(random(16))))
		if err != nil {
			return false, err
		}
		p.attempts.mu.Lock()
		p.attempts.absent, absent = hash, hash
		p.attempts.mu.Unlock()
	}
	_, err := argon2id.ComparePasswordAndHash(text, absent)
	return false, err
}

// forgetAddresses keeps the list of addresses small; the lock is held.
func (p *Platform) forgetAddresses(now time.Time) {
	if len(p.attempts.address) < maxAddresses {
		return
	}
	for address, t := range p.attempts.address {
		if now.After(t.next) {
			delete(p.attempts.address, address)
		}
	}
}
