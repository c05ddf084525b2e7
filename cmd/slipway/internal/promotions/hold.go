package promotions

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/api/client"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

// HoldCommands stop automatic promotion, and let it go on.
type HoldCommands struct {
	List    holdList    `cmd:"" name:"ls" help:"List where automatic promotion is stopped."`
	Add     holdAdd     `cmd:"" help:"Stop automatic promotion of a service into an environment."`
	Release holdRelease `cmd:"" help:"Let automatic promotion go on."`
}

type holdList struct {
	Service string `placeholder:"NAME" help:"Only of this service."`
}

// Help has examples.
func (holdList) Help() string { return "Examples:\n  slipway hold ls" }

// Run lists holds.
func (c *holdList) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.ListHoldsResponse, error) {
		return cl.ListHoldsWithResponse(ctx, &client.ListHoldsParams{Service: cli.Given(c.Service)})
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	if len(r.JSON200.Items) == 0 {
		fmt.Fprintln(a.Stdout, "Nothing is on hold.")
		return nil
	}
	var rows [][]string
	for _, h := range r.JSON200.Items {
		rows = append(rows, []string{h.Service, h.Environment, h.Reason, h.PlacedBy, cli.Ago(h.CreatedAt)})
	}
	return a.Table([]string{"service", "environment", "reason", "placed by", "since"}, rows)
}

type holdAdd struct {
	Service string `arg:"" help:"The service."`
	Reason  string `arg:"" help:"Why."`
	Env     string `required:"" placeholder:"ENV" help:"The environment."`
}

// Help has examples.
func (holdAdd) Help() string {
	return "Promoting by hand goes on. A rollback places a hold by itself.\n\nExamples:\n  slipway hold add billing \"looking for a leak\" --env prod"
}

// Run places a hold.
func (c *holdAdd) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.PlaceHoldResponse, error) {
		return cl.PlaceHoldWithResponse(ctx, c.Service, c.Env, client.HoldInput{Reason: c.Reason})
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	fmt.Fprintf(a.Stdout, "Nothing of %s gets into %s by itself. Release it: slipway hold release %s --env %s\n", c.Service, c.Env, c.Service, c.Env)
	return nil
}

type holdRelease struct {
	Service string `arg:"" help:"The service."`
	Env     string `required:"" placeholder:"ENV" help:"The environment."`
}

// Help has examples.
func (holdRelease) Help() string { return "Examples:\n  slipway hold release billing --env prod" }

// Run releases a hold.
func (c *holdRelease) Run(a *cli.App) error {
	_, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.ReleaseHoldResponse, error) {
		return cl.ReleaseHoldWithResponse(ctx, c.Service, c.Env)
	})
	if err == nil && !a.JSON {
		fmt.Fprintf(a.Stdout, "%s gets into %s by itself again.\n", c.Service, c.Env)
	}
	return err
}
