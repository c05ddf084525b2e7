package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/client"
)

type secretCommands struct {
	Set  secretSet  `cmd:"" help:"Store a secret, read from standard input or a prompt."`
	List secretList `cmd:"" name:"ls" help:"List secrets, never their values."`
	Rm   secretRm   `cmd:"" help:"Remove a secret."`
}

type secretSet struct {
	Service string `arg:"" help:"The service."`
	Name    string `arg:"" help:"The setting that holds it, such as DATABASE_URL."`
	Env     string `placeholder:"ENV" help:"The environment; without it, the service everywhere."`
}

// Help has examples.
func (secretSet) Help() string {
	return `The value never stands on the command line, where other users of the machine could read it. One newline at its end is dropped.

Examples:
  slipway secret set billing DATABASE_URL --env prod
  pass show billing/db | slipway secret set billing DATABASE_URL --env prod`
}

// Run stores a secret.
func (c *secretSet) Run(a *app) error {
	value, err := a.readSecret("Value of " + c.Name + ": ")
	if err != nil {
		return err
	}
	r, err := call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.SetSecretResponse, error) {
		return cl.SetSecretWithResponse(ctx, c.Service, c.Name, &client.SetSecretParams{Environment: given(c.Env)}, client.SecretInput{Value: value.Reveal()})
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.json(r.Body)
	}
	fmt.Fprintf(a.stdout, "%s is sealed as %s. Running deployments get it with the next promotion.\n", r.JSON200.Name, r.JSON200.Reference)
	return nil
}

// readSecret reads a value without showing it: from a prompt on a terminal,
// otherwise all of standard input.
func (a *app) readSecret(prompt string) (slipway.Secret, error) {
	if f, ok := a.stdin.(*os.File); ok && terminal(f) {
		fmt.Fprint(a.stderr, prompt)
		value, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(a.stderr)
		if err != nil {
			return slipway.Secret{}, slipway.Wrap(slipway.Invalid, err, "no value was given")
		}
		return slipway.NewSecret(string(value)), nil
	}
	const most = 64 << 10
	value, err := io.ReadAll(io.LimitReader(a.stdin, most+2))
	switch {
	case err != nil:
		return slipway.Secret{}, slipway.Wrap(slipway.Invalid, err, "the value could not be read from standard input")
	case len(value) > most+1:
		return slipway.Secret{}, slipway.Errorf(slipway.Invalid, "the value is longer than %d bytes", most)
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(value), "\n"), "\r")
	if text == "" {
		return slipway.Secret{}, slipway.Errorf(slipway.Invalid, "standard input holds no value")
	}
	return slipway.NewSecret(text), nil
}

type secretList struct {
	Service string `arg:"" help:"The service."`
	Env     string `placeholder:"ENV" help:"Only this environment."`
}

// Help has examples.
func (secretList) Help() string { return "Examples:\n  slipway secret ls billing" }

// Run lists secrets.
func (c *secretList) Run(a *app) error {
	r, err := call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.ListSecretsResponse, error) {
		return cl.ListSecretsWithResponse(ctx, c.Service, &client.ListSecretsParams{Environment: given(c.Env)})
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.json(r.Body)
	}
	if len(r.JSON200.Items) == 0 {
		fmt.Fprintln(a.stdout, "No secrets.")
		return nil
	}
	var rows [][]string
	for _, s := range r.JSON200.Items {
		rows = append(rows, []string{s.Name, s.Environment, s.Reference})
	}
	return a.table([]string{"name", "environment", "reference"}, rows)
}

type secretRm struct {
	Service string `arg:"" help:"The service."`
	Name    string `arg:"" help:"The secret."`
	Env     string `placeholder:"ENV" help:"The environment; without it, the service everywhere."`
}

// Help has examples.
func (secretRm) Help() string {
	return "Examples:\n  slipway secret rm billing DATABASE_URL --env prod"
}

// Run removes a secret.
func (c *secretRm) Run(a *app) error {
	_, err := call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.DeleteSecretResponse, error) {
		return cl.DeleteSecretWithResponse(ctx, c.Service, c.Name, &client.DeleteSecretParams{Environment: given(c.Env)})
	})
	if err == nil && !a.JSON {
		fmt.Fprintf(a.stdout, "%s is removed. What runs with it, or could be gone back to, keeps its value until that is over.\n", c.Name)
	}
	return err
}

// lines returns a function that reads one secret after the other: from prompts
// on a terminal, otherwise a line of standard input each.
func (a *app) lines() func(prompt string) (slipway.Secret, error) {
	return a.linesOf(bufio.NewReader(io.LimitReader(a.stdin, 64<<10)))
}

// linesOf is lines for standard input of which something was read already.
func (a *app) linesOf(reader *bufio.Reader) func(prompt string) (slipway.Secret, error) {
	if terminal(a.stdin) {
		return a.readSecret
	}
	return func(string) (slipway.Secret, error) {
		line, err := reader.ReadString('\n')
		if err != nil && line == "" {
			return slipway.Secret{}, slipway.Errorf(slipway.Invalid, "standard input has too few lines")
		}
		return slipway.NewSecret(strings.TrimRight(line, "\r\n")), nil
	}
}
