package services

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/client"
	"github.com/slipway-dev/slipway/cmd/slipway/internal/cli"
)

// WebhookCommands are for addresses that are told what happens.
type WebhookCommands struct {
	Add        webhookAdd        `cmd:"" help:"Have an address told what happens to a team's services."`
	List       webhookList       `cmd:"" name:"ls" help:"List a team's webhooks."`
	Show       webhookShow       `cmd:"" help:"Show a webhook."`
	Set        webhookSet        `cmd:"" help:"Change a webhook."`
	Rm         webhookRm         `cmd:"" help:"Remove a webhook with its deliveries."`
	Rotate     webhookRotate     `cmd:"" help:"Replace the secret that signs."`
	Ping       webhookPing       `cmd:"" help:"Send a message that says nothing, and see how it goes."`
	Deliveries webhookDeliveries `cmd:"" help:"List what was sent, and how it went."`
	Replay     webhookReplay     `cmd:"" help:"Send a message again."`
}

// oneWebhook names a webhook.
type oneWebhook struct {
	Team string `arg:"" help:"The team."`
	ID   int    `arg:"" help:"The webhook's id."`
}

type webhookAdd struct {
	Team  string   `arg:"" help:"The team."`
	URL   string   `arg:"" name:"url" help:"Where messages go."`
	Event []string `placeholder:"KIND" help:"What it hears of: a kind such as promotion.state, or promotion.*; several with commas. Everything but promotion.step unless given."`
}

// Help has examples.
func (webhookAdd) Help() string {
	return `Prints the secret, once: the receiver checks signatures with it (docs/webhooks.md). An address that the platform may not call is refused.

Examples:
  slipway webhook add shop https://hooks.example.com/slipway
  slipway webhook add shop https://hooks.example.com/slipway --event promotion.state,deployment.down`
}

// Run adds a webhook.
func (c *webhookAdd) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.CreateWebhookResponse, error) {
		return cl.CreateWebhookWithResponse(ctx, c.Team, client.WebhookInput{Url: c.URL, Events: c.Event})
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	fmt.Fprintln(a.Stdout, r.JSON201.Secret)
	fmt.Fprintf(a.Stderr, "This is the secret of webhook %d of %s. It is not shown again. Try it with: slipway webhook ping %s %d\n", r.JSON201.Webhook.Id, c.Team, c.Team, r.JSON201.Webhook.Id)
	return nil
}

type webhookList struct {
	Team string `arg:"" help:"The team."`
}

// Help has examples.
func (webhookList) Help() string {
	return "Examples:\n  slipway webhook ls shop\n  slipway webhook ls shop --json"
}

// Run lists webhooks.
func (c *webhookList) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.ListWebhooksResponse, error) {
		return cl.ListWebhooksWithResponse(ctx, c.Team)
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	var rows [][]string
	for _, w := range r.JSON200.Items {
		rows = append(rows, []string{strconv.Itoa(w.Id), w.Url, eventsOf(w), activeWord(w.Active)})
	}
	return a.Table([]string{"id", "url", "events", "state"}, rows)
}

func eventsOf(w client.Webhook) string {
	if len(w.Events) == 0 {
		return "everything"
	}
	return strings.Join(w.Events, ",")
}

func activeWord(active bool) string {
	if active {
		return "on"
	}
	return "off"
}

type webhookShow struct{ oneWebhook }

// Help has examples.
func (webhookShow) Help() string { return "Examples:\n  slipway webhook show shop 1" }

// Run shows a webhook.
func (c *webhookShow) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.GetWebhookResponse, error) {
		return cl.GetWebhookWithResponse(ctx, c.Team, c.ID)
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	w := r.JSON200
	return a.Facts("webhook", strconv.Itoa(w.Id), "team", w.Team, "url", w.Url, "events", eventsOf(*w), "state", activeWord(w.Active), "made", w.CreatedAt.Local().Format("2 Jan 2006"))
}

type webhookSet struct {
	oneWebhook
	URL       *string  `name:"url" placeholder:"URL" help:"Where messages go."`
	Event     []string `placeholder:"KIND" xor:"events" help:"What it hears of, in place of what it hears of now; several with commas."`
	AllEvents bool     `name:"all-events" xor:"events" help:"Hear of everything but promotion.step."`
	On        bool     `xor:"state" help:"Switch it on."`
	Off       bool     `xor:"state" help:"Switch it off: it hears of nothing, and what is on its way is given up."`
}

// Help has examples.
func (webhookSet) Help() string {
	return `Examples:
  slipway webhook set shop 1 --event promotion.*,service.*
  slipway webhook set shop 1 --url https://hooks.example.com/other --on
  slipway webhook set shop 1 --off`
}

// Run changes a webhook.
func (c *webhookSet) Run(a *cli.App) error {
	change := client.WebhookChange{Url: c.URL}
	if len(c.Event) > 0 {
		change.Events = &c.Event
	}
	if c.AllEvents {
		change.Events = &[]string{}
	}
	if c.On || c.Off {
		change.Active = &c.On
	}
	if change == (client.WebhookChange{}) {
		return slipway.Errorf(slipway.Invalid, "say what to change: --url, --event, --all-events, --on or --off")
	}
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.UpdateWebhookResponse, error) {
		return cl.UpdateWebhookWithResponse(ctx, c.Team, c.ID, nil, change)
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	w := r.JSON200
	fmt.Fprintf(a.Stdout, "Webhook %d of %s is %s; it hears of %s at %s.\n", w.Id, w.Team, activeWord(w.Active), eventsOf(*w), cli.Clean(w.Url))
	return nil
}

type webhookRm struct{ oneWebhook }

// Help has examples.
func (webhookRm) Help() string { return "Examples:\n  slipway webhook rm shop 1" }

