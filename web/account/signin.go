package account

import (
	"net/http"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/web/shell"
	"github.com/slipway-dev/slipway/web/words"
)

func (p *pages) showLogin(c *shell.Call) error {
	if c.Viewer.Kind != "" {
		return c.To(shell.Local(c.Query("next")), "")
	}
	if founded, err := p.Founded(c.Ctx); err != nil {
		return err
	} else if !founded {
		return c.To("/setup", "")
	}
	return p.loginPage(c, http.StatusOK, loginView{Next: shell.Local(c.Query("next"))})
}

// loginView is the page where people sign in.
type loginView struct {
	Next, Name, Err string
	Ways            []identity.Way
	Passwords       bool
	Passkeys        bool
}

func (p *pages) loginPage(c *shell.Call, status int, v loginView) error {
	var err error
	if v.Ways, v.Passwords, err = p.WaysIn(c.Ctx); err != nil {
		return err
	}
	v.Passkeys = v.Passwords && p.Passkeys()
	f := c.Frame("Sign in", "")
	f.Here = string(words.WithQuery("/login", "next", v.Next)) // not where a provider sends people back to, with its code
	return c.Show(status, loginPage(f, v))
}

// signIn opens a new session whatever the browser brought; one that it had ends.
func (p *pages) signIn(c *shell.Call) error {
	next := shell.Local(c.Form("next"))
	from := p.SigningIn(c.R)
	from.Next = next
	s, err := p.SignIn(c.Ctx, c.Form("name"), c.SecretOf("password"), from)
	if shown, problem := p.secondStep(c, err); shown {
		return problem
	}
	if err != nil {
		if slipway.CodeOf(err) == slipway.Internal {
			return err
		}
		status := http.StatusUnauthorized
		if slipway.CodeOf(err) == slipway.Limited {
			status = http.StatusTooManyRequests
		}
		return p.loginPage(c, status, loginView{Next: next, Name: c.Form("name"), Err: shell.Sentence(err)})
	}
	p.begin(c, s)
	return c.To(next, "")
}

// begin gives the browser a session, in place of whatever it had.
func (p *pages) begin(c *shell.Call, s identity.Session) {
	if c.Viewer.Session != "" {
		if err := p.SignOut(c.Ctx); err != nil {
			p.Log.Warn("the session before could not be ended", "account", c.Viewer.Name, "error", err)
		}
	}
	p.Keep(c.W, c.R, s)
	p.NewFormSecret(c.W, c.R)
	c.Viewer.Session, _, _ = strings.Cut(s.Refresh.Reveal(), ".") // whose the next page is
}

func (p *pages) signOut(c *shell.Call) error {
	if err := p.SignOut(c.Ctx); err != nil {
		return err
	}
	p.Forget(c.W, c.R)
	return c.To("/login", "")
}

func (p *pages) showSetUp(c *shell.Call) error {
	if founded, err := p.Founded(c.Ctx); err != nil {
		return err
	} else if founded {
		return c.To("/login", "")
	}
	return c.Show(http.StatusOK, setUpPage(c.Frame("Set up", "")))
}

// showInvitation asks for the account that a link is for. Looking at it doesn't
// use it up: programs that preview links do that.
func (p *pages) showInvitation(c *shell.Call) error {
	return c.Show(http.StatusOK, invitationPage(c.Frame("Make your account", ""), c.R.PathValue("token"), identity.AccountInput{}, ""))
}

func (p *pages) acceptInvitation(c *shell.Call) error {
	in := identity.AccountInput{Name: c.Form("name"), DisplayName: c.Form("display_name"), Email: c.Form("email"), Password: c.SecretOf("password")}
	s, err := p.Accept(c.Ctx, c.SecretOf("token"), in, p.SigningIn(c.R))
	if err != nil {
		if slipway.CodeOf(err) == slipway.Internal {
			return err
		}
		return c.Show(shell.StatusOf(err), invitationPage(c.Frame("Make your account", ""), c.Form("token"), in, shell.Sentence(err)))
	}
	p.begin(c, s)
	return c.To("/", "Welcome, "+s.Account+".")
}
