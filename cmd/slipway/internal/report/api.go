package report

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/client"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

// APICommand makes a request that no other command makes.
type APICommand struct {
	Method string   `arg:"" enum:"GET,POST,PUT,PATCH,DELETE,get,post,put,patch,delete" help:"The method."`
	Path   string   `arg:"" help:"The path below /api/v1, such as /services."`
	Input  string   `placeholder:"FILE" help:"The JSON body; - is standard input."`
	Header []string `short:"H" sep:"none" placeholder:"NAME: VALUE" help:"A header to send."`
}

// Help has examples.
func (APICommand) Help() string {
	return `Sends a request with your credentials and prints the answer as it came. The reference of the API stands at /api/v1/ of the platform.

Examples:
  slipway api GET /services?limit=5
  echo '{"environment": "dev"}' | slipway api POST /services/billing/promotions --input -`
}

// Run makes the request.
func (c *APICommand) Run(a *cli.App) error {
	cl, err := a.Client()
	if err != nil {
		return err
	}
	raw, ok := cl.ClientInterface.(*client.Client)
	if !ok || !strings.HasPrefix(c.Path, "/") {
		return slipway.Errorf(slipway.Invalid, "the path begins with a slash, such as /services").At("path")
	}
	var body []byte
	switch c.Input {
	case "":
	case "-":
		body, err = io.ReadAll(io.LimitReader(a.Stdin, 2<<20))
	default:
		body, err = os.ReadFile(c.Input)
	}
	if err != nil {
		return slipway.Wrap(slipway.Invalid, err, "the body can't be read from %s", c.Input).At("input")
	}
	path := strings.TrimPrefix(strings.TrimPrefix(c.Path, "/api/v1"), "/")
	req, err := http.NewRequestWithContext(a.Context, strings.ToUpper(c.Method), raw.Server+path, bytes.NewReader(body))
	if err != nil {
		return slipway.Wrap(slipway.Invalid, err, "%q is not a path", c.Path).At("path")
	}
	if len(body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range c.Header {
		name, value, ok := strings.Cut(h, ":")
		if !ok || strings.ContainsAny(h, "\r\n") {
			return slipway.Errorf(slipway.Invalid, "a header is written as `Name: value`").At("header")
		}
		req.Header.Set(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	for _, edit := range raw.RequestEditors {
		if err := edit(a.Context, req); err != nil {
			return err
		}
	}
	resp, err := raw.Client.Do(req)
	if err != nil {
		return a.Unreachable(err)
	}
	defer resp.Body.Close()
	out, done := a.Raw()
	defer done()
	if _, err := io.Copy(out, resp.Body); err != nil {
		return a.Unreachable(err)
	}
	switch {
	case resp.StatusCode < 400:
		return nil
	case resp.StatusCode == http.StatusUnprocessableEntity:
		return &cli.EndedError{Exit: cli.ExitFailed}
	case resp.StatusCode < 500 && resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusForbidden && resp.StatusCode != http.StatusNotFound && resp.StatusCode != http.StatusConflict && resp.StatusCode != http.StatusTooManyRequests:
		return &cli.EndedError{Exit: cli.ExitUsage}
	}
	return &cli.EndedError{Exit: cli.ExitError}
}
