package access

import (
	"context"
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/client"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

// ProviderCommands are for the OpenID providers that people sign in through.
type ProviderCommands struct {
	List      providerList      `cmd:"" name:"ls" help:"List providers."`
	Add       providerAdd       `cmd:"" help:"Add an OpenID provider that people sign in through."`
	Set       providerSet       `cmd:"" help:"Change a provider."`
	Rm        providerRm        `cmd:"" help:"Remove a provider."`
	Passwords providerPasswords `cmd:"" help:"Switch signing in by password on or off."`
}

type providerList struct{}

// Help has examples.
func (providerList) Help() string {
	return "Examples:\n  slipway provider ls\n  slipway provider ls --json"
}

// Run lists providers.
func (providerList) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.ListProvidersResponse, error) {
		return cl.ListProvidersWithResponse(ctx)
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	var rows [][]string
	for _, p := range r.JSON200.Items {
		state := "active"
		if !p.Active {
			state = "inactive"
		}
		who := "known people and groups"
		if p.Open {
			who = "everybody there"
		}
		rows = append(rows, []string{p.Name, p.Issuer, state, who, strings.Join(written(p.Groups), ", ")})
	}
	return a.Table([]string{"provider", "issuer", "state", "lets in", "groups"}, rows)
}

// written are rules as they are typed.
func written(rules []slipway.GroupRule) []string {
	var out []string
	for _, r := range rules {
		out = append(out, r.String())
	}
	return out
}

func rulesOf(texts []string) ([]slipway.GroupRule, error) {
	rules := []slipway.GroupRule{}
	for _, text := range texts {
		r, err := slipway.ParseGroupRule(text)
		if err != nil {
			return nil, err
		}
		rules = append(rules, r)
	}
	return rules, nil
}

type providerAdd struct {
	Name        string   `arg:"" help:"A short name, part of the address that the provider sends browsers back to."`
	Issuer      string   `required:"" placeholder:"URL" help:"The issuer, exactly as the provider calls itself."`
	ClientID    string   `name:"client-id" required:"" placeholder:"ID" help:"How the provider knows Slipway."`
	Public      bool     `help:"There is no client secret; otherwise it is read from a prompt or standard input."`
	Title       string   `placeholder:"TEXT" help:"What stands on the button."`
	Scope       []string `placeholder:"SCOPE" help:"To ask for beyond openid, profile and email."`
	GroupsClaim string   `name:"groups-claim" placeholder:"CLAIM" help:"Which claim holds groups (default groups)."`
	Group       []string `sep:"none" placeholder:"GROUP=TEAM:ROLE" help:"What a group is worth; GROUP=platform makes admins of the platform. Repeat for each."`
	Open        bool     `help:"Whoever signs in there gets an account."`
	TrustMFA    bool     `name:"trust-mfa" help:"That it says a sign-in had a second factor counts as one."`
}

// Help has examples.
func (providerAdd) Help() string {
	return `Asks the issuer for what it says of itself, and prints the redirect URI to register there. People need a verified address; who has no account yet gets one by a group or with --open.

Examples:
  slipway provider add corp --issuer https://login.example.com --client-id slipway --group billing-devs=shop:developer
  pass show oidc | slipway provider add corp --issuer https://login.example.com --client-id slipway --scope groups --group ops=platform`
}

// Run adds a provider.
func (c *providerAdd) Run(a *cli.App) error {
	in := client.ProviderInput{Name: c.Name, DisplayName: c.Title, Issuer: c.Issuer, ClientId: c.ClientID, Scopes: c.Scope, GroupsClaim: c.GroupsClaim, Open: c.Open, TrustMfa: c.TrustMFA}
	var err error
	if in.Groups, err = rulesOf(c.Group); err != nil {
		return err
	}
	if !c.Public {
		secret, err := a.ReadSecret("Client secret: ")
		if err != nil {
			return err
		}
		in.ClientSecret = secret.Reveal()
	}
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.CreateProviderResponse, error) {
		return cl.CreateProviderWithResponse(ctx, in)
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	fmt.Fprintf(a.Stdout, "People can sign in through %s. Register this redirect URI there:\n%s\n", c.Name, r.JSON201.Callback)
	return nil
}

