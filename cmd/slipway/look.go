package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
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
	return a.table(append([]string{"service"}, s.Environments...), rows)
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

func printServiceStatus(a *app, s *client.Status) error {
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
func wayBack(a *app, c client.StatusCell) (string, error) {
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
	Release int    `arg:"" optional:"" help:"Only this release, with all that is recorded of it."`
	Limit   int    `short:"n" default:"20" help:"How many at most."`
}

// Help has examples.
func (releasesCommand) Help() string {
	return "Examples:\n  slipway releases billing\n  slipway releases billing 7"
}

// Run lists releases, or shows one.
func (c *releasesCommand) Run(a *app) error {
	if c.Release != 0 {
		return printRelease(a, c.Service, c.Release)
	}
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
		digest := strings.TrimPrefix(string(x.Artifact), "sha256:")
		rows = append(rows, []string{fmt.Sprint(x.Number), short(x.Commit.Id), x.Commit.Subject, tested(x.Tests), strings.Join(x.Environments, " "), short(digest), ago(x.CreatedAt)})
	}
	defer a.more(r.JSON200.NextCursor, c.Limit)
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
	return `With --json every line is an object of its own: service, environment, process, instance (such as web.1) and line.

Examples:
  slipway logs billing --env prod --follow
  slipway logs orders --env dev --process worker -n 500
  slipway logs billing --env prod --json`
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
	copied, err := c.print(a, resp.Body)
	if err != nil && a.ctx.Err() == nil {
		return slipway.Wrap(slipway.Unavailable, err, "the platform went away")
	}
	if copied == 0 && a.ctx.Err() == nil {
		return c.silent(a)
	}
	return nil
}

// print copies lines as they come, or makes an object of each.
func (c *logsCommand) print(a *app, body io.Reader) (int64, error) {
	if !a.JSON {
		out, done := a.raw()
		defer done()
		return io.Copy(out, body)
	}
	out := json.NewEncoder(a.stdout)
	out.SetEscapeHTML(false)
	var copied int64
	for lines := bufio.NewReader(body); ; {
		text, err := lines.ReadString('\n')
		if text != "" {
			copied += int64(len(text))
			if err := out.Encode(c.line(strings.TrimSuffix(text, "\n"))); err != nil {
				return copied, err
			}
		}
		if errors.Is(err, io.EOF) {
			return copied, nil
		}
		if err != nil {
			return copied, err
		}
	}
}

// logLine is a line that an instance printed. Its fields are documented in the
// command's help and are only ever added to.
type logLine struct {
	Service     string `json:"service"`
	Environment string `json:"environment"`
	Process     string `json:"process"`
	Instance    string `json:"instance"`
	Line        string `json:"line"`
}

// line takes a line of the API apart, which is "web.1 | text".
func (c *logsCommand) line(text string) logLine {
	l := logLine{Service: c.Service, Environment: c.Env, Line: text}
	if instance, line, ok := strings.Cut(text, " | "); ok && !strings.ContainsAny(instance, " \t") {
		l.Instance, l.Line = instance, line
		l.Process, _, _ = strings.Cut(instance, ".")
	}
	return l
}

// silent says why there are no lines.
func (c *logsCommand) silent(a *app) error {
	r, err := call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.GetStatusResponse, error) {
		return cl.GetStatusWithResponse(ctx, &client.GetStatusParams{Service: given(c.Service)})
	})
	if err != nil {
		return err
	}
	for _, cell := range r.JSON200.Cells {
		if cell.Environment != c.Env || cell.Release == 0 {
			continue
		}
		processes := []string{}
		for _, i := range cell.Instances {
			if !slices.Contains(processes, i.Process) {
				processes = append(processes, i.Process)
			}
		}
		if c.Process != "" && len(processes) > 0 && !slices.Contains(processes, c.Process) {
			return slipway.Errorf(slipway.Invalid, "%s has no process %s in %s; it has %s", c.Service, c.Process, c.Env, strings.Join(processes, ", ")).At("process")
		}
		if !a.JSON {
			fmt.Fprintf(a.stderr, "%s has printed nothing in %s.\n", c.Service, c.Env)
		}
		return nil
	}
	return slipway.Errorf(slipway.NotFound, "nothing of %s runs in %s; run: slipway promote %s --to %s --follow", c.Service, c.Env, c.Service, c.Env)
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
