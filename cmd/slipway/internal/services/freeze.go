package services

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/client"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

// FreezeCommands forbid promotions for a time.
type FreezeCommands struct {
	Add  freezeAdd  `cmd:"" help:"Stop promotions for a time."`
	List freezeList `cmd:"" name:"ls" help:"List freezes in force or to come."`
	Lift freezeLift `cmd:"" help:"End a freeze now."`
}

type freezeAdd struct {
	Reason string        `arg:"" help:"Why; everybody who is held up reads it."`
	Env    string        `placeholder:"ENV" help:"Only into this environment."`
	Team   string        `placeholder:"TEAM" help:"Only services of this team."`
	From   string        `placeholder:"TIME" help:"From when, such as 2026-12-20T18:00:00+01:00; now unless given."`
	Until  string        `placeholder:"TIME" xor:"end" required:"" help:"Until when."`
	For    time.Duration `placeholder:"TIME" xor:"end" required:"" help:"For how long, such as 2h."`
	Window string        `placeholder:"WINDOW" help:"Recurring, only then: 'fri 12:00-24:00 Europe/Berlin'."`
}

// Help has examples.
func (freezeAdd) Help() string {
	return `Rollbacks are never frozen, and a promotion that has passed its gates goes on.

Examples:
  slipway freeze add "incident 42" --for 2h
  slipway freeze add "end of the year" --env prod --from 2026-12-20T00:00:00Z --until 2027-01-02T00:00:00Z
  slipway freeze add "no deploys on Friday afternoons" --env prod --for 8760h --window "fri 12:00-24:00 Europe/Berlin"`
}

// Run places a freeze.
func (c *freezeAdd) Run(a *cli.App) error {
	in := client.FreezeInput{Reason: c.Reason, Environment: c.Env, Team: c.Team}
	var err error
	if in.StartsAt, err = moment("--from", c.From); err != nil {
		return err
	}
	if in.EndsAt, err = moment("--until", c.Until); err != nil {
		return err
	}
	if c.For > 0 {
		begin := in.StartsAt
		if begin.IsZero() {
			begin = time.Now()
		}
		in.EndsAt = begin.Add(c.For)
	}
	if c.Window != "" {
		if in.Window, err = slipway.ParseWindow(c.Window); err != nil {
			return err
		}
	}
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.CreateFreezeResponse, error) {
		return cl.CreateFreezeWithResponse(ctx, in)
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	fmt.Fprintf(a.Stdout, "Freeze %d holds from %s until %s. Lift it: slipway freeze lift %d\n", r.JSON201.Id,
		r.JSON201.StartsAt.Local().Format("2006-01-02 15:04 MST"), r.JSON201.EndsAt.Local().Format("2006-01-02 15:04 MST"), r.JSON201.Id)
	return nil
}

func moment(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, slipway.Errorf(slipway.Invalid, "%s %q is not a time; write it as 2026-12-20T18:00:00+01:00", flag, text).At(flag)
	}
	return t, nil
}

type freezeList struct{}

// Help has examples.
func (freezeList) Help() string { return "Examples:\n  slipway freeze ls --json" }

// Run lists freezes.
func (c *freezeList) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.ListFreezesResponse, error) {
		return cl.ListFreezesWithResponse(ctx)
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	if len(r.JSON200.Items) == 0 {
		fmt.Fprintln(a.Stdout, "No freezes.")
		return nil
	}
	var rows [][]string
	for _, f := range r.JSON200.Items {
		when := "to come"
		if f.InForce {
			when = "in force"
		}
		recurring := ""
		if f.Window.From != "" {
			recurring = f.Window.String()
		}
		rows = append(rows, []string{fmt.Sprint(f.Id), f.Reason, cmp.Or(f.Environment, "all"), cmp.Or(f.Team, "all"), when,
			f.StartsAt.Local().Format("2006-01-02 15:04 MST"), f.EndsAt.Local().Format("2006-01-02 15:04 MST"), recurring, f.PlacedBy})
	}
	return a.Table([]string{"id", "reason", "environment", "team", "", "from", "until", "only", "placed by"}, rows)
}

type freezeLift struct {
	ID int `arg:"" help:"The freeze."`
}

// Help has examples.
func (freezeLift) Help() string { return "Examples:\n  slipway freeze lift 3" }

// Run ends a freeze.
func (c *freezeLift) Run(a *cli.App) error {
	_, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.LiftFreezeResponse, error) {
		return cl.LiftFreezeWithResponse(ctx, c.ID)
	})
	if err == nil && !a.JSON {
		fmt.Fprintf(a.Stdout, "Freeze %d is lifted.\n", c.ID)
	}
	return err
}
