package catalog

import (
	"context"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/domain"
	"github.com/slipway-dev/slipway/ent/environment"
	"github.com/slipway-dev/slipway/store"
)

// Suit gives a service that takes names of this machine alone, such as localhost, one of
// them, so that it is found without anybody's doing. It does so in the first environment,
// at an edge that answers this machine alone, where the service has no name of its own
// and nobody has that one: what is given is of no use to others, and a maintainer can
// take it away and give it to another service.
func (cat *Catalog) Suit(ctx context.Context, d slipway.Deployment) (string, error) {
	name := d.Manifest.Hosts.LocalName(slipway.DefaultHost(d.Service, d.Environment, ""), d.Config.Env)
	if name == "" || !cat.ports.OneMachine || cat.ports.BaseDomain != "" {
		return "", nil
	}
	ctx = store.AsSystem(ctx)
	first, err := cat.db.Environment.Query().Order(environment.ByPosition(), environment.ByID()).First(ctx)
	if ent.IsNotFound(err) || err == nil && first.Name != d.Environment {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	own, err := cat.Domains(ctx, d.Service, d.Environment)
	if err != nil || len(own) > 0 {
		return "", err
	}
	taken, err := cat.db.Domain.Query().Where(domain.Name(name)).Exist(ctx)
	if err != nil || taken {
		return "", err
	}
	_, err = cat.AddDomain(ctx, d.Service, d.Environment, DomainInput{Name: name})
	if slipway.CodeOf(err) == slipway.Conflict { // somebody was quicker: the probes say what is wrong
		return "", nil
	}
	return name, err
}
