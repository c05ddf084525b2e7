package promotions

import (
	"context"
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/client"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

type promotionChange struct {
	ID int `arg:"" help:"The promotion."`
}

// Help has examples.
func (promotionChange) Help() string { return "Examples:\n  slipway promotion change 12" }

// Run shows what a promotion changes.
func (c *promotionChange) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.GetChangeResponse, error) {
		return cl.GetChangeWithResponse(ctx, c.ID)
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	return printChange(a, r.JSON200)
}

// printChange prints what differs, what matters first.
func printChange(a *cli.App, c *slipway.Change) error {
	paint := a.Style(a.Stdout)
	for i, n := range c.Notes {
		if i == 0 {
			fmt.Fprintln(a.Stdout)
		}
		mark := map[string]string{"ok": paint.Good("✓"), "bad": paint.Bad("✗")}[n.Level]
		if mark == "" {
			mark = "!"
		}
		fmt.Fprintf(a.Stdout, "%s %s %s\n", mark, cli.Clean(n.Text), paint.Dim(cli.Clean(n.Evidence)))
	}
	var rows [][]string
	for _, k := range c.Commits.Commits {
		rows = append(rows, []string{cli.Short(k.ID), cli.Clean(k.Subject), cli.Clean(k.Author), cli.Ago(k.Time)})
	}
	if c.Commits.More {
		rows = append(rows, []string{"", "and more", "", ""})
	}
	if err := printSection(a, []string{"commit", "message", "author", "when"}, rows); err != nil {
		return err
	}
	if c.CommitsWhy != "" {
		fmt.Fprintln(a.Stdout, "\nThe commits can't be told: "+cli.Clean(c.CommitsWhy))
	}
	rows = nil
	for _, d := range c.Dependencies {
		var tags []string
		if d.Major {
			tags = append(tags, "major")
		}
		if d.Direct {
			tags = append(tags, "direct")
		}
		rows = append(rows, []string{d.Name, d.From, d.To, strings.Join(tags, ", ")})
	}
	if err := printSection(a, []string{"package", "runs now", "would run", ""}, rows); err != nil {
		return err
	}
	rows = nil
	for _, k := range c.Config {
		if k.File {
			k.From, k.To = lineCount(k.From, k.Added), lineCount(k.To, k.Gone)
		}
		row := []string{k.Key, cli.Clean(k.From), cli.Clean(k.To), ""}
		if k.Loads != "" {
			row[3] = paint.Bad("decides which code runs")
		}
		rows = append(rows, row)
	}
	if err := printSection(a, []string{"config", "runs now", "would run", ""}, rows); err != nil {
		return err
	}
	rows = nil
	for _, m := range c.Migrations {
		rows = append(rows, []string{m.ID, string(m.Class), m.Reason})
	}
	if err := printSection(a, []string{"migration", "safety", "why"}, rows); err != nil {
		return err
	}
	if c.Back.Reason != "" {
		fmt.Fprintln(a.Stdout, "\nWay back: "+cli.Clean(c.Back.Reason))
	}
	return nil
}

func lineCount(text string, absent bool) string {
	if absent {
		return ""
	}
	return fmt.Sprintf("%d lines", strings.Count(text, "\n"))
}

// printSection is a table with a blank line before it, or nothing.
func printSection(a *cli.App, head []string, rows [][]string) error {
	if len(rows) == 0 {
		return nil
	}
	fmt.Fprintln(a.Stdout)
	return a.Table(head, rows)
}
