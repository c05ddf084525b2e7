package identity

import (
	"cmp"
	"context"
	"encoding/hex"
	"net/url"
	"strings"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/account"
	"github.com/slipway-dev/slipway/ent/factor"
	"github.com/slipway-dev/slipway/ent/recoverycode"
	"github.com/slipway-dev/slipway/ent/session"
	"github.com/slipway-dev/slipway/store"
)

const (
	// confirmLife is how long an app may take to show its first code.
	confirmLife = 15 * time.Minute
)

// Factors are what an account proves itself with besides a password.
type Factors struct {
	List     []*ent.Factor
	Recovery int // codes that are left
}

// Factors lists one's own second factors.
func (d *Directory) Factors(ctx context.Context) (Factors, error) {
	v, err := d.SignedIn(ctx, slipway.PermitSelf)
	if err != nil {
		return Factors{}, err
	}
	var f Factors
	if f.List, err = d.db.Factor.Query().Where(factor.AccountID(v.Account), factor.ConfirmedAtNotNil()).Order(factor.ByID()).All(ctx); err != nil {
		return f, err
	}
	f.Recovery, err = d.db.RecoveryCode.Query().Where(recoverycode.AccountID(v.Account), recoverycode.UsedAtIsNil()).Count(ctx)
	return f, err
}

// FactorKinds are with what an account can prove itself; none without a factor.
func (d *Directory) FactorKinds(ctx context.Context, accountID int) (kinds []slipway.FactorKind, err error) {
	sys := store.AsSystem(ctx)
	names, err := d.db.Factor.Query().Where(factor.AccountID(accountID), factor.ConfirmedAtNotNil()).Unique(true).Order(factor.ByKind()).Select(factor.FieldKind).Strings(sys)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	for _, name := range names {
		kinds = append(kinds, slipway.FactorKind(name))
	}
	left, err := d.db.RecoveryCode.Query().Where(recoverycode.AccountID(accountID), recoverycode.UsedAtIsNil()).Exist(sys)
	if left {
		kinds = append(kinds, slipway.FactorRecovery)
	}
	return kinds, err
}

// FactorProof is with what one shows that it is oneself who changes the factors.
type FactorProof struct {
	Current slipway.Secret // the password, of who has one
	Code    slipway.Secret // of the app, or a recovery code
	Passkey PasskeyAnswer  // in place of a code: what a browser answered to BeginPasskeyProof
}

// proveFactor checks a proof of somebody who is signed in and has a factor.
func (d *Directory) proveFactor(ctx context.Context, a *ent.Account, proof FactorProof) (slipway.FactorKind, error) {
	if proof.Passkey.Ceremony.Reveal() != "" {
		err := d.asserted(ctx, a, ceremonyProof, proof.Passkey)
		if err == errPasskey { //nolint:errorlint // it is returned as it is
			err = slipway.Errorf(slipway.Invalid, "%s", errPasskey.Message).At("credential")
		}
		return slipway.FactorPasskey, err
	}
	v := slipway.ViewerFrom(ctx)
	kind, err := d.proveCode(ctx, a, proof.Code, Caller{Address: v.Address}, sessionPlace(v))
	if err == errCode { //nolint:errorlint // it is returned as it is
		err = slipway.Errorf(slipway.Invalid, "%s", errCode.Message).At("code")
	}
	return kind, err
}

// ownFactors finds the account of somebody who may change its factors: a person
// with a session. What a token can do doesn't decide how its owner signs in.
func (d *Directory) ownFactors(ctx context.Context) (*ent.Account, error) {
	v, err := d.SignedIn(ctx, slipway.PermitSelf)
	if err != nil {
		return nil, err
	}
	if v.Kind != slipway.ViewerPerson || v.Session == "" {
		return nil, slipway.Errorf(slipway.Conflict, "second factors are for people who are signed in; this is a token, which has none")
	}
	return d.db.Account.Query().Where(account.ID(v.Account)).Only(ctx)
}

