package catalog

import (
	"context"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/servicepolicy"
	"github.com/slipway-dev/slipway/store"
)

// mayTake refuses a path of a service's own that leads past an environment.
func (cat *Catalog) mayTake(ctx context.Context, db *ent.Client, s *ent.Service, policies map[int]*ent.ServicePolicy, path []string) error {
	if slices.Equal(path, s.Environments) {
		return nil
	}
	all, err := InOrder(ctx, db)
	if err != nil {
		return err
	}
	common := stops(all, policies)
	return cat.mayShorten(ctx, "this path lets releases of "+s.Name, slipway.Shortcuts(along(common, s.Environments), along(common, path), common))
}

// mayReorder refuses an order of the environments that leads past one of them, for
// any service that takes them in the platform's order.
func (cat *Catalog) mayReorder(ctx context.Context, db *ent.Client, was, is []*ent.Environment) error {
	policies, err := policiesOf(ctx, db)
	if err != nil {
		return err
	}
	policies[0] = nil // who asks for nothing beyond
	for _, own := range policies {
		before, after := stops(was, own), stops(is, own)
		if err := cat.mayShorten(ctx, "this order lets releases", slipway.Shortcuts(before, after, before)); err != nil {
			return err
		}
	}
	return nil
}

func (cat *Catalog) mayShorten(ctx context.Context, does string, cuts []slipway.Shortcut) error {
	if len(cuts) == 0 {
		return nil
	}
	words := make([]string, len(cuts))
	for i, c := range cuts {
		words[i] = c.String()
	}
	return cat.people.InPerson(ctx, does+" "+strings.Join(words, ", "))
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
