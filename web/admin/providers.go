package admin

import (
	"net/http"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/store"
	"github.com/slipway-dev/slipway/web/shell"
	"github.com/slipway-dev/slipway/web/words"
)

// signInView is how people sign in, for admins.
type signInView struct {
	Providers []*ent.IdentityProvider
	Passwords bool
	Callback  string // what comes before a provider's name
}

func (p *pages) showSignIn(c *shell.Call) error {
	v := signInView{Callback: p.Address + identity.CallbackPath}
	var err error
	if v.Providers, err = p.Providers(c.Ctx); err != nil {
		return err
	}
	if _, v.Passwords, err = p.WaysIn(c.Ctx); err != nil {
		return err
	}
	return c.Show(http.StatusOK, signInPage(c.Frame("How people sign in", "teams"), v))
}

func (p *pages) changePasswords(c *shell.Call) error {
	on := c.Form("passwords") == "on"
	if err := p.SetLocalSignIn(c.Ctx, on); err != nil {
		return err
	}
	said := "Passwords are switched off. People come in through providers."
	if on {
		said = "Passwords are switched on."
	}
	return c.To("/settings/sign-in", said)
}

// rulesOf reads a rule a line.
func rulesOf(c *shell.Call) ([]slipway.GroupRule, error) {
	rules := []slipway.GroupRule{}
	for line := range strings.Lines(c.Form("groups")) {
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

func (p *pages) addProvider(c *shell.Call) error {
	rules, err := rulesOf(c)
	if err != nil {
		return err
	}
	row, err := p.AddProvider(c.Ctx, identity.ProviderInput{
		Name: c.Form("name"), DisplayName: c.Form("display_name"), Issuer: c.Form("issuer"), ClientID: c.Form("client_id"), ClientSecret: c.SecretOf("client_secret"),
		Scopes: strings.Fields(c.Form("scopes")), GroupsClaim: c.Form("groups_claim"), Groups: rules, Open: c.Form("open") != "", TrustMFA: c.Form("trust_mfa") != "",
	})
	if err != nil {
		return err
	}
	return c.To(string(words.Path("settings", "providers", row.Name)), row.Name+" is added. Register the redirect URI there, then sign in once to try it.")
}

// providerView is one provider.
type providerView struct {
	*ent.IdentityProvider
	Callback string
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

func (p *pages) showProvider(c *shell.Call) error {
	row, err := p.Provider(c.Ctx, c.R.PathValue("provider"))
	if err != nil {
		return err
	}
	v := providerView{IdentityProvider: row, Callback: p.Address + identity.CallbackPath + row.Name}
	return c.Show(http.StatusOK, providerPage(c.Frame(row.Name, "teams"), v))
}

func (p *pages) changeProvider(c *shell.Call) error {
	rules, err := rulesOf(c)
	if err != nil {
		return err
	}
	title, id, claim, scopes := c.Form("display_name"), c.Form("client_id"), c.Form("groups_claim"), strings.Fields(c.Form("scopes"))
	open, active, trusted := c.Form("open") != "", c.Form("active") != "", c.Form("trust_mfa") != ""
	name := c.R.PathValue("provider")
	if _, err := p.UpdateProvider(c.Ctx, name, identity.ProviderChange{
		DisplayName: &title, ClientID: &id, GroupsClaim: &claim, ClientSecret: c.SecretOf("client_secret"), Scopes: &scopes, Groups: &rules, Open: &open, Active: &active, TrustMFA: &trusted,
		If: store.Precondition{c.Form("revision")},
	}); err != nil {
		return err
	}
	return c.To(string(words.Path("settings", "providers", name)), name+" is saved.")
}

func (p *pages) removeProvider(c *shell.Call) error {
	name := c.R.PathValue("provider")
	if _, err := p.Provider(c.Ctx, name); err != nil {
		return err
	}
	if c.Form("name") != name {
		return slipway.Errorf(slipway.Invalid, "nothing was removed: the name that was typed is not %s", name).At("name")
	}
	if err := p.RemoveProvider(c.Ctx, name, store.Precondition{c.Form("revision")}); err != nil {
		return err
	}
	return c.To("/settings/sign-in", name+" is removed. Its people keep their accounts.")
}
