package access

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/api/client"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

// SessionCommands show and end sessions.
type SessionCommands struct {
	List sessionList `cmd:"" name:"ls" default:"withargs" help:"List where you are signed in."`
	End  sessionEnd  `cmd:"" help:"End a session."`
}

type sessionList struct {
	Ended bool `help:"Those that are over, with when and why."`
}

// Help has examples.
func (sessionList) Help() string {
	return "Examples:\n  slipway sessions\n  slipway sessions ls --ended"
}

// Run lists sessions.
func (c *sessionList) Run(a *cli.App) error {
	params := &client.ListSessionsParams{}
	if c.Ended {
		ended := client.Ended
		params.State = &ended
	}
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.ListSessionsResponse, error) {
		return cl.ListSessionsWithResponse(ctx, params)
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	var rows [][]string
	for _, s := range r.JSON200.Items {
		row := []string{s.Id, s.Via, s.Address, s.Agent, cli.Ago(s.UsedAt)}
		switch {
		case c.Ended:
			row = append(row, cli.Ago(s.EndedAt), s.EndedBy)
		case s.Current:
			row = append(row, "this one")
		default:
			row = append(row, "")
		}
		rows = append(rows, row)
	}
	if c.Ended {
		return a.Table([]string{"id", "with", "from", "program", "used", "ended", "why"}, rows)
	}
	return a.Table([]string{"id", "with", "from", "program", "used", ""}, rows)
}

type sessionEnd struct {
	ID string `arg:"" help:"The session's id."`
}

// Help has examples.
func (sessionEnd) Help() string {
	return "Ends a session at once. slipway logout ends the one in use.\n\nExamples:\n  slipway sessions end 5f0c9a12e4b7d36010a2b3c4"
}

// Run ends a session.
func (c *sessionEnd) Run(a *cli.App) error {
	_, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.EndSessionResponse, error) {
		return cl.EndSessionWithResponse(ctx, c.ID)
	})
	if err == nil {
		fmt.Fprintln(a.Stderr, "The session is over.")
	}
	return err
}