type providerSet struct {
	Name        string   `arg:"" help:"The provider."`
	ClientID    *string  `name:"client-id" placeholder:"ID" help:"How the provider knows Slipway."`
	NewSecret   bool     `name:"new-secret" help:"Read another client secret from a prompt or standard input."`
	Title       *string  `placeholder:"TEXT" help:"What stands on the button."`
	Scope       []string `placeholder:"SCOPE" help:"In place of all that are asked for now."`
	GroupsClaim *string  `name:"groups-claim" placeholder:"CLAIM" help:"Which claim holds groups."`
	Group       []string `sep:"none" placeholder:"GROUP=TEAM:ROLE" help:"In place of all rules that there are now. Repeat for each."`
	NoGroups    bool     `name:"no-groups" help:"Take all rules away."`
	Open        *bool    `negatable:"" help:"Whether whoever signs in there gets an account."`
	TrustMFA    *bool    `name:"trust-mfa" negatable:"" help:"Whether that it says a sign-in had a second factor counts as one."`
	Active      *bool    `negatable:"" help:"Whether people can sign in through it."`
}

// Help has examples.
func (providerSet) Help() string {
	return `Examples:
  slipway provider set corp --group billing-devs=shop:developer --group ops=platform
  slipway provider set corp --no-active
  slipway provider set corp --trust-mfa
  pass show oidc | slipway provider set corp --new-secret`
}

// Run changes a provider.
func (c *providerSet) Run(a *cli.App) error {
	change := client.ProviderChange{DisplayName: c.Title, ClientId: c.ClientID, GroupsClaim: c.GroupsClaim, Open: c.Open, Active: c.Active, TrustMfa: c.TrustMFA}
	if len(c.Scope) > 0 {
		change.Scopes = &c.Scope
	}
	if len(c.Group) > 0 || c.NoGroups {
		rules, err := rulesOf(c.Group)
		if err != nil {
			return err
		}
		change.Groups = &rules
	}
	if c.NewSecret {
		secret, err := a.ReadSecret("Client secret: ")
		if err != nil {
			return err
		}
		change.ClientSecret = secret.Reveal()
	}
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.UpdateProviderResponse, error) {
		return cl.UpdateProviderWithResponse(ctx, c.Name, nil, change)
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	fmt.Fprintf(a.Stdout, "%s is changed.\n", c.Name)
	return nil
}

type providerRm struct {
	Name string `arg:"" help:"The provider."`
}

// Help has examples.
func (providerRm) Help() string { return "Examples:\n  slipway provider rm corp" }

// Run removes a provider.
func (c *providerRm) Run(a *cli.App) error {
	_, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.DeleteProviderResponse, error) {
		return cl.DeleteProviderWithResponse(ctx, c.Name, nil)
	})
	if err == nil {
		fmt.Fprintf(a.Stderr, "%s is removed. Its people keep their accounts.\n", c.Name)
	}
	return err
}

type providerPasswords struct {
	State string `arg:"" enum:"on,off" help:"on or off."`
}

// Help has examples.
func (providerPasswords) Help() string {
	return `Off, people come in through providers alone. That takes an admin of the platform who has done so once, and passwords of admins open again should none be able to. On the machine of the platform, its owner always gets in.

Examples:
  slipway provider passwords off`
}

// Run switches passwords.
func (c *providerPasswords) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.UpdateSignInResponse, error) {
		return cl.UpdateSignInWithResponse(ctx, client.SignInChange{Passwords: c.State == "on"})
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	fmt.Fprintf(a.Stdout, "Signing in by password is %s.\n", c.State)
	return nil
}
