package report

import (
	"context"
	"fmt"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/client"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

// DoraCommand shows the measures of delivery.
type DoraCommand struct {
	Service string `arg:"" optional:"" help:"Only of this service."`
	Team    string `placeholder:"TEAM" help:"Only of services of this team."`
	Env     string `placeholder:"ENV" help:"Into this environment; the last of the path unless given."`
	Weeks   int    `default:"12" help:"How far back, at most 52."`
}

// Help has examples.
func (DoraCommand) Help() string {
	return `The five measures of delivery, worked out from what was promoted. docs/dora.md says how.
They show one's own course; there are no grades.

Examples:
  slipway dora
  slipway dora billing --weeks 26
  slipway dora --team shop --env test --json`
}

// Run prints how delivery goes.
func (c *DoraCommand) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.GetDeliveryResponse, error) {
		return cl.GetDeliveryWithResponse(ctx, &client.GetDeliveryParams{Service: cli.Given(c.Service), Team: cli.Given(c.Team), Environment: cli.Given(c.Env), Weeks: cli.Given(c.Weeks)})
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	d := r.JSON200
	fmt.Fprintf(a.Stdout, "Delivery to %s over %d weeks: %d deployments, %d failed, %d reworked.\n\n", d.Environment, d.Weeks, d.Delivery.Deployments, d.Delivery.Failures, d.Delivery.Reworks)
	row := func(name string, m slipway.Measure, say func(float64) string) []string {
		n := len(m.Weeks)
		return []string{name, told(m.Value, say), told(mean(m.Weeks[:n/2]), say), told(mean(m.Weeks[n/2:]), say)}
	}
	if err := a.Table([]string{"", "value", "first half", "second half"}, [][]string{
		row("deployment frequency", d.Delivery.Frequency, func(v float64) string { return fmt.Sprintf("%.1f a week", v) }),
		row("lead time for changes", d.Delivery.Lead, span),
		row("change fail rate", d.Delivery.FailRate, percent),
		row("recovery time", d.Delivery.Recovery, span),
		row("rework rate", d.Delivery.ReworkRate, percent),
	}); err != nil || len(d.Services) == 0 {
		return err
	}
	fmt.Fprintln(a.Stdout)
	var rows [][]string
	for _, s := range d.Services {
		rows = append(rows, []string{s.Service, s.Team, fmt.Sprint(s.Delivery.Deployments), told(s.Delivery.Lead.Value, span), told(s.Delivery.FailRate.Value, percent), told(s.Delivery.Recovery.Value, span), told(s.Delivery.ReworkRate.Value, percent)})
	}
	return a.Table([]string{"service", "team", "deployments", "lead time", "fail rate", "recovery", "rework"}, rows)
}

func told(v *float64, say func(float64) string) string {
	if v == nil {
		return ""
	}
	return say(*v)
}

func span(seconds float64) string {
	return (time.Duration(seconds) * time.Second).String()
}

func percent(v float64) string { return fmt.Sprintf("%.1f %%", 100*v) }

// mean of the weeks that have a value; nil when none has.
func mean(weeks []*float64) *float64 {
	sum, n := 0.0, 0
	for _, w := range weeks {
		if w != nil {
			sum += *w
			n++
		}
	}
	if n == 0 {
		return nil
	}
	sum /= float64(n)
	return &sum
}
