package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/delivery"
	"github.com/slipway-dev/slipway/ent/predicate"
	"github.com/slipway-dev/slipway/ent/webhook"
	"github.com/slipway-dev/slipway/store"
	"github.com/slipway-dev/slipway/workflows"
)

const (
	// DeliveryLife is how long deliveries that are over are kept.
	DeliveryLife = 30 * 24 * time.Hour
	// deleteBatch bounds how many rows one statement deletes.
	deleteBatch = 500
	// late is how much later than it was made a delivery may be seen, when its
	// transaction took long.
	late = 5 * time.Minute
)

var _ workflows.Deliveries = (*Sender)(nil)

// dispatcher starts the workflows of deliveries. It remembers where it has
// looked, so that a look costs no more than what is new.
type dispatcher struct {
	*Sender
	since time.Time         // everything that was made before has a workflow; zero at the start
	begun map[int]time.Time // when those after that got one; they wait for their first attempt
}

// Dispatch starts deliveries as they come, and deletes old ones, until ctx ends.
// At first it looks at all that are pending: a platform that was killed between
// an event and the start of its deliveries goes on with them here.
func (w *Sender) Dispatch(ctx context.Context, every time.Duration) {
	d := &dispatcher{Sender: w, begun: map[int]time.Time{}}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for pruned := (time.Time{}); ; {
		if err := d.look(ctx); err != nil && ctx.Err() == nil {
			w.log.Warn("deliveries to webhooks could not be started", "error", err)
		}
		if time.Since(pruned) > time.Hour {
			pruned = time.Now()
			if err := w.PruneDeliveries(ctx); err != nil && ctx.Err() == nil {
				w.log.Warn("old deliveries to webhooks could not be deleted", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-w.outbox.Posted():
		}
	}
}

// look starts what has no workflow yet. Starting twice is harmless; begun only
// keeps the engine from being asked all the time.
func (d *dispatcher) look(ctx context.Context) error {
	now := store.Now()
	where := []predicate.Delivery{delivery.StateEQ(delivery.StatePending)}
	if !d.since.IsZero() {
		where = append(where, delivery.CreatedAtGTE(d.since), delivery.Attempts(0))
	}
	begun, last := map[int]time.Time{}, 0
	for {
		ids, err := d.db.Delivery.Query().Where(append(where, delivery.IDGT(last))...).Order(delivery.ByID()).Limit(store.MaxPage).IDs(ctx)
		if err != nil {
			return err
		}
		for _, id := range ids {
			last = id
			if at, ok := d.begun[id]; ok && now.Sub(at) < time.Minute {
				begun[id] = at
				continue
			}
			if err := workflows.StartDelivery(ctx, d.temporal, strconv.Itoa(id)); err != nil {
				return err
			}
			d.begun[id], begun[id] = now, now
		}
		if len(ids) < store.MaxPage {
			break
		}
	}
	d.since, d.begun = now.Add(-late), begun
	return nil
}

// PruneDeliveries deletes deliveries that have been over for long.
func (w *Sender) PruneDeliveries(ctx context.Context) error {
	old := store.Now().Add(-DeliveryLife)
	for {
		n, err := w.deleteDeliveries(ctx, delivery.CreatedAtLT(old), delivery.StateNEQ(delivery.StatePending))
		if err != nil || n < deleteBatch {
			return err
		}
	}
}

// deleteDeliveries deletes some, and tells how many.
func (w *Sender) deleteDeliveries(ctx context.Context, where ...predicate.Delivery) (int, error) {
	ctx = store.AsSystem(ctx)
	ids, err := w.db.Delivery.Query().Where(where...).Limit(deleteBatch).IDs(ctx)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	_, err = w.db.Delivery.Delete().Where(delivery.IDIn(ids...)).Exec(ctx)
	return len(ids), err
}

// Deliver makes one attempt at a delivery. It returns Limited, with the pause
// before the next one, when that is worth it.
func (w *Sender) Deliver(ctx context.Context, id string, attempt int) (tried bool, err error) {
	ctx = store.AsSystem(ctx)
	n, err := strconv.Atoi(id)
	if err != nil {
		return true, slipway.Errorf(slipway.Invalid, "%q is not the id of a delivery", store.Printable(id))
	}
	row, err := w.db.Delivery.Query().Where(delivery.ID(n)).WithWebhook(func(q *ent.WebhookQuery) { q.WithTeam() }).Only(ctx)
	if ent.IsNotFound(err) {
		return true, nil
	}
	if err != nil || row.State != delivery.StatePending {
		return true, err
	}
	to := row.Edges.Webhook
	if !to.Active {
		return true, w.attempted(ctx, row, outcome{state: slipway.DeliveryFailed, reason: "the webhook is switched off"})
	}
	back, ok := w.lanes.take(ctx, to.TeamID, receiver(to.TeamID, to.URL))
	if !ok {
		return false, ctx.Err()
	}
	answered := false
	defer func() { back(answered) }()
	return true, w.carry(ctx, row, attempt, &answered)
}

// carry posts a delivery whose turn it is, and tells whether there was an answer.
func (w *Sender) carry(ctx context.Context, row *ent.Delivery, attempt int, answered *bool) error {
	to := row.Edges.Webhook
	kept, err := w.secrets.Get(ctx, slipway.SecretRef(to.Secret))
	if slipway.CodeOf(err) == slipway.NotFound {
		return w.attempted(ctx, row, outcome{state: slipway.DeliveryFailed, reason: "the webhook's secret is gone; rotate it, then send this again"})
	}
	if err != nil {
		return err
	}
	courier, err := w.courier()
	if err != nil {
		return err
	}
	var message slipway.Message
	if err := json.Unmarshal(row.Body, &message); err != nil {
		return err
	}
	answer, err := courier.Send(ctx, slipway.Letter{URL: to.URL, ID: message.ID, Body: row.Body, Secrets: signing(kept, store.Now())})
	*answered = answer.Status != 0
	if ctx.Err() != nil {
		return ctx.Err() // the worker stops; whether it arrived isn't known
	}
	made := weigh(answer, err)
	if made.gone {
		if err := w.switchOff(ctx, to); err != nil {
			return err
		}
	}
	if err := w.attempted(ctx, row, made); err != nil {
		return err
	}
	if made.state == slipway.DeliveryPending {
		again := slipway.Errorf(slipway.Limited, "%s", made.reason)
		again.After = slipway.DeliveryPause(attempt, answer.After)
		return again
	}
	return nil
}

// outcome is how an attempt went: still pending when another is worth it.
type outcome struct {
	state  slipway.DeliveryState
	status int
	reason string
	gone   bool // the receiver wants no more
}

// weigh decides what an answer means. Whatever isn't a success is tried again,
// for a receiver may be in the middle of a deploy, or be mended within the day;
// but not what asks for no more, or may not be called.
func weigh(answer slipway.Answer, err error) outcome {
	var known *slipway.Error
	switch {
	case errors.As(err, &known) && (known.Code == slipway.Refused || known.Code == slipway.Invalid):
		return outcome{state: slipway.DeliveryFailed, reason: known.Message}
	case errors.As(err, &known):
		return outcome{state: slipway.DeliveryPending, reason: known.Message}
	case err != nil:
		return outcome{state: slipway.DeliveryPending, reason: "internal error"}
	case answer.Status >= 200 && answer.Status < 300:
		return outcome{state: slipway.DeliverySucceeded, status: answer.Status}
	case answer.Status == http.StatusGone:
		return outcome{state: slipway.DeliveryFailed, status: answer.Status, reason: "the receiver answered 410 Gone, so the webhook is switched off", gone: true}
	case answer.Status >= 300 && answer.Status < 400:
		return outcome{state: slipway.DeliveryPending, status: answer.Status, reason: "the receiver sends elsewhere (" + strconv.Itoa(answer.Status) + "), which isn't followed; give the webhook that address"}
	}
	return outcome{state: slipway.DeliveryPending, status: answer.Status, reason: strings.TrimSpace("the receiver answered " + strconv.Itoa(answer.Status) + " " + http.StatusText(answer.Status))}
}

// attempted records an attempt. What is over stays as it ended.
func (w *Sender) attempted(ctx context.Context, row *ent.Delivery, a outcome) error {
	_, err := w.db.Delivery.Update().Where(delivery.ID(row.ID), delivery.StateEQ(delivery.StatePending)).SetState(delivery.State(a.state)).
		AddAttempts(1).SetStatus(a.status).SetReason(store.Clean(a.reason)).SetSentAt(store.Now()).Save(context.WithoutCancel(ctx))
	return err
}

// switchOff stops a webhook whose receiver wants no more.
func (s *Sender) switchOff(ctx context.Context, w *ent.Webhook) error {
	n, err := s.db.Webhook.Update().Where(webhook.ID(w.ID), webhook.Active(true)).SetActive(false).AddRevision(1).Save(ctx)
	if err == nil && n > 0 {
		s.people.RecordTeam(ctx, "webhook.switched_off", w.Edges.Team.Name, webhookName(w.ID), map[string]string{"active": audit.Yes(false), "answer": "410 Gone"}, map[string]string{"active": audit.Yes(true)})
	}
	return err
}

// GiveUp ends a delivery that has no attempts left.
func (w *Sender) GiveUp(ctx context.Context, id string) error {
	n, err := strconv.Atoi(id)
	if err != nil {
		return slipway.Errorf(slipway.Invalid, "%q is not the id of a delivery", store.Printable(id))
	}
	return w.db.Delivery.Update().Where(delivery.ID(n), delivery.StateEQ(delivery.StatePending)).SetState(delivery.StateFailed).Exec(store.AsSystem(ctx))
}
