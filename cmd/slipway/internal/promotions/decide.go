package promotions

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/client"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

type decideFlags struct {
	ID      int    `arg:"" help:"The promotion."`
	Comment string `short:"m" placeholder:"TEXT" help:"Why."`
	Plan    string `placeholder:"HASH" help:"Decide about this plan only; the one that is shown unless given."`
}

// ApproveCommand approves a promotion that waits, or opens its gates.
type ApproveCommand struct {
	decideFlags
	Yes        bool `short:"y" help:"Don't ask."`
	Exempt     bool `xor:"verdict" help:"Open freezes and windows for this promotion, and let it on although its release was rolled back on the way; takes an admin of the team and a comment."`
	BreakGlass bool `xor:"verdict" help:"Open every gate; takes an admin of the platform and a comment."`
	followFlags
}

// Help has examples.
func (ApproveCommand) Help() string {
	return `Shows what the promotion will do, asks, and answers at once whether it counts. The approval is given to that plan: if it moves, the approval is void.

Exit codes: 0 it counts, 1 it doesn't; with --follow and --wait those of slipway promote.

Examples:
  slipway waiting
  slipway approve 12
  slipway approve 12 --yes -m "looks good"
  slipway approve 12 --yes --wait
  slipway approve 12 --break-glass -m "the site is down"`
}

// Run approves.
func (c *ApproveCommand) Run(a *cli.App) error {
	verdict := slipway.VerdictApprove
	switch {
	case c.Exempt:
		verdict = slipway.VerdictExempt
	case c.BreakGlass:
		verdict = slipway.VerdictBreakGlass
	}
	r, err := getPromotion(a, c.ID)
	if err != nil {
		return err
	}
	p := r.JSON200
	if p.State != slipway.PromotionWaiting {
		return slipway.Errorf(slipway.Conflict, "promotion %d doesn't wait: it is %s", p.Id, p.State)
	}
	if !c.Yes && !a.JSON {
		if err := printPromotion(a, p); err != nil {
			return err
		}
		change, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.GetChangeResponse, error) {
			return cl.GetChangeWithResponse(ctx, c.ID)
		})
		if err != nil {
			return err
		}
		if err := printChange(a, change.JSON200); err != nil {
			return err
		}
		fmt.Fprintf(a.Stdout, "\nApprove it? [y/N] ")
		answer, _ := bufio.NewReader(a.Stdin).ReadString('\n')
		if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
			return slipway.Errorf(slipway.Conflict, "not approved; to reject it run: slipway reject %d", p.Id)
		}
	}
	return c.decide(a, verdict, p, c.followFlags)
}

// decide gives the answer to the plan that was shown.
func (c decideFlags) decide(a *cli.App, verdict slipway.Verdict, p *client.Promotion, f followFlags) error {
	in := client.DecisionInput{Verdict: verdict, Comment: c.Comment, Plan: c.Plan}
	if in.Plan == "" {
		in.Plan = p.PlanHash
	}
	d, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.CreateDecisionResponse, error) {
		return cl.CreateDecisionWithResponse(ctx, c.ID, in)
	})
	if err != nil {
		return err
	}
	if a.JSON {
		if f.watches() {
			return follow(a, p, f)
		}
		return a.PrintAnswer(d.Body)
	}
	said := map[slipway.Verdict]string{slipway.VerdictApprove: "approved", slipway.VerdictReject: "rejected", slipway.VerdictExempt: "exempt from freezes, windows and what was rolled back on the way", slipway.VerdictBreakGlass: "let through every gate"}
	fmt.Fprintf(a.Stdout, "Promotion %d of %s to %s is %s.\n", p.Id, p.Service, p.Environment, said[verdict])
	if f.watches() {
		return follow(a, p, f)
	}
	return nil
}

// RejectCommand rejects a promotion that waits.
type RejectCommand struct{ decideFlags }

// Help has examples.
func (RejectCommand) Help() string {
	return "The promotion ends, and nothing of it is done.\n\nExamples:\n  slipway reject 12 -m \"not on a Friday\""
}

