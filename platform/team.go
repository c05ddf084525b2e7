package platform

import (
	"context"
	"slices"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/account"
	"github.com/slipway-dev/slipway/ent/delivery"
	"github.com/slipway-dev/slipway/ent/membership"
	"github.com/slipway-dev/slipway/ent/service"
	"github.com/slipway-dev/slipway/ent/team"
	"github.com/slipway-dev/slipway/ent/webhook"
	"github.com/slipway-dev/slipway/store"
)

// DefaultTeam exists from the start and owns what was registered before there
// were teams.
const DefaultTeam = "default"

// AddTeam makes a team; whoever makes it administers it. It takes an admin of
// the platform.
func (p *Platform) AddTeam(ctx context.Context, name, displayName string) (*ent.Team, error) {
	if _, err := p.signedIn(ctx, slipway.PermitPlatform); err != nil {
		return nil, err
	}
	if err := slipway.CheckName("name", name); err != nil {
		return nil, err
	}
	if len(displayName) > 100 {
		return nil, slipway.Errorf(slipway.Invalid, "the display name is longer than 100 bytes").At("display_name")
	}
	err := p.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		if err := teamNameTaken(ctx, tx.Client(), name); err != nil {
			return err
		}
		p.recordTeam(ctx, "team.added", name, "", map[string]string{"display_name": displayName})
		return tx.Team.Create().SetName(name).SetDisplayName(displayName).Exec(ctx)
	})
	if ent.IsConstraintError(err) {
		return nil, errRace
	}
	if err != nil {
		return nil, err
	}
	return p.Team(ctx, name)
}

func (p *Platform) recordTeam(ctx context.Context, action, name, object string, after map[string]string, before ...map[string]string) {
	v := slipway.ViewerFrom(ctx)
	p.audit.Keep(ctx, audit.Entry{
		Actor: v.Name, Kind: string(v.Kind), Via: v.Via, Address: v.Address, Request: audit.Request(ctx), Action: action,
		Team: name, Object: object, Result: string(audit.Done), Before: audit.Before(before), After: after,
	})
}

// Teams lists the teams that the viewer is in, all for an admin of the
// platform, by name and with their members.
func (p *Platform) Teams(ctx context.Context) ([]*ent.Team, error) {
	v, err := p.known(ctx)
	if err != nil {
		return nil, err
	}
	query := withMembers(p.db.Team.Query())
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
func (p *Platform) Team(ctx context.Context, name string) (*ent.Team, error) {
	return p.teamFor(ctx, name, slipway.PermitServiceRead)
}

func (p *Platform) teamFor(ctx context.Context, name string, permission slipway.Permission) (*ent.Team, error) {
	t, err := withMembers(p.db.Team.Query()).Where(team.Name(name)).Only(ctx)
	if err == nil {
		err = p.may(ctx, permission, t.ID, "", "")
	}
	if err == errHidden || ent.IsNotFound(err) { //nolint:errorlint // errHidden is never wrapped
		return nil, slipway.Errorf(slipway.NotFound, "there is no team %s; `slipway team ls` lists yours", store.Printable(name))
	}
	if err != nil {
		return nil, err
	}
	return t, nil
}

// RemoveTeam removes a team that owns nothing. It takes an admin of the platform.
func (p *Platform) RemoveTeam(ctx context.Context, name string, only store.Precondition) error {
	if _, err := p.signedIn(ctx, slipway.PermitPlatform); err != nil {
		return err
	}
	t, err := p.Team(ctx, name)
	if err != nil {
		return err
	}
	if err := only.Holds("team "+name, t.Revision); err != nil {
		return err
	}
	var hooks []*ent.Webhook
	err = p.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		owns, err := tx.Service.Query().Where(service.TeamID(t.ID)).Exist(ctx)
		if err != nil {
			return err
		}
		if owns {
			return slipway.Errorf(slipway.Conflict, "team %s owns services; give them to another team first", name)
		}
		if err := approvesNowhere(ctx, tx.Client(), name); err != nil {
			return err
		}
		if hooks, err = tx.Webhook.Query().Where(webhook.TeamID(t.ID)).All(ctx); err != nil {
			return err
		}
		if _, err := tx.Delivery.Delete().Where(delivery.HasWebhookWith(webhook.TeamID(t.ID))).Exec(ctx); err != nil {
			return err
		}
		if _, err := tx.Webhook.Delete().Where(webhook.TeamID(t.ID)).Exec(ctx); err != nil {
			return err
		}
		if _, err := tx.Membership.Delete().Where(membership.TeamID(t.ID)).Exec(ctx); err != nil {
			return err
		}
		p.recordTeam(ctx, "team.removed", name, "", nil)
		return tx.Team.DeleteOneID(t.ID).Exec(ctx)
	})
	if err != nil {
		return err
	}
	for _, h := range hooks {
		p.dropSecret(ctx, slipway.SecretRef(h.Secret))
	}
	return nil
}

