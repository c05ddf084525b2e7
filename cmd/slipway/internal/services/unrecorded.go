package services

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/api/client"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

// UnrecordedCommands show, adopt and end what runs without being on record.
type UnrecordedCommands struct {
	List  unrecordedList  `cmd:"" name:"ls" help:"List what runs and that the database knows nothing of."`
	Adopt unrecordedAdopt `cmd:"" help:"Put on record what runs."`
	End   unrecordedEnd   `cmd:"" help:"End what runs without being on record."`
}

type unrecordedList struct{}

// Help has examples.
func (unrecordedList) Help() string {
	return `After a restore of an older database, what was deployed since the backup runs on, and is in no row. No promotion goes into such an environment of the service until somebody adopts or ends it. Of services that aren't registered, only an admin of the platform hears.

Examples:
  slipway unrecorded ls
  slipway unrecorded ls --json`
}

// Run lists what runs without being on record.
func (unrecordedList) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.ListUnrecordedResponse, error) {
		return cl.ListUnrecordedWithResponse(ctx)
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	if len(r.JSON200.Items) == 0 {
		fmt.Fprintln(a.Stdout, "All that runs is on record.")
		return nil
	}
	var rows [][]string
	for _, u := range r.JSON200.Items {
		rows = append(rows, []string{u.Service, u.Environment, fmt.Sprintf("release %d (deployment %s)", u.Release, u.Deployment), cli.Counted(len(u.Instances), "instance"), recordedAs(u), u.Remedy})
	}
	return a.Table([]string{"service", "environment", "runs", "", "on record", "what to do"}, rows)
}

func recordedAs(u client.Unrecorded) string {
	if u.Recorded == 0 {
		return "nothing"
	}
	return fmt.Sprintf("release %d", u.Recorded)
}

// unrecordedChoice says which, and why.
type unrecordedChoice struct {
	Service    string `arg:"" help:"The service."`
	Env        string `required:"" placeholder:"ENV" help:"The environment."`
	Reason     string `required:"" placeholder:"TEXT" help:"Why; it stays on record."`
	Deployment string `placeholder:"ID" help:"Only this one, as it was listed; whichever runs unless given."`
}

func (c unrecordedChoice) input() client.UnrecordedInput {
	return client.UnrecordedInput{Reason: c.Reason, Deployment: c.Deployment}
}

type unrecordedAdopt struct{ unrecordedChoice }

// Help has examples.
func (unrecordedAdopt) Help() string {
	return `The release, the config and a promotion of the deployment's own number are put on record, by your word: no step runs, and the deployment counts as verified from now on.

Examples:
  slipway unrecorded adopt billing --env prod --reason "restored the backup of Monday"`
}

// Run adopts what runs.
func (c *unrecordedAdopt) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.AdoptUnrecordedResponse, error) {
		return cl.AdoptUnrecordedWithResponse(ctx, c.Service, c.Env, c.input())
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	fmt.Fprintf(a.Stdout, "What runs of %s in %s is on record as release %d, by promotion %d.\n", c.Service, c.Env, r.JSON200.Release, r.JSON200.Id)
	return nil
}

type unrecordedEnd struct {
	unrecordedChoice
	WithoutGoingBack bool `help:"Give the traffic to nothing, also where what the record says runs there is kept ready."`
}

// Help has examples.
func (unrecordedEnd) Help() string {
	return `It is drained and stopped. What the record says runs there gets the traffic when it is still kept ready; otherwise nothing answers until the next promotion. When that can't take the traffic, what runs goes on, and --without-going-back ends it all the same. What the service keeps on disk stays.

Examples:
  slipway unrecorded end billing --env prod --reason "promoted again from the backup"`
}

// Run ends what runs.
func (c *unrecordedEnd) Run(a *cli.App) error {
	_, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.EndUnrecordedResponse, error) {
		return cl.EndUnrecordedWithResponse(ctx, c.Service, c.Env, client.UnrecordedEnd{Reason: c.Reason, Deployment: c.Deployment, WithoutGoingBack: c.WithoutGoingBack})
	})
	if err == nil && !a.JSON {
		fmt.Fprintf(a.Stdout, "What ran of %s in %s without being on record has ended.\n", c.Service, c.Env)
	}
	return err
}
