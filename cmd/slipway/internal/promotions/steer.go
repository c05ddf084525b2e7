package promotions

import (
	"context"
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/client"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

type promotionSteer struct {
	ID   int    `arg:"" help:"The promotion."`
	What string `arg:"" enum:"pause,resume,promote,abort" help:"pause: stay at the weight; resume: end the pause, or else the stage; promote: all the traffic now; abort: all the traffic back to the old release."`

	Reason string `short:"m" placeholder:"WHY" help:"Why. It stands in the audit log, and after an abort on the promotion."`
}

// Help has examples.
func (promotionSteer) Help() string {
	return "Examples:\n  slipway promotion steer 12 pause\n  slipway promotion steer 12 promote\n  slipway promotion steer 12 abort -m \"the totals are wrong\""
}

// Run steers a canary.
func (c *promotionSteer) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.SteerCanaryResponse, error) {
		return cl.SteerCanaryWithResponse(ctx, c.ID, client.SteeringInput{What: slipway.Steering(c.What), Reason: c.Reason})
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	_, err = fmt.Fprintf(a.Stdout, "Promotion %d was told to %s. Follow it: slipway promotion show %d --follow\n", c.ID, c.What, c.ID)
	return err
}

// printRollout prints where a canary stands.
func printRollout(a *cli.App, r *slipway.Rollout) error {
	if r == nil {
		return nil
	}
	fmt.Fprintf(a.Stdout, "\ncanary: %s\n%s\n", r.Words(), r.Judgement.Reason)
	row := func(name string, f slipway.Figures) []string {
		return []string{name, fmt.Sprint(f.Requests), fmt.Sprintf("%.1f %% (%.1f to %.1f)", 100*f.FailureRate, 100*f.FailureLow, 100*f.FailureHigh), fmt.Sprintf("%.1f ms", f.P50), fmt.Sprintf("%.1f ms", f.P95)}
	}
	return a.Table([]string{"release", "requests", "failed", "median", "95 %"}, [][]string{row("new", r.Judgement.New), row("old", r.Judgement.Old)})
}

// printRehearsal prints what a run without traffic found.
func printRehearsal(a *cli.App, found []slipway.Rehearsed) error {
	if len(found) == 0 {
		return nil
	}
	fmt.Fprintln(a.Stdout)
	var rows [][]string
	for _, f := range found {
		rows = append(rows, []string{f.Check, string(f.State), strings.ReplaceAll(f.Text, "\n", "; ")})
	}
	return a.Table([]string{"rehearsed", "result", "what was seen"}, rows)
}