// approvesNowhere refuses to remove a team that a policy names: whoever made one of
// its name anew would say who approves.
func approvesNowhere(ctx context.Context, db *ent.Client, name string) error {
	all, err := inOrder(ctx, db)
	if err != nil {
		return err
	}
	named := "team:" + name
	for _, e := range all {
		if slices.Contains(e.Policy.Approvers, named) {
			return slipway.Errorf(slipway.Conflict, "team %s approves in %s; name others there first: slipway policy set --env %s --approver NAME", name, e.Name, e.Name)
		}
	}
	rows, err := db.ServicePolicy.Query().WithService().WithEnvironment().All(store.AsSystem(ctx))
	for _, row := range rows {
		if who := row.Change.Approvers; who != nil && slices.Contains(*who, named) {
			at, of := row.Edges.Environment.Name, row.Edges.Service.Name
			return slipway.Errorf(slipway.Conflict, "team %s approves what %s promotes into %s; name others there first: slipway policy set --env %s --service %s --approver NAME", name, of, at, at, of)
		}
	}
	return err
}

// SetMember gives an account a role in a team, in place of the one it had. It
// takes an admin of the team, and for more than a service account has, somebody
// who has in every team what it has there: its tokens act in all of them.
func (p *Platform) SetMember(ctx context.Context, name, accountName string, role slipway.Role, only store.Precondition) (*ent.Team, error) {
	if !role.Includes(slipway.RoleViewer) {
		return nil, slipway.Errorf(slipway.Invalid, "%q is not a role; there are viewer, developer, maintainer and admin", store.Printable(string(role))).At("role")
	}
	t, err := p.teamFor(ctx, name, slipway.PermitTeam)
	if err != nil {
		return nil, err
	}
	a, err := p.Account(ctx, accountName)
	if err != nil {
		return nil, err
	}
	before := map[string]string{}
	for _, m := range t.Edges.Memberships {
		if m.AccountID == a.ID {
			before["role"] = string(m.Role)
		}
	}
	err = p.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		now, err := fresh(ctx, tx.Client(), a.ID)
		if err != nil {
			return err
		}
		wider := widens(now, t.ID, role)
		if wider && now.Kind == account.KindService && !handles(slipway.ViewerFrom(ctx), now) {
			err := errHandled(now)
			p.audit.Refused(ctx, "team.member_set", "", "", err.Error())
			return err
		}
		if err := reviseTeam(ctx, tx.Client(), t, only); err != nil {
			return err
		}
		p.recordTeam(ctx, "team.member_set", name, "account "+a.Name, map[string]string{"role": string(role)}, before)
		err = tx.Membership.Create().SetAccountID(a.ID).SetTeamID(t.ID).SetRole(membership.Role(role)).
			OnConflictColumns(membership.FieldAccountID, membership.FieldTeamID).
			Update(func(u *ent.MembershipUpsert) { u.UpdateRole().UpdateUpdatedAt() }).Exec(ctx)
		if err != nil || !wider {
			return err
		}
		return p.endForeignTokens(ctx, tx.Client(), a.ID)
	})
	if err != nil {
		return nil, err
	}
	p.look(ctx, 0, 0) // gates count who may approve now
	return p.Team(ctx, name)
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
func (p *Platform) RemoveMember(ctx context.Context, name, accountName string, only store.Precondition) error {
	permission := slipway.PermitTeam
	if accountName == slipway.ViewerFrom(ctx).Name {
		permission = slipway.PermitServiceRead
		if _, err := p.signedIn(ctx, slipway.PermitSelf); err != nil {
			return err
		}
	}
	t, err := p.teamFor(ctx, name, permission)
	if err != nil {
		return err
	}
	err = p.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		if err := reviseTeam(ctx, tx.Client(), t, only); err != nil {
			return err
		}
		n, err := tx.Membership.Delete().Where(membership.TeamID(t.ID), membership.HasAccountWith(account.Name(accountName))).Exec(ctx)
		p.recordTeam(ctx, "team.member_removed", name, "account "+accountName, nil)
		if err == nil && n == 0 {
			return slipway.Errorf(slipway.NotFound, "%s is not in team %s", store.Printable(accountName), name)
		}
		return err
	})
	if err == nil {
		p.look(ctx, 0, 0) // gates count who may approve now
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
