package report

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/client"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

// OpenCommand opens a service in a browser.
type OpenCommand struct {
	Service string `arg:"" optional:"" help:"The service; without one, the API's reference page."`
	Env     string `placeholder:"ENV" help:"The environment; the last one where the service runs unless given."`
	Print   bool   `help:"Only print the address."`
}

// Help has examples.
func (OpenCommand) Help() string {
	return "Examples:\n  slipway open\n  slipway open billing --env prod"
}

// Run prints an address and opens it where there is a browser.
func (c *OpenCommand) Run(a *cli.App) error {
	address, err := c.address(a)
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintJSON(map[string]string{"url": address})
	}
	fmt.Fprintln(a.Stdout, address)
	if c.Print || !cli.IsTerminal(a.Stdout) {
		return nil
	}
	cli.Browse(a.Context, address)
	return nil
}

func (c *OpenCommand) address(a *cli.App) (string, error) {
	if c.Service == "" {
		server, err := a.Address()
		return server + "/api/v1/", err
	}
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.GetStatusResponse, error) {
		return cl.GetStatusWithResponse(ctx, &client.GetStatusParams{Service: cli.Given(c.Service)})
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
