package platform

import (
	"context"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/account"
	"github.com/slipway-dev/slipway/ent/membership"
	"github.com/slipway-dev/slipway/ent/predicate"
	"github.com/slipway-dev/slipway/ent/team"
)

// electorate is who may approve a promotion.
type electorate struct {
	people []*ent.Account
	new    map[int]string // who could but for being too new to it, and why
	names  []string       // of those
}

// may tells whether somebody may approve.
func (e electorate) may(a *ent.Account) bool {
	return slices.ContainsFunc(e.people, func(one *ent.Account) bool { return one.ID == a.ID })
}

// approvers are the people who may approve a promotion: those whom the policy
// names, members of teams it names from developer on, or else the maintainers
// of the service's team and platform admins. All of them must be able to see the
// service. Whose own change it is, and who is new, is left out as the policy says.
func approvers(ctx context.Context, db *ent.Client, row *ent.Promotion, policy slipway.Policy) (e electorate, err error) {
	teamID := row.Edges.Service.TeamID
	who := []predicate.Account{account.Admin(true), inTeam(teamID, slipway.RoleMaintainer)}
	if len(policy.Approvers) > 0 {
		who = nil
		for _, name := range policy.Approvers {
			if teamName, ok := strings.CutPrefix(name, "team:"); ok {
				who = append(who, account.HasMembershipsWith(membership.HasTeamWith(team.Name(teamName)), membership.RoleNEQ(membership.RoleViewer)))
			} else {
				who = append(who, account.Name(name))
			}
		}
	}
	e.people, err = db.Account.Query().Where(account.Active(true), account.KindEQ(account.KindPerson), account.Or(who...),
		account.Or(account.Admin(true), inTeam(teamID, slipway.RoleViewer))).WithIdentities().WithBylines().Order(account.ByName()).Limit(200).All(ctx)
	if err != nil {
		return e, err
	}
	others := slices.DeleteFunc(slices.Clone(e.people), func(a *ent.Account) bool { return owns(a, row) != "" })
	switch policy.Defaults().OwnChanges {
	case slipway.OwnNever:
		e.people = others
	case slipway.OwnAlone:
		if len(others) > 0 { // somebody who is new is somebody else, too
			e.people = others
		}
	}
	if policy.NewApprovers {
		return e, nil
	}
	if e.new, err = newcomers(ctx, db, row, e.people); err != nil {
		return e, err
	}
	e.people = slices.DeleteFunc(e.people, func(a *ent.Account) bool {
		if e.new[a.ID] != "" {
			e.names = append(e.names, a.Name)
		}
		return e.new[a.ID] != ""
	})
	return e, nil
}

// lapsed tells why what somebody said doesn't count as things stand: because he
// or she may not say it now. A no stays a no. who may is e.
func lapsed(ctx context.Context, db *ent.Client, row *ent.Promotion, policy slipway.Policy, e electorate, d *ent.Decision) (string, error) {
	verdict := slipway.Verdict(d.Verdict)
	if verdict == slipway.VerdictReject {
		return "", nil
	}
	who, err := decider(ctx, db, d.AccountID)
	if slipway.CodeOf(err) == slipway.NotFound {
		return "the account is not active", nil
	}
	if err != nil {
		return "", err
	}
	err = mayDecide(ctx, db, row, policy, who, e, verdict)
	if err == nil && takesFactor(policy, verdict) {
		return uncounted(ctx, db, d.Factor)
	}
	if slipway.CodeOf(err) != slipway.Denied {
		return "", err
	}
	switch {
	case verdict == slipway.VerdictBreakGlass:
		return "the account is no longer an admin of the platform", nil
	case verdict == slipway.VerdictExempt && owns(who, row) != "":
		return who.Name + " " + owns(who, row), nil
	case verdict == slipway.VerdictExempt:
		return "the account is no longer an admin of the service's team", nil
	case who.ID == 0:
		return "there are approvers now", nil
	case owns(who, row) != "":
		return who.Name + " " + owns(who, row), nil
	case e.new[who.ID] != "":
		return e.new[who.ID], nil
	}
	ids, err := db.Account.Query().Where(account.ID(who.ID), account.Or(account.Admin(true), inTeam(row.Edges.Service.TeamID, slipway.RoleViewer))).IDs(ctx)
	switch {
	case err != nil:
		return "", err
	case len(ids) == 0:
		return "the account is no longer in the service's team", nil
	case len(policy.Approvers) > 0:
		return "the account is no longer among those who approve in " + row.Edges.Environment.Name, nil
	}
	return "the account is no longer a maintainer of the service's team", nil
}

// roleOf is the role of the viewer in a team; an admin of the platform has the
// highest in all of them.
func roleOf(ctx context.Context, team int) slipway.Role {
	v := slipway.ViewerFrom(ctx)
	if v.Admin {
		return slipway.RoleAdmin
	}
	return v.Roles[team]
}

// seconded tells whether who goes back with a role needs somebody's yes.
func seconded(rollback bool, role slipway.Role, policy slipway.Policy) bool {
	return rollback && !role.Includes(policy.Defaults().RollbackRole)
}

// inTeam selects accounts whose role in a team is at least another one.
func inTeam(id int, least slipway.Role) predicate.Account {
	var roles []membership.Role
	for _, r := range slipway.Roles {
		if r.Includes(least) {
			roles = append(roles, membership.Role(r))
		}
	}
	return account.HasMembershipsWith(membership.TeamID(id), membership.RoleIn(roles...))
}

func accountNames(list []*ent.Account) []string {
	names := make([]string, len(list))
	for i, a := range list {
		names[i] = a.Name
	}
	return names
}

// namesFor names approvers: where there is nobody, the operator may stand in.
func (e electorate) namesFor(policy slipway.Policy) []string {
	if len(e.people) == 0 && policy.Defaults().OwnChanges != slipway.OwnNever {
		return []string{Operator}
	}
	return accountNames(e.people)
}
