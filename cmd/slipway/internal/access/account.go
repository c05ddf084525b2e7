package access

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/client"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

// AdminCommands make the first admin of a platform.
type AdminCommands struct {
	Create adminCreate `cmd:"" help:"Make an admin of the platform."`
}

type adminCreate struct {
	Name string `arg:"" help:"The account's name."`
}

// Help has examples.
func (adminCreate) Help() string {
	return `Makes a person who administers the platform. On the machine of the platform, whoever owns its data directory may; elsewhere it takes an admin.

Examples:
  slipway admin create ada
  slipway admin create ada < password`
}

// Run makes an admin.
func (c *adminCreate) Run(a *cli.App) error {
	password, err := a.ReadSecret("Choose a password of at least 15 characters: ")
	if err != nil {
		return err
	}
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.CreateAccountResponse, error) {
		return cl.CreateAccountWithResponse(ctx, client.AccountInput{Name: c.Name, Kind: slipway.ViewerPerson, Password: password.Reveal(), Admin: true})
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	server, _ := a.Address()
	fmt.Fprintf(a.Stdout, "%s administers the platform. Sign in with: slipway login %s --name %s\n", c.Name, server, c.Name)
	return nil
}

// AccountCommands are for people and service accounts.
type AccountCommands struct {
	Add    accountAdd    `cmd:"" help:"Make a service account."`
	List   accountList   `cmd:"" name:"ls" help:"List accounts."`
	Show   accountShow   `cmd:"" help:"Show an account."`
	Set    accountSet    `cmd:"" help:"Change an account."`
	Passwd accountPasswd `cmd:"" help:"Change one's own password, or reset another's."`
}

type accountAdd struct {
	Name    string `arg:"" help:"The name."`
	Display string `placeholder:"TEXT" help:"What it is, for people."`
}

// Help has examples.
func (accountAdd) Help() string {
	return `Makes an account for a program, which acts by its tokens. People are invited with slipway team invite.

Examples:
  slipway account add chatops
  slipway team set shop chatops developer
  slipway token add deploys --account chatops --scope promote:dev`
}

// Run makes a service account.
func (c *accountAdd) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.CreateAccountResponse, error) {
		return cl.CreateAccountWithResponse(ctx, client.AccountInput{Name: c.Name, Kind: slipway.ViewerService, DisplayName: c.Display})
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	fmt.Fprintf(a.Stdout, "%s is a service account. Give it a role with: slipway team set TEAM %s ROLE\n", c.Name, c.Name)
	return nil
}

type accountList struct{}

// Help has examples.
func (accountList) Help() string {
	return "Examples:\n  slipway account ls\n  slipway account ls --json"
}

// Run lists accounts.
func (accountList) Run(a *cli.App) error {
	items, err := cli.All(a, func(ctx context.Context, cl *client.ClientWithResponses, cursor *string) ([]client.Account, string, error) {
		r, err := cl.ListAccountsWithResponse(ctx, &client.ListAccountsParams{Cursor: cursor})
		if err != nil || r.JSON200 == nil {
			return nil, "", cli.RefusedOr(r, err)
		}
		return r.JSON200.Items, r.JSON200.NextCursor, nil
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintJSON(map[string]any{"items": items})
	}
	var rows [][]string
	for _, one := range items {
		state := "active"
		if !one.Active {
			state = "inactive"
		}
		rows = append(rows, []string{one.Name, string(one.Kind), state, teamsOf(one)})
	}
	return a.Table([]string{"account", "kind", "state", "teams"}, rows)
}

func teamsOf(one client.Account) string {
	var teams []string
	if one.Admin {
		teams = append(teams, "admin of the platform")
	}
	for _, m := range one.Teams {
		teams = append(teams, fmt.Sprintf("%s (%s)", m.Team, m.Role))
	}
	return strings.Join(teams, ", ")
}

type accountShow struct {
	Name string `arg:"" help:"The account."`
}

// Help has examples.
func (accountShow) Help() string { return "Examples:\n  slipway account show ada" }

// Run shows an account.
func (c *accountShow) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.GetAccountResponse, error) {
		return cl.GetAccountWithResponse(ctx, c.Name)
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	return a.Facts("account", r.JSON200.Name, "kind", string(r.JSON200.Kind), "name", r.JSON200.DisplayName, "email", r.JSON200.Email, "active", strconv.FormatBool(r.JSON200.Active), "teams", teamsOf(*r.JSON200))
}

type accountSet struct {
	Name    string  `arg:"" help:"The account."`
	Display *string `placeholder:"TEXT" help:"The name that people read."`
	Email   *string `placeholder:"ADDRESS" help:"The email address."`
	Admin   *bool   `negatable:"" help:"Whether it administers the platform."`
	Active  *bool   `negatable:"" help:"Whether it can be used; --no-active signs it out at once."`
}

// Help has examples.
func (accountSet) Help() string { return "Examples:\n  slipway account set bob --no-active" }

// Run changes an account.
func (c *accountSet) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.UpdateAccountResponse, error) {
		return cl.UpdateAccountWithResponse(ctx, c.Name, nil, client.AccountChange{DisplayName: c.Display, Email: c.Email, Admin: c.Admin, Active: c.Active})
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

type accountPasswd struct {
	Name      string `arg:"" optional:"" help:"The account; yours unless given."`
	EndTokens bool   `help:"End all tokens of the account too; resetting another's password always does."`
}

// Help has examples.
func (accountPasswd) Help() string {
	return "Passwords are asked for, or read from standard input.\n\nExamples:\n  slipway account passwd\n  slipway account passwd bob"
}

// Run changes a password: first the current one, unless another's is reset.
func (c *accountPasswd) Run(a *cli.App) error {
	me, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.GetSessionResponse, error) {
		return cl.GetSessionWithResponse(ctx)
	})
	if err != nil {
		return err
	}
	var in client.PasswordInput
	lines := a.Lines()
	if c.Name == "" || c.Name == me.JSON200.Account {
		c.Name = me.JSON200.Account
		current, err := lines("Current password: ")
		if err != nil {
			return err
		}
		in.Current = current.Reveal()
	}
	next, err := lines("New password of at least 15 characters: ")
	if err != nil {
		return err
	}
	in.Password, in.EndTokens = next.Reveal(), c.EndTokens
	_, err = cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.SetPasswordResponse, error) {
		return cl.SetPasswordWithResponse(ctx, c.Name, in)
	})
	if err == nil {
		fmt.Fprintf(a.Stderr, "The password of %s is changed; its other sessions are over.\n", c.Name)
	}
	return err
}
