package operations

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/webhook"
)

func webhookOf(team string, w *ent.Webhook) Webhook {
	return Webhook{Id: w.ID, Team: team, Url: w.URL, Events: list(w.Events), Active: w.Active, CreatedAt: w.CreatedAt.UTC()}
}

func webhookPath(team string, id int) string {
	return fmt.Sprintf("%s/teams/%s/webhooks/%d", BasePath, team, id)
}

func deliveryPath(team string, d *ent.Delivery) string {
	return fmt.Sprintf("%s/deliveries/%d", webhookPath(team, d.WebhookID), d.ID)
}

// webhookDelivery is a delivery as lists hold it: without what it says.
func webhookDelivery(d *ent.Delivery) WebhookDelivery {
	return WebhookDelivery{
		Id: d.ID, Webhook: d.WebhookID, Kind: d.Kind, State: slipway.DeliveryState(d.State), Attempts: d.Attempts, Status: d.Status, Reason: d.Reason,
		ReplayOf: d.ReplayOf, CreatedAt: d.CreatedAt.UTC(), SentAt: when(d.SentAt),
	}
}

func wholeDelivery(d *ent.Delivery) WebhookDelivery {
	out := webhookDelivery(d)
	out.Body = string(d.Body)
	return out
}

// ListWebhooks lists a team's webhooks.
func (h *handlers) ListWebhooks(ctx context.Context, r ListWebhooksRequestObject) (ListWebhooksResponseObject, error) {
	rows, err := h.platform.Webhooks(ctx, r.Team)
	if err != nil {
		return nil, err
	}
	return ListWebhooks200JSONResponse{Items: each(rows, func(w *ent.Webhook) Webhook { return webhookOf(r.Team, w) })}, nil
}

// CreateWebhook adds a webhook.
func (h *handlers) CreateWebhook(ctx context.Context, r CreateWebhookRequestObject) (CreateWebhookResponseObject, error) {
	w, secret, err := h.platform.AddWebhook(ctx, r.Team, webhook.Input{URL: r.Body.Url, Events: r.Body.Events})
	if err != nil {
		return nil, err
	}
	return CreateWebhook201JSONResponse{
		Body: NewWebhook{Secret: secret.Reveal(), Webhook: webhookOf(r.Team, w)}, Headers: CreateWebhook201ResponseHeaders{Location: webhookPath(r.Team, w.ID)},
	}, nil
}

// GetWebhook shows a webhook.
func (h *handlers) GetWebhook(ctx context.Context, r GetWebhookRequestObject) (GetWebhookResponseObject, error) {
	w, err := h.platform.Webhook(ctx, r.Team, r.Webhook)
	if err != nil {
		return nil, err
	}
	return GetWebhook200JSONResponse{Body: webhookOf(r.Team, w), Headers: GetWebhook200ResponseHeaders{ETag: etag(w.Revision)}}, nil
}

// UpdateWebhook changes a webhook.
func (h *handlers) UpdateWebhook(ctx context.Context, r UpdateWebhookRequestObject) (UpdateWebhookResponseObject, error) {
	w, err := h.platform.UpdateWebhook(ctx, r.Team, r.Webhook, webhook.Change{
		URL: r.Body.Url, Events: r.Body.Events, Active: r.Body.Active, If: onlyIf(r.Params.IfMatch),
	})
	if err != nil {
		return nil, err
	}
	return UpdateWebhook200JSONResponse{Body: webhookOf(r.Team, w), Headers: UpdateWebhook200ResponseHeaders{ETag: etag(w.Revision)}}, nil
}

// DeleteWebhook removes a webhook.
func (h *handlers) DeleteWebhook(ctx context.Context, r DeleteWebhookRequestObject) (DeleteWebhookResponseObject, error) {
	if err := h.platform.RemoveWebhook(ctx, r.Team, r.Webhook, onlyIf(r.Params.IfMatch)); err != nil {
		return nil, err
	}
	return DeleteWebhook204Response{}, nil
}

// RotateWebhookSecret replaces a webhook's secret.
func (h *handlers) RotateWebhookSecret(ctx context.Context, r RotateWebhookSecretRequestObject) (RotateWebhookSecretResponseObject, error) {
	secret, err := h.platform.RotateWebhook(ctx, r.Team, r.Webhook)
	if err != nil {
		return nil, err
	}
	w, err := h.platform.Webhook(ctx, r.Team, r.Webhook)
	if err != nil {
		return nil, err
	}
	return RotateWebhookSecret201JSONResponse{Secret: secret.Reveal(), Webhook: webhookOf(r.Team, w)}, nil
}

// PingWebhook sends a message that says nothing.
func (h *handlers) PingWebhook(ctx context.Context, r PingWebhookRequestObject) (PingWebhookResponseObject, error) {
	d, err := h.platform.PingWebhook(ctx, r.Team, r.Webhook)
	if err != nil {
		return nil, err
	}
	return PingWebhook202JSONResponse{Body: wholeDelivery(d), Headers: PingWebhook202ResponseHeaders{Location: deliveryPath(r.Team, d)}}, nil
}

// ListWebhookDeliveries lists the messages to a webhook.
func (h *handlers) ListWebhookDeliveries(ctx context.Context, r ListWebhookDeliveriesRequestObject) (ListWebhookDeliveriesResponseObject, error) {
	rows, err := h.platform.Deliveries(ctx, r.Team, r.Webhook, webhook.DeliveriesQuery{State: r.Params.State, Page: page(r.Params.Cursor, r.Params.Limit)})
	if err != nil {
		return nil, err
	}
	return ListWebhookDeliveries200JSONResponse{Items: each(rows.Items, webhookDelivery), NextCursor: rows.Next}, nil
}

// GetWebhookDelivery shows a message and how it went.
func (h *handlers) GetWebhookDelivery(ctx context.Context, r GetWebhookDeliveryRequestObject) (GetWebhookDeliveryResponseObject, error) {
	d, err := h.platform.WebhookDelivery(ctx, r.Team, r.Webhook, r.Delivery)
	if err != nil {
		return nil, err
	}
	return GetWebhookDelivery200JSONResponse(wholeDelivery(d)), nil
}

// ReplayWebhookDelivery sends a message again.
func (h *handlers) ReplayWebhookDelivery(ctx context.Context, r ReplayWebhookDeliveryRequestObject) (ReplayWebhookDeliveryResponseObject, error) {
	d, err := h.platform.ReplayDelivery(ctx, r.Team, r.Webhook, r.Delivery)
	if err != nil {
		return nil, err
	}
	return ReplayWebhookDelivery202JSONResponse{Body: wholeDelivery(d), Headers: ReplayWebhookDelivery202ResponseHeaders{Location: deliveryPath(r.Team, d)}}, nil
}
