package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/store"
	"github.com/slipway-dev/slipway/webhook"
)

// integrationsView is what a team's services tell to other programs.
type integrationsView struct {
	Team     string
	Webhooks []*ent.Webhook
	Secret   string // of the one just made, shown once
	Made     int
	Err      string
}

// webhookView is one webhook, and what was sent to it.
type webhookView struct {
	*ent.Webhook
	Team       string
	Deliveries store.List[*ent.Delivery]
	Query      webhook.DeliveriesQuery
	Change     verdict
	Secret     string // the new one, shown once
	Err        string
}

func (p *portal) showIntegrations(c *call) error {
	return p.integrationsPage(c, http.StatusOK, integrationsView{})
}

func (p *portal) integrationsPage(c *call, status int, v integrationsView) error {
	v.Team = c.r.PathValue("team")
	var err error
	if v.Webhooks, err = p.Webhooks(c.ctx, v.Team); err != nil {
		return err
	}
	return c.show(status, integrationsPage(c.frame("Integrations of "+v.Team, "teams"), v))
}

// kinds reads a filter as it was typed.
func (c *call) kinds() []string {
	return strings.FieldsFunc(c.form("events"), func(r rune) bool { return strings.ContainsRune(" ,;\t\r\n", r) })
}

// addWebhook shows the secret in the answer itself: it is kept nowhere in clear.
func (p *portal) addWebhook(c *call) error {
	row, secret, err := p.AddWebhook(c.ctx, c.r.PathValue("team"), webhook.Input{URL: c.form("url"), Events: c.kinds()})
	if err != nil {
		return formRefused(err, func(status int, problem string) error {
			return p.integrationsPage(c, status, integrationsView{Err: problem})
		})
	}
	return p.integrationsPage(c, http.StatusOK, integrationsView{Secret: secret.Reveal(), Made: row.ID})
}

func (p *portal) showWebhook(c *call) error { return p.webhookPage(c, http.StatusOK, webhookView{}) }

// webhookID is the webhook that an address names; 0, which none has, for nonsense.
func (c *call) webhookID() int {
	id, _ := strconv.Atoi(c.r.PathValue("webhook"))
	return id
}

func (p *portal) webhookPage(c *call, status int, v webhookView) error {
	v.Team = c.r.PathValue("team")
	var err error
	if v.Webhook, err = p.Webhook(c.ctx, v.Team, c.webhookID()); err != nil {
		return err
	}
	v.Query = webhook.DeliveriesQuery{State: slipway.DeliveryState(c.query("state")), Page: store.Page{Cursor: c.query("after"), Limit: 50}}
	if v.Deliveries, err = p.Deliveries(c.ctx, v.Team, v.ID, v.Query); err != nil {
		return err
	}
	v.Change = c.may(slipway.PermitWebhook, v.TeamID, "")
	return c.show(status, webhookPage(c.frame("Webhook "+number(v.ID)+" of "+v.Team, "teams"), v))
}

func (p *portal) webhookRefused(c *call, err error) error {
	return formRefused(err, func(status int, problem string) error { return p.webhookPage(c, status, webhookView{Err: problem}) })
}

// backToWebhook leads to the page of the webhook that the form was about.
func (c *call) backToWebhook(said string) error {
	return c.to(string(at("teams", c.r.PathValue("team"), "integrations", c.webhookID())), said)
}

func (p *portal) changeWebhook(c *call) error {
	address, events, active := c.form("url"), append([]string{}, c.kinds()...), c.form("active") != ""
	change := webhook.Change{URL: &address, Events: &events, Active: &active, If: store.Precondition{c.form("revision")}}
	if _, err := p.UpdateWebhook(c.ctx, c.r.PathValue("team"), c.webhookID(), change); err != nil {
		return p.webhookRefused(c, err)
	}
	return c.backToWebhook("The webhook is kept.")
}

func (p *portal) pingWebhook(c *call) error {
	d, err := p.PingWebhook(c.ctx, c.r.PathValue("team"), c.webhookID())
	if err != nil {
		return p.webhookRefused(c, err)
	}
	return c.backToWebhook("A ping is on its way as delivery " + number(d.ID) + ". Reload the page to see how it went.")
}

func (p *portal) replayDelivery(c *call) error {
	id, _ := strconv.Atoi(c.r.PathValue("delivery"))
	d, err := p.ReplayDelivery(c.ctx, c.r.PathValue("team"), c.webhookID(), id)
	if err != nil {
		return p.webhookRefused(c, err)
	}
	return c.backToWebhook("It is sent again as delivery " + number(d.ID) + ". Reload the page to see how it went.")
}

func (p *portal) rotateWebhook(c *call) error {
	secret, err := p.RotateWebhook(c.ctx, c.r.PathValue("team"), c.webhookID())
	if err != nil {
		return p.webhookRefused(c, err)
	}
	return p.webhookPage(c, http.StatusOK, webhookView{Secret: secret.Reveal()})
}

func (p *portal) removeWebhook(c *call) error {
	team := c.r.PathValue("team")
	if err := p.RemoveWebhook(c.ctx, team, c.webhookID(), store.Precondition{c.form("revision")}); err != nil {
		return p.webhookRefused(c, err)
	}
	return c.to(string(at("teams", team, "integrations")), "The webhook is removed, and so is what was sent to it.")
}

// hearsOf says in words what a webhook asks for.
func hearsOf(w *ent.Webhook) string {
	if len(w.Events) == 0 {
		return "everything but steps"
	}
	return strings.Join(w.Events, ", ")
}

// hostOf is the part of an address that holds no key.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "an address"
	}
	return u.Host
}

// deliveryWords say how a delivery stands.
func deliveryWords(d *ent.Delivery) state {
	switch slipway.DeliveryState(d.State) {
	case slipway.DeliverySucceeded:
		return toned("ok", "Taken")
	case slipway.DeliveryFailed:
		return toned("bad", "Failed")
	}
	if d.Attempts > 0 {
		return toned("wait", "Tried again")
	}
	return toned("run", "On its way")
}

func (v webhookView) address(cursor string) templ.SafeURL {
	return with(at("teams", v.Team, "integrations", v.ID), "state", string(v.Query.State), "after", cursor)
}