// proveAdding is what adding a factor takes: what proveOwn does; and, once there is
// one, a factor, which may have been shown a moment ago.
func (d *Directory) proveAdding(ctx context.Context, a *ent.Account, proof FactorProof) error {
	if proof.Code.Reveal() != "" || proof.Passkey.Ceremony.Reveal() != "" {
		return d.proveNow(ctx, a, proof)
	}
	if err := d.proveOwn(ctx, a, proof); err != nil {
		return err
	}
	kinds, err := d.FactorKinds(ctx, a.ID)
	if err != nil || len(kinds) == 0 {
		return err
	}
	if with, err := d.fresh(ctx, slipway.ViewerFrom(ctx)); err != nil || with != "" {
		return err
	}
	_, err = d.proveFactor(ctx, a, proof)
	return err
}

// proveNow is what taking a factor's worth away takes: what proveOwn does; and a
// factor, once there is one, that is shown with this. One of a moment ago doesn't
// do: it was shown by who has since left the browser open, perhaps.
func (d *Directory) proveNow(ctx context.Context, a *ent.Account, proof FactorProof) error {
	if err := d.proveOwn(ctx, a, proof); err != nil {
		return err
	}
	kinds, err := d.FactorKinds(ctx, a.ID)
	if err != nil || len(kinds) == 0 {
		return err
	}
	_, err = d.proveFactor(ctx, a, proof)
	return err
}

// proveOwn checks the password, or, of who has none, that the session has just
// begun.
func (d *Directory) proveOwn(ctx context.Context, a *ent.Account, proof FactorProof) error {
	if a.Password != "" {
		err := d.proveHere(ctx, a, proof.Current)
		if err == errCredentials { //nolint:errorlint // it is returned as it is
			return slipway.Errorf(slipway.Invalid, "the current password is wrong").At("current")
		}
		return err
	}
	fresh, err := d.db.Session.Query().Where(session.Key(slipway.ViewerFrom(ctx).Session), session.CreatedAtGT(time.Now().UTC().Add(-freshLife))).Exist(ctx)
	if err != nil || !fresh {
		return cmp.Or[error](err, slipway.Errorf(slipway.Conflict, "you have no password to show that it is you; sign out, sign in through your provider, and do this within %d minutes", int(freshLife.Minutes())))
	}
	return nil
}

// TOTPBegun is an app that is to be made known: what it scans, or what is typed
// into it, and under which name to confirm it.
type TOTPBegun struct {
	Key    string
	Secret slipway.Secret
	URI    slipway.Secret // otpauth://
}

// BeginTOTP makes the secret of an app. It counts once ConfirmTOTP has seen a
// code of it.
func (d *Directory) BeginTOTP(ctx context.Context, name string, proof FactorProof) (TOTPBegun, error) {
	a, err := d.ownFactors(ctx)
	if err != nil {
		return TOTPBegun{}, err
	}
	if name = store.Clean(strings.TrimSpace(name)); len(name) > 100 {
		return TOTPBegun{}, slipway.Errorf(slipway.Invalid, "the name is longer than 100 bytes").At("name")
	}
	if there, err := d.db.Factor.Query().Where(factor.AccountID(a.ID), factor.KindEQ(factor.KindTotp), factor.ConfirmedAtNotNil()).Exist(ctx); err != nil || there {
		return TOTPBegun{}, cmp.Or[error](err, slipway.Errorf(slipway.Conflict, "an app shows codes for you already; remove it first"))
	}
	if err := d.proveAdding(ctx, a, proof); err != nil {
		return TOTPBegun{}, err
	}
	issuer := "Slipway"
	if u, err := url.Parse(d.settings.Address); err == nil && u.Hostname() != "" {
		issuer += " " + u.Hostname()
	}
	made, err := totp.Generate(totp.GenerateOpts{Issuer: issuer, AccountName: a.Name, Period: codes.Period, Digits: codes.Digits, Algorithm: codes.Algorithm})
	if err != nil {
		return TOTPBegun{}, err
	}
	secret, ref := slipway.NewSecret(made.Secret()), slipway.RefIn(d.secrets, "_platform/totp-"+hex.EncodeToString(Random(8)))
	if err := d.secrets.Set(store.AsSystem(ctx), ref, secret); err != nil {
		return TOTPBegun{}, err
	}
	key := hex.EncodeToString(Random(8))
	var old []*ent.Factor
	err = d.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) (err error) {
		d.recordAccount(ctx, "factor.begun", a, map[string]string{"kind": string(slipway.FactorTOTP)})
		if old, err = tx.Factor.Query().Where(factor.AccountID(a.ID), factor.ConfirmedAtIsNil()).All(ctx); err != nil {
			return err
		}
		if _, err := tx.Factor.Delete().Where(factor.AccountID(a.ID), factor.ConfirmedAtIsNil()).Exec(ctx); err != nil {
			return err
		}
		return tx.Factor.Create().SetKey(key).SetAccountID(a.ID).SetKind(factor.KindTotp).SetName(name).SetSecret(string(ref)).Exec(ctx)
	})
	if err != nil {
		return TOTPBegun{}, err
	}
	d.forgetFactors(ctx, old)
	return TOTPBegun{Key: key, Secret: secret, URI: slipway.NewSecret(made.URL())}, nil
}

