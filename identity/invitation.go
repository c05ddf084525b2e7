package identity

import (
	"cmp"
	"context"
	"encoding/base64"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/invitation"
	"github.com/slipway-dev/slipway/ent/membership"
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
		d.recordAccount(as, "account.accepted_invitation", a, map[string]string{"admin": audit.Yes(a.Admin), "invited_by": row.InvitedBy})
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
