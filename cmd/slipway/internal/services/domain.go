package services

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/client"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

// DomainCommands give services host names, and take them away.
type DomainCommands struct {
	Add    domainAdd    `cmd:"" help:"Give a service a host name in an environment."`
	List   domainList   `cmd:"" name:"ls" help:"List a service's own host names."`
	Remove domainRemove `cmd:"" name:"rm" help:"Take a host name away from a service."`
}

type domainAdd struct {
	Service string `arg:"" help:"The service."`
	Name    string `arg:"" help:"The host name, as in shop.example.com."`
	Env     string `required:"" placeholder:"ENV" help:"The environment."`
	First   bool   `help:"Links and checks use it, in place of the one that they used."`
}

// Help has examples.
func (domainAdd) Help() string {
	return `The edge serves the service under it at once; the default name stays. A name belongs to one service in one environment.

Examples:
  slipway domain add billing shop.example.com --env prod
  slipway domain add billing www.example.com --env prod --first`
}

// Run adds a name.
func (c *domainAdd) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.CreateDomainResponse, error) {
		return cl.CreateDomainWithResponse(ctx, c.Service, c.Env, client.DomainInput{Name: c.Name, First: c.First})
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	if fmt.Fprintf(a.Stdout, "%s answers to %s in %s.", c.Service, r.JSON201.Name, c.Env); r.JSON201.Name != slipway.LocalDomain {
		fmt.Fprint(a.Stdout, " Point the name at this platform's edge.")
	}
	fmt.Fprintln(a.Stdout)
	return nil
}

type domainList struct {
	Service string `arg:"" help:"The service."`
	Env     string `required:"" placeholder:"ENV" help:"The environment."`
}

// Help has examples.
func (domainList) Help() string {
	return "The first one is that of links and checks.\n\nExamples:\n  slipway domain ls billing --env prod"
}

// Run lists names.
func (c *domainList) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.ListDomainsResponse, error) {
		return cl.ListDomainsWithResponse(ctx, c.Service, c.Env)
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	if len(r.JSON200.Items) == 0 {
		fmt.Fprintf(a.Stdout, "%s has only its default name in %s. Give it another: slipway domain add %s NAME --env %s\n", c.Service, c.Env, c.Service, c.Env)
		return nil
	}
	var rows [][]string
	for _, d := range r.JSON200.Items {
		rows = append(rows, []string{d.Name, d.AddedBy, cli.Ago(d.CreatedAt)})
	}
	return a.Table([]string{"name", "added by", "since"}, rows)
}

type domainRemove struct {
	Service string `arg:"" help:"The service."`
	Name    string `arg:"" help:"The host name."`
	Env     string `required:"" placeholder:"ENV" help:"The environment."`
}

// Help has examples.
func (domainRemove) Help() string {
	return "Examples:\n  slipway domain rm billing shop.example.com --env prod"
}

// Run removes a name.
func (c *domainRemove) Run(a *cli.App) error {
	_, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.DeleteDomainResponse, error) {
		return cl.DeleteDomainWithResponse(ctx, c.Service, c.Env, c.Name)
	})
	if err == nil && !a.JSON {
		fmt.Fprintf(a.Stdout, "%s doesn't answer to %s in %s any more.\n", c.Service, c.Name, c.Env)
	}
	return err
}