// ConfirmTOTP makes an app count that shows the right code. With the first
// factor come recovery codes, which are shown once.
func (d *Directory) ConfirmTOTP(ctx context.Context, key string, code slipway.Secret) (recovery []slipway.Secret, err error) {
	a, err := d.ownFactors(ctx)
	if err != nil {
		return nil, err
	}
	v := slipway.ViewerFrom(ctx)
	gone := slipway.Errorf(slipway.NotFound, "no app waits for its first code; begin again, and confirm it within %d minutes", int(confirmLife.Minutes()))
	row, err := d.db.Factor.Query().Where(factor.Key(key), factor.AccountID(a.ID), factor.ConfirmedAtIsNil(), factor.CreatedAtGT(time.Now().UTC().Add(-confirmLife))).Only(ctx)
	if err != nil {
		return nil, cmp.Or[error](store.Missing(err, "%s", gone.Message), gone)
	}
	c, err := d.count(ctx, guess{what: guessCode, name: a.Name, from: Caller{Address: v.Address}, place: sessionPlace(v)})
	if err != nil {
		return nil, err
	}
	step, err := d.stepOf(ctx, row, strings.ReplaceAll(strings.TrimSpace(code.Reveal()), " ", ""))
	if err == nil && step == 0 {
		err = slipway.Errorf(slipway.Invalid, "this is not the code that the app should show; is the clock of your phone right?").At("code")
	}
	if err == nil {
		err = c.right(ctx)
	}
	if err != nil {
		return nil, err
	}
	return d.confirmed(ctx, a, func(ctx context.Context, tx *ent.Tx) (*ent.Factor, error) {
		now := time.Now().UTC()
		n, err := tx.Factor.Update().Where(factor.ID(row.ID), factor.ConfirmedAtIsNil()).SetConfirmedAt(now).SetLastStep(step).SetUsedAt(now).Save(ctx)
		if err == nil && n == 0 {
			err = gone
		}
		return row, err
	})
}

// confirmed puts a factor on record that add makes count, and makes recovery
// codes with the first one.
func (d *Directory) confirmed(ctx context.Context, a *ent.Account, add func(ctx context.Context, tx *ent.Tx) (*ent.Factor, error)) (recovery []slipway.Secret, err error) {
	seal, err := d.guessKey(ctx)
	if err != nil {
		return nil, err
	}
	err = d.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		recovery = nil
		row, err := add(ctx, tx)
		if err != nil {
			return err
		}
		d.recordAccount(ctx, "factor.added", a, map[string]string{"kind": string(row.Kind), "factor": row.Key, "factor_name": row.Name})
		if err := provedNow(ctx, tx, slipway.ViewerFrom(ctx), string(row.Kind)); err != nil {
			return err
		}
		first, err := tx.Factor.Query().Where(factor.AccountID(a.ID), factor.ConfirmedAtNotNil()).Count(ctx)
		if err == nil && first == 1 {
			recovery, err = newRecoveryCodes(ctx, tx, seal, a.ID)
		}
		return err
	})
	return recovery, err
}

// RenewRecoveryCodes makes new recovery codes in place of those that are left.
func (d *Directory) RenewRecoveryCodes(ctx context.Context, proof FactorProof) (recovery []slipway.Secret, err error) {
	a, err := d.ownFactors(ctx)
	if err != nil {
		return nil, err
	}
	if kinds, err := d.FactorKinds(ctx, a.ID); err != nil || len(kinds) == 0 {
		return nil, cmp.Or[error](err, slipway.Errorf(slipway.Conflict, "there is no second factor that recovery codes could stand in for; add one first"))
	}
	if err := d.proveNow(ctx, a, proof); err != nil {
		return nil, err
	}
	seal, err := d.guessKey(ctx)
	if err != nil {
		return nil, err
	}
	err = d.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		d.recordAccount(ctx, "factor.codes_renewed", a, nil)
		recovery, err = newRecoveryCodes(ctx, tx, seal, a.ID)
		return err
	})
	return recovery, err
}

