package web

import (
	"encoding/csv"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/store"
)

// accountView is one's own account.
type accountView struct {
	*ent.Account
	Sessions []*ent.Session
	Through  []*ent.Identity // at providers
	Current  string
	Err      string
}

func (p *portal) showAccount(c *call) error { return p.accountPage(c, http.StatusOK, "") }

func (p *portal) accountPage(c *call, status int, problem string) error {
	v := accountView{Err: problem, Current: c.viewer.Session}
	var err error
	if v.Account, err = p.Account(c.ctx, c.viewer.Name); err != nil {
		return err
	}
	if v.Through, err = p.Identities(c.ctx, c.viewer.Name); err != nil {
		return err
	}
	if v.Sessions, err = p.Sessions(c.ctx); err != nil {
		return err
	}
	return c.show(status, accountPage(c.frame("My account", "account"), v))
}

func (p *portal) accountRefused(c *call, err error) error {
	return formRefused(err, func(status int, problem string) error { return p.accountPage(c, status, problem) })
}

func (p *portal) changeAccount(c *call) error {
	name, email := c.form("display_name"), c.form("email")
	if _, err := p.UpdateAccount(c.ctx, c.viewer.Name, identity.AccountChange{DisplayName: &name, Email: &email}); err != nil {
		return p.accountRefused(c, err)
	}
	return c.to("/account", "Your account is kept.")
}

func (p *portal) changePassword(c *call) error {
	change := identity.PasswordChange{Current: c.secretOf("current"), New: c.secretOf("password"), EndTokens: c.form("end_tokens") != ""}
	if err := p.SetPassword(c.ctx, c.viewer.Name, change); err != nil {
		return p.accountRefused(c, err)
	}
	p.newFormSecret(c.w, c.r) // pages that lie open elsewhere are of the old password
	return c.to("/account", "The password is changed. All your other sessions have ended.")
}

// tokensView is one's own tokens.
type tokensView struct {
	Tokens       []*ent.Token
	Environments []*ent.Environment
	Text         string // of the one just made, shown once
	Err          string
}

func (p *portal) showTokens(c *call) error { return p.tokensPage(c, http.StatusOK, tokensView{}) }

func (p *portal) tokensPage(c *call, status int, v tokensView) error {
	var err error
	if v.Tokens, err = p.Tokens(c.ctx, ""); err != nil {
		return err
	}
	if v.Environments, err = p.Environments(c.ctx); err != nil {
		return err
	}
	return c.show(status, tokensPage(c.frame("My tokens", "account"), v))
}

// addToken shows the token in the answer itself: it is kept nowhere.
func (p *portal) addToken(c *call) error {
	in := identity.TokenInput{Name: c.form("name")}
	for _, s := range c.r.PostForm["scope"] {
		in.Scopes = append(in.Scopes, slipway.Scope(s))
	}
	if days, err := strconv.Atoi(c.form("days")); err == nil {
		in.Life = time.Duration(days) * 24 * time.Hour
	}
	_, text, err := p.AddToken(c.ctx, in)
	if err != nil {
		return formRefused(err, func(status int, problem string) error { return p.tokensPage(c, status, tokensView{Err: problem}) })
	}
	return p.tokensPage(c, http.StatusOK, tokensView{Text: text.Reveal()})
}

func (p *portal) revokeToken(c *call) error {
	id, err := strconv.Atoi(c.r.PathValue("id"))
	if err != nil {
		return slipway.Errorf(slipway.NotFound, "there is no such token of yours")
	}
	if err := p.RevokeToken(c.ctx, id); err != nil {
		return err
	}
	return c.to("/account/tokens", "The token is revoked; it opens nothing from now on.")
}

// auditView is a page of the audit log.
type auditView struct {
	store.List[*ent.AuditEntry]
	Query        audit.Query
	Since, Until string // as they were typed
	Check        *audit.Check
}

func (v auditView) pairs() []string {
	return []string{"actor", v.Query.Actor, "action", v.Query.Action, "service", v.Query.Service, "env", v.Query.Environment, "result", string(v.Query.Result), "since", v.Since, "until", v.Until}
}

func (c *call) auditQuery(limit int) (auditView, error) {
	v := auditView{Since: c.query("since"), Until: c.query("until"), Query: audit.Query{
		Actor: c.query("actor"), Action: c.query("action"), Service: c.query("service"), Environment: c.query("env"),
		Result: audit.Result(c.query("result")), Page: store.Page{Cursor: c.query("after"), Limit: limit},
	}}
	for _, bound := range []struct {
		text string
		into *time.Time
		days int
	}{{v.Since, &v.Query.Since, 0}, {v.Until, &v.Query.Until, 1}} {
		if bound.text == "" {
			continue
		}
		day, err := time.Parse("2006-01-02", bound.text)
		if err != nil {
			return v, slipway.Errorf(slipway.Invalid, "%q is not a day; write it as 2026-11-23", clip(bound.text, 20))
		}
		*bound.into = day.AddDate(0, 0, bound.days)
	}
	return v, nil
}

func (p *portal) showAudit(c *call) error {
	v, err := c.auditQuery(100)
	if err != nil {
		return err
	}
	if v.List, err = p.Audit(c.ctx, v.Query); err != nil {
		return err
	}
	if c.query("verify") != "" {
		check, err := p.VerifyAudit(c.ctx)
		if err != nil {
			return err
		}
		v.Check = &check
	}
	return c.show(http.StatusOK, auditPage(c.frame("Audit log", "audit"), v))
}

// exportAudit sends the entries that a query selects as a table, all of them.
func (p *portal) exportAudit(c *call) error {
	v, err := c.auditQuery(store.MaxPage)
	if err != nil {
		return err
	}
	v.Query.Cursor = ""
	list, err := p.Audit(c.ctx, v.Query)
	if err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="audit.csv"`)
	out := csv.NewWriter(c.w)
	defer out.Flush()
	_ = out.Write([]string{"sequence", "at", "actor", "kind", "via", "address", "action", "service", "environment", "team", "object", "result", "reason"})
	for {
		for _, e := range list.Items {
			record := []string{number(e.Sequence), e.At.UTC().Format(time.RFC3339), e.Actor, e.Kind, e.Via, e.Address, e.Action, e.Service, e.Environment, e.Team, e.Object, e.Result, e.Reason}
			for i := range record {
				record[i] = inert(record[i])
			}
			if out.Write(record) != nil {
				return nil // the reader has left
			}
		}
		if v.Query.Cursor = list.Next; list.Next == "" {
			return nil
		}
		if list, err = p.Audit(c.ctx, v.Query); err != nil {
			p.log.Error("the audit log could not be sent", "request_id", c.request, "error", err)
			return nil
		}
	}
}

// inert keeps a spreadsheet from taking a text for a formula.
func inert(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
