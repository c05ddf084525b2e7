package identity

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/account"
	"github.com/slipway-dev/slipway/ent/halfsignin"
	"github.com/slipway-dev/slipway/ent/session"
	"github.com/slipway-dev/slipway/ent/token"
	"github.com/slipway-dev/slipway/store"
)

// MinPassword is how many characters a password has at least, by NIST SP
// 800-63B-4 for passwords that are the only factor: length, no rules of
// composition.
const MinPassword = 15

// maxPassword bounds what is hashed, in bytes.
const maxPassword = 1024

// hashing is OWASP's second choice for argon2id: 19 MiB, 2 passes, 1 lane. More
// memory would let a handful of sign-ins at once outweigh the platform itself.
var hashing = &argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

func checkPassword(field, name string, password slipway.Secret) error {
	text := password.Reveal()
	switch n := utf8.RuneCountInString(text); {
	case n < MinPassword:
		return slipway.Errorf(slipway.Invalid, "the password has %d characters; at least %d are needed: a few words do", n, MinPassword).At(field)
	case len(text) > maxPassword:
		return slipway.Errorf(slipway.Invalid, "the password is longer than %d bytes", maxPassword).At(field)
	case strings.Count(text, text[:1]) == len(text), name != "" && strings.Contains(strings.ToLower(text), name) && n < MinPassword+len(name):
		return slipway.Errorf(slipway.Invalid, "the password is too easy to guess; use a few unrelated words").At(field)
	}
	return nil
}

func hashPassword(password slipway.Secret) (string, error) {
	return argon2id.CreateHash(password.Reveal(), hashing)
}

// AccountInput is an account to make.
type AccountInput struct {
	Name        string
	Kind        slipway.ViewerKind // "" means a person
	DisplayName string
	Email       string
	Password    slipway.Secret // of a person; empty lets nobody sign in by password
	Admin       bool

	invitedBy string // "" for the operator and providers
}

// Validate names the field at fault.
func (in AccountInput) Validate() error {
	if err := slipway.CheckName("name", in.Name); err != nil {
		return err
	}
	switch {
	case slipway.ReservedAccount(in.Name):
		return slipway.Errorf(slipway.Invalid, "the audit log says %s of Slipway itself or of who runs it, so no account can have that name; choose another, such as %s-2", in.Name, in.Name).At("name")
	case in.Kind != "" && in.Kind != slipway.ViewerPerson && in.Kind != slipway.ViewerService:
		return slipway.Errorf(slipway.Invalid, "%q is not a kind of account; use person or service", store.Printable(string(in.Kind))).At("kind")
	case len(in.DisplayName) > 100:
		return slipway.Errorf(slipway.Invalid, "the display name is longer than 100 bytes").At("display_name")
	case in.Email != "" && (len(in.Email) > 200 || !strings.Contains(in.Email, "@") || strings.ContainsAny(in.Email, " \r\n\t<>")):
		return slipway.Errorf(slipway.Invalid, "%s is not an email address", store.Printable(in.Email)).At("email")
	case in.Kind == slipway.ViewerService && in.Password.Reveal() != "":
		return slipway.Errorf(slipway.Invalid, "a service account has no password; make a token for it").At("password")
	case in.Password.Reveal() != "":
		return checkPassword("password", in.Name, in.Password)
	}
	return nil
}