// RemoveFactor takes a factor from one's own account. With the last one go the
// recovery codes: from then on the password alone opens the account.
func (d *Directory) RemoveFactor(ctx context.Context, key string, proof FactorProof) error {
	a, err := d.ownFactors(ctx)
	if err != nil {
		return err
	}
	row, err := d.db.Factor.Query().Where(factor.Key(key), factor.AccountID(a.ID), factor.ConfirmedAtNotNil()).Only(ctx)
	if err != nil {
		return store.Missing(err, "there is no factor %s of yours; `slipway factor ls` lists them", store.Printable(key))
	}
	if err := d.proveNow(ctx, a, proof); err != nil {
		return err
	}
	err = d.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		d.recordAccount(ctx, "factor.removed", a, nil, map[string]string{"kind": string(row.Kind), "factor": row.Key, "factor_name": row.Name})
		if _, err := tx.Factor.Delete().Where(factor.ID(row.ID)).Exec(ctx); err != nil {
			return err
		}
		left, err := tx.Factor.Query().Where(factor.AccountID(a.ID), factor.ConfirmedAtNotNil()).Exist(ctx)
		if err != nil || left {
			return err
		}
		_, err = tx.RecoveryCode.Delete().Where(recoverycode.AccountID(a.ID)).Exec(ctx)
		return err
	})
	if err == nil {
		d.forgetFactors(ctx, []*ent.Factor{row})
	}
	return err
}

// ResetFactors takes all factors from somebody who has lost them, and ends the
// sessions: from then on the password, or the provider, alone opens the account.
// It takes an admin of the platform, who can't do it to himself: a stolen
// session would be enough then.
func (d *Directory) ResetFactors(ctx context.Context, name string) error {
	v, err := d.SignedIn(ctx, slipway.PermitPlatform)
	if err != nil {
		return err
	}
	a, err := d.Account(ctx, name)
	if err != nil {
		return err
	}
	if v.Account == a.ID {
		return slipway.Errorf(slipway.Conflict, "your own factors are removed one by one, with a code; if you have lost them, ask another admin, or whoever runs Slipway: slipway factor reset %s", name)
	}
	if err := d.Proven(ctx, "resetting somebody's factors"); err != nil {
		return err
	}
	if err := d.comesIn(ctx, "factor.reset", "this lets "+a.Name+" in without a second factor"); err != nil {
		return err
	}
	var old []*ent.Factor
	err = d.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) (err error) {
		if old, err = tx.Factor.Query().Where(factor.AccountID(a.ID)).All(ctx); err != nil {
			return err
		}
		d.recordAccount(ctx, "factor.reset", a, nil)
		if _, err := tx.Factor.Delete().Where(factor.AccountID(a.ID)).Exec(ctx); err != nil {
			return err
		}
		if _, err := tx.RecoveryCode.Delete().Where(recoverycode.AccountID(a.ID)).Exec(ctx); err != nil {
			return err
		}
		if err := d.forgive(ctx, tx.Client(), guessCode, a.Name); err != nil {
			return err
		}
		return endSessions(ctx, tx.Client(), a.ID, "", "the second factors were reset")
	})
	if err == nil {
		d.forgetFactors(ctx, old)
	}
	return err
}

// forgetFactors removes the secrets of factors that are no more. One that stays
// behind opens nothing.
func (d *Directory) forgetFactors(ctx context.Context, rows []*ent.Factor) {
	for _, row := range rows {
		if row.Secret == "" {
			continue
		}
		if err := d.secrets.Delete(store.AsSystem(context.WithoutCancel(ctx)), slipway.SecretRef(row.Secret)); err != nil && slipway.CodeOf(err) != slipway.NotFound {
			d.log.Error("the secret of a factor that is removed could not be deleted", "error", err)
		}
	}
}
