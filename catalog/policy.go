package catalog

import (
	"cmp"
	"context"
	"encoding/json"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/account"
	"github.com/slipway-dev/slipway/ent/servicepolicy"
	"github.com/slipway-dev/slipway/ent/team"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/store"
)

// ServicePolicy is what holds for a service in an environment.
type ServicePolicy struct {
	Policy   slipway.Policy       // in force
	Change   slipway.PolicyChange // what the service asks beyond the environment's own
	Held     []string             // fields of Change that ask for less than the environment, whose value is in force
	Revision int                  // of Change; 0 when the service asks for nothing
}

// PolicyOf tells what holds for a service in an environment.
func (cat *Catalog) PolicyOf(ctx context.Context, serviceName, environmentName string) (ServicePolicy, error) {
	s, err := cat.Service(ctx, serviceName)
	if err != nil {
		return ServicePolicy{}, err
	}
	e, err := cat.Environment(ctx, environmentName)
	if err != nil {
		return ServicePolicy{}, err
	}
	return PolicyOf(ctx, cat.db, s.ID, e)
}

// PolicyOf is what holds for a service in an environment: the policy of that, raised by its own.
func PolicyOf(ctx context.Context, db *ent.Client, service int, e *ent.Environment) (ServicePolicy, error) {
	row, err := db.ServicePolicy.Query().Where(servicepolicy.ServiceID(service), servicepolicy.EnvironmentID(e.ID)).Only(ctx)
	if ent.IsNotFound(err) {
		return ServicePolicy{Policy: e.Policy.Defaults()}, nil
	}
	if err != nil {
		return ServicePolicy{}, err
	}
	return raised(e, row), nil
}

// raised is what holds: the environment's policy is a floor.
func raised(e *ent.Environment, row *ent.ServicePolicy) ServicePolicy {
	policy, held := e.Policy.With(row.Change).Raised(e.Policy)
	return ServicePolicy{Policy: policy, Change: row.Change, Held: held, Revision: row.Revision}
}

// OwnPolicy is what one service asks.
type OwnPolicy struct {
	Service string
	ServicePolicy
}

// OwnPolicies lists what services ask in an environment, as far as the viewer may
// see them.
func (cat *Catalog) OwnPolicies(ctx context.Context, environmentName string) ([]OwnPolicy, error) {
	e, err := cat.Environment(ctx, environmentName)
	if err != nil {
		return nil, err
	}
	query := cat.db.ServicePolicy.Query().Where(servicepolicy.EnvironmentID(e.ID)).WithService()
	if seen := identity.Visible(ctx); seen != nil {
		query.Where(servicepolicy.HasServiceWith(seen...))
	}
	rows, err := query.Order(servicepolicy.ByServiceID()).Limit(1000).All(ctx)
	out := make([]OwnPolicy, 0, len(rows))
	for _, row := range rows {
		if row.Change != (slipway.PolicyChange{}) {
			out = append(out, OwnPolicy{row.Edges.Service.Name, raised(e, row)})
		}
	}
	return out, err
}

// belowFloor refuses what a service asks for that is less than its environment does.
func belowFloor(e *ent.Environment, change slipway.PolicyChange) error {
	asked := e.Policy.With(change)
	_, below := asked.Raised(e.Policy)
	if len(below) == 0 {
		return nil
	}
	values, words := described(e.Policy.Defaults(), asked.Defaults()), make([]string, len(below))
	for i, field := range below {
		if words[i] = field; plain(values[field]) {
			words[i] += " (" + values[field] + ")"
		}
	}
	return slipway.Errorf(slipway.Invalid, "%s asks for more by %s, and a service can only raise that; an admin of the platform changes what %s asks of all: slipway policy set --env %s",
		e.Name, strings.Join(words, ", "), e.Name, e.Name).At(below[0])
}

// mayLower refuses a change that weakens a policy to all but an admin of the
// platform in person: whom a gate holds doesn't lower it, and no program does.
func (cat *Catalog) mayLower(ctx context.Context, old, new slipway.Policy, of string) error {
	weaker := slipway.Weaker(old, new)
	if len(weaker) == 0 {
		return nil
	}
	was, is, words := described(old.Defaults(), new.Defaults()), described(new.Defaults(), old.Defaults()), make([]string, len(weaker))
	for i, field := range weaker {
		if words[i] = field; plain(was[field]) && plain(is[field]) {
			words[i] += " from " + was[field] + " to " + is[field]
		}
	}
	return cat.people.InPerson(ctx, "this lowers the policy of "+of+": "+strings.Join(words, ", "))
}

