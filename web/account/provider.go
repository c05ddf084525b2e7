package account

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/web/shell"
	"github.com/slipway-dev/slipway/web/words"
)

// beginSignIn sends the browser to a provider. It is a link and no form: a
// browser lets no form lead to another site, by the policy of our pages.
func (p *pages) beginSignIn(c *shell.Call) error {
	// What the browser keeps must be kept where it comes back to.
	if u, err := url.Parse(p.Address); err == nil && u.Host != "" && u.Host != c.R.Host && c.Query("here") == "" {
		there := words.WithQuery(words.Path("login", "with", c.R.PathValue("provider")), "next", shell.Local(c.Query("next")), "here", "1")
		http.Redirect(c.W, c.R, p.Address+string(there), http.StatusSeeOther)
		return nil
	}
	begun, err := p.BeginSignIn(c.Ctx, c.R.PathValue("provider"), shell.Local(c.Query("next")))
	if err != nil {
		return p.signInRefused(c, err)
	}
	p.SetCookie(c.W, c.R, shell.SignInCookie, begun.Browser.Reveal(), time.Until(begun.Expires))
	http.Redirect(c.W, c.R, begun.URL, http.StatusSeeOther)
	return nil
}

// signInRefused shows the page to sign in again, with what stands in the way.
func (p *pages) signInRefused(c *shell.Call, err error) error {
	status := shell.StatusOf(err)
	switch slipway.CodeOf(err) {
	case slipway.Internal:
		return err
	case slipway.Unauthenticated:
		status = http.StatusUnauthorized
	}
	return p.loginPage(c, status, loginView{Next: "/", Err: shell.Sentence(err)})
}

// finishSignIn takes up who comes back from a provider.
func (p *pages) finishSignIn(c *shell.Call) error {
	q := c.R.URL.Query()
	in := identity.SignInAnswer{
		Provider: c.R.PathValue("provider"), State: slipway.NewSecret(q.Get("state")), Code: slipway.NewSecret(q.Get("code")), Issuer: q.Get("iss"),
		Problem: q.Get("error"), Browser: slipway.NewSecret(p.Cookie(c.R, shell.SignInCookie)),
	}
	done, err := p.FinishSignIn(c.Ctx, in, p.SigningIn(c.R))
	var needed *identity.FactorNeeded
	if err != nil && !errors.As(err, &needed) {
		return p.signInRefused(c, err)
	}
	p.SetCookie(c.W, c.R, shell.SignInCookie, "", 0)
	if shown, problem := p.secondStep(c, err); shown {
		return problem
	}
	if done.Account != "" {
		v := connectView{Account: done.Account, Provider: in.Provider, Link: done.Link.Reveal()}
		return c.Show(http.StatusOK, connectPage(away(c, "Connect your account"), v))
	}
	p.begin(c, done.Session)
	return c.To(shell.Local(done.Next), "")
}

// away is the frame of a page that is not come back to: its address has a
// provider's code.
func away(c *shell.Call, title string) shell.Frame {
	f := c.Frame(title, "")
	f.Here = "/login"
	return f
}

// connectView asks for the password of the account that somebody at a provider
// seems to have.
type connectView struct {
	Account, Provider, Link, Err string
	Factor                       bool // it takes a code as well
}

func (p *pages) connectSignIn(c *shell.Call) error {
	done, err := p.ConnectSignIn(c.Ctx, c.SecretOf("link"), c.SecretOf("password"), c.SecretOf("code"), p.SigningIn(c.R))
	switch slipway.CodeOf(err) {
	case "":
	case slipway.Invalid, slipway.Limited:
		v := connectView{Account: words.Clip(c.Form("account"), slipway.MaxName), Provider: words.Clip(c.Form("provider"), slipway.MaxName), Link: c.Form("link"), Err: shell.Sentence(err), Factor: c.Form("code") != ""}
		var known *slipway.Error
		v.Factor = v.Factor || errors.As(err, &known) && known.Field == "code"
		return c.Show(shell.StatusOf(err), connectPage(away(c, "Connect your account"), v))
	default:
		return p.signInRefused(c, err)
	}
	p.begin(c, done.Session)
	return c.To(shell.Local(done.Next), "Your account is connected: from now on the provider signs you in.")
}
