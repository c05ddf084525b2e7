package admin

import (
	"encoding/csv"
	"net/http"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/store"
	"github.com/slipway-dev/slipway/web/shell"
	"github.com/slipway-dev/slipway/web/words"
)

func (p *pages) showAudit(c *shell.Call) error {
	v, err := auditQueryOf(c, 100)
	if err != nil {
		return err
	}
	if v.List, err = p.Audit(c.Ctx, v.Query); err != nil {
		return err
	}
	if c.Query("verify") != "" {
		check, err := p.VerifyAudit(c.Ctx)
		if err != nil {
			return err
		}
		v.Check = &check
	}
	return c.Show(http.StatusOK, auditPage(c.Frame("Audit log", "audit"), v))
}

// exportAudit sends the entries that a query selects as a table, all of them.
func (p *pages) exportAudit(c *shell.Call) error {
	v, err := auditQueryOf(c, store.MaxPage)
	if err != nil {
		return err
	}
	v.Query.Cursor = ""
	list, err := p.Audit(c.Ctx, v.Query)
	if err != nil {
		return err
	}
	h := c.W.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="audit.csv"`)
	out := csv.NewWriter(c.W)
	defer out.Flush()
	_ = out.Write([]string{"sequence", "at", "actor", "kind", "via", "address", "action", "service", "environment", "team", "object", "result", "reason"})
	for {
		for _, e := range list.Items {
			record := []string{words.Number(e.Sequence), e.At.UTC().Format(time.RFC3339), e.Actor, e.Kind, e.Via, e.Address, e.Action, e.Service, e.Environment, e.Team, e.Object, e.Result, e.Reason}
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
		if list, err = p.Audit(c.Ctx, v.Query); err != nil {
			p.Log.Error("the audit log could not be sent", "request_id", c.RequestID, "error", err)
			return nil
		}
	}
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

func auditQueryOf(c *shell.Call, limit int) (auditView, error) {
	v := auditView{Since: c.Query("since"), Until: c.Query("until"), Query: audit.Query{
		Actor: c.Query("actor"), Action: c.Query("action"), Service: c.Query("service"), Environment: c.Query("env"),
		Result: audit.Result(c.Query("result")), Page: store.Page{Cursor: c.Query("after"), Limit: limit},
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
			return v, slipway.Errorf(slipway.Invalid, "%q is not a day; write it as 2026-11-23", words.Clip(bound.text, 20))
		}
		*bound.into = day.AddDate(0, 0, bound.days)
	}
	return v, nil
}

// inert keeps a spreadsheet from taking a text for a formula.
func inert(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}

// auditObject is what an entry of the audit log is about.
func auditObject(e *ent.AuditEntry) string {
	parts := []string{}
	for _, part := range []string{e.Service, e.Environment, e.Object} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if e.Team != "" {
		parts = append(parts, "team "+e.Team)
	}
	return strings.Join(parts, ", ")
}
