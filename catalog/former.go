package catalog

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/formerservice"
	"github.com/slipway-dev/slipway/ent/freeze"
	"github.com/slipway-dev/slipway/ent/servicepolicy"
	"github.com/slipway-dev/slipway/ent/team"
	"github.com/slipway-dev/slipway/store"
)

// remember keeps what held a service that is removed. Else who is held by a policy
// would be rid of it by removing the service and registering its name anew.
func remember(ctx context.Context, tx *ent.Tx, s *ent.Service) error {
	rows, err := tx.ServicePolicy.Query().Where(servicepolicy.ServiceID(s.ID)).All(ctx)
	if err != nil {
		return err
	}
	policies := map[int]slipway.PolicyChange{}
	for _, row := range rows {
		if row.Change != (slipway.PolicyChange{}) {
			policies[row.EnvironmentID] = row.Change
		}
	}
	return tx.FormerService.Create().SetName(s.Name).SetTeamID(s.TeamID).SetEnvironments(s.Environments).SetPolicies(policies).
		OnConflictColumns(formerservice.FieldName).UpdateNewValues().Exec(ctx)
}

// former is what held a service of a name before it was removed: nothing, when
// there was none. Its policies are those of no service yet.
func former(ctx context.Context, db *ent.Client, name string, owner *ent.Team) (*ent.Service, map[int]*ent.ServicePolicy, error) {
	row, err := db.FormerService.Query().Where(formerservice.Name(name)).Only(ctx)
	if ent.IsNotFound(err) {
		return &ent.Service{Name: name, TeamID: owner.ID}, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	policies := map[int]*ent.ServicePolicy{}
	for environment, change := range row.Policies {
		policies[environment] = &ent.ServicePolicy{EnvironmentID: environment, Change: change}
	}
	return &ent.Service{Name: name, TeamID: row.TeamID, Environments: row.Environments}, policies, nil
}

// mayRegister refuses what is registered under the name of a service that was
// removed, when that one was held by more.
func (cat *Catalog) mayRegister(ctx context.Context, tx *ent.Tx, in ServiceInput, owner *ent.Team) (map[int]*ent.ServicePolicy, error) {
	was, policies, err := former(ctx, tx.Client(), in.Name, owner)
	if err != nil {
		return nil, err
	}
	if err := cat.mayTake(ctx, tx.Client(), was, policies, in.Environments); err != nil {
		return nil, err
	}
	return policies, cat.mayMove(ctx, tx.Client(), was, policies, owner)
}

// resume has a service asked for what was asked for under its name before.
func resume(ctx context.Context, tx *ent.Tx, s *ent.Service, policies map[int]*ent.ServicePolicy) error {
	for _, environment := range slices.Sorted(maps.Keys(policies)) {
		if err := tx.ServicePolicy.Create().SetServiceID(s.ID).SetEnvironmentID(environment).SetChange(policies[environment].Change).Exec(ctx); err != nil {
			return err
		}
	}
	_, err := tx.FormerService.Delete().Where(formerservice.Name(s.Name)).Exec(ctx)
	return err
}

// mayMove refuses to give a service to another team while a gate of it rests on
// the one that it is of: who approves is asked of that team, and its freezes hold.
// Who gives it away could be the only one in the other.
func (cat *Catalog) mayMove(ctx context.Context, db *ent.Client, s *ent.Service, policies map[int]*ent.ServicePolicy, to *ent.Team) error {
	if s.TeamID == to.ID {
		return nil
	}
	all, err := InOrder(ctx, db)
	if err != nil {
		return err
	}
	var words, others []string
	for i, policy := range inForceOn(all, policies) {
		if policy.Approvals > 0 || policy.RollbackApprovals > 0 || policy.RollbackRole.Includes(slipway.RoleAdmin) {
			others = append(others, all[i].Name)
		}
	}
	if len(others) > 0 {
		words = append(words, "has other people approve in "+strings.Join(others, ", "))
	}
	frozen, err := db.Freeze.Query().Where(freeze.TeamID(s.TeamID), freeze.EndsAtGT(store.Now())).Exist(ctx)
	if err != nil {
		return err
	}
	of := "another team" // which not everybody may know of, and which may be no more
	if slipway.ViewerFrom(ctx).Sees(s.TeamID) {
		from, err := db.Team.Query().Where(team.ID(s.TeamID)).Only(ctx)
		if err != nil && !ent.IsNotFound(err) {
			return err
		}
		if from != nil {
			of = "team " + from.Name
		}
	}
	if frozen {
		words = append(words, "gets out of a freeze of "+of)
	}
	if len(words) == 0 {
		return nil
	}
	return cat.people.InPerson(ctx, "giving "+s.Name+" from "+of+" to team "+to.Name+" "+strings.Join(words, ", and "))
}