// SetPolicy lays a change over what a service asks in an environment; clear
// drops what it asked for before. What asks for less than the environment is
// Invalid, and what asks for less than before takes an admin of the platform in
// person. Approvals of promotions that wait there are
// void when it moves their plan.
func (cat *Catalog) SetPolicy(ctx context.Context, serviceName, environmentName string, change slipway.PolicyChange, clear bool, revision store.Precondition) (ServicePolicy, error) {
	s, err := cat.people.ServiceFor(ctx, serviceName, slipway.PermitPolicy, environmentName)
	if err != nil {
		return ServicePolicy{}, err
	}
	e, err := cat.Environment(ctx, environmentName)
	if err != nil {
		return ServicePolicy{}, err
	}
	if err := cat.people.Proven(ctx, "changing a policy"); err != nil {
		return ServicePolicy{}, err
	}
	var before, after ServicePolicy
	err = cat.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		if before, err = PolicyOf(ctx, tx.Client(), s.ID, e); err != nil {
			return err
		}
		if err := revision.Holds("the policy of "+s.Name+" in "+e.Name, before.Revision); err != nil {
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
		if err := cat.checkPolicy(ctx, tx.Client(), e.Policy.With(laid)); err != nil {
			return err
		}
		if err := belowFloor(e, change); err != nil {
			return err
		}
		next, _ := e.Policy.With(laid).Raised(e.Policy)
		if err := next.Heeded(before.Policy); err != nil {
			return err
		}
		if err := cat.mayLower(ctx, before.Policy, next, s.Name+" in "+e.Name); err != nil {
			return err
		}
		if before.Revision == 0 {
			err = tx.ServicePolicy.Create().SetServiceID(s.ID).SetEnvironmentID(e.ID).SetChange(laid).Exec(ctx)
			if ent.IsConstraintError(err) {
				return store.ErrOutdated("the policy of " + s.Name + " in " + e.Name)
			}
		} else {
			var n int
			n, err = tx.ServicePolicy.Update().Where(servicepolicy.ServiceID(s.ID), servicepolicy.EnvironmentID(e.ID), servicepolicy.Revision(before.Revision)).
				SetChange(laid).AddRevision(1).Save(ctx)
			if err == nil && n == 0 {
				return store.ErrOutdated("the policy of " + s.Name + " in " + e.Name)
			}
		}
		if err != nil {
			return err
		}
		if after, err = PolicyOf(ctx, tx.Client(), s.ID, e); err != nil {
			return err
		}
		cat.journal.Happened(ctx, "policy.changed", s.Name, e.Name, 0, described(after.Policy, before.Policy), described(before.Policy, after.Policy))
		return nil
	})
	if err != nil {
		cat.people.DeniedWhile(ctx, "policy.changed", s.Name, e.Name, err)
		return ServicePolicy{}, err
	}
	cat.changed(ctx, s.ID, e.ID)
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
	is, was, out := fields(policy), fields(from), map[string]string{}
	for name := range was {
		if _, there := is[name]; !there { // its zero value is left out
			is[name] = json.RawMessage("unset")
		}
	}
	for name, value := range is {
		if string(value) != string(was[name]) {
			out[name] = strings.Trim(string(value), `"`)
		}
	}
	return out
}

// plain tells whether the value of a field can stand in a sentence.
func plain(value string) bool { return value != "" && !strings.ContainsAny(value[:1], "[{") }

// checkPolicy refuses a policy that makes no sense, or names nobody.
func (cat *Catalog) checkPolicy(ctx context.Context, db *ent.Client, policy slipway.Policy) error {
	if err := policy.Validate(); err != nil {
		return err
	}
	for _, name := range policy.Approvers {
		if teamName, ok := strings.CutPrefix(name, "team:"); ok {
			if found, err := db.Team.Query().Where(team.Name(teamName)).Exist(ctx); err != nil || !found {
				return cmp.Or[error](err, slipway.Errorf(slipway.Invalid, "there is no team %s", store.Printable(teamName)).At("approvers"))
			}
			continue
		}
		if found, err := db.Account.Query().Where(account.Name(name), account.KindEQ(account.KindPerson)).Exist(ctx); err != nil || !found {
			return cmp.Or[error](err, slipway.Errorf(slipway.Invalid, "there is nobody called %s", store.Printable(name)).At("approvers"))
		}
	}
	return nil
}
