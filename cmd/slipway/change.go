package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/client"
)

type promotionChange struct {
	ID int `arg:"" help:"The promotion."`
}

// Help has examples.
func (promotionChange) Help() string { return "Examples:\n  slipway promotion change 12" }

// Run shows what a promotion changes.
func (c *promotionChange) Run(a *app) error {
	r, err := call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.GetChangeResponse, error) {
		return cl.GetChangeWithResponse(ctx, c.ID)
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.json(r.Body)
	}
	return printChange(a, r.JSON200)
}

// printChange prints what differs, what matters first.
func printChange(a *app, c *slipway.Change) error {
	paint := a.style(a.stdout)
	for i, n := range c.Notes {
		if i == 0 {
			fmt.Fprintln(a.stdout)
		}
		mark := map[string]string{"ok": paint.good("✓"), "bad": paint.bad("✗")}[n.Level]
		if mark == "" {
			mark = "!"
		}
		fmt.Fprintf(a.stdout, "%s %s %s\n", mark, clean(n.Text), paint.dim(clean(n.Evidence)))
	}
	var rows [][]string
	for _, k := range c.Commits.Commits {
		rows = append(rows, []string{short(k.ID), clean(k.Subject), clean(k.Author), ago(k.Time)})
	}
	if c.Commits.More {
		rows = append(rows, []string{"", "and more", "", ""})
	}
	if err := printSection(a, []string{"commit", "message", "author", "when"}, rows); err != nil {
		return err
	}
	if c.CommitsWhy != "" {
		fmt.Fprintln(a.stdout, "\nThe commits can't be told: "+clean(c.CommitsWhy))
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
		row := []string{k.Key, clean(k.From), clean(k.To), ""}
		if k.Loads != "" {
			row[3] = paint.bad("decides which code runs")
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
		fmt.Fprintln(a.stdout, "\nWay back: "+clean(c.Back.Reason))
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
func printSection(a *app, head []string, rows [][]string) error {
	if len(rows) == 0 {
		return nil
	}
	fmt.Fprintln(a.stdout)
	return a.table(head, rows)
}
