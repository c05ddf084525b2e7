package report

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
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

// LogsCommand prints the output of a running service.
type LogsCommand struct {
	Service string `arg:"" help:"The service."`
	Env     string `required:"" placeholder:"ENV" help:"The environment."`
	Follow  bool   `short:"f" help:"Go on with new lines."`
	Process string `placeholder:"NAME" help:"Only this process."`
	Lines   int    `short:"n" default:"100" help:"How many of the lines that are there already."`
}

// Help has examples.
func (LogsCommand) Help() string {
	return `With --json every line is an object of its own: service, environment, process, instance (such as web.1) and line.

Examples:
  slipway logs billing --env prod --follow
  slipway logs orders --env dev --process worker -n 500
  slipway logs billing --env prod --json`
}

// Run prints the output of a service.
func (c *LogsCommand) Run(a *cli.App) error {
	cl, err := a.Client()
	if err != nil {
		return err
	}
	resp, err := cl.ClientInterface.GetLogs(a.Context, c.Service, c.Env, &client.GetLogsParams{
		Process: cli.Given(c.Process), Lines: cli.Given(c.Lines), Follow: cli.Given(c.Follow),
	})
	if err != nil {
		return a.Unreachable(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return client.ProblemError(resp)
	}
	copied, err := c.print(a, resp.Body)
	if err != nil && a.Context.Err() == nil {
		return slipway.Wrap(slipway.Unavailable, err, "the platform went away")
	}
	if copied == 0 && a.Context.Err() == nil {
		return c.silent(a)
	}
	return nil
}

// print copies lines as they come, or makes an object of each.
func (c *LogsCommand) print(a *cli.App, body io.Reader) (int64, error) {
	if !a.JSON {
		out, done := a.Raw()
		defer done()
		return io.Copy(out, body)
	}
	out := json.NewEncoder(a.Stdout)
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
func (c *LogsCommand) line(text string) logLine {
	l := logLine{Service: c.Service, Environment: c.Env, Line: text}
	if instance, line, ok := strings.Cut(text, " | "); ok && !strings.ContainsAny(instance, " \t") {
		l.Instance, l.Line = instance, line
		l.Process, _, _ = strings.Cut(instance, ".")
	}
	return l
}

// silent says why there are no lines.
func (c *LogsCommand) silent(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.GetStatusResponse, error) {
		return cl.GetStatusWithResponse(ctx, &client.GetStatusParams{Service: cli.Given(c.Service)})
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
			fmt.Fprintf(a.Stderr, "%s has printed nothing in %s.\n", c.Service, c.Env)
		}
		return nil
	}
	return slipway.Errorf(slipway.NotFound, "nothing of %s runs in %s; run: slipway promote %s --to %s --follow", c.Service, c.Env, c.Service, c.Env)
}
