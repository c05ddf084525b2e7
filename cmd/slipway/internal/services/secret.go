package services

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/api/client"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

// SecretCommands store, list and remove secrets.
type SecretCommands struct {
	Set  secretSet  `cmd:"" help:"Store a secret, read from standard input or a prompt."`
	List secretList `cmd:"" name:"ls" help:"List secrets, never their values."`
	Rm   secretRm   `cmd:"" help:"Remove a secret."`
}

type secretSet struct {
	Service string `arg:"" help:"The service."`
	Name    string `arg:"" help:"The setting that holds it, such as DATABASE_URL."`
	Env     string `placeholder:"ENV" help:"The environment; without it, all environments of the service."`
}

// Help has examples.
func (secretSet) Help() string {
	return `The value never stands on the command line, where other users of the machine could read it. One newline at its end is dropped.

Examples:
  slipway secret set billing DATABASE_URL --env prod
  pass show billing/db | slipway secret set billing DATABASE_URL --env prod`
}

// Run stores a secret.
func (c *secretSet) Run(a *cli.App) error {
	value, err := a.ReadSecret("Value of " + c.Name + ": ")
	if err != nil {
		return err
	}
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.SetSecretResponse, error) {
		return cl.SetSecretWithResponse(ctx, c.Service, c.Name, &client.SetSecretParams{Environment: cli.Given(c.Env)}, client.SecretInput{Value: value.Reveal()})
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	fmt.Fprintf(a.Stdout, "%s is sealed as %s. Running deployments get it with the next promotion.\n", r.JSON200.Name, r.JSON200.Reference)
	return nil
}

type secretList struct {
	Service string `arg:"" help:"The service."`
	Env     string `placeholder:"ENV" help:"Only this environment."`
}

// Help has examples.
func (secretList) Help() string { return "Examples:\n  slipway secret ls billing" }

// Run lists secrets.
func (c *secretList) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.ListSecretsResponse, error) {
		return cl.ListSecretsWithResponse(ctx, c.Service, &client.ListSecretsParams{Environment: cli.Given(c.Env)})
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	if len(r.JSON200.Items) == 0 {
		fmt.Fprintln(a.Stdout, "No secrets.")
		return nil
	}
	var rows [][]string
	for _, s := range r.JSON200.Items {
		rows = append(rows, []string{s.Name, s.Environment, s.Reference})
	}
	return a.Table([]string{"name", "environment", "reference"}, rows)
}

type secretRm struct {
	Service string `arg:"" help:"The service."`
	Name    string `arg:"" help:"The secret."`
	Env     string `placeholder:"ENV" help:"The environment; without it, all environments of the service."`
	Erase   bool   `help:"For good, with all values that it had; also after it was removed."`
}

// Help has examples.
func (secretRm) Help() string {
	return `The value stays sealed and can be restored (slipway config history), unless it is erased.

Examples:
  slipway secret rm billing DATABASE_URL --env prod
  slipway secret rm billing DATABASE_URL --env prod --erase`
}

// Run removes a secret.
func (c *secretRm) Run(a *cli.App) error {
	_, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.DeleteSecretResponse, error) {
		return cl.DeleteSecretWithResponse(ctx, c.Service, c.Name, &client.DeleteSecretParams{Environment: cli.Given(c.Env), Erase: &c.Erase})
	})
	if err != nil || a.JSON {
		return err
	}
	if c.Erase {
		fmt.Fprintf(a.Stdout, "%s is removed, and its values are erased. What runs with one, or could be gone back to, keeps it until that is over.\n", c.Name)
		return nil
	}
	env := ""
	if c.Env != "" {
		env = " --env " + c.Env
	}
	fmt.Fprintf(a.Stdout, "%s is removed with the next promotion. To have it back: slipway config history %s %s%s; to erase its values: slipway secret rm %s %s%s --erase\n",
		c.Name, c.Service, c.Name, env, c.Service, c.Name, env)
	return nil
}
