package identity

import (
	"context"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/account"
	"github.com/slipway-dev/slipway/ent/identity"
	"github.com/slipway-dev/slipway/ent/membership"
	"github.com/slipway-dev/slipway/ent/team"
	"github.com/slipway-dev/slipway/store"
)

// personAccount finds the account of somebody at a provider: the one that came
// through it before, one with the same verified address, or a new one. It is nil
// when the account has a password, which must be given once: people may write
// any address into their own account, and who has the password is not yet known
// to be who has the address.
func (d *Directory) personAccount(ctx context.Context, row *ent.IdentityProvider, person slipway.Person, from Caller) (*ent.Account, SignedIn, error) {
	sys := store.AsSystem(ctx)
	var done SignedIn
	known, err := d.db.Identity.Query().Where(identity.ProviderID(row.ID), identity.Subject(person.Subject)).WithAccount().Only(sys)
	switch {
	case err == nil && !known.Edges.Account.Active:
		return nil, done, errInactive(known.Edges.Account.Name)
	case err == nil:
		return known.Edges.Account, done, d.followPerson(ctx, known, person)
	case !ent.IsNotFound(err):
		return nil, done, err
	case person.Email == "" || len(person.Email) > 200:
		return nil, done, slipway.Errorf(slipway.Denied, "the provider gives no address of yours, and it takes one to know you by; ask an admin to let it")
	case !person.EmailVerified:
		return nil, done, slipway.Errorf(slipway.Denied, "the provider has not verified the address %s; verify it there, then sign in again", store.Printable(person.Email))
	}
	same, err := d.db.Account.Query().Where(account.EmailEqualFold(person.Email), account.KindEQ(account.KindPerson)).WithIdentities().Limit(2).All(sys)
	if err != nil {
		return nil, done, err
	}
	switch len(same) {
	case 0:
		a, err := d.newPerson(ctx, row, person, from)
		return a, done, err
	case 2:
		return nil, done, slipway.Errorf(slipway.Conflict, "several accounts have the address %s; ask an admin to leave it with one of them", store.Printable(person.Email))
	}
	a := same[0]
	if !a.Active {
		return nil, done, errInactive(a.Name)
	}
	for _, i := range a.Edges.Identities {
		if i.ProviderID == row.ID {
			return nil, done, slipway.Errorf(slipway.Conflict, "the account %s has your address and is somebody else's at this provider; ask an admin", a.Name)
		}
	}
	if a.Password != "" {
		return nil, SignedIn{Account: a.Name}, nil
	}
	if err := d.connect(ctx, d.db, row, a, person); err != nil {
		return nil, done, err
	}
	d.recordConnected(ctx, row, a, from)
	return a, done, nil
}

func errInactive(name string) error {
	return slipway.Errorf(slipway.Denied, "the account %s is not active; ask an admin", name)
}

// followPerson takes over what has changed at the provider since.
func (d *Directory) followPerson(ctx context.Context, known *ent.Identity, person slipway.Person) error {
	sys, a := store.AsSystem(ctx), known.Edges.Account
	if !person.EmailVerified || person.Email == "" || len(person.Email) > 200 || person.Email == known.Email {
		return nil
	}
	if err := keepBylines(sys, d.db, a.ID, nil, []string{known.Email, a.Email, person.Email}); err != nil {
		return err
	}
	if err := d.db.Identity.UpdateOneID(known.ID).SetEmail(person.Email).Exec(sys); err != nil {
		return err
	}
	if a.Email != known.Email { // an admin gave another one
		return nil
	}
	if err := d.db.Account.UpdateOneID(a.ID).AddRevision(1).SetEmail(person.Email).Exec(sys); err != nil {
		return err
	}
	d.recordAccount(sys, "account.changed", a, map[string]string{"email": person.Email}, map[string]string{"email": a.Email})
	return nil
}

