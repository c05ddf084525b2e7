package web

import (
	"net/http"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/identity"
)

func (p *portal) showLogin(c *call) error {
	if c.viewer.Kind != "" {
		return c.to(local(c.query("next")), "")
	}
	if founded, err := p.Founded(c.ctx); err != nil {
		return err
	} else if !founded {
		return c.to("/setup", "")
	}
	return p.loginPage(c, http.StatusOK, loginView{Next: local(c.query("next"))})
}

// loginView is the page where people sign in.
type loginView struct {
	Next, Name, Err string
	Ways            []identity.Way
	Passwords       bool
	Passkeys        bool
}

func (p *portal) loginPage(c *call, status int, v loginView) error {
	var err error
	if v.Ways, v.Passwords, err = p.WaysIn(c.ctx); err != nil {
		return err
	}
	v.Passkeys = v.Passwords && p.Passkeys()
	f := c.frame("Sign in", "")
	f.Here = string(with("/login", "next", v.Next)) // not where a provider sends people back to, with its code
	return c.show(status, loginPage(f, v))
}

// signIn opens a new session whatever the browser brought; one that it had ends.
func (p *portal) signIn(c *call) error {
	next := local(c.form("next"))
	from := p.signingIn(c.r)
	from.Next = next
	s, err := p.SignIn(c.ctx, c.form("name"), c.secretOf("password"), from)
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
		return p.loginPage(c, status, loginView{Next: next, Name: c.form("name"), Err: sentence(err)})
	}
	p.begin(c, s)
	return c.to(next, "")
}

// begin gives the browser a session, in place of whatever it had.
func (p *portal) begin(c *call, s identity.Session) {
	if c.viewer.Session != "" {
		if err := p.SignOut(c.ctx); err != nil {
			p.log.Warn("the session before could not be ended", "account", c.viewer.Name, "error", err)
		}
	}
	p.keep(c.w, c.r, s)
	p.newFormSecret(c.w, c.r)
	c.viewer.Session, _, _ = strings.Cut(s.Refresh.Reveal(), ".") // whose the next page is
}

func (p *portal) signOut(c *call) error {
	if err := p.SignOut(c.ctx); err != nil {
		return err
	}
	p.forget(c.w, c.r)
	return c.to("/login", "")
}

func (p *portal) showSetUp(c *call) error {
	if founded, err := p.Founded(c.ctx); err != nil {
		return err
	} else if founded {
		return c.to("/login", "")
	}
	return c.show(http.StatusOK, setUpPage(c.frame("Set up", "")))
}

// showInvitation asks for the account that a link is for. Looking at it doesn't
// use it up: programs that preview links do that.
func (p *portal) showInvitation(c *call) error {
	return c.show(http.StatusOK, invitationPage(c.frame("Make your account", ""), c.r.PathValue("token"), identity.AccountInput{}, ""))
}

func (p *portal) acceptInvitation(c *call) error {
	in := identity.AccountInput{Name: c.form("name"), DisplayName: c.form("display_name"), Email: c.form("email"), Password: c.secretOf("password")}
	s, err := p.Accept(c.ctx, c.secretOf("token"), in, p.signingIn(c.r))
	if err != nil {
		if slipway.CodeOf(err) == slipway.Internal {
			return err
		}
		return c.show(statusOf(err), invitationPage(c.frame("Make your account", ""), c.form("token"), in, sentence(err)))
	}
	p.begin(c, s)
	return c.to("/", "Welcome, "+s.Account+".")
}

// setTheme remembers light or dark in the browser; the script does it itself.
func (p *portal) setTheme(c *call) error {
	theme := "light"
	if c.form("theme") == "dark" {
		theme = "dark"
	}
	http.SetCookie(c.w, &http.Cookie{Name: themeCookie, Value: theme, Path: "/", MaxAge: int((365 * 24 * time.Hour).Seconds()), SameSite: http.SameSiteLaxMode, Secure: p.secure(c.r)}) // #nosec G124 -- light or dark, which the script reads and writes
	return c.to(local(c.form("next")), "")
}

func otherTheme(theme string) string {
	if theme == "dark" {
		return "light"
	}
	return "dark"
}

func noteRole(kind tone) string {
	if kind == "bad" {
		return "alert"
	}
	return "status"
}
