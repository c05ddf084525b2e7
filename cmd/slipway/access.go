package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/client"
)

type adminCommands struct {
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
func (c *adminCreate) Run(a *app) error {
	password, err := a.readSecret("Choose a password of at least 15 characters: ")
	if err != nil {
		return err
	}
	r, err := call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.CreateAccountResponse, error) {
		return cl.CreateAccountWithResponse(ctx, client.AccountInput{Name: c.Name, Kind: slipway.ViewerPerson, Password: password.Reveal(), Admin: true})
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.json(r.Body)
	}
	server, _ := a.server()
	fmt.Fprintf(a.stdout, "%s administers the platform. Sign in with: slipway login %s --name %s\n", c.Name, server, c.Name)
	return nil
}

type accountCommands struct {
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
func (c *accountAdd) Run(a *app) error {
	r, err := call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.CreateAccountResponse, error) {
		return cl.CreateAccountWithResponse(ctx, client.AccountInput{Name: c.Name, Kind: slipway.ViewerService, DisplayName: c.Display})
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.json(r.Body)
	}
	fmt.Fprintf(a.stdout, "%s is a service account. Give it a role with: slipway team set TEAM %s ROLE\n", c.Name, c.Name)
	return nil
}

type accountList struct{}

// Run lists accounts.
func (accountList) Run(a *app) error {
	items, err := all(a, func(ctx context.Context, cl *client.ClientWithResponses, cursor *string) ([]client.Account, string, error) {
		r, err := cl.ListAccountsWithResponse(ctx, &client.ListAccountsParams{Cursor: cursor})
		if err != nil || r.JSON200 == nil {
			return nil, "", refusedOr(r, err)
		}
		return r.JSON200.Items, r.JSON200.NextCursor, nil
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.jsonOf(map[string]any{"items": items})
	}
	var rows [][]string
	for _, one := range items {
		state := "active"
		if !one.Active {
			state = "inactive"
		}
		rows = append(rows, []string{one.Name, string(one.Kind), state, teamsOf(one)})
	}
	return a.table([]string{"account", "kind", "state", "teams"}, rows)
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

// Run shows an account.
func (c *accountShow) Run(a *app) error {
	r, err := call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.GetAccountResponse, error) {
		return cl.GetAccountWithResponse(ctx, c.Name)
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.json(r.Body)
	}
	return a.facts("account", r.JSON200.Name, "kind", string(r.JSON200.Kind), "name", r.JSON200.DisplayName, "email", r.JSON200.Email, "active", strconv.FormatBool(r.JSON200.Active), "teams", teamsOf(*r.JSON200))
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
func (c *accountSet) Run(a *app) error {
	r, err := call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.UpdateAccountResponse, error) {
		return cl.UpdateAccountWithResponse(ctx, c.Name, nil, client.AccountChange{DisplayName: c.Display, Email: c.Email, Admin: c.Admin, Active: c.Active})
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.json(r.Body)
	}
	fmt.Fprintf(a.stdout, "%s is changed.\n", c.Name)
	return nil
}

type accountPasswd struct {
	Name      string `arg:"" optional:"" help:"The account; yours unless given."`
	EndTokens bool   `help:"End all tokens of the account too; resetting another's password always does."`
}

// Run changes a password: first the current one, unless another's is reset.
func (c *accountPasswd) Run(a *app) error {
	me, err := call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.GetSessionResponse, error) {
		return cl.GetSessionWithResponse(ctx)
	})
	if err != nil {
		return err
	}
	var in client.PasswordInput
	lines := a.lines()
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
	_, err = call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.SetPasswordResponse, error) {
		return cl.SetPasswordWithResponse(ctx, c.Name, in)
	})
	if err == nil {
		fmt.Fprintf(a.stderr, "The password of %s is changed; its other sessions are over.\n", c.Name)
	}
	return err
}

type teamCommands struct {
	Add    teamAdd    `cmd:"" help:"Make a team."`
	List   teamList   `cmd:"" name:"ls" help:"List your teams."`
	Show   teamShow   `cmd:"" help:"Show who is in a team."`
	Set    teamSet    `cmd:"" help:"Give somebody a role in a team."`
	Leave  teamTake   `cmd:"" name:"take-out" help:"Take somebody out of a team."`
	Invite teamInvite `cmd:"" help:"Make a link by which somebody joins a team."`
	Rm     teamRm     `cmd:"" help:"Remove a team that owns nothing."`
}

