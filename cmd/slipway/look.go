package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/client"
)

type statusCommand struct {
	Service string `arg:"" optional:"" help:"Only this service."`
}

// Help has examples.
func (statusCommand) Help() string { return "Examples:\n  slipway status\n  slipway status billing" }

// Run shows what runs where.
func (c *statusCommand) Run(a *app) error {
	r, err := call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.GetStatusResponse, error) {
		return cl.GetStatusWithResponse(ctx, &client.GetStatusParams{Service: given(c.Service)})
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.json(r.Body)
	}
	s := r.JSON200
	if len(s.Services) == 0 {
		fmt.Fprintln(a.stdout, "No services yet. Register one: slipway service add URL")
		return nil
	}
	if c.Service != "" {
		return a.serviceStatus(s)
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
	return a.table(append([]string{"service"}, s.Environments...), rows)
}

// cellText is a cell in a few words: the release, how it is, what is under way.
func cellText(c client.StatusCell) string {
	var parts []string
	if c.Release != 0 {
		parts = append(parts, fmt.Sprintf("release %d %s", c.Release, health(c)))
	}
	switch s := c.Promotion.State; {
	case c.Promotion.Id == 0 || s == slipway.PromotionSucceeded:
	case s.Over():
		parts = append(parts, fmt.Sprintf("(%d %s)", c.Promotion.Id, s))
	default:
		parts = append(parts, fmt.Sprintf("<- %d %s", c.Promotion.Id, s))
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

func (a *app) serviceStatus(s *client.Status) error {
	var rows, instances [][]string
	for _, c := range s.Cells {
		back, err := a.wayBack(c)
		if err != nil {
			return err
		}
		rows = append(rows, []string{c.Environment, cellText(c), c.Url, back, c.Problem})
		for _, i := range c.Instances {
			instances = append(instances, []string{c.Environment, i.Process, i.Id, string(i.State), fmt.Sprint(i.Restarts), ago(i.StartedAt), i.Reason})
		}
	}
	if err := a.table([]string{"environment", "runs", "url", "way back", "problem"}, rows); err != nil || len(instances) == 0 {
		return err
	}
	fmt.Fprintln(a.stdout)
	return a.table([]string{"environment", "process", "instance", "state", "restarts", "started", "why"}, instances)
}

// wayBack says whether a rollback would go, for an environment where something runs.
func (a *app) wayBack(c client.StatusCell) (string, error) {
	if c.Release == 0 {
		return "", nil
	}
	r, err := call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.GetWayBackResponse, error) {
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

type releasesCommand struct {
	Service string `arg:"" help:"The service."`
	Limit   int    `short:"n" default:"20" help:"How many at most."`
}

// Help has examples.
func (releasesCommand) Help() string { return "Examples:\n  slipway releases billing" }

// Run lists releases.
func (c *releasesCommand) Run(a *app) error {
	r, err := call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.ListReleasesResponse, error) {
		return cl.ListReleasesWithResponse(ctx, c.Service, &client.ListReleasesParams{Limit: given(c.Limit)})
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.json(r.Body)
	}
	if len(r.JSON200.Items) == 0 {
		fmt.Fprintf(a.stdout, "No releases. Make one: slipway promote %s --follow\n", c.Service)
		return nil
	}
	var rows [][]string
	for _, x := range r.JSON200.Items {
		tests := ""
		if x.Tests.Command != "" {
			tests = fmt.Sprintf("%d of %d passed", x.Tests.Passed, x.Tests.Total)
		}
		digest := strings.TrimPrefix(string(x.Artifact), "sha256:")
		rows = append(rows, []string{fmt.Sprint(x.Number), short(x.Commit.Id), x.Commit.Subject, tests, strings.Join(x.Environments, " "), short(digest), ago(x.CreatedAt)})
	}
	return a.table([]string{"release", "commit", "subject", "tests", "runs in", "digest", "built"}, rows)
}

type logsCommand struct {
	Service string `arg:"" help:"The service."`
	Env     string `required:"" placeholder:"ENV" help:"The environment."`
	Follow  bool   `short:"f" help:"Go on with new lines."`
	Process string `placeholder:"NAME" help:"Only this process."`
	Lines   int    `short:"n" default:"100" help:"How many of the lines that are there already."`
}

// Help has examples.
func (logsCommand) Help() string {
	return "Examples:\n  slipway logs billing --env prod --follow\n  slipway logs orders --env dev --process worker -n 500"
}

// Run prints the output of a service.
func (c *logsCommand) Run(a *app) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	resp, err := cl.ClientInterface.GetLogs(a.ctx, c.Service, c.Env, &client.GetLogsParams{
		Process: given(c.Process), Lines: given(c.Lines), Follow: given(c.Follow),
	})
	if err != nil {
		return a.unreachable(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return client.ProblemError(resp)
	}
	if _, err := io.Copy(a.stdout, resp.Body); err != nil && a.ctx.Err() == nil {
		return slipway.Wrap(slipway.Unavailable, err, "the platform went away")
	}
	return nil
}

type openCommand struct {
	Service string `arg:"" optional:"" help:"The service; without one, the API's reference page."`
	Env     string `placeholder:"ENV" help:"The environment; the last one where the service runs unless given."`
	Print   bool   `help:"Only print the address."`
}

// Help has examples.
func (openCommand) Help() string {
	return "Examples:\n  slipway open\n  slipway open billing --env prod"
}

// Run prints an address and opens it where there is a browser.
func (c *openCommand) Run(a *app) error {
	address, err := c.address(a)
	if err != nil {
		return err
	}
	if a.JSON {
		return a.jsonOf(map[string]string{"url": address})
	}
	fmt.Fprintln(a.stdout, address)
	if c.Print || !terminal(a.stdout) {
		return nil
	}
	browse(a.ctx, address)
	return nil
}

func (c *openCommand) address(a *app) (string, error) {
	if c.Service == "" {
		server, err := a.server()
		return server + "/api/v1/", err
	}
	r, err := call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.GetStatusResponse, error) {
		return cl.GetStatusWithResponse(ctx, &client.GetStatusParams{Service: given(c.Service)})
	})
	if err != nil {
		return "", err
	}
	found := ""
	for _, cell := range r.JSON200.Cells {
		if cell.Url != "" && (c.Env == "" || c.Env == cell.Environment) {
			found = cell.Url
		}
	}
	if found == "" {
		where := c.Env
		if where == "" {
			where = "any environment"
		}
		return "", slipway.Errorf(slipway.NotFound, "%s has no address in %s; run: slipway promote %s --follow", c.Service, where, c.Service)
	}
	return found, nil
}
