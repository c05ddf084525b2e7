package identity

import (
	"context"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/account"
	"github.com/slipway-dev/slipway/ent/byline"
	"github.com/slipway-dev/slipway/ent/identity"
	"github.com/slipway-dev/slipway/ent/predicate"
	"github.com/slipway-dev/slipway/store"
)

// keepBylines remembers by which names and addresses an account is known in
// commits. They go on counting as its own when it has others.
func keepBylines(ctx context.Context, db *ent.Client, id int, names, addresses []string) error {
	keep := func(kind byline.Kind, text string) error {
		if text == "" {
			return nil
		}
		return db.Byline.Create().SetAccountID(id).SetKind(kind).SetText(text).OnConflictColumns(byline.FieldAccountID, byline.FieldKind, byline.FieldText).
			Update(func(u *ent.BylineUpsert) { u.UpdateUpdatedAt() }).Exec(ctx)
	}
	for _, name := range names {
		if err := keep(byline.KindName, name); err != nil {
			return err
		}
	}
	for _, address := range addresses {
		if err := keep(byline.KindAddress, strings.ToLower(address)); err != nil {
			return err
		}
	}
	return nil
}

// Known selects accounts that have, or had, the name or the address.
func Known(name, address string) predicate.Account {
	where := []predicate.Account{account.Name(name), account.DisplayName(name), account.HasBylinesWith(byline.KindEQ(byline.KindName), byline.Text(name))}
	if address != "" {
		where = append(where, hasAddress(address))
	}
	return account.Or(where...)
}

func hasAddress(address string) predicate.Account {
	return account.Or(account.EmailEqualFold(address), account.HasIdentitiesWith(identity.EmailEqualFold(address)),
		account.HasBylinesWith(byline.KindEQ(byline.KindAddress), byline.Text(strings.ToLower(address))))
}

// freeAddress refuses an address that another account has, or had: whose commits
// would be whose otherwise is for anybody to say. It doesn't tell whose it is. An
// admin of the platform may give it all the same.
func freeAddress(ctx context.Context, db *ent.Client, address string, id int) error {
	if address == "" || slipway.ViewerFrom(ctx).May(slipway.PermitPlatform, 0, "") == slipway.Allowed {
		return nil
	}
	taken, err := db.Account.Query().Where(account.IDNEQ(id), hasAddress(address)).Exist(store.AsSystem(ctx))
	if err == nil && taken {
		return slipway.Errorf(slipway.Conflict, "another account has, or had, this address; use another one, or ask an admin of the platform to give it to you").At("email")
	}
	return err
}

// mayReaddress tells whether the viewer may give an account an address, by which
// commits count as its own: one's own in person, with a proof.
func (d *Directory) mayReaddress(ctx context.Context, a *ent.Account, address string) error {
	v := slipway.ViewerFrom(ctx)
	if a.Name == v.Name {
		if !v.InPerson() {
			return slipway.Errorf(slipway.Denied, "changing your own address takes you in person, and no token; sign in and do it yourself").At("email")
		}
		if err := d.Proven(ctx, "changing your address"); err != nil {
			return err
		}
	}
	return freeAddress(ctx, d.db, address, a.ID)
}
