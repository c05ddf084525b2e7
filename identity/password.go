package identity

import (
	"cmp"
	"context"
	"encoding/hex"

	"github.com/alexedwards/argon2id"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/account"
	"github.com/slipway-dev/slipway/ent/identity"
	"github.com/slipway-dev/slipway/ent/identityprovider"
	"github.com/slipway-dev/slipway/ent/preference"
	"github.com/slipway-dev/slipway/store"
)

// guessPassword is what a wrong password counts as.
const guessPassword = "password"

// prove checks the password of a name. It counts the same and takes as long for
// a name whose account isn't there, nil.
func (d *Directory) prove(ctx context.Context, name string, a *ent.Account, password slipway.Secret, from Caller) error {
	id := 0
	if a != nil {
		id = a.ID
	}
	place, err := d.browserOf(ctx, from.Browser, id)
	if err != nil {
		return err
	}
	return d.proveFrom(ctx, guess{what: guessPassword, name: name, from: from, place: place}, a, password)
}

// proveHere checks the password of who is signed in. Wrong ones are counted for
// this session: who has stolen it may guess no more than a few times, and the
// others may still sign in.
func (d *Directory) proveHere(ctx context.Context, a *ent.Account, password slipway.Secret) error {
	v := slipway.ViewerFrom(ctx)
	return d.proveFrom(ctx, guess{what: guessPassword, name: a.Name, from: Caller{Address: v.Address}, place: sessionPlace(v)}, a, password)
}

func sessionPlace(v slipway.Viewer) string {
	if v.Session == "" {
		return ""
	}
	return "session " + v.Session
}

func (d *Directory) proveFrom(ctx context.Context, g guess, a *ent.Account, password slipway.Secret) error {
	c, err := d.count(ctx, g)
	if err != nil {
		return err
	}
	ok, err := d.matches(ctx, a, password)
	if err != nil {
		return err
	}
	if !ok {
		return errCredentials
	}
	return c.right(ctx)
}

// absent makes the hash that stands for what isn't there, before it is needed:
// else the first to name nobody would wait longer.
func (d *Directory) absent() (hash string, slots chan struct{}, err error) {
	d.guesses.mu.Lock()
	defer d.guesses.mu.Unlock()
	if d.guesses.absent == "" {
		d.guesses.absent, err = hashPassword(slipway.NewSecret(hex.EncodeToString(Random(16))))
		d.guesses.hashing = make(chan struct{}, 4)
	}
	return d.guesses.absent, d.guesses.hashing, err
}

