package team

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/store"
	"github.com/slipway-dev/slipway/web/parts"
	"github.com/slipway-dev/slipway/web/shell"
	"github.com/slipway-dev/slipway/web/words"
	"github.com/slipway-dev/slipway/webhook"
)

// integrationsView is what a team's services tell to other programs.
type integrationsView struct {
	Team     string
	Webhooks []*ent.Webhook
	Secret   string // of the one just made, shown once
	Made     int
}

// webhookView is one webhook, and what was sent to it.
type webhookView struct {
	*ent.Webhook
	Team       string
	Deliveries store.List[*ent.Delivery]
	Query      webhook.DeliveriesQuery
	Change     parts.Verdict
	Secret     string // the new one, shown once
}

func (p *pages) showIntegrations(c *shell.Call) error {
	return p.integrationsPage(c, integrationsView{})
}

func (p *pages) integrationsPage(c *shell.Call, v integrationsView) error {
	v.Team = c.R.PathValue("team")
	var err error
	if v.Webhooks, err = p.Webhooks(c.Ctx, v.Team); err != nil {
		return err
	}
	return c.Show(http.StatusOK, integrationsPage(c.Frame("Integrations of "+v.Team, "teams"), v))
}

// kindsOf reads a filter as it was typed.
func kindsOf(c *shell.Call) []string {
	return strings.FieldsFunc(c.Form("events"), func(r rune) bool { return strings.ContainsRune(" ,;\t\r\n", r) })
}

// addWebhook shows the secret in the answer itself: it is kept nowhere in clear.
func (p *pages) addWebhook(c *shell.Call) error {
	row, secret, err := p.AddWebhook(c.Ctx, c.R.PathValue("team"), webhook.Input{URL: c.Form("url"), Events: kindsOf(c)})
	if err != nil {
		return err
	}
	return p.integrationsPage(c, integrationsView{Secret: secret.Reveal(), Made: row.ID})
}

func (p *pages) showWebhook(c *shell.Call) error {
	return p.webhookPage(c, webhookView{})
}

// webhookIDOf is the webhook that an address names; 0, which none has, for nonsense.
func webhookIDOf(c *shell.Call) int {
	id, _ := strconv.Atoi(c.R.PathValue("webhook"))
	return id
}

func (p *pages) webhookPage(c *shell.Call, v webhookView) error {
	v.Team = c.R.PathValue("team")
	var err error
	if v.Webhook, err = p.Webhook(c.Ctx, v.Team, webhookIDOf(c)); err != nil {
		return err
	}
	v.Query = webhook.DeliveriesQuery{State: slipway.DeliveryState(c.Query("state")), Page: store.Page{Cursor: c.Query("after"), Limit: 50}}
	if v.Deliveries, err = p.Deliveries(c.Ctx, v.Team, v.ID, v.Query); err != nil {
		return err
	}
	v.Change = c.May(slipway.PermitWebhook, v.TeamID, "")
	return c.Show(http.StatusOK, webhookPage(c.Frame("Webhook "+words.Number(v.ID)+" of "+v.Team, "teams"), v))
}

// backToWebhook leads to the page of the webhook that the form was about.
func backToWebhook(c *shell.Call, said string) error {
	return c.To(string(words.Path("teams", c.R.PathValue("team"), "integrations", webhookIDOf(c))), said)
}

func (p *pages) changeWebhook(c *shell.Call) error {
	address, events, active := c.Form("url"), append([]string{}, kindsOf(c)...), c.Form("active") != ""
	change := webhook.Change{URL: &address, Events: &events, Active: &active, If: store.Precondition{c.Form("revision")}}
	if _, err := p.UpdateWebhook(c.Ctx, c.R.PathValue("team"), webhookIDOf(c), change); err != nil {
		return err
	}
	return backToWebhook(c, "The webhook is saved.")
}

func (p *pages) pingWebhook(c *shell.Call) error {
	d, err := p.PingWebhook(c.Ctx, c.R.PathValue("team"), webhookIDOf(c))
	if err != nil {
		return err
	}
	return backToWebhook(c, "A ping is on its way as delivery "+words.Number(d.ID)+". Reload the page to see how it went.")
}

func (p *pages) replayDelivery(c *shell.Call) error {
	id, _ := strconv.Atoi(c.R.PathValue("delivery"))
	d, err := p.ReplayDelivery(c.Ctx, c.R.PathValue("team"), webhookIDOf(c), id)
	if err != nil {
		return err
	}
	return backToWebhook(c, "It is sent again as delivery "+words.Number(d.ID)+". Reload the page to see how it went.")
}

func (p *pages) rotateWebhook(c *shell.Call) error {
	secret, err := p.RotateWebhook(c.Ctx, c.R.PathValue("team"), webhookIDOf(c))
	if err != nil {
		return err
	}
	return p.webhookPage(c, webhookView{Secret: secret.Reveal()})
}

func (p *pages) removeWebhook(c *shell.Call) error {
	team := c.R.PathValue("team")
	if err := p.RemoveWebhook(c.Ctx, team, webhookIDOf(c), store.Precondition{c.Form("revision")}); err != nil {
		return err
	}
	return c.To(string(words.Path("teams", team, "integrations")), "The webhook is removed, and so is what was sent to it.")
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
func deliveryWords(d *ent.Delivery) words.State {
	switch slipway.DeliveryState(d.State) {
	case slipway.DeliverySucceeded:
		return words.Toned("ok", "Taken")
	case slipway.DeliveryFailed:
		return words.Toned("bad", "Failed")
	}
	if d.Attempts > 0 {
		return words.Toned("wait", "Tried again")
	}
	return words.Toned("run", "On its way")
}

func (v webhookView) address(cursor string) templ.SafeURL {
	return words.WithQuery(words.Path("teams", v.Team, "integrations", v.ID), "state", string(v.Query.State), "after", cursor)
}
