package identity

import (
	"context"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/account"
	"github.com/slipway-dev/slipway/ent/membership"
	"github.com/slipway-dev/slipway/ent/team"
	"github.com/slipway-dev/slipway/store"
)

// DefaultTeam exists from the start and owns what was registered before there
// were teams.
const DefaultTeam = "default"

// AddTeam makes a team; whoever makes it administers it. It takes an admin of
// the platform.
func (d *Directory) AddTeam(ctx context.Context, name, displayName string) (*ent.Team, error) {
	if _, err := d.SignedIn(ctx, slipway.PermitPlatform); err != nil {
		return nil, err
	}
	if err := slipway.CheckName("name", name); err != nil {
		return nil, err
	}
	if len(displayName) > 100 {
		return nil, slipway.Errorf(slipway.Invalid, "the display name is longer than 100 bytes").At("display_name")
	}
	err := d.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		if err := teamNameTaken(ctx, tx.Client(), name); err != nil {
			return err
		}
		d.RecordTeam(ctx, "team.added", name, "", map[string]string{"display_name": displayName})
		return tx.Team.Create().SetName(name).SetDisplayName(displayName).Exec(ctx)
	})
	if ent.IsConstraintError(err) {
		return nil, ErrRace
	}
	if err != nil {
		return nil, err
	}
	return d.Team(ctx, name)
}

// RecordTeam puts a change of a team on record: in the audit log only.
func (d *Directory) RecordTeam(ctx context.Context, action, name, object string, after map[string]string, before ...map[string]string) {
	v := slipway.ViewerFrom(ctx)
	d.audit.Keep(ctx, audit.Entry{
		Actor: v.Name, Kind: string(v.Kind), Via: v.Via, Address: v.Address, Request: audit.Request(ctx), Action: action,
		Team: name, Object: object, Result: string(audit.Done), Before: audit.Before(before), After: after,
	})
}

// Teams lists the teams that the viewer is in, all for an admin of the
// platform, by name and with their members.
func (d *Directory) Teams(ctx context.Context) ([]*ent.Team, error) {
	v, err := d.known(ctx)
	if err != nil {
		return nil, err
	}
	query := withMembers(d.db.Team.Query())
	if !v.Admin {
		ids := make([]int, 0, len(v.Roles))
		for id := range v.Roles {
			ids = append(ids, id)
		}
		query.Where(team.IDIn(ids...))
	}
	return query.Order(team.ByName()).All(ctx)
}

func withMembers(q *ent.TeamQuery) *ent.TeamQuery {
	return q.WithMemberships(func(q *ent.MembershipQuery) { q.WithAccount() })
}

// Team finds a team by its name, with its members. Other people's teams are not
// there.
func (d *Directory) Team(ctx context.Context, name string) (*ent.Team, error) {
	return d.TeamFor(ctx, name, slipway.PermitServiceRead)
}

// TeamFor finds a team that the viewer may do something to.
func (d *Directory) TeamFor(ctx context.Context, name string, permission slipway.Permission) (*ent.Team, error) {
	t, err := withMembers(d.db.Team.Query()).Where(team.Name(name)).Only(ctx)
	if err == nil {
		err = d.May(ctx, permission, t.ID, "", "")
	}
	if err == ErrHidden || ent.IsNotFound(err) { //nolint:errorlint // ErrHidden is never wrapped
		return nil, slipway.Errorf(slipway.NotFound, "there is no team %s; `slipway team ls` lists yours", store.Printable(name))
	}
	if err != nil {
		return nil, err
	}
	return t, nil
}

