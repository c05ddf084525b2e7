package catalog

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/idna"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/domain"
	"github.com/slipway-dev/slipway/ent/service"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/store"
)

// DomainInput is a host name to add.
type DomainInput struct {
	Name  string // as people write it
	First bool   // links and checks use it from now on
}

// domainForm is how browsers look a name up (UTS 46): in lower case and with xn--.
var domainForm = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true))

// DomainName is a host name in the form in which it is kept and routed.
func DomainName(name string) (string, error) {
	name = strings.TrimSuffix(strings.TrimSpace(name), ".")
	if len(name) > 1000 {
		return "", slipway.Errorf(slipway.Invalid, "name has %d characters; at most 253 are allowed", len(name)).At("name")
	}
	ascii, err := domainForm.ToASCII(name)
	if err == nil {
		return ascii, slipway.CheckDomain("name", ascii)
	}
	if said := slipway.CheckDomain("name", strings.ToLower(name)); said != nil { // in better words
		return "", said
	}
	return "", slipway.Errorf(slipway.Invalid, "%q is not a host name as browsers look it up; give one as in shop.example.com", store.Printable(name)).At("name")
}

// Domains are the host names that a service has been given in an environment, the one
// that links and checks use first.
func (cat *Catalog) Domains(ctx context.Context, serviceName, environmentName string) ([]*ent.Domain, error) {
	s, err := cat.Service(ctx, serviceName)
	if err != nil {
		return nil, err
	}
	e, err := cat.Environment(ctx, environmentName)
	if err != nil {
		return nil, err
	}
	return domainsOf(ctx, cat.db, s, e)
}

func domainsOf(ctx context.Context, db *ent.Client, s *ent.Service, e *ent.Environment) ([]*ent.Domain, error) {
	return db.Domain.Query().Where(domain.ServiceID(s.ID), domain.EnvironmentID(e.ID)).Order(domain.ByPosition(), domain.ByID()).All(ctx)
}

// AddDomain gives a service a host name in an environment. It leads there at once,
// also to what runs already. A name that something on the platform has is a Conflict,
// in the same words whoever has it. One that the service has there is made the first
// one, if that is asked for.
func (cat *Catalog) AddDomain(ctx context.Context, serviceName, environmentName string, in DomainInput) (*ent.Domain, error) {
	s, err := cat.people.ServiceFor(ctx, serviceName, slipway.PermitDomain, environmentName)
	if err != nil {
		return nil, err
	}
	e, err := cat.Environment(ctx, environmentName)
	if err != nil {
		return nil, err
	}
	name, err := DomainName(in.Name)
	if err != nil {
		return nil, err
	}
	if slipway.Reserved(name, cat.ports.BaseDomain, cat.ports.OwnNames) {
		return nil, slipway.Errorf(slipway.Conflict, "%s is one of the platform's own names, or lies where it gives names by itself; give another one", name).At("name")
	}
	var added *ent.Domain
	err = cat.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		own, err := domainsOf(ctx, tx.Client(), s, e)
		if err != nil {
			return err
		}
		at := 0
		if n := len(own); n > 0 {
			if at = own[n-1].Position + 1; in.First {
				at = own[0].Position - 1
			}
		}
		if i := slices.IndexFunc(own, func(d *ent.Domain) bool { return d.Name == name }); i >= 0 {
			if added = own[i]; !in.First {
				return slipway.Errorf(slipway.Conflict, "%s has the name %s in %s already", s.Name, name, e.Name).At("name")
			}
			if i == 0 {
				return nil
			}
			cat.journal.Happened(ctx, "domain.moved", s.Name, e.Name, 0, map[string]string{"first": name}, map[string]string{"first": own[0].Name})
			return tx.Domain.UpdateOneID(added.ID).SetPosition(at).Exec(ctx)
		}
		if len(own) >= slipway.MaxDomains {
			return slipway.Errorf(slipway.Conflict, "%s has %d names in %s, and more are not allowed; remove one first", s.Name, len(own), e.Name).At("name")
		}
		// Unseen by the viewer, it may be another team's.
		has, err := tx.Domain.Query().Where(domain.Name(name)).WithEnvironment().Only(store.AsSystem(ctx))
		switch {
		case err == nil && has.ServiceID == s.ID:
			return slipway.Errorf(slipway.Conflict, "%s has the name %s in %s; take it away there first: slipway domain rm %s %s --env %s", s.Name, name, has.Edges.Environment.Name, s.Name, name, has.Edges.Environment.Name).At("name")
		case err == nil:
			owner, err := tx.Service.Query().Where(service.ID(has.ServiceID)).Where(identity.Visible(ctx)...).Only(ctx)
			if ent.IsNotFound(err) {
				return errDomainTaken(name)
			}
			if err != nil {
				return err
			}
			return slipway.Errorf(slipway.Conflict, "the name %s is taken: %s has it in %s; take it away there first (slipway domain rm %s %s --env %s), or give another one", name, owner.Name, has.Edges.Environment.Name, owner.Name, name, has.Edges.Environment.Name).At("name")
		case !ent.IsNotFound(err):
			return err
		}
		if added, err = tx.Domain.Create().SetServiceID(s.ID).SetEnvironmentID(e.ID).SetName(name).SetPosition(at).SetAddedBy(slipway.Actor(ctx)).Save(ctx); err != nil {
			return err
		}
		cat.journal.Happened(ctx, "domain.added", s.Name, e.Name, 0, map[string]string{"name": name, "first": strconv.FormatBool(in.First || len(own) == 0)})
		return nil
	})
	if ent.IsConstraintError(err) { // somebody was quicker, or the service has gone
		err = errDomainTaken(name)
	}
	if err != nil {
		return nil, err
	}
	cat.answerNow(ctx)
	return added, nil
}

func errDomainTaken(name string) error {
	return slipway.Errorf(slipway.Conflict, "the name %s is taken: services of all teams and environments share their host names on this platform; give another one, or ask an admin of the platform whose it is", name).At("name")
}

// RemoveDomain takes a host name away from a service in an environment. It leads
// nowhere from then on, and can be had by everybody.
func (cat *Catalog) RemoveDomain(ctx context.Context, serviceName, environmentName, name string) error {
	s, err := cat.people.ServiceFor(ctx, serviceName, slipway.PermitDomain, environmentName)
	if err != nil {
		return err
	}
	e, err := cat.Environment(ctx, environmentName)
	if err != nil {
		return err
	}
	if ascii, bad := DomainName(name); bad == nil {
		name = ascii
	}
	err = cat.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		n, err := tx.Domain.Delete().Where(domain.ServiceID(s.ID), domain.EnvironmentID(e.ID), domain.Name(name)).Exec(ctx)
		if err != nil {
			return err
		}
		if n == 0 {
			return slipway.Errorf(slipway.NotFound, "%s has no name %s in %s; `slipway domain ls %s --env %s` lists those that it has", s.Name, store.Printable(name), e.Name, s.Name, e.Name)
		}
		cat.journal.Happened(ctx, "domain.removed", s.Name, e.Name, 0, map[string]string{"name": name}, map[string]string{"name": name})
		return nil
	})
	if err == nil {
		cat.answerNow(ctx)
	}
	return err
}
