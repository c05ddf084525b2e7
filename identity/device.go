package identity

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"math/big"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/account"
	"github.com/slipway-dev/slipway/ent/devicelogin"
	"github.com/slipway-dev/slipway/store"
)

const (
	// deviceLife is how long a command line waits for somebody to say yes.
	deviceLife = 10 * time.Minute
	// DeviceInterval is how long it waits between two questions.
	DeviceInterval = 5 * time.Second
	// tooSoon allows for a network that is slower the first time than the second.
	tooSoon = DeviceInterval - time.Second
	// maxWaiting bounds how many of one address wait at once.
	maxWaiting = 20
	// deviceLetters make no words, and no two of them look alike (RFC 8628, 6.1).
	deviceLetters = "BCDFGHJKLMNPQRSTVWXZ"
)

// DevicePath is the page where somebody says yes.
const DevicePath = "/device"

// DeviceBegun is a command line that waits to be let in.
type DeviceBegun struct {
	Device  slipway.Secret // by which it asks
	Code    string         // which it shows, and a person confirms
	Expires time.Time
}

// What a command line is told as long as it has no session.
var (
	ErrDevicePending = slipway.Errorf(slipway.Conflict, "nobody has confirmed this sign-in yet; ask again in %d seconds", int(DeviceInterval.Seconds()))
	ErrDeviceSlow    = slipway.Errorf(slipway.Limited, "asked too soon; wait %d seconds longer between two questions", int(DeviceInterval.Seconds()))
	ErrDeviceRefused = slipway.Errorf(slipway.Denied, "the sign-in was refused in the browser")
	ErrDeviceOver    = slipway.Errorf(slipway.Unauthenticated, "this sign-in has expired, was finished, or never was; begin again")
)

// BeginDevice lets a command line wait for somebody who signs it in with a
// browser, on whatever machine (RFC 8628).
func (d *Directory) BeginDevice(ctx context.Context, from Caller) (DeviceBegun, error) {
	sys, now := store.AsSystem(ctx), time.Now().UTC()
	if _, err := d.db.DeviceLogin.Delete().Where(devicelogin.ExpiresAtLT(now)).Exec(sys); err != nil {
		return DeviceBegun{}, err
	}
	waiting, err := d.db.DeviceLogin.Query().Where(devicelogin.Address(from.Address)).Count(sys)
	if err != nil {
		return DeviceBegun{}, err
	}
	if waiting >= maxWaiting {
		err := slipway.Errorf(slipway.Limited, "%d sign-ins of your address wait already; confirm one of them, or try again in %d minutes", waiting, int(deviceLife.Minutes()))
		err.After = time.Minute
		return DeviceBegun{}, err
	}
	begun := DeviceBegun{Device: slipway.NewSecret(base64.RawURLEncoding.EncodeToString(Random(32))), Expires: now.Add(deviceLife)}
	for try := 0; ; try++ {
		begun.Code = deviceCode()
		err := d.db.DeviceLogin.Create().SetDevice(store.Fingerprint(begun.Device.Reveal())).SetCode(begun.Code).
			SetAgent(store.Clean(from.Agent[:min(len(from.Agent), 200)])).SetAddress(from.Address).SetExpiresAt(begun.Expires).Exec(sys)
		if !ent.IsConstraintError(err) || try == 10 {
			return begun, err
		}
	}
}

// deviceCode is eight letters, in two halves: 34 bits, for ten minutes, against
// people who are signed in.
func deviceCode() string {
	var b strings.Builder
	for i := range 8 {
		if i == 4 {
			b.WriteByte('-')
		}
		n, _ := rand.Int(rand.Reader, big.NewInt(int64(len(deviceLetters)))) // never fails since Go 1.24
		b.WriteByte(deviceLetters[n.Int64()])
	}
	return b.String()
}

// typed is a code as it is kept, however somebody typed it.
func typed(code string) string {
	if len(code) > 40 {
		return ""
	}
	letters := strings.Map(func(r rune) rune {
		if strings.ContainsRune(deviceLetters, r) {
			return r
		}
		return -1
	}, strings.ToUpper(code))
	if len(letters) != 8 {
		return ""
	}
	return letters[:4] + "-" + letters[4:]
}