// newPerson makes an account for who has none, if the provider is open or a
// rule knows one of the groups.
func (d *Directory) newPerson(ctx context.Context, row *ent.IdentityProvider, person slipway.Person, from Caller) (*ent.Account, error) {
	if !row.Open && !slipway.Grant(row.Groups, person.Groups).Member {
		return nil, slipway.Errorf(slipway.Denied, "%s may not use Slipway: none of your groups is one that may, and there is no account with your address%s", store.Printable(person.Email),
			d.Whom(ctx, account.Admin(true)))
	}
	var a *ent.Account
	err := d.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) (err error) {
		sys := store.AsSystem(ctx)
		name := accountName(person)
		for n := 1; ; n++ {
			free := suffixed(name, n)
			taken, err := tx.Account.Query().Where(account.Name(free)).Exist(sys)
			if err != nil {
				return err
			}
			if !taken && !slipway.ReservedAccount(free) {
				name = free
				break
			}
			if n == 1000 {
				return slipway.Errorf(slipway.Conflict, "too many accounts are called %s; ask an admin to make one for you", name)
			}
		}
		shown := strings.ToValidUTF8(store.Clean(person.Name)[:min(len(store.Clean(person.Name)), 100)], "")
		if a, err = addAccount(sys, tx.Client(), AccountInput{Name: name, DisplayName: shown, Email: person.Email}); err != nil {
			return err
		}
		as := slipway.WithViewer(ctx, slipway.Viewer{Kind: slipway.ViewerPerson, Name: a.Name, Via: from.Via, Address: from.Address})
		d.recordAccount(as, "account.added", a, map[string]string{"kind": string(a.Kind), "admin": audit.Yes(a.Admin), "provider": row.Name, "email": person.Email})
		return d.connect(ctx, tx.Client(), row, a, person)
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// accountName makes a name out of what the provider calls somebody.
func accountName(person slipway.Person) string {
	text := person.Username
	if text == "" {
		text = person.Email
	}
	text, _, _ = strings.Cut(strings.ToLower(text), "@")
	var b strings.Builder
	for _, r := range text {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			b.WriteRune(r)
		} else if s := b.String(); s != "" && !strings.HasSuffix(s, "-") {
			b.WriteByte('-')
		}
	}
	name := b.String()
	if name == "" || name[0] < 'a' {
		name = "u-" + name
	}
	return strings.Trim(name[:min(len(name), slipway.MaxName)], "-")
}

// syncGroups gives an account what its groups are worth. A team that a rule of
// the provider names is the provider's to say: who is in none of its groups any
// more leaves it. The last admin stays one.
func (d *Directory) syncGroups(ctx context.Context, row *ent.IdentityProvider, a *ent.Account, person slipway.Person, from Caller) error {
	if len(row.Groups) == 0 {
		return nil
	}
	as := slipway.WithViewer(ctx, slipway.Viewer{Kind: slipway.ViewerSystem, Name: "provider " + row.Name, Admin: true, Via: from.Via, Address: from.Address})
	granted := slipway.Grant(row.Groups, person.Groups)
	for name, role := range granted.Roles {
		if err := d.syncRole(as, name, role, a); err != nil {
			return err
		}
	}
	if !granted.Rules || granted.Admin == a.Admin {
		return nil
	}
	err := d.audit.Change(as, func(as context.Context, tx *ent.Tx) error {
		d.recordAccount(as, "account.changed", a, map[string]string{"admin": audit.Yes(granted.Admin)}, map[string]string{"admin": audit.Yes(a.Admin)})
		if err := tx.Account.UpdateOneID(a.ID).AddRevision(1).SetAdmin(granted.Admin).Exec(as); err != nil {
			return err
		}
		return lastAdmin(as, tx.Client(), a)
	})
	if slipway.CodeOf(err) == slipway.Conflict {
		d.audit.Refused(as, "account.changed", "", "", err.Error())
		return nil
	}
	if err != nil {
		return err
	}
	a.Admin = granted.Admin
	return nil
}

// syncRole gives a role in a team, or takes it: "".
func (d *Directory) syncRole(ctx context.Context, name string, role slipway.Role, a *ent.Account) error {
	t, err := d.db.Team.Query().Where(team.Name(name)).WithMemberships(func(q *ent.MembershipQuery) { q.Where(membership.AccountID(a.ID)) }).Only(ctx)
	if ent.IsNotFound(err) {
		return nil // it was removed, and the rule stayed
	}
	if err != nil {
		return err
	}
	had := slipway.Role("")
	for _, m := range t.Edges.Memberships {
		had = slipway.Role(m.Role)
	}
	if had == role {
		return nil
	}
	before := map[string]string{}
	if had != "" {
		before["role"] = string(had)
	}
	return d.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		if err := reviseTeam(ctx, tx.Client(), t, nil); err != nil {
			return err
		}
		if role == "" {
			d.RecordTeam(ctx, "team.member_removed", name, "account "+a.Name, nil, before)
			_, err := tx.Membership.Delete().Where(membership.TeamID(t.ID), membership.AccountID(a.ID)).Exec(ctx)
			return err
		}
		d.RecordTeam(ctx, "team.member_set", name, "account "+a.Name, map[string]string{"role": string(role)}, before)
		return tx.Membership.Create().SetAccountID(a.ID).SetTeamID(t.ID).SetRole(membership.Role(role)).
			OnConflictColumns(membership.FieldAccountID, membership.FieldTeamID).
			Update(func(u *ent.MembershipUpsert) { u.UpdateRole().UpdateUpdatedAt() }).Exec(ctx)
	})
}
