package platform

import (
	"context"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/account"
	"github.com/slipway-dev/slipway/ent/identity"
	"github.com/slipway-dev/slipway/ent/identityprovider"
	"github.com/slipway-dev/slipway/ent/preference"
	"github.com/slipway-dev/slipway/store"
)

// localPreference is whether names and passwords open sessions: on, or off.
const localPreference = "sign_in.local"

var errPasswordsClosed = slipway.Errorf(slipway.Denied, "signing in by password is switched off; sign in through a provider")

// Way is a provider as the sign-in page shows it.
type Way struct{ Name, Title string }

// WaysIn tells anybody how one signs in here: through which providers, and
// whether by password too, if only for admins.
func (p *Platform) WaysIn(ctx context.Context) (ways []Way, local bool, err error) {
	sys := store.AsSystem(ctx)
	rows, err := p.db.IdentityProvider.Query().Where(identityprovider.Active(true)).Order(identityprovider.ByName()).Limit(100).All(sys)
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
	_, err = p.passwordsClosed(ctx)
	if err == errPasswordsClosed { //nolint:errorlint // it is returned as it is
		return ways, false, nil
	}
	return ways, true, err
}

func (p *Platform) localSignIn(ctx context.Context, db *ent.Client) (bool, error) {
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
func (p *Platform) passwordsClosed(ctx context.Context) (onlyAdmins bool, err error) {
	on, err := p.localSignIn(ctx, p.db)
	if err != nil || on {
		return false, err
	}
	other, err := adminThroughProvider(ctx, p.db)
	if err == nil && other {
		err = errPasswordsClosed
	}
	return true, err
}

// SetLocalSignIn switches passwords on or off. Switching them off takes an
// admin who has come in through a provider, so that none is locked out. It takes
// an admin of the platform.
func (p *Platform) SetLocalSignIn(ctx context.Context, on bool) error {
	if _, err := p.signedIn(ctx, slipway.PermitPlatform); err != nil {
		return err
	}
	value, was := "off", "on"
	if on {
		value, was = was, value
	}
	err := p.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		p.audit.Record(ctx, audit.Done, "sign_in.changed", "", "", "", "", map[string]string{"local": was}, map[string]string{"local": value})
		err := tx.Preference.Create().SetKey(localPreference).SetValue(value).OnConflictColumns(preference.FieldKey).
			Update(func(u *ent.PreferenceUpsert) { u.UpdateValue().UpdateUpdatedAt() }).Exec(ctx)
		if err != nil || on {
			return err
		}
		if can, err := adminThroughProvider(ctx, tx.Client()); err != nil || !can {
			return or(err, slipway.Errorf(slipway.Conflict, "no admin has signed in through a provider yet; do that once, so that it is known to work, then switch passwords off"))
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
