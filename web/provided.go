package web

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/identity"
)

// beginSignIn sends the browser to a provider. It is a link and no form: a
// browser lets no form lead to another site, by the policy of our pages.
func (p *portal) beginSignIn(c *call) error {
	// What the browser keeps must be kept where it comes back to.
	if u, err := url.Parse(p.Address); err == nil && u.Host != "" && u.Host != c.r.Host && c.query("here") == "" {
		there := with(at("login", "with", c.r.PathValue("provider")), "next", local(c.query("next")), "here", "1")
		http.Redirect(c.w, c.r, p.Address+string(there), http.StatusSeeOther)
		return nil
	}
	begun, err := p.BeginSignIn(c.ctx, c.r.PathValue("provider"), local(c.query("next")))
	if err != nil {
		return p.signInRefused(c, err)
	}
	p.setCookie(c.w, c.r, signInCookie, begun.Browser.Reveal(), time.Until(begun.Expires))
	http.Redirect(c.w, c.r, begun.URL, http.StatusSeeOther)
	return nil
}

// signInRefused shows the page to sign in again, with what stands in the way.
func (p *portal) signInRefused(c *call, err error) error {
	status := statusOf(err)
	switch slipway.CodeOf(err) {
	case slipway.Internal:
		return err
	case slipway.Unauthenticated:
		status = http.StatusUnauthorized
	}
	return p.loginPage(c, status, loginView{Next: "/", Err: sentence(err)})
}

// finishSignIn takes up who comes back from a provider.
func (p *portal) finishSignIn(c *call) error {
	q := c.r.URL.Query()
	in := identity.SignInAnswer{
		Provider: c.r.PathValue("provider"), State: slipway.NewSecret(q.Get("state")), Code: slipway.NewSecret(q.Get("code")), Issuer: q.Get("iss"),
		Problem: q.Get("error"), Browser: slipway.NewSecret(p.cookie(c.r, signInCookie)),
	}
	done, err := p.FinishSignIn(c.ctx, in, p.signingIn(c.r))
	var needed *identity.FactorNeeded
	if err != nil && !errors.As(err, &needed) {
		return p.signInRefused(c, err)
	}
	p.setCookie(c.w, c.r, signInCookie, "", 0)
	if shown, problem := p.secondStep(c, err); shown {
		return problem
	}
	if done.Account != "" {
		v := connectView{Account: done.Account, Provider: in.Provider, Link: done.Link.Reveal()}
		return c.show(http.StatusOK, connectPage(c.away("Connect your account"), v))
	}
	p.begin(c, done.Session)
	return c.to(local(done.Next), "")
}

// away is the frame of a page that is not come back to: its address has a
// provider's code.
func (c *call) away(title string) frame {
	f := c.frame(title, "")
	f.Here = "/login"
	return f
}

// connectView asks for the password of the account that somebody at a provider
// seems to have.
type connectView struct {
	Account, Provider, Link, Err string
	Factor                       bool // it takes a code as well
}

func (p *portal) connectSignIn(c *call) error {
	done, err := p.ConnectSignIn(c.ctx, c.secretOf("link"), c.secretOf("password"), c.secretOf("code"), p.signingIn(c.r))
	switch slipway.CodeOf(err) {
	case "":
	case slipway.Invalid, slipway.Limited:
		v := connectView{Account: clip(c.form("account"), slipway.MaxName), Provider: clip(c.form("provider"), slipway.MaxName), Link: c.form("link"), Err: sentence(err), Factor: c.form("code") != ""}
		var known *slipway.Error
		v.Factor = v.Factor || errors.As(err, &known) && known.Field == "code"
		return c.show(statusOf(err), connectPage(c.away("Connect your account"), v))
	default:
		return p.signInRefused(c, err)
	}
	p.begin(c, done.Session)
	return c.to(local(done.Next), "Your account is connected: from now on the provider signs you in.")
}
