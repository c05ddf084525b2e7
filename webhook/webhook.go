package webhook

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/delivery"
	"github.com/slipway-dev/slipway/ent/webhook"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/store"
)

const (
	// maxWebhooks bounds the webhooks of a team.
	maxWebhooks = 20
	// SecretOverlap is how long a webhook's secret still signs after it was replaced.
	SecretOverlap = 24 * time.Hour
)

// Input is an address that wants to hear of a team's services.
type Input struct {
	URL    string
	Events []string // kinds, or the beginning of kinds with *; empty for all but steps
}

// Change is what to change of a webhook; nil leaves it.
type Change struct {
	URL    *string
	Events *[]string
	Active *bool
	If     store.Precondition
}

func (w *Sender) courier() (slipway.Courier, error) {
	if w.Courier == nil {
		return nil, slipway.Errorf(slipway.Unavailable, "this platform sends no webhooks")
	}
	return w.Courier, nil
}

func (w *Sender) checkWebhook(ctx context.Context, address string, events []string) error {
	if err := slipway.CheckFilter("events", events); err != nil {
		return err
	}
	if len(address) > 2000 || store.Clean(address) != address {
		return slipway.Errorf(slipway.Invalid, "the address has more than 2000 bytes, or holds what isn't text").At("url")
	}
	courier, err := w.courier()
	if err != nil {
		return err
	}
	err = courier.Check(ctx, address)
	if code := slipway.CodeOf(err); code == slipway.Invalid || code == slipway.Refused || code == slipway.Unavailable {
		return slipway.Errorf(slipway.Invalid, "%s", err).At("url")
	}
	return err
}

// AddWebhook makes a webhook of a team and returns the secret that signs its
// messages, which is shown nowhere else. It takes a maintainer of the team.
func (w *Sender) AddWebhook(ctx context.Context, teamName string, in Input) (*ent.Webhook, slipway.Secret, error) {
	none := slipway.Secret{}
	t, err := w.people.TeamFor(ctx, teamName, slipway.PermitWebhook)
	if err != nil {
		return nil, none, err
	}
	if err := w.checkWebhook(ctx, in.URL, in.Events); err != nil {
		return nil, none, err
	}
	n, err := w.db.Webhook.Query().Where(webhook.TeamID(t.ID)).Count(ctx)
	if err != nil {
		return nil, none, err
	}
	if n >= maxWebhooks {
		return nil, none, slipway.Errorf(slipway.Conflict, "%s has %d webhooks already; remove one first", t.Name, maxWebhooks)
	}
	secret, ref := signingSecret(), slipway.RefIn(w.secrets, "_platform/webhook-"+strings.ToLower(rand.Text()))
	if err := w.secrets.Set(ctx, ref, secret); err != nil {
		return nil, none, err
	}
	if in.Events == nil {
		in.Events = []string{}
	}
	row, err := w.db.Webhook.Create().SetTeamID(t.ID).SetURL(in.URL).SetEvents(in.Events).SetSecret(string(ref)).Save(ctx)
	if err != nil {
		w.DropSecret(ctx, ref)
		if ent.IsConstraintError(err) {
			err = slipway.Errorf(slipway.NotFound, "there is no team %s any more", t.Name)
		}
		return nil, none, err
	}
	w.people.RecordTeam(ctx, "webhook.added", t.Name, webhookName(row.ID), webhookFacts(row))
	return row, secret, nil
}

func signingSecret() slipway.Secret {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails since Go 1.24
	return slipway.NewSecret(slipway.SigningPrefix + base64.StdEncoding.EncodeToString(key))
}

// DropSecret deletes the secret of a webhook that is gone; that it could not is logged.
func (w *Sender) DropSecret(ctx context.Context, ref slipway.SecretRef) {
	if err := w.secrets.Delete(context.WithoutCancel(ctx), ref); err != nil {
		w.log.Warn("the secret of a webhook that is gone could not be deleted", "reference", ref, "error", err)
	}
}

func webhookName(id int) string { return "webhook " + strconv.Itoa(id) }

// webhookFacts are what the record holds of a webhook. Of the address it holds
// the host: with many receivers the rest is a key to them.
func webhookFacts(row *ent.Webhook) map[string]string {
	host := ""
	if u, err := url.Parse(row.URL); err == nil {
		host = u.Scheme + "://" + u.Host
	}
	return map[string]string{"host": host, "events": strings.Join(row.Events, ", "), "active": audit.Yes(row.Active)}
}

// Webhooks lists the webhooks of a team, the oldest first. It takes a maintainer
// of the team.
func (w *Sender) Webhooks(ctx context.Context, teamName string) ([]*ent.Webhook, error) {
	t, err := w.people.TeamFor(ctx, teamName, slipway.PermitWebhookRead)
	if err != nil {
		return nil, err
	}
	return w.db.Webhook.Query().Where(webhook.TeamID(t.ID)).Order(webhook.ByID()).All(ctx)
}

// Webhook finds a webhook of a team.
func (w *Sender) Webhook(ctx context.Context, teamName string, id int) (*ent.Webhook, error) {
	return w.webhookFor(ctx, teamName, id, slipway.PermitWebhookRead)
}

func (w *Sender) webhookFor(ctx context.Context, teamName string, id int, permission slipway.Permission) (*ent.Webhook, error) {
	t, err := w.people.TeamFor(ctx, teamName, permission)
	if err != nil {
		return nil, err
	}
	row, err := w.db.Webhook.Query().Where(webhook.ID(id), webhook.TeamID(t.ID)).Only(ctx)
	return row, store.Missing(err, "%s has no webhook %d; `slipway webhook ls %s` lists them", t.Name, id, t.Name)
}

