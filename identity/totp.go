package identity

import (
	"context"
	"crypto/subtle"
	"encoding/base32"
	"strconv"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/factor"
	"github.com/slipway-dev/slipway/ent/recoverycode"
	"github.com/slipway-dev/slipway/store"
)

// guessCode is what a wrong code of a second factor counts as.
const guessCode = "code"

const (
	// codeStep is how long a code is shown; those of the step before and after
	// are taken too, for clocks that differ (RFC 6238, 5.2).
	codeStep = 30 * time.Second
	// recoveryCodes is how many are made at once.
	recoveryCodes = 10
	// recoveryBytes are 80 bits: sixteen letters and digits.
	recoveryBytes = 10
)

// codes are what apps take for granted, whatever else an address could say.
var codes = totp.ValidateOpts{Period: uint(codeStep / time.Second), Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1}

var recoveryText = base32.NewEncoding("ABCDEFGHJKLMNPQRSTUVWXYZ23456789").WithPadding(base32.NoPadding)

var errCode = slipway.Errorf(slipway.Unauthenticated, "the code is wrong, or was used before; wait for the next one")

// proveCode checks a code of an account's app, or one of its recovery codes, and
// uses it up. Wrong ones are counted before they are looked at, like passwords.
func (d *Directory) proveCode(ctx context.Context, a *ent.Account, code slipway.Secret, from Caller, place string) (slipway.FactorKind, error) {
	c, err := d.count(ctx, guess{what: guessCode, name: a.Name, from: from, place: place})
	if err != nil {
		return "", err
	}
	kind, err := d.useCode(ctx, a, code)
	if err != nil {
		return "", err
	}
	return kind, c.right(ctx)
}

func (d *Directory) useCode(ctx context.Context, a *ent.Account, code slipway.Secret) (slipway.FactorKind, error) {
	sys := store.AsSystem(ctx)
	if len(code.Reveal()) > 100 {
		return "", errCode
	}
	text := strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(strings.TrimSpace(code.Reveal())))
	if len(text) != codes.Digits.Length() {
		key, err := d.guessKey(ctx)
		if err != nil {
			return "", err
		}
		n, err := d.db.RecoveryCode.Update().Where(recoverycode.Hash(recoveryHash(key, a.ID, text)), recoverycode.AccountID(a.ID), recoverycode.UsedAtIsNil()).
			SetUsedAt(time.Now().UTC()).Save(sys)
		if err == nil && n == 0 {
			err = errCode
		}
		return slipway.FactorRecovery, err
	}
	rows, err := d.db.Factor.Query().Where(factor.AccountID(a.ID), factor.KindEQ(factor.KindTotp), factor.ConfirmedAtNotNil()).All(sys)
	if err != nil {
		return "", err
	}
	for _, row := range rows {
		step, err := d.stepOf(ctx, row, text)
		if err != nil {
			return "", err
		}
		if step == 0 {
			continue
		}
		// Only forwards: of two who bring the same code at once, one is too late.
		n, err := d.db.Factor.Update().Where(factor.ID(row.ID), factor.LastStepLT(step)).SetLastStep(step).SetUsedAt(time.Now().UTC()).Save(sys)
		if err != nil {
			return "", err
		}
		if n == 1 {
			return slipway.FactorTOTP, nil
		}
	}
	return "", errCode
}

// stepOf is the time step that a code is of, 0 when it is of none that counts now.
func (d *Directory) stepOf(ctx context.Context, row *ent.Factor, code string) (step int64, err error) {
	secret, err := d.secrets.Get(store.AsSystem(ctx), slipway.SecretRef(row.Secret))
	if err != nil {
		return 0, slipway.Wrap(slipway.Unavailable, err, "the secret of the codes can't be read; is the secret store there?")
	}
	now := d.guesses.now().Unix() / int64(codeStep/time.Second)
	for _, at := range []int64{now - 1, now, now + 1} {
		want, err := totp.GenerateCodeCustom(secret.Reveal(), time.Unix(at*int64(codeStep/time.Second), 0), codes)
		if err != nil {
			return 0, err
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			step = at
		}
	}
	return step, nil
}

// recoveryHash is keyed: codes are short enough to be typed.
func recoveryHash(key []byte, accountID int, text string) string {
	return keyed(key, "recovery code", strconv.Itoa(accountID), text)
}

// newRecoveryCodes replaces an account's recovery codes, and returns the new
// ones, which can't be had again.
func newRecoveryCodes(ctx context.Context, tx *ent.Tx, key []byte, accountID int) ([]slipway.Secret, error) {
	if _, err := tx.RecoveryCode.Delete().Where(recoverycode.AccountID(accountID)).Exec(ctx); err != nil {
		return nil, err
	}
	var list []slipway.Secret
	var rows []*ent.RecoveryCodeCreate
	for range recoveryCodes {
		text := recoveryText.EncodeToString(Random(recoveryBytes))
		rows = append(rows, tx.RecoveryCode.Create().SetAccountID(accountID).SetHash(recoveryHash(key, accountID, text)))
		list = append(list, slipway.NewSecret(text[:4]+"-"+text[4:8]+"-"+text[8:12]+"-"+text[12:]))
	}
	return list, tx.RecoveryCode.CreateBulk(rows...).Exec(ctx)
}
