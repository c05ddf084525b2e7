// Package report holds the commands that look at what runs: status, releases, logs,
// traffic, measures. They speak to a server.
package report

import (
	"context"
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/client"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

// StatusCommand shows what runs where.
type StatusCommand struct {
	Service string `arg:"" optional:"" help:"Only this service."`
}

// Help has examples.
func (StatusCommand) Help() string { return "Examples:\n  slipway status\n  slipway status billing" }

// Run shows what runs where.
func (c *StatusCommand) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.GetStatusResponse, error) {
		return cl.GetStatusWithResponse(ctx, &client.GetStatusParams{Service: cli.Given(c.Service)})
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	s := r.JSON200
	if len(s.Services) == 0 {
		fmt.Fprintln(a.Stdout, "No services yet. Register one: slipway service add URL")
		return nil
	}
	if c.Service != "" {
		return printServiceStatus(a, s)
	}
	cells := map[string]string{}
	for _, cell := range s.Cells {
		cells[cell.Service+"\x00"+cell.Environment] = cellText(cell)
	}
	var rows [][]string
	for _, service := range s.Services {
		row := []string{service}
		for _, e := range s.Environments {
			row = append(row, cells[service+"\x00"+e])
		}
		rows = append(rows, row)
	}
	return a.Table(append([]string{"service"}, s.Environments...), rows)
}

// cellText is a cell in a few words: the release, how it is, what is under way.
func cellText(c client.StatusCell) string {
	var parts []string
	if c.Release != 0 {
		how := health(c)
		if c.Condition != slipway.ConditionGood { // also between two crashes, when all are healthy
			how = strings.ReplaceAll(string(c.Condition), "_", " ")
		}
		parts = append(parts, fmt.Sprintf("release %d %s", c.Release, how))
	}
	switch s := c.Promotion.State; {
	case c.Promotion.Id == 0 || s == slipway.PromotionSucceeded:
	case s.Over():
		parts = append(parts, fmt.Sprintf("(%d %s)", c.Promotion.Id, s))
	default:
		parts = append(parts, fmt.Sprintf("<- %d %s", c.Promotion.Id, s))
	}
	if c.HeldBy != "" {
		parts = append(parts, "[held]")
	}
	if len(c.Undeployed.Keys) > 0 {
		parts = append(parts, "[config not deployed]")
	}
	return strings.Join(parts, " ")
}

// health counts the instances that are healthy.
func health(c client.StatusCell) string {
	if c.Problem != "" {
		return "unknown"
	}
	healthy, total := 0, 0
	for _, i := range c.Instances {
		switch i.State {
		case slipway.InstanceDraining, slipway.InstanceStopped:
		case slipway.InstanceHealthy:
			healthy++
			total++
		default:
			total++
		}
	}
	switch {
	case total == 0:
		return "not running"
	case healthy == total:
		return "healthy"
	}
	return fmt.Sprintf("%d/%d healthy", healthy, total)
}

func printServiceStatus(a *cli.App, s *client.Status) error {
	var rows, instances [][]string
	for _, c := range s.Cells {
		back, err := wayBack(a, c)
		if err != nil {
			return err
		}
		problem := c.Problem
		if problem == "" {
			problem = c.ConditionReason
		}
		if c.HeldBy != "" {
			held := fmt.Sprintf("held by %s: %s; nothing gets in by itself until: slipway hold release %s --env %s", c.HeldBy, c.Hold, c.Service, c.Environment)
			problem = strings.TrimPrefix(problem+"; "+held, "; ")
		}
		if u := c.Undeployed; len(u.Keys) > 0 {
			problem = strings.TrimPrefix(fmt.Sprintf("%s; %s; deploy it: slipway redeploy %s --env %s", problem, u.Summary, c.Service, c.Environment), "; ")
		}
		rows = append(rows, []string{c.Environment, cellText(c), c.Url, back, problem})
		for _, i := range c.Instances {
			instances = append(instances, []string{c.Environment, i.Process, i.Id, string(i.State), fmt.Sprint(i.Restarts), cli.Ago(i.StartedAt), i.Reason})
		}
	}
	if err := a.Table([]string{"environment", "runs", "url", "way back", "problem"}, rows); err != nil || len(instances) == 0 {
		return err
	}
	fmt.Fprintln(a.Stdout)
	return a.Table([]string{"environment", "process", "instance", "state", "restarts", "started", "why"}, instances)
}

// wayBack says whether a rollback would go, for an environment where something runs.
func wayBack(a *cli.App, c client.StatusCell) (string, error) {
	if c.Release == 0 {
		return "", nil
	}
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.GetWayBackResponse, error) {
		return cl.GetWayBackWithResponse(ctx, c.Service, c.Environment)
	})
	switch {
	case err != nil:
		return "", err
	case !r.JSON200.Ready:
		return "none: " + r.JSON200.Reason, nil
	case r.JSON200.Warm:
		return fmt.Sprintf("release %d, warm", r.JSON200.Release), nil
	}
	return fmt.Sprintf("release %d", r.JSON200.Release), nil
}
