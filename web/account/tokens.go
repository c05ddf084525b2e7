package account

import (
	"net/http"
	"strconv"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/web/shell"
)

// tokensView is one's own tokens.
type tokensView struct {
	Tokens       []*ent.Token
	Environments []*ent.Environment
	Text         string // of the one just made, shown once
}

func (p *pages) showTokens(c *shell.Call) error { return p.tokensPage(c, tokensView{}) }

func (p *pages) tokensPage(c *shell.Call, v tokensView) error {
	var err error
	if v.Tokens, err = p.Tokens(c.Ctx, ""); err != nil {
		return err
	}
	if v.Environments, err = p.Environments(c.Ctx); err != nil {
		return err
	}
	return c.Show(http.StatusOK, tokensPage(c.Frame("My tokens", "account"), v))
}

// addToken shows the token in the answer itself: it is kept nowhere.
func (p *pages) addToken(c *shell.Call) error {
	in := identity.TokenInput{Name: c.Form("name")}
	for _, s := range c.R.PostForm["scope"] {
		in.Scopes = append(in.Scopes, slipway.Scope(s))
	}
	if text := c.Form("days"); text != "" {
		days, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return slipway.Errorf(slipway.Invalid, "%q is not a number of days", text).At("days")
		}
		in.Life = time.Duration(days) * 24 * time.Hour
	}
	_, text, err := p.AddToken(c.Ctx, in)
	if err != nil {
		return err
	}
	return p.tokensPage(c, tokensView{Text: text.Reveal()})
}

func (p *pages) revokeToken(c *shell.Call) error {
	id, err := strconv.Atoi(c.R.PathValue("id"))
	if err != nil {
		return slipway.Errorf(slipway.NotFound, "there is no such token of yours")
	}
	if err := p.RevokeToken(c.Ctx, id); err != nil {
		return err
	}
	return c.To("/account/tokens", "The token is revoked; it opens nothing from now on.")
}
