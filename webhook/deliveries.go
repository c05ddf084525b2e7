package webhook

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/delivery"
	"github.com/slipway-dev/slipway/ent/predicate"
	"github.com/slipway-dev/slipway/event"
	"github.com/slipway-dev/slipway/store"
)

// DeliveriesQuery selects messages to a webhook; they are listed newest first.
type DeliveriesQuery struct {
	State slipway.DeliveryState // "" for all
	store.Page
}

// Deliveries lists the messages to a webhook, newest first.
func (w *Sender) Deliveries(ctx context.Context, teamName string, id int, q DeliveriesQuery) (store.List[*ent.Delivery], error) {
	none := store.List[*ent.Delivery]{}
	limit, after, err := q.Numbered()
	if err != nil {
		return none, err
	}
	row, err := w.Webhook(ctx, teamName, id)
	if err != nil {
		return none, err
	}
	where := []predicate.Delivery{delivery.WebhookID(row.ID)}
	if q.State != "" {
		if err := delivery.StateValidator(delivery.State(q.State)); err != nil {
			return none, slipway.Errorf(slipway.Invalid, "%q is not a state of a delivery; there are pending, succeeded and failed", store.Printable(string(q.State))).At("state")
		}
		where = append(where, delivery.StateEQ(delivery.State(q.State)))
	}
	if after > 0 {
		where = append(where, delivery.IDLT(after))
	}
	rows, err := w.db.Delivery.Query().Where(where...).Order(ent.Desc(delivery.FieldID)).Limit(limit + 1).All(ctx)
	if err != nil {
		return none, err
	}
	return store.Cut(rows, limit, func(d *ent.Delivery) string { return strconv.Itoa(d.ID) }), nil
}

// WebhookDelivery finds a message to a webhook.
func (w *Sender) WebhookDelivery(ctx context.Context, teamName string, id, number int) (*ent.Delivery, error) {
	row, err := w.Webhook(ctx, teamName, id)
	if err != nil {
		return nil, err
	}
	return w.deliveryOf(ctx, teamName, row, number)
}

func (w *Sender) deliveryOf(ctx context.Context, teamName string, of *ent.Webhook, number int) (*ent.Delivery, error) {
	row, err := w.db.Delivery.Query().Where(delivery.ID(number), delivery.WebhookID(of.ID)).Only(ctx)
	return row, store.Missing(err, "webhook %d has no delivery %d; `slipway webhook deliveries %s %d` lists them, for 30 days", of.ID, number, teamName, of.ID)
}

// activeWebhook finds a webhook that messages can be sent to.
func (w *Sender) activeWebhook(ctx context.Context, teamName string, id int) (*ent.Webhook, error) {
	row, err := w.webhookFor(ctx, teamName, id, slipway.PermitWebhook)
	if err != nil {
		return nil, err
	}
	if _, err := w.courier(); err != nil {
		return nil, err
	}
	if !row.Active {
		return nil, slipway.Errorf(slipway.Conflict, "webhook %d is switched off; switch it on first: slipway webhook set %s %d --on", id, teamName, id)
	}
	return row, nil
}

// PingWebhook sends a message that says nothing, to try a webhook. How it goes
// stands in the delivery, soon.
func (w *Sender) PingWebhook(ctx context.Context, teamName string, id int) (*ent.Delivery, error) {
	row, err := w.activeWebhook(ctx, teamName, id)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(slipway.Message{ID: event.MessageID(), Kind: slipway.EventPing, CreatedAt: store.Now(), Team: teamName, Actor: slipway.Actor(ctx)})
	if err != nil {
		return nil, err
	}
	return w.send(ctx, teamName, row, "webhook.pinged", w.db.Delivery.Create().SetWebhookID(id).SetKind(slipway.EventPing).SetBody(body))
}

// ReplayDelivery sends a message again: a new delivery of the same bytes under
// the same id, so that a receiver that has it can tell. One that is still tried
// is a Conflict.
func (w *Sender) ReplayDelivery(ctx context.Context, teamName string, id, number int) (*ent.Delivery, error) {
	row, err := w.activeWebhook(ctx, teamName, id)
	if err != nil {
		return nil, err
	}
	old, err := w.deliveryOf(ctx, teamName, row, number)
	if err != nil {
		return nil, err
	}
	if old.State == delivery.StatePending {
		return nil, slipway.Errorf(slipway.Conflict, "delivery %d is still tried; wait for its end", number)
	}
	return w.send(ctx, teamName, row, "webhook.replayed", w.db.Delivery.Create().SetWebhookID(id).SetKind(old.Kind).SetBody(old.Body).SetReplayOf(old.ID))
}

func (w *Sender) send(ctx context.Context, teamName string, to *ent.Webhook, action string, create *ent.DeliveryCreate) (*ent.Delivery, error) {
	row, err := create.Save(ctx)
	if ent.IsConstraintError(err) {
		return nil, slipway.Errorf(slipway.NotFound, "%s has no webhook %d any more", teamName, to.ID)
	}
	if err != nil {
		return nil, err
	}
	w.outbox.Post()
	facts := map[string]string{"delivery": strconv.Itoa(row.ID)}
	if row.ReplayOf > 0 {
		facts["replay_of"] = strconv.Itoa(row.ReplayOf)
	}
	w.people.RecordTeam(ctx, action, teamName, webhookName(to.ID), facts)
	return row, nil
}
