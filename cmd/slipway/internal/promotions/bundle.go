package promotions

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/client"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

// BundleCommands promote several services together.
type BundleCommands struct {
	Promote bundlePromote `cmd:"" help:"Promote several services together."`
	Show    bundleShow    `cmd:"" help:"Show a bundle."`
	Cancel  bundleCancel  `cmd:"" help:"Ask the promotions of a bundle to stop."`
}

type bundlePromote struct {
	Services []string `arg:"" name:"service" help:"The services, in the order in which they take over; NAME:7 is a release, NAME@v1.4.0 a branch, a tag or a commit."`
	To       string   `required:"" placeholder:"ENV" help:"The environment."`
	Plan     bool     `help:"Say what would be done and do nothing."`
}

// Help has examples.
func (bundlePromote) Help() string {
	return `None of them changes anything before all are ready. Each takes over after the one before it has succeeded, so name first what others depend on. When one ends badly, those that have not taken over end too.

Examples:
  slipway bundle promote catalog billing --to prod
  slipway bundle promote catalog:12 billing@v1.4.0 --to test --plan`
}

// Run promotes, or plans.
func (c *bundlePromote) Run(a *cli.App) error {
	in := client.BundleInput{Environment: c.To}
	for _, text := range c.Services {
		member := struct {
			Ref     string `json:"ref,omitempty,omitzero"`
			Release int    `json:"release,omitempty,omitzero"`
			Service string `json:"service"`
		}{Service: text}
		if name, ref, ok := strings.Cut(text, "@"); ok {
			member.Service, member.Ref = name, ref
		} else if name, number, ok := strings.Cut(text, ":"); ok {
			n, err := strconv.Atoi(number)
			if err != nil || n < 1 {
				return slipway.Errorf(slipway.Invalid, "%q names no release: write NAME:7 for release 7, or NAME@REF", cli.Clean(text))
			}
			member.Service, member.Release = name, n
		}
		in.Promotions = append(in.Promotions, member)
	}
	if c.Plan {
		r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.PlanBundleResponse, error) {
			return cl.PlanBundleWithResponse(ctx, in)
		})
		if err != nil {
			return err
		}
		if a.JSON {
			return a.PrintAnswer(r.Body)
		}
		for i := range r.JSON200.Items {
			if i > 0 {
				fmt.Fprintln(a.Stdout)
			}
			if err := printPlan(a, &r.JSON200.Items[i]); err != nil {
				return err
			}
		}
		return nil
	}
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.CreateBundleResponse, error) {
		return cl.CreateBundleWithResponse(ctx, in)
	})
	if err != nil {
		return err
	}
	return printBundle(a, r.Body, r.JSON202)
}

func printBundle(a *cli.App, body []byte, b *client.Bundle) error {
	if a.JSON {
		return a.PrintAnswer(body)
	}
	fmt.Fprintf(a.Stdout, "Bundle %d into %s. Look at it again: slipway bundle show %d\n\n", b.Id, b.Environment, b.Id)
	var rows [][]string
	for _, p := range b.Promotions {
		rows = append(rows, []string{fmt.Sprint(p.Id), p.Service, cli.Number(p.Release), string(p.State), p.Reason})
	}
	return a.Table([]string{"id", "service", "release", "state", "why"}, rows)
}

type bundleShow struct {
	ID int `arg:"" help:"The bundle: its first promotion."`
}

// Help has examples.
func (bundleShow) Help() string { return "Examples:\n  slipway bundle show 12" }

// Run shows a bundle.
func (c *bundleShow) Run(a *cli.App) error {
	r, err := getBundle(a, c.ID)
	if err != nil {
		return err
	}
	return printBundle(a, r.Body, r.JSON200)
}

func getBundle(a *cli.App, id int) (*client.GetBundleResponse, error) {
	return cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.GetBundleResponse, error) {
		return cl.GetBundleWithResponse(ctx, id)
	})
}

type bundleCancel struct {
	ID int `arg:"" help:"The bundle: its first promotion."`
}

// Help has examples.
func (bundleCancel) Help() string { return "Examples:\n  slipway bundle cancel 12" }

// Run cancels those that aren't over, the last one first: then no end of one is
// taken for the reason of another's.
func (c *bundleCancel) Run(a *cli.App) error {
	r, err := getBundle(a, c.ID)
	if err != nil {
		return err
	}
	for i := len(r.JSON200.Promotions) - 1; i >= 0; i-- {
		p := r.JSON200.Promotions[i]
		if p.State.Over() {
			continue
		}
		_, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.CancelPromotionResponse, error) {
			return cl.CancelPromotionWithResponse(ctx, p.Id)
		})
		if err != nil && slipway.CodeOf(err) != slipway.Conflict { // it has ended meanwhile
			return err
		}
	}
	if r, err = getBundle(a, c.ID); err != nil {
		return err
	}
	return printBundle(a, r.Body, r.JSON200)
}