// SetMember gives an account a role in a team, in place of the one it had. It
// takes an admin of the team, and for more than a service account has, somebody
// who has in every team what it has there: its tokens act in all of them.
func (d *Directory) SetMember(ctx context.Context, name, accountName string, role slipway.Role, only store.Precondition) (*ent.Team, error) {
	if !role.Includes(slipway.RoleViewer) {
		return nil, slipway.Errorf(slipway.Invalid, "%q is not a role; there are viewer, developer, maintainer and admin", store.Printable(string(role))).At("role")
	}
	t, err := d.TeamFor(ctx, name, slipway.PermitTeam)
	if err != nil {
		return nil, err
	}
	a, err := d.Account(ctx, accountName)
	if err != nil {
		return nil, err
	}
	before := map[string]string{}
	for _, m := range t.Edges.Memberships {
		if m.AccountID == a.ID {
			before["role"] = string(m.Role)
		}
	}
	err = d.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		now, err := fresh(ctx, tx.Client(), a.ID)
		if err != nil {
			return err
		}
		wider := widens(now, t.ID, role)
		if wider && now.Kind == account.KindService && !handles(slipway.ViewerFrom(ctx), now) {
			err := errHandled(now)
			d.audit.Refused(ctx, "team.member_set", "", "", err.Error())
			return err
		}
		if err := reviseTeam(ctx, tx.Client(), t, only); err != nil {
			return err
		}
		d.RecordTeam(ctx, "team.member_set", name, "account "+a.Name, map[string]string{"role": string(role)}, before)
		err = tx.Membership.Create().SetAccountID(a.ID).SetTeamID(t.ID).SetRole(membership.Role(role)).
			OnConflictColumns(membership.FieldAccountID, membership.FieldTeamID).
			Update(func(u *ent.MembershipUpsert) { u.UpdateRole().UpdateUpdatedAt() }).Exec(ctx)
		if err != nil || !wider {
			return err
		}
		return d.endForeignTokens(ctx, tx.Client(), a.ID)
	})
	if err != nil {
		return nil, err
	}
	d.changed(ctx) // gates count who may approve now
	return d.Team(ctx, name)
}

// widens tells whether a role in a team is more than an account has there.
func widens(a *ent.Account, teamID int, role slipway.Role) bool {
	for _, m := range a.Edges.Memberships {
		if m.TeamID == teamID {
			return !slipway.Role(m.Role).Includes(role)
		}
	}
	return true
}

// RemoveMember takes an account out of a team. Everybody may leave; taking out
// others takes an admin of the team.
func (d *Directory) RemoveMember(ctx context.Context, name, accountName string, only store.Precondition) error {
	permission := slipway.PermitTeam
	if accountName == slipway.ViewerFrom(ctx).Name {
		permission = slipway.PermitServiceRead
		if _, err := d.SignedIn(ctx, slipway.PermitSelf); err != nil {
			return err
		}
	}
	t, err := d.TeamFor(ctx, name, permission)
	if err != nil {
		return err
	}
	err = d.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		if err := reviseTeam(ctx, tx.Client(), t, only); err != nil {
			return err
		}
		n, err := tx.Membership.Delete().Where(membership.TeamID(t.ID), membership.HasAccountWith(account.Name(accountName))).Exec(ctx)
		d.RecordTeam(ctx, "team.member_removed", name, "account "+accountName, nil)
		if err == nil && n == 0 {
			return slipway.Errorf(slipway.NotFound, "%s is not in team %s", store.Printable(accountName), name)
		}
		return err
	})
	if err == nil {
		d.changed(ctx) // gates count who may approve now
	}
	return err
}

// reviseTeam counts a change of a team's members, which must be based on what
// only names; without that, members are independent of each other.
func reviseTeam(ctx context.Context, db *ent.Client, t *ent.Team, only store.Precondition) error {
	if err := only.Holds("team "+t.Name, t.Revision); err != nil {
		return err
	}
	update := db.Team.UpdateOneID(t.ID).AddRevision(1)
	if len(only) > 0 {
		update.Where(team.Revision(t.Revision))
	}
	err := update.Exec(ctx)
	if ent.IsNotFound(err) {
		return store.ErrOutdated("team " + t.Name)
	}
	return err
}
