package platform

import (
	"context"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/account"
	"github.com/slipway-dev/slipway/ent/servicepolicy"
	"github.com/slipway-dev/slipway/store"
)

// inPerson refuses what lowers a gate to all but an admin of the platform who is
// there: whom a gate holds doesn't lower it, no program does, and nobody who sits
// at a browser that was left open. does says what it is that they want.
func (p *Platform) inPerson(ctx context.Context, does string) error {
	v := slipway.ViewerFrom(ctx)
	if v.Admin && v.InPerson() {
		return p.proven(ctx, "what lowers a gate")
	}
	ask := p.whom(ctx, account.Admin(true))
	if v.Admin {
		ask = "; sign in and do it yourself"
	}
	return slipway.Errorf(slipway.Denied, "%s; that takes an admin of the platform in person, and no token or program%s", does, ask)
}

// deniedWhile puts on record what was refused in the middle of a change.
func (p *Platform) deniedWhile(ctx context.Context, action, service, environment string, err error) {
	if slipway.CodeOf(err) == slipway.Denied {
		p.audit.Refused(ctx, action, service, environment, err.Error())
	}
}

// mayTake refuses a path of a service's own that leads past an environment.
func (p *Platform) mayTake(ctx context.Context, db *ent.Client, s *ent.Service, policies map[int]*ent.ServicePolicy, path []string) error {
	if slices.Equal(path, s.Environments) {
		return nil
	}
	all, err := inOrder(ctx, db)
	if err != nil {
		return err
	}
	common := stops(all, policies)
	return p.mayShorten(ctx, "this path lets releases of "+s.Name, slipway.Shortcuts(along(common, s.Environments), along(common, path), common))
}

// mayReorder refuses an order of the environments that leads past one of them, for
// any service that takes them in the platform's order.
func (p *Platform) mayReorder(ctx context.Context, db *ent.Client, was, is []*ent.Environment) error {
	policies, err := policiesOf(ctx, db)
	if err != nil {
		return err
	}
	policies[0] = nil // who asks for nothing beyond
	for _, own := range policies {
		before, after := stops(was, own), stops(is, own)
		if err := p.mayShorten(ctx, "this order lets releases", slipway.Shortcuts(before, after, before)); err != nil {
			return err
		}
	}
	return nil
}

func (p *Platform) mayShorten(ctx context.Context, does string, cuts []slipway.Shortcut) error {
	if len(cuts) == 0 {
		return nil
	}
	words := make([]string, len(cuts))
	for i, c := range cuts {
		words[i] = c.String()
	}
	return p.inPerson(ctx, does+" "+strings.Join(words, ", "))
}

// policiesOf are what services ask, by service and environment: of all of them
// that take the platform's path, when none is named.
func policiesOf(ctx context.Context, db *ent.Client, services ...int) (map[int]map[int]*ent.ServicePolicy, error) {
	query := db.ServicePolicy.Query().WithService()
	if len(services) > 0 {
		query.Where(servicepolicy.ServiceIDIn(services...))
	}
	rows, err := query.All(store.AsSystem(ctx)) // whoever orders them need not see all services
	out := map[int]map[int]*ent.ServicePolicy{}
	for _, row := range rows {
		if len(services) == 0 && len(row.Edges.Service.Environments) > 0 {
			continue
		}
		if out[row.ServiceID] == nil {
			out[row.ServiceID] = map[int]*ent.ServicePolicy{}
		}
		out[row.ServiceID][row.EnvironmentID] = row
	}
	return out, err
}

// stops are environments in their order, with what holds there for who asks for
// more by its own policies.
func stops(all []*ent.Environment, own map[int]*ent.ServicePolicy) []slipway.Stop {
	out := make([]slipway.Stop, len(all))
	for i, policy := range inForceOn(all, own) {
		out[i] = slipway.StopOf(all[i].Name, policy)
	}
	return out
}

// inForceOn is what holds in environments for who asks for more by its own policies.
func inForceOn(all []*ent.Environment, own map[int]*ent.ServicePolicy) []slipway.Policy {
	out := make([]slipway.Policy, len(all))
	for i, e := range all {
		out[i] = e.Policy.Defaults()
		if row := own[e.ID]; row != nil {
			out[i] = raised(e, row).Policy
		}
	}
	return out
}

// along are the stops of a path: of all of them when it is empty.
func along(all []slipway.Stop, path []string) []slipway.Stop {
	if len(path) == 0 {
		return all
	}
	var out []slipway.Stop
	for _, name := range path {
		for _, s := range all {
			if s.Name == name {
				out = append(out, s)
			}
		}
	}
	return out
}

// comesIn refuses what lets somebody in as somebody to all but an admin of the
// platform in person: else a program would make itself a person first.
func (p *Platform) comesIn(ctx context.Context, action, does string) error {
	err := p.inPerson(ctx, does)
	p.deniedWhile(ctx, action, "", "", err)
	return err
}

// lets says how a change of somebody else's account lets somebody in, or in as
// more: "" when it doesn't. A provider knows people by their addresses.
func (c AccountChange) lets(a *ent.Account) string {
	switch {
	case c.Admin != nil && *c.Admin && !a.Admin:
		return "this makes " + a.Name + " an admin of the platform"
	case c.Active != nil && *c.Active && !a.Active:
		return "this lets " + a.Name + " in again"
	case c.Email != nil && *c.Email != a.Email:
		return "this lets whoever a provider gives the address " + store.Printable(*c.Email) + " in as " + a.Name
	}
	return ""
}
