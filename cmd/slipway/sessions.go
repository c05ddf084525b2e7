package main

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/api/client"
)

type sessionCommands struct {
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
func (c *sessionList) Run(a *app) error {
	params := &client.ListSessionsParams{}
	if c.Ended {
		ended := client.Ended
		params.State = &ended
	}
	r, err := call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.ListSessionsResponse, error) {
		return cl.ListSessionsWithResponse(ctx, params)
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.json(r.Body)
	}
	var rows [][]string
	for _, s := range r.JSON200.Items {
		row := []string{s.Id, s.Via, s.Address, s.Agent, ago(s.UsedAt)}
		switch {
		case c.Ended:
			row = append(row, ago(s.EndedAt), s.EndedBy)
		case s.Current:
			row = append(row, "this one")
		default:
			row = append(row, "")
		}
		rows = append(rows, row)
	}
	if c.Ended {
		return a.table([]string{"id", "with", "from", "program", "used", "ended", "why"}, rows)
	}
	return a.table([]string{"id", "with", "from", "program", "used", ""}, rows)
}

type sessionEnd struct {
	ID string `arg:"" help:"The session's id."`
}

// Help has examples.
func (sessionEnd) Help() string {
	return "Ends a session at once. slipway logout ends the one in use.\n\nExamples:\n  slipway sessions end 5f0c9a12e4b7d36010a2b3c4"
}

// Run ends a session.
func (c *sessionEnd) Run(a *app) error {
	_, err := call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.EndSessionResponse, error) {
		return cl.EndSessionWithResponse(ctx, c.ID)
	})
	if err == nil {
		fmt.Fprintln(a.stderr, "The session is over.")
	}
	return err
}
