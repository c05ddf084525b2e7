package account

import (
	"net/http"

	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/web/shell"
)

// accountView is one's own account.
type accountView struct {
	*ent.Account
	Sessions []*ent.Session
	Through  []*ent.Identity // at providers
	Current  string
}

func (p *pages) showAccount(c *shell.Call) error {
	v := accountView{Current: c.Viewer.Session}
	var err error
	if v.Account, err = p.Account(c.Ctx, c.Viewer.Name); err != nil {
		return err
	}
	if v.Through, err = p.Identities(c.Ctx, c.Viewer.Name); err != nil {
		return err
	}
	if v.Sessions, err = p.Sessions(c.Ctx); err != nil {
		return err
	}
	return c.Show(http.StatusOK, accountPage(c.Frame("My account", "account"), v))
}

func (p *pages) changeAccount(c *shell.Call) error {
	name, email := c.Form("display_name"), c.Form("email")
	if _, err := p.UpdateAccount(c.Ctx, c.Viewer.Name, identity.AccountChange{DisplayName: &name, Email: &email}); err != nil {
		return err
	}
	return c.To("/account", "Your account is saved.")
}

func (p *pages) changePassword(c *shell.Call) error {
	change := identity.PasswordChange{Current: c.SecretOf("current"), New: c.SecretOf("password"), EndTokens: c.Form("end_tokens") != ""}
	if err := p.SetPassword(c.Ctx, c.Viewer.Name, change); err != nil {
		return err
	}
	p.NewFormSecret(c.W, c.R) // pages that lie open elsewhere are of the old password
	return c.To("/account", "The password is changed. All your other sessions have ended.")
}

func providerTitle(i *ent.Identity) string {
	if i.Edges.Provider == nil {
		return ""
	}
	if i.Edges.Provider.DisplayName != "" {
		return i.Edges.Provider.DisplayName
	}
	return i.Edges.Provider.Name
}
