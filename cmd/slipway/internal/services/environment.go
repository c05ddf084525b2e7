package services

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/client"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

// EnvCommands show, add and change environments.
type EnvCommands struct {
	Add  envAdd  `cmd:"" help:"Add an environment."`
	List envList `cmd:"" name:"ls" help:"List environments in the order in which releases move through them."`
	Show envShow `cmd:"" help:"Show an environment."`
	Set  envSet  `cmd:"" help:"Change an environment."`
}

type envAdd struct {
	Name     string `arg:"" help:"The name."`
	After    string `placeholder:"ENV" xor:"place" help:"The environment before it; the last one unless given."`
	Position int    `placeholder:"N" xor:"place" help:"Its place in the order, from 1."`
	Target   string `placeholder:"TARGET" help:"What deployments run on; process unless given."`
}

// Help has examples.
func (envAdd) Help() string { return "Examples:\n  slipway env add staging --after test" }

// Run adds an environment.
func (c *envAdd) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.CreateEnvironmentResponse, error) {
		return cl.CreateEnvironmentWithResponse(ctx, client.EnvironmentInput{Name: c.Name, After: c.After, Position: c.Position, Target: c.Target})
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	fmt.Fprintf(a.Stdout, "%s is number %d in the order.\n", r.JSON201.Name, r.JSON201.Position)
	return nil
}

type envList struct{}

// Help has examples.
func (envList) Help() string { return "Examples:\n  slipway env ls --json" }

// Run lists environments.
func (c *envList) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.ListEnvironmentsResponse, error) {
		return cl.ListEnvironmentsWithResponse(ctx)
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	var rows [][]string
	for _, e := range r.JSON200.Items {
		rows = append(rows, []string{fmt.Sprint(e.Position), e.Name, e.Target})
	}
	return a.Table([]string{"position", "environment", "target"}, rows)
}

type envShow struct {
	Name string `arg:"" help:"The environment."`
}

// Help has examples.
func (envShow) Help() string { return "Examples:\n  slipway env show prod" }

// Run shows an environment.
func (c *envShow) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.GetEnvironmentResponse, error) {
		return cl.GetEnvironmentWithResponse(ctx, c.Name)
	})
	if err != nil {
		return err
	}
	return printEnvironment(a, r.Body, r.JSON200)
}

type envSet struct {
	Name     string `arg:"" help:"The environment."`
	Position int    `placeholder:"N" help:"Its place in the order, from 1."`
	Target   string `placeholder:"TARGET" help:"What deployments run on."`
}

// Help has examples.
func (envSet) Help() string { return "Examples:\n  slipway env set staging --position 2" }

// Run changes an environment.
func (c *envSet) Run(a *cli.App) error {
	if c.Position == 0 && c.Target == "" {
		return slipway.Errorf(slipway.Invalid, "nothing to change; give --position or --target")
	}
	first, err := c.first(a)
	if err != nil {
		return err
	}
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.UpdateEnvironmentResponse, error) {
		return cl.UpdateEnvironmentWithResponse(ctx, c.Name, nil, client.EnvironmentChange{Position: cli.Given(c.Position), Target: cli.Given(c.Target)})
	})
	if err != nil {
		return err
	}
	if now, err := c.first(a); err == nil && now != first {
		fmt.Fprintf(a.Stderr, "note: %s is the first environment now, where `slipway promote` goes without --to.\n", now)
	}
	return printEnvironment(a, r.Body, r.JSON200)
}

// first is the environment that a promotion goes to by default. A place that is
// none in the order is refused: the last one is not meant.
func (c *envSet) first(a *cli.App) (string, error) {
	if c.Position == 0 {
		return "", nil
	}
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.ListEnvironmentsResponse, error) {
		return cl.ListEnvironmentsWithResponse(ctx)
	})
	if err != nil {
		return "", err
	}
	n := len(r.JSON200.Items)
	if c.Position < 1 || c.Position > n {
		return "", slipway.Errorf(slipway.Invalid, "there are %d environments; give a position from 1 to %d", n, n).At("position")
	}
	return r.JSON200.Items[0].Name, nil
}

func printEnvironment(a *cli.App, body []byte, e *client.Environment) error {
	if a.JSON {
		return a.PrintAnswer(body)
	}
	return a.Facts("environment", e.Name, "position", fmt.Sprint(e.Position), "target", e.Target)
}
