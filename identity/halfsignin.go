package identity

import (
	"cmp"
	"context"
	"encoding/base64"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/account"
	"github.com/slipway-dev/slipway/ent/halfsignin"
	"github.com/slipway-dev/slipway/store"
)

const (
	// halfLife is how long the second step of signing in may take.
	halfLife = 5 * time.Minute
	// halfGuesses is how many codes may be tried with one first step.
	halfGuesses = 5
)

// FactorNeeded says that who signs in has proved the first half, and what the
// second can be proved with.
type FactorNeeded struct {
	Challenge slipway.Secret // goes with the factor; good once
	Factors   []slipway.FactorKind
	Expires   time.Time
}

var errFactorNeeded = slipway.Errorf(slipway.Unauthenticated, "this account has a second factor; give its code too, within %d minutes", int(halfLife.Minutes()))

func (*FactorNeeded) Error() string { return errFactorNeeded.Message }

// Unwrap gives it a code.
func (*FactorNeeded) Unwrap() error { return errFactorNeeded }

// enter opens a session for an account that was proved by a password or a
// provider; factor is a second one of the provider that is trusted with it, ""
// for none. Where the account has a second factor of ours the error is a
// FactorNeeded; next is a path of the portal to go to after that.
func (d *Directory) enter(ctx context.Context, a *ent.Account, from Caller, by, factor, next string) (Session, error) {
	kinds, err := d.FactorKinds(ctx, a.ID)
	if err != nil {
		return Session{}, err
	}
	if len(kinds) == 0 {
		how := map[string]string{"by": by}
		if factor != "" {
			how["factor"] = factor
		}
		return d.begin(ctx, a, from, how)
	}
	now, text := time.Now().UTC(), base64.RawURLEncoding.EncodeToString(Random(32))
	needed := &FactorNeeded{Challenge: slipway.NewSecret(text), Factors: kinds, Expires: now.Add(halfLife).Truncate(time.Second)}
	as := slipway.WithViewer(ctx, slipway.Viewer{Kind: slipway.ViewerPerson, Name: a.Name, Via: from.Via, Address: from.Address})
	err = d.audit.Change(as, func(ctx context.Context, tx *ent.Tx) error {
		d.audit.Record(ctx, audit.Begun, "session.begin", "", "", "", "", nil, map[string]string{"by": by, "waits_for": "a second factor"})
		ctx = store.AsSystem(ctx)
		if _, err := tx.HalfSignIn.Delete().Where(halfsignin.ExpiresAtLT(now)).Exec(ctx); err != nil {
			return err
		}
		return tx.HalfSignIn.Create().SetKey(store.Fingerprint(text)).SetAccountID(a.ID).SetBy(by).SetNext(next[:min(len(next), 1000)]).SetExpiresAt(needed.Expires).Exec(ctx)
	})
	if err != nil {
		return Session{}, err
	}
	return Session{}, needed
}

// FinishFactor is the second step of signing in: a code of the app, or a
// recovery code.
func (d *Directory) FinishFactor(ctx context.Context, challenge, code slipway.Secret, from Caller) (SignedIn, error) {
	half, a, err := d.tried(ctx, challenge)
	if err != nil {
		return SignedIn{}, err
	}
	place, err := d.browserOf(ctx, from.Browser, a.ID)
	if err != nil {
		return SignedIn{}, err
	}
	kind, err := d.proveCode(ctx, a, code, from, place)
	if err != nil {
		who := slipway.WithViewer(ctx, slipway.Viewer{Kind: slipway.ViewerPerson, Name: a.Name, Via: from.Via, Address: from.Address})
		d.audit.Record(who, audit.Refused, "session.begin", "", "", "", err.Error(), nil, map[string]string{"by": half.By})
		return SignedIn{}, err
	}
	return d.whole(ctx, half, a, kind, from)
}

var errHalf = slipway.Errorf(slipway.Conflict, "this sign-in has waited too long, was finished, or had too many wrong codes; begin again")

// tried finds who waits with a challenge, and counts that a factor is tried.
func (d *Directory) tried(ctx context.Context, challenge slipway.Secret) (*ent.HalfSignIn, *ent.Account, error) {
	half, a, err := d.halfSignIn(ctx, challenge)
	if err != nil {
		return nil, nil, err
	}
	n, err := d.db.HalfSignIn.Update().Where(halfsignin.ID(half.ID), halfsignin.GuessesLT(halfGuesses)).AddGuesses(1).Save(store.AsSystem(ctx))
	if err != nil || n == 0 {
		return nil, nil, cmp.Or[error](err, errHalf)
	}
	return half, a, nil
}

// halfSignIn finds who waits with a challenge.
func (d *Directory) halfSignIn(ctx context.Context, challenge slipway.Secret) (*ent.HalfSignIn, *ent.Account, error) {
	sys := store.AsSystem(ctx)
	half, err := d.db.HalfSignIn.Query().Where(halfsignin.Key(store.Fingerprint(challenge.Reveal())), halfsignin.ExpiresAtGT(time.Now().UTC())).Only(sys)
	if ent.IsNotFound(err) {
		return nil, nil, errHalf
	}
	if err != nil {
		return nil, nil, err
	}
	a, err := d.db.Account.Query().Where(account.ID(half.AccountID), account.KindEQ(account.KindPerson), account.Active(true)).Only(sys)
	if ent.IsNotFound(err) {
		return nil, nil, errHalf // made inactive in the meantime
	}
	return half, a, err
}

// whole opens the session of both halves, once.
func (d *Directory) whole(ctx context.Context, half *ent.HalfSignIn, a *ent.Account, kind slipway.FactorKind, from Caller) (SignedIn, error) {
	if n, err := d.db.HalfSignIn.Delete().Where(halfsignin.ID(half.ID)).Exec(store.AsSystem(ctx)); err != nil || n == 0 {
		return SignedIn{}, cmp.Or[error](err, errHalf)
	}
	s, err := d.begin(ctx, a, from, map[string]string{"by": half.By, "factor": string(kind)})
	return SignedIn{Session: s, Next: half.Next}, err
}