// Run removes a webhook.
func (c *webhookRm) Run(a *cli.App) error {
	_, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.DeleteWebhookResponse, error) {
		return cl.DeleteWebhookWithResponse(ctx, c.Team, c.ID, nil)
	})
	if err == nil {
		fmt.Fprintf(a.Stderr, "Webhook %d of %s is removed.\n", c.ID, c.Team)
	}
	return err
}

type webhookRotate struct{ oneWebhook }

// Help has examples.
func (webhookRotate) Help() string {
	return `Prints the new secret, once. For a day messages are signed with both, so that the receiver can take over the new one without missing any.

Examples:
  slipway webhook rotate shop 1`
}

// Run replaces a secret.
func (c *webhookRotate) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.RotateWebhookSecretResponse, error) {
		return cl.RotateWebhookSecretWithResponse(ctx, c.Team, c.ID)
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	fmt.Fprintln(a.Stdout, r.JSON201.Secret)
	fmt.Fprintln(a.Stderr, "It is not shown again. The secret before it signs too for a day.")
	return nil
}

type webhookPing struct {
	oneWebhook
	Wait time.Duration `default:"15s" help:"How long to wait for how it goes."`
}

// Help has examples.
func (webhookPing) Help() string {
	return `Exit codes: 0 the receiver took it, 3 it did not.

Examples:
  slipway webhook ping shop 1`
}

// Run pings a webhook and waits for the first attempt.
func (c *webhookPing) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.PingWebhookResponse, error) {
		return cl.PingWebhookWithResponse(ctx, c.Team, c.ID)
	})
	if err != nil {
		return err
	}
	return attempted(a, c.Team, *r.JSON202, c.Wait)
}

type webhookReplay struct {
	oneWebhook
	Delivery int           `arg:"" help:"The delivery's id."`
	Wait     time.Duration `default:"15s" help:"How long to wait for how it goes."`
}

// Help has examples.
func (webhookReplay) Help() string {
	return `Sends the same bytes under the same webhook-id: a receiver that has them can tell. Exit codes: 0 the receiver took it, 3 it did not.

Examples:
  slipway webhook replay shop 1 12`
}

// Run sends a message again and waits for the first attempt.
func (c *webhookReplay) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.ReplayWebhookDeliveryResponse, error) {
		return cl.ReplayWebhookDeliveryWithResponse(ctx, c.Team, c.ID, c.Delivery)
	})
	if err != nil {
		return err
	}
	return attempted(a, c.Team, *r.JSON202, c.Wait)
}

// attempted waits until a delivery was tried once, and says how that went.
func attempted(a *cli.App, team string, d client.WebhookDelivery, patience time.Duration) error {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	for waiting := true; waiting && d.State == slipway.DeliveryPending && d.Attempts == 0; {
		select {
		case <-a.Context.Done():
			return a.Context.Err()
		case <-deadline.C:
			waiting = false
		case <-again.C:
			r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.GetWebhookDeliveryResponse, error) {
				return cl.GetWebhookDeliveryWithResponse(ctx, team, d.Webhook, d.Id)
			})
			if err != nil {
				return err
			}
			d = *r.JSON200
		}
	}
	if a.JSON {
		body, err := json.Marshal(d)
		if err != nil {
			return err
		}
		if err := a.PrintAnswer(body); err != nil {
			return err
		}
	} else {
		switch {
		case d.State == slipway.DeliverySucceeded:
			fmt.Fprintf(a.Stdout, "Delivery %d was taken: the receiver answered %d.\n", d.Id, d.Status)
		case d.State == slipway.DeliveryFailed:
			fmt.Fprintf(a.Stdout, "Delivery %d failed: %s.\n", d.Id, cli.Clean(d.Reason))
		case d.Attempts > 0:
			fmt.Fprintf(a.Stdout, "Delivery %d was not taken: %s. It is tried again; look with: slipway webhook deliveries %s %d\n", d.Id, cli.Clean(d.Reason), team, d.Webhook)
		default:
			fmt.Fprintf(a.Stdout, "Delivery %d is on its way; look with: slipway webhook deliveries %s %d\n", d.Id, team, d.Webhook)
		}
	}
	if d.State == slipway.DeliverySucceeded {
		return nil
	}
	return &cli.EndedError{Exit: cli.ExitFailed}
}

type webhookDeliveries struct {
	oneWebhook
	State string `enum:",pending,succeeded,failed" default:"" help:"Only in this state."`
	Limit int    `default:"50" help:"How many at most."`
}

// Help has examples.
func (webhookDeliveries) Help() string {
	return `The newest first, of the last 30 days. What a message says is in: slipway api GET /teams/TEAM/webhooks/ID/deliveries/DELIVERY

Examples:
  slipway webhook deliveries shop 1
  slipway webhook deliveries shop 1 --state failed --json`
}

// Run lists deliveries.
func (c *webhookDeliveries) Run(a *cli.App) error {
	r, err := cli.Call(a, func(ctx context.Context, cl *client.ClientWithResponses) (*client.ListWebhookDeliveriesResponse, error) {
		return cl.ListWebhookDeliveriesWithResponse(ctx, c.Team, c.ID, &client.ListWebhookDeliveriesParams{State: cli.Given(slipway.DeliveryState(c.State)), Limit: &c.Limit})
	})
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintAnswer(r.Body)
	}
	var rows [][]string
	for _, d := range r.JSON200.Items {
		rows = append(rows, []string{strconv.Itoa(d.Id), d.Kind, string(d.State), cli.Number(d.Attempts), cli.Number(d.Status), cli.Ago(d.CreatedAt), cli.Number(d.ReplayOf), d.Reason})
	}
	return a.Table([]string{"id", "kind", "state", "tries", "answer", "made", "again", "why"}, rows)
}