// person refuses whoever isn't a person with a session: a token, however it
// came to its owner, can't make more than itself.
func (d *Directory) person(ctx context.Context) (slipway.Viewer, error) {
	v, err := d.SignedIn(ctx, slipway.PermitSelf)
	if err == nil && (v.Kind != slipway.ViewerPerson || v.Session == "") {
		err = slipway.Errorf(slipway.Denied, "only somebody who is signed in with a browser lets a command line in")
	}
	return v, err
}

// Device finds the command line that shows a code, for the person who is to say
// whether it is theirs.
func (d *Directory) Device(ctx context.Context, code string) (*ent.DeviceLogin, error) {
	if _, err := d.person(ctx); err != nil {
		return nil, err
	}
	row, err := d.db.DeviceLogin.Query().Where(devicelogin.Code(typed(code)), devicelogin.AccountID(0), devicelogin.Refused(false), devicelogin.ExpiresAtGT(time.Now().UTC())).Only(ctx)
	return row, store.Missing(err, "no command line waits with this code; compare it, or run the command again: a code is good for %d minutes", int(deviceLife.Minutes()))
}

// DecideDevice lets a command line in as the viewer, or sends it away.
func (d *Directory) DecideDevice(ctx context.Context, code string, yes bool) error {
	v, err := d.person(ctx)
	if err != nil {
		return err
	}
	row, err := d.Device(ctx, code)
	if err != nil {
		return err
	}
	with, factor := "", ""
	if yes { // it is a session more
		if err := d.Proven(ctx, "letting a command line in"); err != nil {
			return err
		}
		if with, err = d.fresh(ctx, v); err != nil {
			return err
		}
		if factor, err = d.SessionFactor(ctx); err != nil {
			return err
		}
	}
	return d.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		update := tx.DeviceLogin.Update().Where(devicelogin.ID(row.ID), devicelogin.AccountID(0), devicelogin.Refused(false), devicelogin.ExpiresAtGT(time.Now().UTC()))
		action := "device.refused"
		if yes {
			update.SetAccountID(v.Account).SetProvedWith(with).SetFactor(factor)
			action = "device.confirmed"
		} else {
			update.SetRefused(true)
		}
		n, err := update.Save(ctx)
		if err != nil || n == 0 {
			return cmp.Or[error](err, slipway.Errorf(slipway.Conflict, "this was decided a moment ago"))
		}
		d.audit.Record(ctx, audit.Done, action, "", "", "account "+v.Name, "", nil, map[string]string{"program": row.Agent, "from": row.Address})
		return nil
	})
}

// PollDevice asks whether somebody has let a command line in, and opens its
// session, once.
func (d *Directory) PollDevice(ctx context.Context, device slipway.Secret, from Caller) (Session, error) {
	sys, now := store.AsSystem(ctx), time.Now().UTC()
	row, err := d.db.DeviceLogin.Query().Where(devicelogin.Device(store.Fingerprint(device.Reveal()))).Only(sys)
	if ent.IsNotFound(err) {
		return Session{}, ErrDeviceOver
	}
	if err != nil {
		return Session{}, err
	}
	if now.After(row.ExpiresAt) {
		return Session{}, ErrDeviceOver
	}
	soon := row.PolledAt != nil && now.Sub(*row.PolledAt) < tooSoon
	if row.AccountID == 0 && !row.Refused {
		if err := d.db.DeviceLogin.Update().Where(devicelogin.ID(row.ID)).SetPolledAt(now).Exec(sys); err != nil {
			return Session{}, err
		}
		if soon {
			return Session{}, ErrDeviceSlow
		}
		return Session{}, ErrDevicePending
	}
	n, err := d.db.DeviceLogin.Delete().Where(devicelogin.ID(row.ID)).Exec(sys)
	switch {
	case err != nil:
		return Session{}, err
	case n == 0:
		return Session{}, ErrDeviceOver // another question was quicker
	case row.Refused:
		return Session{}, ErrDeviceRefused
	}
	a, err := d.db.Account.Query().Where(account.ID(row.AccountID), account.Active(true)).Only(sys)
	if ent.IsNotFound(err) {
		return Session{}, ErrDeviceRefused // made inactive in the meantime
	}
	if err != nil {
		return Session{}, err
	}
	how := map[string]string{"by": "device"}
	if row.Factor != "" {
		how["factor"] = row.Factor
	}
	return d.begin(ctx, a, from, how)
}
