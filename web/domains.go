package web

import (
	"net/url"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
)

// domainsView is the host names of a service, and the form for another.
type domainsView struct {
	Rows         []domainRow
	Environments []string // in order
	Typed        string   // where it was refused
	Environment  string   // that is chosen
	First        bool
	Err          string
}

// domainRow is one name; a default one has no Domain.
type domainRow struct {
	*ent.Domain
	Environment string
	Name        string
	First       bool // that links and checks use
}

// domains fills what there is; what was typed stays.
func (p *portal) domains(c *call, v serviceView, d domainsView) (domainsView, error) {
	environments, err := p.Environments(c.ctx)
	if err != nil {
		return d, err
	}
	for _, e := range environments {
		d.Environments = append(d.Environments, e.Name)
		own, err := p.Domains(c.ctx, v.Name, e.Name)
		if err != nil {
			return d, err
		}
		for i, domain := range own {
			d.Rows = append(d.Rows, domainRow{Domain: domain, Environment: e.Name, Name: domain.Name, First: i == 0})
		}
		if u, err := url.Parse(p.URL(v.Name, e.Name)); err == nil && u.Host != "" {
			d.Rows = append(d.Rows, domainRow{Environment: e.Name, Name: u.Hostname(), First: len(own) == 0})
		}
	}
	return d, nil
}

// changeDomains adds a name, or takes one away.
func (p *portal) changeDomains(c *call) error {
	v, err := p.serviceOf(c, "settings")
	if err != nil {
		return err
	}
	d := domainsView{Typed: c.form("name"), Environment: c.form("env"), First: c.form("first") != ""}
	done := string(at("services", v.Name, "settings")) + "#domains"
	if name := c.form("remove"); name != "" {
		if err := p.RemoveDomain(c.ctx, v.Name, d.Environment, name); err != nil {
			return err
		}
		return c.to(done, v.Name+" doesn't answer to "+name+" in "+d.Environment+" any more.")
	}
	added, err := p.AddDomain(c.ctx, v.Name, d.Environment, catalog.DomainInput{Name: d.Typed, First: d.First})
	if err != nil {
		if code := slipway.CodeOf(err); code != slipway.Invalid && code != slipway.Conflict {
			return err
		}
		d.Err = sentence(err)
		return p.settingsOf(c, v, statusOf(err), settingsView{Domains: d, Overrides: overridesView{Overrides: slipway.Overrides(v.Overrides)}})
	}
	return c.to(done, v.Name+" answers to "+added.Name+" in "+d.Environment+".")
}