type teamAdd struct {
	Name    string `arg:"" help:"The name."`
	Display string `placeholder:"TEXT" help:"What it is called."`
}

// Run makes a team.
func (c *teamAdd) Run(a *app) error {
	r, err := call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.CreateTeamResponse, error) {
		return cl.CreateTeamWithResponse(ctx, client.TeamInput{Name: c.Name, DisplayName: c.Display})
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.json(r.Body)
	}
	fmt.Fprintf(a.stdout, "Team %s is there. Invite its first admin with: slipway team invite %s admin\n", c.Name, c.Name)
	return nil
}

type teamList struct{}

// Run lists teams.
func (teamList) Run(a *app) error {
	r, err := call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.ListTeamsResponse, error) {
		return cl.ListTeamsWithResponse(ctx)
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.json(r.Body)
	}
	var rows [][]string
	for _, t := range r.JSON200.Items {
		rows = append(rows, []string{t.Name, t.DisplayName, strconv.Itoa(len(t.Members))})
	}
	return a.table([]string{"team", "name", "members"}, rows)
}

type teamShow struct {
	Name string `arg:"" help:"The team."`
}

// Run shows a team.
func (c *teamShow) Run(a *app) error {
	r, err := call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.GetTeamResponse, error) {
		return cl.GetTeamWithResponse(ctx, c.Name)
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.json(r.Body)
	}
	var rows [][]string
	for _, m := range r.JSON200.Members {
		rows = append(rows, []string{m.Account, string(m.Role)})
	}
	return a.table([]string{"account", "role"}, rows)
}

type teamSet struct {
	Team    string       `arg:"" help:"The team."`
	Account string       `arg:"" help:"The account."`
	Role    slipway.Role `arg:"" enum:"viewer,developer,maintainer,admin" help:"viewer, developer, maintainer or admin."`
}

// Run gives a role.
func (c *teamSet) Run(a *app) error {
	r, err := call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.SetMemberResponse, error) {
		return cl.SetMemberWithResponse(ctx, c.Team, c.Account, nil, client.MemberInput{Role: c.Role})
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.json(r.Body)
	}
	fmt.Fprintf(a.stdout, "%s is %s in %s.\n", c.Account, c.Role, c.Team)
	return nil
}

type teamTake struct {
	Team    string `arg:"" help:"The team."`
	Account string `arg:"" help:"The account."`
}

// Run takes somebody out of a team.
func (c *teamTake) Run(a *app) error {
	_, err := call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.RemoveMemberResponse, error) {
		return cl.RemoveMemberWithResponse(ctx, c.Team, c.Account, nil)
	})
	if err == nil {
		fmt.Fprintf(a.stderr, "%s is not in %s any more.\n", c.Account, c.Team)
	}
	return err
}

type teamInvite struct {
	Team string       `arg:"" help:"The team."`
	Role slipway.Role `arg:"" enum:"viewer,developer,maintainer,admin" help:"viewer, developer, maintainer or admin."`
}

// Help has examples.
func (teamInvite) Help() string { return "Examples:\n  slipway team invite shop developer" }

// Run makes an invitation.
func (c *teamInvite) Run(a *app) error {
	r, err := call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.CreateInvitationResponse, error) {
		return cl.CreateInvitationWithResponse(ctx, client.InvitationInput{Team: c.Team, Role: c.Role})
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.json(r.Body)
	}
	fmt.Fprintf(a.stdout, "%s\n", r.JSON201.Url)
	fmt.Fprintf(a.stderr, "The link is good once, until %s. They open it, or type: slipway login --invitation LINK\n", r.JSON201.ExpiresAt.Local().Format("2 Jan 15:04 MST"))
	return nil
}

type teamRm struct {
	Name string `arg:"" help:"The team."`
}

// Run removes a team.
func (c *teamRm) Run(a *app) error {
	_, err := call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.DeleteTeamResponse, error) {
		return cl.DeleteTeamWithResponse(ctx, c.Name, nil)
	})
	if err == nil {
		fmt.Fprintf(a.stderr, "Team %s is gone.\n", c.Name)
	}
	return err
}