// AddAccount makes an account. It takes an admin of the platform; others invite.
func (d *Directory) AddAccount(ctx context.Context, in AccountInput) (*ent.Account, error) {
	if _, err := d.SignedIn(ctx, slipway.PermitPlatform); err != nil {
		return nil, err
	}
	if in.Admin {
		if err := d.comesIn(ctx, "account.added", "this makes "+store.Printable(in.Name)+" an admin of the platform"); err != nil {
			return nil, err
		}
	}
	err := d.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		var err error
		if in.invitedBy, err = inviter(ctx, tx.Client()); err != nil {
			return err
		}
		a, err := addAccount(ctx, tx.Client(), in)
		if err == nil {
			d.recordAccount(ctx, "account.added", a, map[string]string{"kind": string(a.Kind), "admin": audit.Yes(a.Admin)})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return d.Account(ctx, in.Name)
}

func addAccount(ctx context.Context, db *ent.Client, in AccountInput) (*ent.Account, error) {
	if in.Kind == "" {
		in.Kind = slipway.ViewerPerson
	}
	if err := in.Validate(); err != nil {
		return nil, err
	}
	if err := accountNameTaken(ctx, db, in.Name); err != nil {
		return nil, err
	}
	hash := ""
	if in.Password.Reveal() != "" {
		var err error
		if hash, err = hashPassword(in.Password); err != nil {
			return nil, err
		}
	}
	a, err := db.Account.Create().SetName(in.Name).SetKind(account.Kind(in.Kind)).SetDisplayName(in.DisplayName).SetEmail(in.Email).
		SetPassword(hash).SetAdmin(in.Admin).SetInvitedBy(in.invitedBy).Save(ctx)
	if ent.IsConstraintError(err) {
		return nil, ErrRace
	}
	if err != nil {
		return nil, err
	}
	return a, keepBylines(ctx, db, a.ID, []string{a.DisplayName}, []string{a.Email})
}

// recordAccount puts a change of an account on record: in the audit log only.
func (d *Directory) recordAccount(ctx context.Context, action string, a *ent.Account, after map[string]string, before ...map[string]string) {
	d.audit.Record(ctx, audit.Done, action, "", "", "account "+a.Name, "", audit.Before(before), after)
}

// Accounts lists accounts by name, with their teams. Everybody who is signed in
// may know their colleagues' names.
func (d *Directory) Accounts(ctx context.Context, page store.Page) (store.List[*ent.Account], error) {
	none := store.List[*ent.Account]{}
	if _, err := d.known(ctx); err != nil {
		return none, err
	}
	limit, after, err := page.Named()
	if err != nil {
		return none, err
	}
	query := withTeams(d.db.Account.Query())
	if after != "" {
		query.Where(account.NameGT(after))
	}
	rows, err := query.Order(account.ByName()).Limit(limit + 1).All(ctx)
	if err != nil {
		return none, err
	}
	return store.Cut(rows, limit, func(a *ent.Account) string { return a.Name }), nil
}

func withTeams(q *ent.AccountQuery) *ent.AccountQuery {
	return q.WithMemberships(func(q *ent.MembershipQuery) { q.WithTeam() })
}

// Account finds an account by its name.
func (d *Directory) Account(ctx context.Context, name string) (*ent.Account, error) {
	if _, err := d.known(ctx); err != nil {
		return nil, err
	}
	a, err := withTeams(d.db.Account.Query()).Where(account.Name(name)).Only(ctx)
	return a, store.Missing(err, "there is no account %s; `slipway account ls` lists them", store.Printable(name))
}

// Me tells who asks, with the teams.
func (d *Directory) Me(ctx context.Context) (slipway.Viewer, []*ent.Membership, error) {
	v, err := d.SignedIn(ctx, slipway.PermitSignedIn)
	if err != nil || v.Account == 0 {
		return v, nil, err
	}
	a, err := d.Account(ctx, v.Name)
	if err != nil {
		return v, nil, err
	}
	for _, m := range a.Edges.Memberships {
		m.Edges.Account = a
	}
	return v, a.Edges.Memberships, nil
}

// AccountChange is what to change of an account; nil leaves a field as it is.
type AccountChange struct {
	DisplayName, Email *string
	Admin, Active      *bool
	If                 store.Precondition
}

// UpdateAccount changes an account. People change their own name, and in person
// their address; the rest takes an admin of the platform. Names and addresses that
// an account had go on telling its commits. An account that is made inactive is
// signed out everywhere at once. The last active admin stays one.
func (d *Directory) UpdateAccount(ctx context.Context, name string, change AccountChange) (*ent.Account, error) {
	v := slipway.ViewerFrom(ctx)
	permission := slipway.PermitPlatform
	if name == v.Name && change.Admin == nil && change.Active == nil {
		permission = slipway.PermitSelf
	}
	if _, err := d.SignedIn(ctx, permission); err != nil {
		return nil, err
	}
	a, err := d.Account(ctx, name)
	if err != nil {
		return nil, err
	}
	if permission == slipway.PermitPlatform {
		if err := d.Proven(ctx, "changing what an account may"); err != nil {
			return nil, err
		}
		if does := change.lets(a); does != "" {
			if err := d.comesIn(ctx, "account.changed", does); err != nil {
				return nil, err
			}
		}
	}
	if change.Email != nil && *change.Email != a.Email {
		if err := d.mayReaddress(ctx, a, *change.Email); err != nil {
			return nil, err
		}
	}
	if err := change.If.Holds("account "+name, a.Revision); err != nil {
		return nil, err
	}
	before, after := map[string]string{}, map[string]string{}
	err = d.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		clear(before)
		clear(after) // of a try before
		update := tx.Account.UpdateOneID(a.ID).Where(account.Revision(a.Revision)).AddRevision(1)
		note := func(field, was, is string) {
			if was != is {
				before[field], after[field] = was, is
			}
		}
		in := AccountInput{Name: a.Name, DisplayName: a.DisplayName, Email: a.Email}
		if change.DisplayName != nil {
			in.DisplayName = *change.DisplayName
		}
		if change.Email != nil {
			in.Email = *change.Email
		}
		if err := in.Validate(); err != nil {
			return err
		}
		if permission == slipway.PermitSelf && in.Email != a.Email {
			if err := ownAddress(ctx, tx.Client(), a); err != nil {
				return err
			}
		}
		if err := keepBylines(ctx, tx.Client(), a.ID, []string{a.DisplayName, in.DisplayName}, []string{a.Email, in.Email}); err != nil {
			return err
		}
		note("display_name", a.DisplayName, in.DisplayName)
		note("email", a.Email, in.Email)
		update.SetDisplayName(in.DisplayName).SetEmail(in.Email)
		if change.Admin != nil {
			note("admin", audit.Yes(a.Admin), audit.Yes(*change.Admin))
			update.SetAdmin(*change.Admin)
		}
		if change.Active != nil {
			note("active", audit.Yes(a.Active), audit.Yes(*change.Active))
			update.SetActive(*change.Active)
		}
		if err := update.Exec(ctx); err != nil {
			if ent.IsNotFound(err) {
				return store.ErrOutdated("account " + name)
			}
			return err
		}
		if change.Active != nil && !*change.Active {
			if err := endSessions(ctx, tx.Client(), a.ID, "", "the account was made inactive"); err != nil {
				return err
			}
		}
		if len(after) > 0 {
			d.recordAccount(ctx, "account.changed", a, after, before)
		}
		if change.Admin != nil && *change.Admin && !a.Admin {
			if err := d.endForeignTokens(ctx, tx.Client(), a.ID); err != nil {
				return err
			}
		}
		return lastAdmin(ctx, tx.Client(), a)
	})
	if err != nil {
		return nil, err
	}
	if change.Admin != nil || change.Active != nil {
		d.changed(ctx) // gates count who may approve now
	}
	return d.Account(ctx, name)
}

