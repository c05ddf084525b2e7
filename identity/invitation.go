package identity

import (
	"cmp"
	"context"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/auditentry"
	"github.com/slipway-dev/slipway/ent/invitation"
	"github.com/slipway-dev/slipway/ent/membership"
	"github.com/slipway-dev/slipway/ent/token"
	"github.com/slipway-dev/slipway/ent/trust"
	"github.com/slipway-dev/slipway/store"
)

const (
	invitationLife = 7 * 24 * time.Hour
	setUpLife      = 24 * time.Hour
)

// Invitation is a link that makes one account.
type Invitation struct {
	Token   slipway.Secret // the last part of the link
	Expires time.Time
}

// SetUp returns an invitation for the first admin when there is none, and false
// when there is. Earlier ones that were not used stop working: whoever starts
// the platform holds the one that does.
func (d *Directory) SetUp(ctx context.Context) (Invitation, bool, error) {
	ctx = store.AsSystem(ctx)
	if founded, err := d.Founded(ctx); err != nil || founded {
		return Invitation{}, false, err
	}
	if _, err := d.db.Invitation.Delete().Where(invitation.Admin(true), invitation.UsedAtIsNil()).Exec(ctx); err != nil {
		return Invitation{}, false, err
	}
	in, err := d.invite(ctx, d.db, d.db.Invitation.Create().SetAdmin(true), setUpLife)
	return in, err == nil, err
}

func (d *Directory) invite(ctx context.Context, db *ent.Client, create *ent.InvitationCreate, life time.Duration) (Invitation, error) {
	text := base64.RawURLEncoding.EncodeToString(Random(24))
	expires := time.Now().UTC().Add(life)
	by, err := inviter(ctx, db)
	if err != nil {
		return Invitation{}, err
	}
	if err := create.SetHash(store.Fingerprint(text)).SetInvitedBy(by).SetExpiresAt(expires).Exec(ctx); err != nil {
		return Invitation{}, err
	}
	return Invitation{slipway.NewSecret(text), expires}, nil
}

// Invite makes a link by which somebody becomes a member of a team. It takes an
// admin of the team, and gives no role above the one who invites.
func (d *Directory) Invite(ctx context.Context, teamName string, role slipway.Role) (Invitation, error) {
	if !role.Includes(slipway.RoleViewer) {
		return Invitation{}, slipway.Errorf(slipway.Invalid, "%q is not a role; there are viewer, developer, maintainer and admin", store.Printable(string(role))).At("role")
	}
	t, err := d.TeamFor(ctx, teamName, slipway.PermitTeam)
	if err != nil {
		return Invitation{}, err
	}
	var in Invitation
	err = d.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) (err error) {
		d.RecordTeam(ctx, "team.invited", teamName, "", map[string]string{"role": string(role)})
		in, err = d.invite(ctx, tx.Client(), tx.Invitation.Create().SetTeamID(t.ID).SetRole(invitation.Role(role)), invitationLife)
		return err
	})
	return in, err
}

// Accept makes the account that an invitation is for and signs it in. An
// invitation is good once.
func (d *Directory) Accept(ctx context.Context, invited slipway.Secret, in AccountInput, from Caller) (Session, error) {
	sys := store.AsSystem(ctx)
	gone := slipway.Errorf(slipway.NotFound, "this invitation was used, has expired, or never was; ask for another one").At("token")
	if in.Password.Reveal() == "" {
		return Session{}, slipway.Errorf(slipway.Invalid, "choose a password of at least %d characters", MinPassword).At("password")
	}
	if err := mayBegin(ctx); err != nil { // before the invitation is spent
		return Session{}, err
	}
	in.Kind = slipway.ViewerPerson
	if err := in.Validate(); err != nil { // before the transaction: hashing takes its time
		return Session{}, err
	}
	row, err := d.db.Invitation.Query().Where(invitation.Hash(store.Fingerprint(invited.Reveal())), invitation.UsedAtIsNil(), invitation.ExpiresAtGT(time.Now().UTC())).Only(sys)
	if err != nil {
		if ent.IsNotFound(err) {
			return Session{}, gone
		}
		return Session{}, err
	}
	if local, err := d.localSignIn(ctx, d.db); err != nil || !local && !row.Admin {
		return Session{}, cmp.Or[error](err, slipway.Errorf(slipway.Conflict, "passwords are switched off here; sign in through a provider instead, and ask an admin if that does not make you an account"))
	}
	in.Admin, in.invitedBy = row.Admin, row.InvitedBy
	var a *ent.Account
	as := slipway.WithViewer(ctx, slipway.Viewer{Kind: slipway.ViewerPerson, Name: in.Name, Via: from.Via, Address: from.Address})
	err = d.audit.Change(as, func(as context.Context, tx *ent.Tx) error {
		sys := store.AsSystem(as)
		n, err := tx.Invitation.Update().Where(invitation.ID(row.ID), invitation.UsedAtIsNil()).SetUsedAt(time.Now().UTC()).SetUsedBy(in.Name).Save(sys)
		if err != nil {
			return err
		}
		if n == 0 {
			return gone
		}
		if err := freeAddress(as, tx.Client(), in.Email, 0); err != nil {
			return err
		}
		if a, err = addAccount(sys, tx.Client(), in); err != nil {
			return err
		}
		d.recordAccount(as, "account.accepted_invitation", a, map[string]string{"admin": audit.Yes(a.Admin), "invited_by": cmp.Or(row.InvitedBy, "operator")}) // who starts the platform invites its first admin
		if row.TeamID == nil {
			return nil
		}
		err = tx.Membership.Create().SetAccountID(a.ID).SetTeamID(*row.TeamID).SetRole(membership.Role(*row.Role)).Exec(sys)
		if ent.IsConstraintError(err) {
			return slipway.Errorf(slipway.Conflict, "the team you were invited to is gone; ask for another invitation")
		}
		return err
	})
	if err != nil {
		return Session{}, err
	}
	return d.begin(ctx, a, from, map[string]string{"by": "invitation"})
}