// matches compares a password with an account's, or with nobody's.
func (d *Directory) matches(ctx context.Context, a *ent.Account, password slipway.Secret) (bool, error) {
	absent, slots, err := d.absent()
	if err != nil {
		return false, err
	}
	select {
	case slots <- struct{}{}:
		defer func() { <-slots }()
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
	_, err = argon2id.ComparePasswordAndHash(text, absent)
	return false, err
}

// localPreference is whether names and passwords open sessions: on, or off.
const localPreference = "sign_in.local"

var errPasswordsClosed = slipway.Errorf(slipway.Denied, "signing in by password is switched off; sign in through a provider")

// Way is a provider as the sign-in page shows it.
type Way struct{ Name, Title string }

// WaysIn tells anybody how one signs in here: through which providers, and
// whether by password too, if only for admins.
func (d *Directory) WaysIn(ctx context.Context) (ways []Way, local bool, err error) {
	sys := store.AsSystem(ctx)
	rows, err := d.db.IdentityProvider.Query().Where(identityprovider.Active(true)).Order(identityprovider.ByName()).Limit(100).All(sys)
	if err != nil {
		return nil, false, err
	}
	ways = []Way{}
	for _, row := range rows {
		way := Way{row.Name, row.DisplayName}
		if way.Title == "" {
			way.Title = row.Name
		}
		ways = append(ways, way)
	}
	_, err = d.passwordsClosed(ctx)
	if err == errPasswordsClosed { //nolint:errorlint // it is returned as it is
		return ways, false, nil
	}
	return ways, true, err
}

func (d *Directory) localSignIn(ctx context.Context, db *ent.Client) (bool, error) {
	off, err := db.Preference.Query().Where(preference.Key(localPreference), preference.Value("off")).Exist(store.AsSystem(ctx))
	return !off, err
}

// adminThroughProvider tells whether an active admin has come in through a
// provider that is still there.
func adminThroughProvider(ctx context.Context, db *ent.Client) (bool, error) {
	return db.Identity.Query().Where(identity.HasAccountWith(account.Admin(true), account.Active(true), account.KindEQ(account.KindPerson)),
		identity.HasProviderWith(identityprovider.Active(true))).Exist(store.AsSystem(ctx))
}

// adminsComeIn refuses a change after which no admin could sign in: while
// passwords are switched off, one must be able to through a provider.
func adminsComeIn(ctx context.Context, db *ent.Client) error {
	off, err := db.Preference.Query().Where(preference.Key(localPreference), preference.Value("off")).Exist(store.AsSystem(ctx))
	if err != nil || !off {
		return err
	}
	can, err := adminThroughProvider(ctx, db)
	if err == nil && !can {
		return slipway.Errorf(slipway.Conflict, "no admin could sign in any more: passwords are switched off, and this is the last way through a provider; switch them on first")
	}
	return err
}

// passwordsClosed refuses passwords when they are switched off. Should no admin
// be able to come in otherwise, whatever happened to the providers, those of
// admins still open.
func (d *Directory) passwordsClosed(ctx context.Context) (onlyAdmins bool, err error) {
	on, err := d.localSignIn(ctx, d.db)
	if err != nil || on {
		return false, err
	}
	other, err := adminThroughProvider(ctx, d.db)
	if err == nil && other {
		err = errPasswordsClosed
	}
	return true, err
}

// SetLocalSignIn switches passwords on or off. Switching them off takes an
// admin who has come in through a provider, so that none is locked out. It takes
// an admin of the platform.
func (d *Directory) SetLocalSignIn(ctx context.Context, on bool) error {
	if _, err := d.SignedIn(ctx, slipway.PermitPlatform); err != nil {
		return err
	}
	value, was := "off", "on"
	if on {
		value, was = was, value
	}
	err := d.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		d.audit.Record(ctx, audit.Done, "sign_in.changed", "", "", "", "", map[string]string{"local": was}, map[string]string{"local": value})
		err := tx.Preference.Create().SetKey(localPreference).SetValue(value).OnConflictColumns(preference.FieldKey).
			Update(func(u *ent.PreferenceUpsert) { u.UpdateValue().UpdateUpdatedAt() }).Exec(ctx)
		if err != nil || on {
			return err
		}
		if can, err := adminThroughProvider(ctx, tx.Client()); err != nil || !can {
			return cmp.Or[error](err, slipway.Errorf(slipway.Conflict, "no admin has signed in through a provider yet; do that once, so that it is known to work, then switch passwords off"))
		}
		return nil
	})
	return err
}

// ownAddress refuses people another address when a provider gave them theirs, or
// only a provider can open their account: by it, somebody else would be let in.
func ownAddress(ctx context.Context, db *ent.Client, a *ent.Account) error {
	provided, err := db.Identity.Query().Where(identity.AccountID(a.ID)).Exist(store.AsSystem(ctx))
	if err == nil && (provided || a.Password == "") {
		return slipway.Errorf(slipway.Conflict, "your address comes from the provider that you sign in with; change it there").At("email")
	}
	return err
}

// lastAdmin refuses a change after which nobody could administer the platform.
func lastAdmin(ctx context.Context, db *ent.Client, changed *ent.Account) error {
	if !changed.Admin || !changed.Active {
		return nil
	}
	left, err := db.Account.Query().Where(account.Admin(true), account.Active(true), account.KindEQ(account.KindPerson)).Exist(ctx)
	if err == nil && !left {
		return slipway.Errorf(slipway.Conflict, "%s is the last admin of the platform; make somebody else one first", changed.Name)
	}
	if err != nil {
		return err
	}
	return adminsComeIn(ctx, db)
}