// endSessions signs an account out everywhere, but for one session, and lets
// nobody in who is half through.
func endSessions(ctx context.Context, db *ent.Client, accountID int, but, why string) error {
	if _, err := db.HalfSignIn.Delete().Where(halfsignin.AccountID(accountID)).Exec(ctx); err != nil {
		return err
	}
	return db.Session.Update().Where(session.AccountID(accountID), session.EndedAtIsNil(), session.KeyNEQ(but)).
		SetEndedAt(time.Now().UTC()).SetEndedBy(why).Exec(ctx)
}

// PasswordChange sets a new password.
type PasswordChange struct {
	Current slipway.Secret // one's own; an admin who resets another's gives none
	New     slipway.Secret
	// EndTokens ends all tokens of the account as well. A reset always does.
	EndTokens bool
}

// SetPassword changes one's own password, or resets another's, which takes an
// admin of the platform. All other sessions of the account end, and its tokens
// too when it was reset or change says so.
func (d *Directory) SetPassword(ctx context.Context, name string, change PasswordChange) error {
	v := slipway.ViewerFrom(ctx)
	self := name == v.Name && v.Kind == slipway.ViewerPerson
	permission := slipway.PermitPlatform
	if self {
		permission = slipway.PermitSelf
	}
	if _, err := d.SignedIn(ctx, permission); err != nil {
		return err
	}
	a, err := d.Account(ctx, name)
	if err != nil {
		return err
	}
	if a.Kind != account.KindPerson {
		return slipway.Errorf(slipway.Conflict, "%s is a service account, which has no password; make a token for it", name)
	}
	if err := checkPassword("password", name, change.New); err != nil {
		return err
	}
	if !self {
		if err := d.Proven(ctx, "resetting somebody's password"); err != nil {
			return err
		}
		if err := d.comesIn(ctx, "account.password_reset", "this lets whoever gives the new password in as "+a.Name); err != nil {
			return err
		}
	}
	if self && !v.InPerson() {
		return slipway.Errorf(slipway.Denied, "a password is changed in person, and by no token; sign in and do it yourself")
	}
	if self {
		err := d.proveHere(ctx, a, change.Current)
		if slipway.CodeOf(err) == slipway.Unauthenticated {
			return slipway.Errorf(slipway.Invalid, "the current password is wrong").At("current")
		}
		if err != nil {
			return err
		}
	}
	hash, err := hashPassword(change.New)
	if err != nil {
		return err
	}
	action := "account.password_reset"
	if self {
		action = "account.password_changed"
	}
	return d.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		d.recordAccount(ctx, action, a, map[string]string{"tokens_ended": audit.Yes(!self || change.EndTokens)})
		if err := tx.Account.UpdateOneID(a.ID).SetPassword(hash).Exec(ctx); err != nil {
			return err
		}
		if err := d.forgive(ctx, tx.Client(), guessPassword, a.Name); err != nil {
			return err
		}
		if !self || change.EndTokens {
			if err := tx.Token.Update().Where(token.AccountID(a.ID), token.RevokedAtIsNil()).SetRevokedAt(time.Now().UTC()).Exec(ctx); err != nil {
				return err
			}
		}
		return endSessions(ctx, tx.Client(), a.ID, v.Session, "the password was changed")
	})
}