// Run rejects.
func (c *RejectCommand) Run(a *cli.App) error {
	r, err := getPromotion(a, c.ID)
	if err != nil {
		return err
	}
	return c.decide(a, slipway.VerdictReject, r.JSON200, followFlags{})
}

// WaitingCommand lists what waits for one's decision.
type WaitingCommand struct {
	All bool `help:"Whatever waits, not only for me."`
}

// Help has examples.
func (WaitingCommand) Help() string {
	return "What waits, for what, since when, until when, and for whom.\n\nExamples:\n  slipway waiting\n  slipway waiting --all --json"
}

// Run lists what waits.
func (c *WaitingCommand) Run(a *cli.App) error {
	params := &client.ListPromotionsParams{WaitingForMe: cli.Given(true)}
	if c.All {
		params = &client.ListPromotionsParams{State: cli.Given(slipway.PromotionWaiting), Limit: cli.Given(500)}
	}
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.ListPromotionsResponse, error) {
		return cl.ListPromotionsWithResponse(ctx, params)
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	var rows [][]string
	for _, p := range r.JSON200.Items {
		for _, w := range p.Waits {
			rows = append(rows, append([]string{fmt.Sprint(p.Id), p.Service, p.Environment, cli.Number(p.Release), p.RequestedBy}, waitWords(w)...))
		}
	}
	if len(rows) == 0 {
		fmt.Fprintln(a.Stdout, "Nothing waits.")
		return nil
	}
	return a.Table([]string{"id", "service", "environment", "release", "asked for by", "waits for", "since", "until", "on"}, rows)
}

// waitWords are the columns of a closed gate.
func waitWords(w slipway.Wait) []string {
	until := "given up " + w.Until.Local().Format("2006-01-02 15:04 MST")
	if w.Opens {
		until = "opens " + w.Until.Local().Format("2006-01-02 15:04 MST")
	}
	return []string{w.Reason, cli.Ago(w.Since), until, strings.Join(w.On, ", ")}
}

type promotionRetry struct {
	ID     int    `arg:"" help:"The promotion."`
	Skip   string `enum:",test,rehearse,migrate" default:"" help:"Leave out this step: test or rehearse where the policy lets you, migrate when it could not be found out whether the release command has run."`
	Reason string `short:"m" placeholder:"WHY" help:"Why it is left out."`
	followFlags
}

// Help has examples.
func (promotionRetry) Help() string {
	return "The same commit, and the same release when it was made: what was done isn't done again.\n\nExamples:\n  slipway promotion retry 12 --follow\n  slipway promotion retry 12 --skip test -m \"the broken test has nothing to do with the fix\""
}

// Run tries a promotion again.
func (c *promotionRetry) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.RetryPromotionResponse, error) {
		return cl.RetryPromotionWithResponse(ctx, c.ID, client.RetryInput{Skip: slipway.StepName(c.Skip), Reason: c.Reason})
	})
	if err != nil {
		return err
	}
	return started(a, r.Body, r.JSON202, c.followFlags)
}

// printGates prints what a promotion waits for, and what people said to it.
func printGates(a *cli.App, p *client.Promotion) error {
	if len(p.Waits) > 0 {
		var rows [][]string
		for _, w := range p.Waits {
			rows = append(rows, waitWords(w))
		}
		fmt.Fprintln(a.Stdout)
		if err := a.Table([]string{"waits for", "since", "until", "on"}, rows); err != nil {
			return err
		}
	}
	if len(p.Decisions) == 0 {
		return nil
	}
	var rows [][]string
	for _, d := range p.Decisions {
		void := ""
		if d.Void != "" {
			void = "void: " + d.Void
		} else if d.Lapsed != "" {
			void = "doesn't count now: " + d.Lapsed
		}
		rows = append(rows, []string{d.Account, string(d.Verdict), cli.Ago(d.At), cli.Clean(d.Comment), void})
	}
	fmt.Fprintln(a.Stdout)
	return a.Table([]string{"who", "said", "when", "comment", ""}, rows)
}
