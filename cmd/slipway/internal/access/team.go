package access

import (
	"context"
	"fmt"
	"strconv"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/client"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

// TeamCommands are for teams and who is in them.
type TeamCommands struct {
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

// Help has examples.
func (teamAdd) Help() string {
	return "Examples:\n  slipway team add shop\n  slipway team add shop --display \"The shop\""
}

// Run makes a team.
func (c *teamAdd) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.CreateTeamResponse, error) {
		return cl.CreateTeamWithResponse(ctx, client.TeamInput{Name: c.Name, DisplayName: c.Display})
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	fmt.Fprintf(a.Stdout, "Team %s is there. Invite its first admin with: slipway team invite %s admin\n", c.Name, c.Name)
	return nil
}

type teamList struct{}

// Help has examples.
func (teamList) Help() string { return "Examples:\n  slipway team ls\n  slipway team ls --json" }

// Run lists teams.
func (teamList) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.ListTeamsResponse, error) {
		return cl.ListTeamsWithResponse(ctx)
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	var rows [][]string
	for _, t := range r.JSON200.Items {
		rows = append(rows, []string{t.Name, t.DisplayName, strconv.Itoa(len(t.Members))})
	}
	return a.Table([]string{"team", "name", "members"}, rows)
}

type teamShow struct {
	Name string `arg:"" help:"The team."`
}

// Help has examples.
func (teamShow) Help() string { return "Examples:\n  slipway team show shop" }

// Run shows a team.
func (c *teamShow) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.GetTeamResponse, error) {
		return cl.GetTeamWithResponse(ctx, c.Name)
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	var rows [][]string
	for _, m := range r.JSON200.Members {
		rows = append(rows, []string{m.Account, string(m.Role)})
	}
	return a.Table([]string{"account", "role"}, rows)
}

type teamSet struct {
	Team    string       `arg:"" help:"The team."`
	Account string       `arg:"" help:"The account."`
	Role    slipway.Role `arg:"" enum:"viewer,developer,maintainer,admin" help:"viewer, developer, maintainer or admin."`
}

// Help has examples.
func (teamSet) Help() string {
	return "Roles: viewer looks; developer promotes and changes config; maintainer registers services and sets secrets; admin says who is in the team.\n\nExamples:\n  slipway team set shop ada maintainer"
}

// Run gives a role.
func (c *teamSet) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.SetMemberResponse, error) {
		return cl.SetMemberWithResponse(ctx, c.Team, c.Account, nil, client.MemberInput{Role: c.Role})
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	fmt.Fprintf(a.Stdout, "%s is %s in %s.\n", c.Account, c.Role, c.Team)
	return nil
}

type teamTake struct {
	Team    string `arg:"" help:"The team."`
	Account string `arg:"" help:"The account."`
}

// Help has examples.
func (teamTake) Help() string { return "Examples:\n  slipway team take-out shop bob" }

// Run takes somebody out of a team.
func (c *teamTake) Run(a *cli.App) error {
	_, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.RemoveMemberResponse, error) {
		return cl.RemoveMemberWithResponse(ctx, c.Team, c.Account, nil)
	})
	if err == nil {
		fmt.Fprintf(a.Stderr, "%s is not in %s any more.\n", c.Account, c.Team)
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
func (c *teamInvite) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.CreateInvitationResponse, error) {
		return cl.CreateInvitationWithResponse(ctx, client.InvitationInput{Team: c.Team, Role: c.Role})
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	fmt.Fprintf(a.Stdout, "%s\n", r.JSON201.Url)
	fmt.Fprintf(a.Stderr, "The link is good once, until %s. They open it, or type: slipway login --invitation LINK\n", r.JSON201.ExpiresAt.Local().Format("2 Jan 15:04 MST"))
	return nil
}

type teamRm struct {
	Name string `arg:"" help:"The team."`
}

// Help has examples.
func (teamRm) Help() string { return "Examples:\n  slipway team rm shop" }

// Run removes a team.
func (c *teamRm) Run(a *cli.App) error {
	_, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.DeleteTeamResponse, error) {
		return cl.DeleteTeamWithResponse(ctx, c.Name, nil)
	})
	if err == nil {
		fmt.Fprintf(a.Stderr, "Team %s is gone.\n", c.Name)
	}
	return err
}
