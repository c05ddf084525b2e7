package platform

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/account"
	"github.com/slipway-dev/slipway/ent/servicepolicy"
	"github.com/slipway-dev/slipway/ent/team"
)

// ServicePolicy is what holds for a service in an environment.
type ServicePolicy struct {
	Policy   slipway.Policy       // in force
	Change   slipway.PolicyChange // what the service asks beyond, or instead of, the environment's own
	Revision int                  // of Change; 0 when the service asks for nothing
}

// PolicyOf tells what holds for a service in an environment.
func (p *Platform) PolicyOf(ctx context.Context, serviceName, environmentName string) (ServicePolicy, error) {
	s, err := p.Service(ctx, serviceName)
	if err != nil {
		return ServicePolicy{}, err
	}
	e, err := p.Environment(ctx, environmentName)
	if err != nil {
		return ServicePolicy{}, err
	}
	return policyOf(ctx, p.db, s.ID, e)
}

func policyOf(ctx context.Context, db *ent.Client, service int, e *ent.Environment) (ServicePolicy, error) {
	row, err := db.ServicePolicy.Query().Where(servicepolicy.ServiceID(service), servicepolicy.EnvironmentID(e.ID)).Only(ctx)
	if ent.IsNotFound(err) {
		return ServicePolicy{Policy: e.Policy.Defaults()}, nil
	}
	if err != nil {
		return ServicePolicy{}, err
	}
	return ServicePolicy{Policy: e.Policy.With(row.Change).Defaults(), Change: row.Change, Revision: row.Revision}, nil
}

// SetPolicy lays a change over what a service asks in an environment; clear
// drops what it asked for before. Approvals of promotions that wait there are
// void when it moves their plan.
func (p *Platform) SetPolicy(ctx context.Context, serviceName, environmentName string, change slipway.PolicyChange, clear bool, revision Precondition) (ServicePolicy, error) {
	s, err := p.service(ctx, serviceName, slipway.PermitPolicy, environmentName)
	if err != nil {
		return ServicePolicy{}, err
	}
	e, err := p.Environment(ctx, environmentName)
	if err != nil {
		return ServicePolicy{}, err
	}
	var before, after ServicePolicy
	err = p.recorded(ctx, func(ctx context.Context, tx *ent.Tx) error {
		if before, err = policyOf(ctx, tx.Client(), s.ID, e); err != nil {
			return err
		}
		if err := revision.holds("the policy of "+s.Name+" in "+e.Name, before.Revision); err != nil {
			return err
		}
		laid := before.Change.Over(change)
		if clear {
			if before.Revision == 0 {
				after = before
				return nil
			}
			laid = change
		}
		if err := p.checkPolicy(ctx, tx.Client(), e.Policy.With(laid)); err != nil {
			return err
		}
		if before.Revision == 0 {
			err = tx.ServicePolicy.Create().SetServiceID(s.ID).SetEnvironmentID(e.ID).SetChange(laid).Exec(ctx)
			if ent.IsConstraintError(err) {
				return errOutdated("the policy of " + s.Name + " in " + e.Name)
			}
		} else {
			var n int
			n, err = tx.ServicePolicy.Update().Where(servicepolicy.ServiceID(s.ID), servicepolicy.EnvironmentID(e.ID), servicepolicy.Revision(before.Revision)).
				SetChange(laid).AddRevision(1).Save(ctx)
			if err == nil && n == 0 {
				return errOutdated("the policy of " + s.Name + " in " + e.Name)
			}
		}
		if err != nil {
			return err
		}
		if after, err = policyOf(ctx, tx.Client(), s.ID, e); err != nil {
			return err
		}
		p.record(ctx, "policy.changed", s.Name, e.Name, 0, described(after.Policy, before.Policy), described(before.Policy, after.Policy))
		return nil
	})
	if err != nil {
		return ServicePolicy{}, err
	}
	p.look(ctx, s.ID, e.ID)
	return after, nil
}

// described lists the fields of a policy that differ from another one's.
func described(policy, from slipway.Policy) map[string]string {
	fields := func(p slipway.Policy) map[string]json.RawMessage {
		text, _ := json.Marshal(p)
		var out map[string]json.RawMessage
		_ = json.Unmarshal(text, &out)
		return out
	}
	others, out := fields(from), map[string]string{}
	for name, value := range fields(policy) {
		if string(value) != string(others[name]) {
			out[name] = strings.Trim(string(value), `"`)
		}
	}
	return out
}

// checkPolicy refuses a policy that makes no sense, or names nobody.
func (p *Platform) checkPolicy(ctx context.Context, db *ent.Client, policy slipway.Policy) error {
	if err := policy.Validate(); err != nil {
		return err
	}
	for _, name := range policy.Approvers {
		if teamName, ok := strings.CutPrefix(name, "team:"); ok {
			if found, err := db.Team.Query().Where(team.Name(teamName)).Exist(ctx); err != nil || !found {
				return or(err, slipway.Errorf(slipway.Invalid, "there is no team %s", printable(teamName)).At("approvers"))
			}
			continue
		}
		if found, err := db.Account.Query().Where(account.Name(name), account.KindEQ(account.KindPerson)).Exist(ctx); err != nil || !found {
			return or(err, slipway.Errorf(slipway.Invalid, "there is nobody called %s", printable(name)).At("approvers"))
		}
	}
	return nil
}

func or(err, other error) error {
	if err != nil {
		return err
	}
	return other
}
