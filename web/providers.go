package web

import (
	"net/http"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/store"
)

// signInView is how people sign in, for admins.
type signInView struct {
	Providers []*ent.IdentityProvider
	Passwords bool
	Callback  string // what comes before a provider's name
	Err       string
}

func (p *portal) showSignIn(c *call) error { return p.signInPage(c, http.StatusOK, "") }

func (p *portal) signInPage(c *call, status int, problem string) error {
	v := signInView{Err: problem, Callback: p.Address + identity.CallbackPath}
	var err error
	if v.Providers, err = p.Providers(c.ctx); err != nil {
		return err
	}
	if _, v.Passwords, err = p.WaysIn(c.ctx); err != nil {
		return err
	}
	return c.show(status, signInPage(c.frame("How people sign in", "teams"), v))
}

func (p *portal) changePasswords(c *call) error {
	on := c.form("passwords") == "on"
	if err := p.SetLocalSignIn(c.ctx, on); err != nil {
		return formRefused(err, func(status int, problem string) error { return p.signInPage(c, status, problem) })
	}
	said := "Passwords are switched off. People come in through providers."
	if on {
		said = "Passwords are switched on."
	}
	return c.to("/settings/sign-in", said)
}

// rules reads a rule a line.
func (c *call) rules() ([]slipway.GroupRule, error) {
	rules := []slipway.GroupRule{}
	for line := range strings.Lines(c.form("groups")) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		r, err := slipway.ParseGroupRule(line)
		if err != nil {
			return nil, err
		}
		rules = append(rules, r)
	}
	return rules, nil
}

func (p *portal) addProvider(c *call) error {
	refused := func(err error) error {
		return formRefused(err, func(status int, problem string) error { return p.signInPage(c, status, problem) })
	}
	rules, err := c.rules()
	if err != nil {
		return refused(err)
	}
	row, err := p.AddProvider(c.ctx, identity.ProviderInput{
		Name: c.form("name"), DisplayName: c.form("display_name"), Issuer: c.form("issuer"), ClientID: c.form("client_id"), ClientSecret: c.secretOf("client_secret"),
		Scopes: strings.Fields(c.form("scopes")), GroupsClaim: c.form("groups_claim"), Groups: rules, Open: c.form("open") != "", TrustMFA: c.form("trust_mfa") != "",
	})
	if err != nil {
		return refused(err)
	}
	return c.to(string(at("settings", "providers", row.Name)), row.Name+" is added. Register the redirect URI there, then sign in once to try it.")
}

// providerView is one provider.
type providerView struct {
	*ent.IdentityProvider
	Callback string
	Err      string
}

// fresh is a provider of which nothing is known yet.
func (signInView) fresh() providerView {
	return providerView{IdentityProvider: &ent.IdentityProvider{}}
}

// lines are the rules, one a line.
func (v providerView) lines() string {
	var b strings.Builder
	for _, r := range v.Groups {
		b.WriteString(r.String() + "\n")
	}
	return b.String()
}

func (p *portal) showProvider(c *call) error { return p.providerPage(c, http.StatusOK, "") }

func (p *portal) providerPage(c *call, status int, problem string) error {
	row, err := p.Provider(c.ctx, c.r.PathValue("provider"))
	if err != nil {
		return err
	}
	v := providerView{IdentityProvider: row, Callback: p.Address + identity.CallbackPath + row.Name, Err: problem}
	return c.show(status, providerPage(c.frame(row.Name, "teams"), v))
}

func (p *portal) changeProvider(c *call) error {
	refused := func(err error) error {
		return formRefused(err, func(status int, problem string) error { return p.providerPage(c, status, problem) })
	}
	rules, err := c.rules()
	if err != nil {
		return refused(err)
	}
	title, id, claim, scopes := c.form("display_name"), c.form("client_id"), c.form("groups_claim"), strings.Fields(c.form("scopes"))
	open, active, trusted := c.form("open") != "", c.form("active") != "", c.form("trust_mfa") != ""
	name := c.r.PathValue("provider")
	if _, err := p.UpdateProvider(c.ctx, name, identity.ProviderChange{
		DisplayName: &title, ClientID: &id, GroupsClaim: &claim, ClientSecret: c.secretOf("client_secret"), Scopes: &scopes, Groups: &rules, Open: &open, Active: &active, TrustMFA: &trusted,
		If: store.Precondition{c.form("revision")},
	}); err != nil {
		return refused(err)
	}
	return c.to(string(at("settings", "providers", name)), name+" is kept.")
}

func (p *portal) removeProvider(c *call) error {
	name := c.r.PathValue("provider")
	if c.form("name") != name {
		return p.providerPage(c, http.StatusBadRequest, "Nothing was removed: the name that was typed is not "+name+".")
	}
	if err := p.RemoveProvider(c.ctx, name, store.Precondition{c.form("revision")}); err != nil {
		return formRefused(err, func(status int, problem string) error { return p.providerPage(c, status, problem) })
	}
	return c.to("/settings/sign-in", name+" is removed. Its people keep their accounts.")
}
