package access

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/api/client"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

// AuditCommands show who did and tried what.
type AuditCommands struct {
	List   auditList   `cmd:"" name:"ls" default:"withargs" help:"List entries, the newest first."`
	Export auditExport `cmd:"" help:"Write all entries as JSON lines or CSV, the oldest first."`
	Verify auditVerify `cmd:"" help:"Find an entry that was changed or is missing."`
}

type auditFilter struct {
	Actor   string        `placeholder:"ACCOUNT" help:"By this account."`
	Action  string        `placeholder:"ACTION" help:"Of this kind, such as config.changed."`
	Service string        `placeholder:"NAME" help:"On this service."`
	Env     string        `placeholder:"ENV" help:"In this environment."`
	Refused bool          `help:"Only attempts that were refused."`
	Since   time.Duration `placeholder:"24h" help:"Not older than this."`
}

func (f auditFilter) params(cursor *string) *client.ListAuditParams {
	p := &client.ListAuditParams{Actor: cli.Given(f.Actor), Action: cli.Given(f.Action), Service: cli.Given(f.Service), Environment: cli.Given(f.Env), Cursor: cursor}
	if f.Refused {
		refused := client.ListAuditParamsResult("refused")
		p.Result = &refused
	}
	if f.Since > 0 {
		since := time.Now().UTC().Add(-f.Since)
		p.Since = &since
	}
	return p
}

func (f auditFilter) all(a *cli.App) ([]client.AuditEntry, error) {
	return cli.All(a, func(ctx context.Context, cl *client.ClientWithResponses, cursor *string) ([]client.AuditEntry, string, error) {
		p := f.params(cursor)
		p.Limit = cli.Given(500)
		r, err := cl.ListAuditWithResponse(ctx, p)
		if err != nil || r.JSON200 == nil {
			return nil, "", cli.RefusedOr(r, err)
		}
		return r.JSON200.Items, r.JSON200.NextCursor, nil
	})
}

type auditList struct {
	auditFilter
	Limit int `default:"50" help:"How many entries at most."`
}

// Help has examples.
func (auditList) Help() string {
	return "Examples:\n  slipway audit ls --refused --since 24h\n  slipway audit ls --service billing --env prod"
}

// Run lists the newest entries.
func (c *auditList) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.ListAuditResponse, error) {
		p := c.params(nil)
		p.Limit = &c.Limit
		return cl.ListAuditWithResponse(ctx, p)
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	var rows [][]string
	for _, e := range r.JSON200.Items {
		rows = append(rows, []string{strconv.Itoa(e.Sequence), e.At.Local().Format("2 Jan 15:04:05 MST"), e.Actor, e.Via, e.Action, strings.TrimSpace(e.Service + " " + e.Environment + " " + e.Team + " " + e.Object), e.Result, e.Reason})
	}
	return a.Table([]string{"#", "when", "who", "via", "what", "on", "result", "why"}, rows)
}

type auditExport struct {
	auditFilter
	Format string `enum:"jsonl,csv" default:"jsonl" help:"jsonl or csv."`
}

// Help has examples.
func (auditExport) Help() string {
	return "Examples:\n  slipway audit export > audit.jsonl\n  slipway audit export --format csv --since 720h > audit.csv"
}

// Run writes entries to standard output.
func (c *auditExport) Run(a *cli.App) error {
	items, err := c.all(a)
	if err != nil {
		return err
	}
	slices.Reverse(items)
	out, done := a.Raw()
	defer done()
	if c.Format == "jsonl" {
		enc := json.NewEncoder(out)
		for _, e := range items {
			if err := enc.Encode(e); err != nil {
				return err
			}
		}
		return nil
	}
	w := csv.NewWriter(out)
	_ = w.Write([]string{"sequence", "at", "actor", "kind", "via", "address", "request", "action", "team", "service", "environment", "object", "result", "reason", "before", "after", "hash"})
	for _, e := range items {
		before, _ := json.Marshal(e.Before) // maps of strings
		after, _ := json.Marshal(e.After)
		record := []string{strconv.Itoa(e.Sequence), e.At.Format(time.RFC3339Nano), e.Actor, e.Kind, e.Via, e.Address, e.Request, e.Action, e.Team, e.Service, e.Environment, e.Object, e.Result, e.Reason, string(before), string(after), e.Hash}
		for i := range record {
			record[i] = inert(record[i])
		}
		_ = w.Write(record)
	}
	w.Flush()
	return w.Error()
}

// inert keeps a spreadsheet from taking a cell for a formula.
func inert(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

type auditVerify struct{}

// Help has examples.
func (auditVerify) Help() string {
	return "Exit codes: 0 the chain is whole, 1 an entry was changed or is missing.\n\nExamples:\n  slipway audit verify"
}

// Run walks the chain.
func (auditVerify) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.VerifyAuditResponse, error) {
		return cl.VerifyAuditWithResponse(ctx)
	})
	if err != nil {
		return err
	}
	if a.JSON {
		if err := a.PrintAnswer(r.Body); err != nil {
			return err
		}
	} else if r.JSON200.Whole {
		fmt.Fprintf(a.Stdout, "All %d entries are as they were written.\n", r.JSON200.Entries)
	} else {
		fmt.Fprintf(a.Stdout, "The audit log was tampered with: %s. The %d entries before it are as they were written.\n", r.JSON200.Problem, r.JSON200.Entries)
	}
	if !r.JSON200.Whole {
		return &cli.EndedError{Exit: cli.ExitFailed}
	}
	return nil
}
