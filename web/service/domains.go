package service

import (
	"net/url"

	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/web/shell"
	"github.com/slipway-dev/slipway/web/words"
)

// domainsView is the host names of a service, and the form for another.
type domainsView struct {
	Rows         []domainRow
	Environments []string // in order
}

// domainRow is one name; a default one has no Domain.
type domainRow struct {
	*ent.Domain
	Environment string
	Name        string
	First       bool // that links and checks use
}

func (p *pages) domains(c *shell.Call, v serviceView) (d domainsView, err error) {
	environments, err := p.Environments(c.Ctx)
	if err != nil {
		return d, err
	}
	for _, e := range environments {
		d.Environments = append(d.Environments, e.Name)
		own, err := p.Domains(c.Ctx, v.Name, e.Name)
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
func (p *pages) changeDomains(c *shell.Call) error {
	v, err := p.serviceOf(c, "settings")
	if err != nil {
		return err
	}
	environment := c.Form("env")
	done := string(words.Path("services", v.Name, "settings")) + "#domains"
	if name := c.Form("remove"); name != "" {
		if err := p.RemoveDomain(c.Ctx, v.Name, environment, name); err != nil {
			return err
		}
		return c.To(done, v.Name+" doesn't answer to "+name+" in "+environment+" any more.")
	}
	added, err := p.AddDomain(c.Ctx, v.Name, environment, catalog.DomainInput{Name: c.Form("name"), First: c.Form("first") != ""})
	if err != nil {
		return err
	}
	return c.To(done, v.Name+" answers to "+added.Name+" in "+environment+".")
}
