package service

import (
	"net/http"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/store"
	"github.com/slipway-dev/slipway/web/shell"
	"github.com/slipway-dev/slipway/web/words"
)

// settingsView is what can be changed of a service.
type settingsView struct {
	Teams        []*ent.Team // that may own it
	All          []string    // environments, in order
	Overrides    overridesView
	OverridesErr string
	Domains      domainsView
}

func (p *pages) showSettings(c *shell.Call) error {
	v, err := p.serviceOf(c, "settings")
	if err != nil {
		return err
	}
	return p.settingsOf(c, v, http.StatusOK, settingsView{Overrides: overridesView{Overrides: slipway.Overrides(v.Overrides)}})
}

func (p *pages) settingsOf(c *shell.Call, v serviceView, status int, w settingsView) error {
	teams, err := p.Teams(c.Ctx)
	if err != nil {
		return err
	}
	environments, err := p.Environments(c.Ctx)
	if err != nil {
		return err
	}
	for _, e := range environments {
		w.All = append(w.All, e.Name)
	}
	for _, t := range teams {
		if t.ID == v.TeamID || c.Viewer.May(slipway.PermitServiceAdd, t.ID, "") == slipway.Allowed {
			w.Teams = append(w.Teams, t)
		}
	}
	if w.Domains, err = p.domains(c, v); err != nil {
		return err
	}
	return c.Show(status, settingsPage(c.Frame("Settings of "+v.Name, "overview"), v, w))
}

func (p *pages) changeService(c *shell.Call) error {
	v, err := p.serviceOf(c, "settings")
	if err != nil {
		return err
	}
	url, path, branch, team, kind := c.Form("url"), strings.Trim(c.Form("path"), "/"), c.Form("branch"), c.Form("team"), slipway.ServiceKind(c.Form("kind"))
	change := catalog.ServiceChange{URL: &url, Path: &path, Branch: &branch, Kind: &kind, Token: slipway.NewSecret(c.Form("git_token")), If: store.Precondition{c.Form("revision")}}
	if c.Form("git_open") != "" {
		none := slipway.SecretRef("")
		change.Credential = &none
	}
	own := strings.FieldsFunc(c.Form("environments"), func(r rune) bool { return r == ',' || r == ' ' })
	change.Environments = &own
	if team != "" {
		change.Team = &team
	}
	if _, err := p.UpdateService(c.Ctx, v.Name, change); err != nil {
		return err
	}
	return c.To(string(words.Path("services", v.Name, "settings")), "The settings are saved. Promotions under way go on with what they started with.")
}

func (p *pages) removeService(c *shell.Call) error {
	v, err := p.serviceOf(c, "settings")
	if err != nil {
		return err
	}
	if c.Form("name") != v.Name {
		return slipway.Errorf(slipway.Invalid, "nothing was removed: the name that was typed is not %s", v.Name).At("name")
	}
	if err := p.RemoveService(c.Ctx, v.Name, store.Precondition{c.Form("revision")}); err != nil {
		return err
	}
	return c.To("/", v.Name+" is stopped everywhere and removed.")
}