// UpdateWebhook changes a webhook. Switched off, it hears of nothing, and what
// is on its way to it is given up.
func (w *Sender) UpdateWebhook(ctx context.Context, teamName string, id int, change Change) (*ent.Webhook, error) {
	row, err := w.webhookFor(ctx, teamName, id, slipway.PermitWebhook)
	if err != nil {
		return nil, err
	}
	if err := change.If.Holds(webhookName(id), row.Revision); err != nil {
		return nil, err
	}
	want := *row
	identity.Give(&want.URL, change.URL)
	identity.Give(&want.Events, change.Events)
	identity.Give(&want.Active, change.Active)
	if change.URL != nil || change.Events != nil {
		if err := w.checkWebhook(ctx, want.URL, want.Events); err != nil {
			return nil, err
		}
	}
	err = w.db.Webhook.UpdateOneID(id).Where(webhook.Revision(row.Revision)).AddRevision(1).SetURL(want.URL).SetEvents(want.Events).SetActive(want.Active).Exec(ctx)
	if ent.IsNotFound(err) {
		err = store.ErrOutdated(webhookName(id))
	}
	if err != nil {
		return nil, err
	}
	before, after := webhookFacts(row), webhookFacts(&want)
	for field, was := range before {
		if after[field] == was {
			delete(before, field)
			delete(after, field)
		}
	}
	if want.URL != row.URL {
		after["address"] = "replaced"
	}
	w.people.RecordTeam(ctx, "webhook.changed", teamName, webhookName(id), after, before)
	return w.Webhook(ctx, teamName, id)
}

// RotateWebhook makes a new secret and returns it. The one before signs beside
// it for a day, so that the receiver can take over the new one in between.
func (w *Sender) RotateWebhook(ctx context.Context, teamName string, id int) (slipway.Secret, error) {
	row, err := w.webhookFor(ctx, teamName, id, slipway.PermitWebhook)
	if err != nil {
		return slipway.Secret{}, err
	}
	ref, secret := slipway.SecretRef(row.Secret), signingSecret()
	kept := secret.Reveal()
	before, err := w.secrets.Get(ctx, ref)
	switch {
	case err == nil:
		old, _, _ := strings.Cut(before.Reveal(), "\n")
		kept += "\n" + old + "\n" + store.Now().Add(SecretOverlap).Format(time.RFC3339)
	case slipway.CodeOf(err) != slipway.NotFound:
		return slipway.Secret{}, err
	}
	if err := w.secrets.Set(ctx, ref, slipway.NewSecret(kept)); err != nil {
		return slipway.Secret{}, err
	}
	w.people.RecordTeam(ctx, "webhook.rotated", teamName, webhookName(id), map[string]string{"credential": "replaced"})
	return secret, nil
}

// signing are the secrets that sign at a moment: as RotateWebhook keeps them,
// the newest first, then the one before with its end, each on a line.
func signing(kept slipway.Secret, now time.Time) []slipway.Secret {
	lines := strings.Split(kept.Reveal(), "\n")
	secrets := []slipway.Secret{slipway.NewSecret(lines[0])}
	if len(lines) == 3 {
		if until, err := time.Parse(time.RFC3339, lines[2]); err == nil && now.Before(until) {
			secrets = append(secrets, slipway.NewSecret(lines[1]))
		}
	}
	return secrets
}

// RemoveWebhook removes a webhook with its secret and its deliveries.
func (w *Sender) RemoveWebhook(ctx context.Context, teamName string, id int, only store.Precondition) error {
	row, err := w.webhookFor(ctx, teamName, id, slipway.PermitWebhook)
	if err != nil {
		return err
	}
	if err := only.Holds(webhookName(id), row.Revision); err != nil {
		return err
	}
	off := w.db.Webhook.UpdateOneID(id).SetActive(false).AddRevision(1)
	if len(only) > 0 {
		off.Where(webhook.Revision(row.Revision))
	}
	if err := off.Exec(ctx); err != nil {
		if ent.IsNotFound(err) {
			return store.ErrOutdated(webhookName(id))
		}
		return err
	}
	if err := w.deleteWebhook(ctx, row); err != nil {
		return err
	}
	w.people.RecordTeam(ctx, "webhook.removed", teamName, webhookName(id), nil, webhookFacts(row))
	return nil
}

// deleteWebhook deletes a webhook that is switched off. Its log is deleted bit by
// bit: a month of a busy team would stop every other writer for too long.
func (w *Sender) deleteWebhook(ctx context.Context, row *ent.Webhook) error {
	for {
		n, err := w.deleteDeliveries(ctx, delivery.WebhookID(row.ID))
		if err != nil {
			return err
		}
		if n < deleteBatch {
			break
		}
	}
	err := store.InTx(ctx, w.db, func(tx *ent.Tx) error {
		if _, err := tx.Delivery.Delete().Where(delivery.WebhookID(row.ID)).Exec(ctx); err != nil {
			return err
		}
		return tx.Webhook.DeleteOneID(row.ID).Exec(ctx)
	})
	if err != nil && !ent.IsNotFound(err) {
		return err
	}
	w.DropSecret(ctx, slipway.SecretRef(row.Secret))
	return nil
}
