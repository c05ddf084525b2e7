// Package doctor looks at everything that keeps Slipway from working: this machine,
// the data directory, the platform. It changes nothing.
package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

// Command looks at everything that keeps Slipway from working.
type Command struct {
	Listen string `default:"127.0.0.1:7070" help:"Where the platform will listen, unless it runs." env:"SLIPWAY_LISTEN"`
	Edge   string `default:"127.0.0.1:7080" help:"Where services will answer, unless they do." env:"SLIPWAY_EDGE"`
}

// Help has examples.
func (Command) Help() string {
	return `Checks this machine, the data directory, and the platform that commands speak to, and says how to mend what is wrong. It changes nothing, and needs no platform.

Exit codes: 0 nothing keeps Slipway from working, 1 something does.

Examples:
  slipway doctor
  slipway doctor --json
  slipway doctor --server https://slipway.example.com`
}

// finding is what one check found.
type finding struct {
	Name   string  `json:"name"`
	State  verdict `json:"state"`
	Found  string  `json:"found"`
	Remedy string  `json:"remedy,omitempty"` // what to do, unless all is well
}

// verdict is how bad a finding is.
type verdict string

const (
	ok   verdict = "ok"
	warn verdict = "warn" // works, but not as it should, or not for long
	fail verdict = "fail" // keeps Slipway from working
)

// doctor collects findings.
type doctor struct {
	*cli.App
	listen, edge string
	findings     []finding
}

// patience bounds each look at something that may not answer.
const patience = 5 * time.Second

func (d *doctor) say(name string, state verdict, found, remedy string) {
	if state == ok {
		remedy = ""
	}
	d.findings = append(d.findings, finding{name, state, found, remedy})
}

// within runs a check that asks something which may hang.
func (d *doctor) within(check func(ctx context.Context)) {
	ctx, cancel := context.WithTimeout(d.Context, patience)
	defer cancel()
	check(ctx)
}

// Run checks and prints.
func (c *Command) Run(a *cli.App) error {
	d := &doctor{App: a, listen: c.Listen, edge: c.Edge}
	d.within(d.git)
	d.pythons()
	d.memory()
	d.confinement()
	d.within(d.names)
	d.directory()
	d.disk()
	d.keys()
	d.within(d.database)
	d.running()
	d.server()
	if a.Context.Err() != nil {
		return a.Context.Err()
	}
	bad := 0
	for _, f := range d.findings {
		if f.State == fail {
			bad++
		}
	}
	if a.JSON {
		if err := a.PrintJSON(map[string]any{"items": d.findings, "ok": bad == 0}); err != nil {
			return err
		}
	} else {
		d.print()
	}
	if bad > 0 {
		return &cli.EndedError{Exit: cli.ExitError}
	}
	return nil
}

func (d *doctor) print() {
	style, count := d.Style(d.Stdout), map[verdict]int{}
	marks := map[verdict]string{ok: style.Good("✓"), warn: style.Paint("33", "!"), fail: style.Bad("✗")}
	for _, f := range d.findings {
		count[f.State]++
		fmt.Fprintf(d.Stdout, "%s %-4s %-12s %s\n", marks[f.State], f.State, f.Name, cli.Clean(f.Found))
		if f.Remedy != "" {
			fmt.Fprintf(d.Stdout, "%20s%s\n", "", style.Dim("→ "+cli.Clean(f.Remedy)))
		}
	}
	switch {
	case count[fail] > 0:
		fmt.Fprintf(d.Stdout, "\n%s kept Slipway from working; mend it from the top.\n", cli.Counted(count[fail], "finding"))
	case count[warn] > 0:
		fmt.Fprintf(d.Stdout, "\nSlipway works; %s to look at.\n", cli.Counted(count[warn], "finding"))
	default:
		fmt.Fprintln(d.Stdout, "\nAll is well.")
	}
}

// size says bytes in the unit that says enough.
func size(bytes uint64) string {
	switch {
	case bytes >= 10<<30:
		return fmt.Sprintf("%d GiB", bytes>>30)
	case bytes >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
	}
	return fmt.Sprintf("%d MiB", bytes>>20)
}

func listed(items []string) string { return strings.Join(items, ", ") }
