package identity

import (
	"context"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/account"
	"github.com/slipway-dev/slipway/ent/session"
	"github.com/slipway-dev/slipway/store"
)

// freshLife is how long what was proved in a session counts as just proved.
const freshLife = 10 * time.Minute

// Proven refuses, as Unproved, what a session alone may not do: who sits at a
// browser that was left open, or has stolen a session, can't show a factor, or
// the password of an account without one. Tokens, which programs hold, prove
// nothing and are asked for nothing: their scopes bound them, and making them
// takes this.
func (d *Directory) Proven(ctx context.Context, what string) error {
	v := slipway.ViewerFrom(ctx)
	if v.Session == "" {
		return nil
	}
	with, err := d.fresh(ctx, v)
	if err != nil || with != "" {
		return err
	}
	return slipway.Errorf(slipway.Unproved, "%s takes a proof, of the last %d minutes, that it is still you; give it with: slipway prove", what, int(freshLife.Minutes()))
}

// fresh is with what a session was proved just now; "" when it wasn't, or not
// with a factor by an account that has one.
func (d *Directory) fresh(ctx context.Context, v slipway.Viewer) (string, error) {
	row, err := d.db.Session.Query().Where(session.Key(v.Session)).Only(store.AsSystem(ctx))
	if err != nil {
		return "", err
	}
	if row.ProvedAt == nil || time.Since(*row.ProvedAt) > freshLife {
		return "", nil
	}
	if slipway.FactorKind(row.ProvedWith).Known() {
		return row.ProvedWith, nil
	}
	kinds, err := d.FactorKinds(ctx, v.Account)
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
func (d *Directory) Proving(ctx context.Context) (Proving, error) {
	a, err := d.ownFactors(ctx)
	if err != nil {
		return Proving{}, err
	}
	kinds, err := d.FactorKinds(ctx, a.ID)
	return Proving{Factors: kinds, Password: len(kinds) == 0 && a.Password != ""}, err
}

// Prove shows that it is still the one who signed in: by a factor, or, of an
// account that has none, by the password. It counts for freshLife.
func (d *Directory) Prove(ctx context.Context, proof FactorProof) error {
	a, err := d.ownFactors(ctx)
	if err != nil {
		return err
	}
	v := slipway.ViewerFrom(ctx)
	kinds, err := d.FactorKinds(ctx, a.ID)
	if err != nil {
		return err
	}
	with := slipway.FactorKind("password")
	switch {
	case len(kinds) > 0:
		with, err = d.proveFactor(ctx, a, proof)
	case a.Password != "":
		err = d.proveHere(ctx, a, proof.Current)
		if err == errCredentials { //nolint:errorlint // it is returned as it is
			err = slipway.Errorf(slipway.Invalid, "the current password is wrong").At("current")
		}
	default:
		err = slipway.Errorf(slipway.Conflict, "you have neither a second factor nor a password to show; sign out, and sign in through your provider")
	}
	if err != nil {
		if code := slipway.CodeOf(err); code == slipway.Invalid || code == slipway.Limited {
			d.audit.Refused(ctx, "session.proved", "", "", err.Error())
		}
		return err
	}
	return d.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		d.audit.Record(ctx, audit.Done, "session.proved", "", "", "", "", nil, map[string]string{"by": string(with)})
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

// SessionFactor is the second factor that was shown in the viewer's session: ""
// for none, and for tokens and the operator, who have no session.
func (d *Directory) SessionFactor(ctx context.Context) (string, error) {
	v := slipway.ViewerFrom(ctx)
	if v.Session == "" {
		return "", nil
	}
	row, err := d.db.Session.Query().Where(session.Key(v.Session)).Only(store.AsSystem(ctx))
	if err != nil {
		return "", err
	}
	return row.Factor, nil
}

// InPerson refuses what lowers a gate to all but an admin of the platform who is
// there: whom a gate holds doesn't lower it, no program does, and nobody who sits
// at a browser that was left open. does says what it is that they want.
func (d *Directory) InPerson(ctx context.Context, does string) error {
	v := slipway.ViewerFrom(ctx)
	if v.Admin && v.InPerson() {
		return d.Proven(ctx, "what lowers a gate")
	}
	ask := d.Whom(ctx, account.Admin(true))
	if v.Admin {
		ask = "; sign in and do it yourself"
	}
	return slipway.Errorf(slipway.Denied, "%s; that takes an admin of the platform in person, and no token or program%s", does, ask)
}

// DeniedWhile puts on record what was refused in the middle of a change.
func (d *Directory) DeniedWhile(ctx context.Context, action, service, environment string, err error) {
	if slipway.CodeOf(err) == slipway.Denied {
		d.audit.Refused(ctx, action, service, environment, err.Error())
	}
}

// comesIn refuses what lets somebody in as somebody to all but an admin of the
// platform in person: else a program would make itself a person first.
func (d *Directory) comesIn(ctx context.Context, action, does string) error {
	err := d.InPerson(ctx, does)
	d.DeniedWhile(ctx, action, "", "", err)
	return err
}

// lets says how a change of somebody else's account lets somebody in, or in as
// more: "" when it doesn't. A provider knows people by their addresses.
func (c AccountChange) lets(a *ent.Account) string {
	switch {
	case c.Admin != nil && *c.Admin && !a.Admin:
		return "this makes " + a.Name + " an admin of the platform"
	case c.Active != nil && *c.Active && !a.Active:
		return "this lets " + a.Name + " in again"
	case c.Email != nil && *c.Email != a.Email:
		return "this lets whoever a provider gives the address " + store.Printable(*c.Email) + " in as " + a.Name
	}
	return ""
}
