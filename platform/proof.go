package platform

import (
	"context"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/session"
	"github.com/slipway-dev/slipway/store"
)

// freshLife is how long what was proved in a session counts as just proved.
const freshLife = 10 * time.Minute

// proven refuses, as Unproved, what a session alone may not do: who sits at a
// browser that was left open, or has stolen a session, can't show a factor, or
// the password of an account without one. Tokens, which programs hold, prove
// nothing and are asked for nothing: their scopes bound them, and making them
// takes this.
func (p *Platform) proven(ctx context.Context, what string) error {
	v := slipway.ViewerFrom(ctx)
	if v.Session == "" {
		return nil
	}
	with, err := p.fresh(ctx, v)
	if err != nil || with != "" {
		return err
	}
	return slipway.Errorf(slipway.Unproved, "%s takes a proof, of the last %d minutes, that it is still you; give it with: slipway prove", what, int(freshLife.Minutes()))
}

// fresh is with what a session was proved just now; "" when it wasn't, or not
// with a factor by an account that has one.
func (p *Platform) fresh(ctx context.Context, v slipway.Viewer) (string, error) {
	row, err := p.db.Session.Query().Where(session.Key(v.Session)).Only(store.AsSystem(ctx))
	if err != nil {
		return "", err
	}
	if row.ProvedAt == nil || time.Since(*row.ProvedAt) > freshLife {
		return "", nil
	}
	if slipway.FactorKind(row.ProvedWith).Known() {
		return row.ProvedWith, nil
	}
	kinds, err := p.factorKinds(ctx, v.Account)
	if err != nil || len(kinds) > 0 {
		return "", err
	}
	return row.ProvedWith, nil
}

// Proving is with what somebody can prove that it is still him.
type Proving struct {
	Factors  []slipway.FactorKind // one of them, where there is any
	Password bool                 // without a factor
}

// Proving tells what Prove would take. With neither, only signing in anew does.
func (p *Platform) Proving(ctx context.Context) (Proving, error) {
	a, err := p.ownFactors(ctx)
	if err != nil {
		return Proving{}, err
	}
	kinds, err := p.factorKinds(ctx, a.ID)
	return Proving{Factors: kinds, Password: len(kinds) == 0 && a.Password != ""}, err
}

// Prove shows that it is still the one who signed in: by a factor, or, of an
// account that has none, by the password. It counts for freshLife.
func (p *Platform) Prove(ctx context.Context, proof FactorProof) error {
	a, err := p.ownFactors(ctx)
	if err != nil {
		return err
	}
	v := slipway.ViewerFrom(ctx)
	kinds, err := p.factorKinds(ctx, a.ID)
	if err != nil {
		return err
	}
	with := slipway.FactorKind("password")
	switch {
	case len(kinds) > 0:
		with, err = p.proveFactor(ctx, a, proof)
	case a.Password != "":
		err = p.proveHere(ctx, a, proof.Current)
		if err == errCredentials { //nolint:errorlint // it is returned as it is
			err = slipway.Errorf(slipway.Invalid, "the current password is wrong").At("current")
		}
	default:
		err = slipway.Errorf(slipway.Conflict, "you have neither a second factor nor a password to show; sign out, and sign in through your provider")
	}
	if err != nil {
		if code := slipway.CodeOf(err); code == slipway.Invalid || code == slipway.Limited {
			p.audit.Refused(ctx, "session.proved", "", "", err.Error())
		}
		return err
	}
	return p.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		p.audit.Record(ctx, audit.Done, "session.proved", "", "", "", "", nil, map[string]string{"by": string(with)})
		return provedNow(ctx, tx, v, string(with))
	})
}

func provedNow(ctx context.Context, tx *ent.Tx, v slipway.Viewer, with string) error {
	update := tx.Session.Update().Where(session.Key(v.Session), session.EndedAtIsNil()).SetProvedAt(time.Now().UTC()).SetProvedWith(with)
	if slipway.FactorKind(with).Known() {
		update.SetFactor(with)
	}
	return update.Exec(ctx)
}
