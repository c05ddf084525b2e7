package main

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/client"
)

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
