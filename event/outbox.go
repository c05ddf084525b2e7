// Package event records what happens to services, and in the same transaction the
// messages to those who asked to hear of it.
package event

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/ent/service"
	"github.com/slipway-dev/slipway/ent/team"
	"github.com/slipway-dev/slipway/ent/webhook"
	"github.com/slipway-dev/slipway/store"
)

// Outbox is where messages wait to be delivered.
type Outbox struct {
	Address string        // of the platform, for links in messages
	posted  chan struct{} // holds a token when there may be deliveries to start
}

// NewOutbox is for a platform whose address is said later.
func NewOutbox() *Outbox { return &Outbox{posted: make(chan struct{}, 1)} }

// Posted holds a token when there may be deliveries to start.
func (o *Outbox) Posted() <-chan struct{} { return o.posted }

// Record records an event, and in the same transaction the deliveries to those
// who asked to hear of it: either is there, or neither. It is the only way in
// which events of services come to be.
func (o *Outbox) Record(ctx context.Context, tx *ent.Tx, create *ent.EventCreate) error {
	e, err := create.Save(ctx)
	if err != nil || e.Service == "" {
		return err
	}
	ctx = store.AsSystem(ctx)
	hooks, err := tx.Webhook.Query().Where(webhook.Active(true), webhook.HasTeamWith(team.HasServicesWith(service.Name(e.Service)))).
		WithTeam().Order(webhook.ByID()).All(ctx)
	if err != nil {
		return err
	}
	hooks = slices.DeleteFunc(hooks, func(h *ent.Webhook) bool { return !slipway.AsksFor(h.Events, e.Kind) })
	if len(hooks) == 0 {
		return nil
	}
	body, err := o.message(ctx, tx, e, hooks[0].Edges.Team.Name)
	if err != nil {
		return err
	}
	rows := make([]*ent.DeliveryCreate, len(hooks))
	for i, h := range hooks {
		rows[i] = tx.Delivery.Create().SetWebhookID(h.ID).SetKind(e.Kind).SetBody(body)
	}
	if err := tx.Delivery.CreateBulk(rows...).Exec(ctx); err != nil {
		return err
	}
	tx.OnCommit(func(next ent.Committer) ent.Committer {
		return ent.CommitFunc(func(ctx context.Context, tx *ent.Tx) error {
			err := next.Commit(ctx, tx)
			if err == nil {
				o.Post()
			}
			return err
		})
	})
	return nil
}

// Post says that there are deliveries to start. It never waits.
func (o *Outbox) Post() {
	select {
	case o.posted <- struct{}{}:
	default:
	}
}

// MessageID is new for every message, also after the database was put back to
// an earlier state, so that no receiver takes one for another.
func MessageID() string { return "msg_" + rand.Text() }

// message writes what is said of an event.
func (o *Outbox) message(ctx context.Context, tx *ent.Tx, e *ent.Event, teamName string) ([]byte, error) {
	m := slipway.Message{
		ID: MessageID(), Kind: e.Kind, CreatedAt: e.At.UTC(), Team: teamName, Service: e.Service, Environment: e.Environment, Actor: e.Actor, Reason: e.Data["reason"],
	}
	if e.Kind == slipway.EventStep {
		m.Step = &slipway.MessageStep{Name: e.Data["step"], State: e.Data["state"]}
		m.Step.Attempt, _ = strconv.Atoi(e.Data["attempt"]) // written by the ledger
	}
	if e.PromotionID != nil {
		row, err := tx.Promotion.Query().Where(promotion.ID(*e.PromotionID)).WithRelease().Only(ctx)
		if err != nil && !ent.IsNotFound(err) {
			return nil, err
		}
		if row != nil {
			m.Promotion = &slipway.MessagePromotion{ID: row.ID, State: string(row.State), Reason: row.Reason, URL: o.Address + "/promotions/" + strconv.Itoa(row.ID)}
			if row.Edges.Release != nil {
				m.Promotion.Release = row.Edges.Release.Number
			}
			if n, err := strconv.Atoi(e.Data["release"]); err == nil && n > 0 {
				m.Promotion.Release = n
			}
		}
	}
	return json.Marshal(m)
}