// InvitationURL is the link of an invitation.
func (d *Directory) InvitationURL(in Invitation) string {
	return d.settings.Address + "/invitations/" + in.Token.Reveal()
}

// Inviters are who made, or invited, some accounts. Of those that are older than
// this was kept, invitations and the audit log tell it.
func Inviters(ctx context.Context, db *ent.Client, people []*ent.Account) (map[string]string, error) {
	out := map[string]string{}
	var unsaid, objects []string
	for _, a := range people {
		if out[a.Name] = a.InvitedBy; a.InvitedBy == "" {
			unsaid, objects = append(unsaid, a.Name), append(objects, "account "+a.Name)
		}
	}
	if len(unsaid) == 0 {
		return out, nil
	}
	added, err := db.AuditEntry.Query().Where(auditentry.Action("account.added"), auditentry.ObjectIn(objects...), auditentry.KindNEQ(string(slipway.ViewerSystem))).All(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range added {
		out[e.Object[len("account "):]] = e.Actor
	}
	invited, err := db.Invitation.Query().Where(invitation.UsedByIn(unsaid...)).All(ctx)
	if err != nil {
		return nil, err
	}
	for _, i := range invited {
		out[i.UsedBy] = i.InvitedBy
	}
	return out, nil
}

// inviter is whose deed it is when the viewer makes or invites somebody: of a
// program, who made its token. "" is the operator, who has the machine anyway.
func inviter(ctx context.Context, db *ent.Client) (string, error) {
	v := slipway.ViewerFrom(ctx)
	switch v.Kind {
	case slipway.ViewerSystem:
		return "", nil
	case slipway.ViewerService:
		if behind, err := Makers(ctx, db); err != nil || len(behind) > 0 {
			return append(behind, "")[0], err
		}
	}
	return v.Name, nil
}

// Makers are those who made the token or the trusts that the viewer acts by. Of
// what was made before that was kept, the audit log tells it.
func Makers(ctx context.Context, db *ent.Client) ([]string, error) {
	v := slipway.ViewerFrom(ctx)
	var out []string
	if v.Token != 0 {
		row, err := db.Token.Query().Where(token.ID(v.Token)).Only(ctx)
		if err != nil {
			return nil, store.Missing(err, "the token is gone")
		}
		if row.MadeBy == "" {
			if row.MadeBy, err = madeBy(ctx, db, "token.added", "", "id", strconv.Itoa(row.ID)); err != nil {
				return nil, err
			}
		}
		out = append(out, row.MadeBy)
	}
	if len(v.Trusts) > 0 {
		rows, err := db.Trust.Query().Where(trust.IDIn(v.Trusts...)).All(ctx)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			if row.MadeBy == "" {
				if row.MadeBy, err = madeBy(ctx, db, "trust.added", v.Service, "trust", row.Name); err != nil {
					return nil, err
				}
			}
			out = append(out, row.MadeBy)
		}
	}
	slices.Sort(out)
	return slices.DeleteFunc(slices.Compact(out), func(name string) bool { return name == "" }), nil
}

// madeBy finds in the audit log who made something last.
func madeBy(ctx context.Context, db *ent.Client, action, service, fact, value string) (string, error) {
	rows, err := db.AuditEntry.Query().Where(auditentry.Action(action), auditentry.Service(service), auditentry.Result(string(audit.Done))).
		Order(ent.Desc(auditentry.FieldSequence)).All(ctx)
	if err != nil {
		return "", err
	}
	for _, row := range rows {
		if row.After[fact] == value {
			return row.Actor, nil
		}
	}
	return "", nil
}

// ActedBy is the fact of an entry that names who made the token, or the trust, by
// which something was changed.
const ActedBy = "by what was made by"

// WithMakers adds to what is said of a change who made what the viewer acts by.
func WithMakers(ctx context.Context, db *ent.Client, said map[string]string) error {
	names, err := Makers(ctx, db)
	names = slices.DeleteFunc(names, func(name string) bool { return name == slipway.ViewerFrom(ctx).Name })
	if len(names) > 0 {
		said[ActedBy] = strings.Join(names, " ")
	}
	return err
}
