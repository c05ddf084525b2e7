package report

import (
	"context"
	"fmt"
	"time"

	"github.com/slipway-dev/slipway/api/client"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

// TrafficCommand shows how many requests a service answered, and how fast.
type TrafficCommand struct {
	Service string        `arg:"" help:"The service."`
	Env     string        `required:"" placeholder:"ENV" help:"The environment."`
	Since   time.Duration `default:"15m" help:"How far back, at most 1h."`
}

// Help has examples.
func (TrafficCommand) Help() string {
	return "Examples:\n  slipway traffic billing --env prod\n  slipway traffic billing --env prod --since 1h --json"
}

// Run prints what a service answered.
func (c *TrafficCommand) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.GetTrafficResponse, error) {
		return cl.GetTrafficWithResponse(ctx, c.Service, c.Env, &client.GetTrafficParams{Minutes: cli.Given(max(int(c.Since.Minutes()), 1))})
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	if len(r.JSON200.Releases) == 0 {
		_, err := fmt.Fprintf(a.Stdout, "Nobody asked %s in %s since %s.\n", c.Service, c.Env, cli.Ago(r.JSON200.Since))
		return err
	}
	var rows [][]string
	for _, t := range r.JSON200.Releases {
		rows = append(rows, []string{cli.Number(t.Release), fmt.Sprint(t.Requests), fmt.Sprint(t.Failed), fmt.Sprint(t.Refused),
			fmt.Sprintf("%.1f ms", t.P50), fmt.Sprintf("%.1f ms", t.P95), fmt.Sprintf("%.1f ms", t.P99)})
	}
	return a.Table([]string{"release", "requests", "failed", "refused", "median", "95 %", "99 %"}, rows)
}
