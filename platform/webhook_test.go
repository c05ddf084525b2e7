package platform_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/adapters/courier"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/egress"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/delivery"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/store"
	"github.com/slipway-dev/slipway/webhook"
)

// TestWebhookHearsOfAPromotion goes from a promotion to a receiver that fails at
// first.
func TestWebhookHearsOfAPromotion(t *testing.T) {
	live(t, func(w *world, name string) {
		w.tending()
		r := newReceiver(t)
		r.answer = func(n int, w http.ResponseWriter) {
			switch n {
			case 1:
				w.WriteHeader(http.StatusServiceUnavailable)
			case 2:
				w.Header().Set("Retry-After", "1")
				w.WriteHeader(http.StatusTooManyRequests)
			}
		}
		hook := w.hook(r, "promotion.state", "release.built")
		id := w.promote(platform.PromoteInput{Service: name, Environment: "dev"}, "succeeded")
		states := map[string]bool{}
		for !states["succeeded"] || !states["running"] || !states["release.built"] {
			got := r.next()
			if got.Kind == "release.built" {
				states[got.Kind] = true
			} else {
				states[got.Promotion.State] = true
			}
			p := got.Promotion
			if got.Team != identity.DefaultTeam || got.Service != name || got.Environment != "dev" || got.Actor != "slipway" || got.CreatedAt.IsZero() ||
				fmt.Sprint(p.ID) != id || p.URL != "https://slipway.example.com/promotions/"+id || got.Step != nil {
				t.Errorf("it says %s", got.raw)
			}
			if (p.State == "succeeded" || got.Kind == "release.built") && p.Release != 1 {
				t.Errorf("the release is missing: %s", got.raw)
			}
		}
		// All are taken in the end, and two of the attempts were in vain.
		list, err := w.Deliveries(w.Context(), identity.DefaultTeam, hook.ID, webhook.DeliveriesQuery{})
		w.must(err)
		attempts := 0
		for _, d := range list.Items {
			d = w.delivery(hook.ID, d.ID, "taken", over)
			if attempts += d.Attempts; d.State != "succeeded" || d.Status != 200 || d.Reason != "" || d.SentAt == nil {
				t.Errorf("%v", d)
			}
		}
		if attempts != len(list.Items)+2 {
			t.Errorf("%d attempts at %d messages", attempts, len(list.Items))
		}
	})
}

// TestWebhookOutlivesThePlatform kills the platform between an event and its
// delivery: the next one finds it.
func TestWebhookOutlivesThePlatform(t *testing.T) {
	both(t, func(w *world) {
		name := w.newName()
		r := newReceiver(t)
		hook := w.hook(r, "service.*")
		w.register(name)
		d := w.delivery(hook.ID, 0, "there", func(*ent.Delivery) bool { return true })
		if d.State != "pending" || d.Attempts != 0 {
			t.Fatalf("%v", d)
		}
		// Another process opens what this one left.
		storage, err := platform.OpenStorage(t.Context(), w.address)
		w.must(err)
		t.Cleanup(func() { _ = storage.Close() })
		options := w.Options
		options.Storage = storage
		w.Platform, w.ledger = platform.New(options), platform.NewLedger(storage)
		w.engaged()
		stop := w.tending()
		if got := r.next(); got.Kind != "service.registered" || got.Service != name || got.Promotion != nil || got.Actor != "ada" {
			t.Errorf("%s", got.raw)
		}
		w.delivery(hook.ID, d.ID, "taken", func(d *ent.Delivery) bool { return d.State == "succeeded" && d.Attempts == 1 })
		// A start that has nothing to do sends nothing.
		stop()
		w.tending()
		_, err = w.PingWebhook(w.Context(), identity.DefaultTeam, hook.ID)
		w.must(err)
		if got := r.next(); got.Kind != "ping" || r.calls != 2 {
			t.Errorf("%d calls, then %s", r.calls, got.raw)
		}
	})
}

// TestWebhookReceivers are those that don't answer, want no more, or send elsewhere.
func TestWebhookReceivers(t *testing.T) {
	both(t, func(w *world) {
		w.engaged()
		w.tending()
		ctx := w.Context()
		good, gone := newReceiver(t), newReceiver(t)
		gone.answer = func(_ int, w http.ResponseWriter) { w.WriteHeader(http.StatusGone) }
		silentHook, _, goneHook := w.hook(newReceiver(t), "service.*"), w.hook(good, "service.*"), w.hook(gone, "service.*")
		silentHook, err := w.UpdateWebhook(ctx, identity.DefaultTeam, silentHook.ID, webhook.Change{URL: ptr(deaf(t))})
		w.must(err)
		name := w.newName()
		w.register(name)
		if got := good.next(); got.Service != name {
			t.Errorf("%s", got.raw)
		}
		d := w.delivery(silentHook.ID, 0, "tried", func(d *ent.Delivery) bool { return d.Attempts > 0 })
		if d.State != "pending" || d.Status != 0 || !strings.Contains(d.Reason, "did not answer in time") {
			t.Errorf("%v", d)
		}
		d = w.delivery(goneHook.ID, 0, "over", over)
		if d.State != "failed" || d.Status != 410 || d.Attempts != 1 || !strings.Contains(d.Reason, "switched off") {
			t.Errorf("%v", d)
		}
		row, err := w.Webhook(ctx, identity.DefaultTeam, goneHook.ID)
		w.must(err)
		if row.Active || row.Revision == goneHook.Revision {
			t.Errorf("after 410: %v", row)
		}
		audit, err := w.Audit(ctx, audit.Query{Action: "webhook.switched_off"})
		w.must(err)
		if len(audit.Items) != 1 || audit.Items[0].Actor != "slipway" || audit.Items[0].Object != fmt.Sprint("webhook ", row.ID) {
			t.Errorf("on record: %v", audit.Items)
		}
		// Switched off, it hears of nothing, and can't be tried; what waits is given up.
		_, err = w.UpdateWebhook(ctx, identity.DefaultTeam, silentHook.ID, webhook.Change{Active: ptr(false)})
		w.must(err)
		w.register(w.newName())
		good.next()
		for _, hook := range []int{goneHook.ID, silentHook.ID} {
			list, err := w.Deliveries(ctx, identity.DefaultTeam, hook, webhook.DeliveriesQuery{})
			w.must(err)
			if len(list.Items) != 1 {
				t.Errorf("%d deliveries to webhook %d", len(list.Items), hook)
			}
			_, err = w.PingWebhook(ctx, identity.DefaultTeam, hook)
			w.want(err, slipway.Conflict, "slipway webhook set default")
		}
		if d := w.delivery(silentHook.ID, 0, "given up", over); !strings.Contains(d.Reason, "switched off") {
			t.Errorf("%v", d)
		}
	})
}

// TestWebhookReplay sends what was lost again, byte for byte.
func TestWebhookReplay(t *testing.T) {
	both(t, func(w *world) {
		w.engaged()
		w.tending()
		ctx := w.Context()
		r := newReceiver(t)
		hook := w.hook(r, "service.*")
		w.register(w.newName())
		first := r.next()
		d := w.delivery(hook.ID, 0, "taken", over)
		again, err := w.ReplayDelivery(ctx, identity.DefaultTeam, hook.ID, d.ID)
		w.must(err)
		if second := r.next(); second.raw != first.raw || second.header != first.header || again.ReplayOf != d.ID || again.ID == d.ID {
			t.Errorf("%s\nis not\n%s", second.raw, first.raw)
		}
		w.delivery(hook.ID, again.ID, "taken", over)
		// While a secret is replaced, both sign; the receiver knows the old one first.
		secret, err := w.RotateWebhook(ctx, identity.DefaultTeam, hook.ID)
		w.must(err)
		for range 2 {
			_, err = w.PingWebhook(ctx, identity.DefaultTeam, hook.ID)
			w.must(err)
			if got := r.next(); got.Kind != slipway.EventPing || got.Service != "" || got.Actor != "ada" || got.ID == first.ID {
				t.Errorf("%s", got.raw)
			}
			r.knows(secret)
		}
		_, err = w.ReplayDelivery(ctx, identity.DefaultTeam, hook.ID, 9999)
		w.want(err, slipway.NotFound, "slipway webhook deliveries default")
	})
}

// TestWebhookAddresses are looked at when they are given and when they are called.
func TestWebhookAddresses(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.Context()
		r := newReceiver(t)
		hook := w.hook(r)
		options := w.Options
		options.Courier = carrier(t, egress.Options{})
		strict := platform.New(options)
		for _, url := range []string{r.server.URL, "http://169.254.169.254/latest/meta-data", "http://[::ffff:10.0.0.1]/", "http://0x7f.1/"} {
			_, _, err := strict.AddWebhook(ctx, identity.DefaultTeam, webhook.Input{URL: url})
			w.want(err, slipway.Invalid, "address")
			_, err = strict.UpdateWebhook(ctx, identity.DefaultTeam, hook.ID, webhook.Change{URL: &url})
			w.want(err, slipway.Invalid, "address")
		}
		// It was admitted, and isn't any more: nothing is sent, and nothing tried again.
		w.Platform = strict
		w.engaged()
		w.tending()
		d, err := w.PingWebhook(ctx, identity.DefaultTeam, hook.ID)
		w.must(err)
		if d = w.delivery(hook.ID, d.ID, "over", over); d.State != "failed" || d.Attempts != 1 || !strings.Contains(d.Reason, "--allow-outgoing") || r.calls > 0 {
			t.Errorf("%d calls: %v", r.calls, d)
		}
	})
}

// TestWebhooksBelongToTeams holds them to their team, and to what is asked for.
func TestWebhooksBelongToTeams(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.Context()
		_, err := w.AddTeam(ctx, "shop", "")
		w.must(err)
		own, steps, all, other := w.hook(newReceiver(t), "service.changed"), w.hook(newReceiver(t), "promotion.step"), w.hook(newReceiver(t)), 0
		row, _, err := w.AddWebhook(ctx, "shop", webhook.Input{URL: "http://127.0.0.1:1/"})
		w.must(err)
		other = row.ID
		w.register("billing")
		id := w.promotion("billing", "dev", false)
		w.tell(id, slipway.StepFetch, slipway.StepRunning, 1, "")
		w.commit("trunk", "c2")
		_, err = w.UpdateService(ctx, "billing", catalog.ServiceChange{Branch: ptr("trunk")})
		w.must(err)
		_, err = w.SetSecret(ctx, catalog.SecretInput{Service: "billing", Name: "KEY", Value: slipway.NewSecret("hunter2-hunter2")})
		w.must(err)
		_, err = w.ChangeConfig(ctx, catalog.ConfigChange{Service: "billing", Environment: "dev", Set: map[string]string{"MODE": "a-plain-value"}})
		w.must(err)
		w.must(w.ledger.Promotion(ctx, slipway.PromotionEvent{Promotion: id, State: slipway.PromotionSucceeded}))
		w.must(w.RemoveService(ctx, "billing", nil))
		for hook, want := range map[int]string{
			own.ID: "service.changed", steps.ID: "promotion.step", other: "",
			all.ID: "service.registered promotion.state service.changed secret.set config.changed promotion.state service.removed",
		} {
			rows, err := w.Storage.Client.Delivery.Query().Where(delivery.WebhookID(hook)).Order(delivery.ByID()).All(ctx)
			w.must(err)
			var kinds []string
			for _, d := range rows {
				kinds = append(kinds, d.Kind)
				if body := string(d.Body); strings.Contains(body, "hunter2") || strings.Contains(body, "a-plain-value") {
					t.Errorf("a value is told: %s", body)
				}
				if d.Kind == "promotion.step" && !strings.Contains(string(d.Body), `"step":{"name":"fetch","state":"running","attempt":1}`) {
					t.Errorf("%s", d.Body)
				}
			}
			if got := strings.Join(kinds, " "); got != want {
				t.Errorf("webhook %d hears of %q, want %q", hook, got, want)
			}
		}
		// Given to another team, a service is that team's to hear of.
		w.register("basket")
		_, err = w.UpdateService(ctx, "basket", catalog.ServiceChange{Team: ptr("shop")})
		w.must(err)
		n, err := w.Storage.Client.Delivery.Query().Where(delivery.WebhookID(other)).Count(ctx)
		if err != nil || n != 1 {
			t.Errorf("%d deliveries, %v", n, err)
		}
		// What is removed leaves nothing behind, in the store of secrets either.
		w.must(w.RemoveService(ctx, "basket", nil))
		w.must(w.RemoveTeam(ctx, "shop", nil))
		w.must(w.RemoveWebhook(ctx, identity.DefaultTeam, all.ID, nil))
		refs, err := w.Secrets.List(ctx, "_platform/webhook-")
		w.must(err)
		left, err := w.Storage.Client.Delivery.Query().Where(delivery.WebhookIDIn(all.ID, other)).Count(ctx)
		if err != nil || left != 0 || len(refs) != 2 {
			t.Errorf("%d deliveries and %d secrets are left, %v", left, len(refs), err)
		}
		_, err = w.Deliver(ctx, "1", 1)
		w.must(err) // there is none such
		for range 18 {
			_, _, err = w.AddWebhook(ctx, identity.DefaultTeam, webhook.Input{URL: "http://127.0.0.1:1/"})
			w.must(err)
		}
		_, _, err = w.AddWebhook(ctx, identity.DefaultTeam, webhook.Input{URL: "http://127.0.0.1:1/"})
		w.want(err, slipway.Conflict, "20 webhooks already")
	})
}

// TestOldDeliveriesArePruned keeps what is young, and what isn't over.
func TestOldDeliveriesArePruned(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.Context()
		hook := w.hook(newReceiver(t))
		old := time.Now().UTC().Add(-webhook.DeliveryLife - time.Hour)
		make := func(at time.Time, state delivery.State, n int) {
			t.Helper()
			var rows []*ent.DeliveryCreate
			for range n {
				rows = append(rows, w.Storage.Client.Delivery.Create().SetWebhookID(hook.ID).SetKind("ping").SetBody([]byte("{}")).SetCreatedAt(at).SetState(state))
			}
			w.must(w.Storage.Client.Delivery.CreateBulk(rows...).Exec(ctx))
		}
		make(old, delivery.StateSucceeded, 700)
		make(old, delivery.StateFailed, 700)
		make(old, delivery.StatePending, 2)
		make(time.Now().UTC(), delivery.StateSucceeded, 3)
		w.must(w.PruneDeliveries(ctx))
		rows, err := w.Storage.Client.Delivery.Query().All(ctx)
		w.must(err)
		if len(rows) != 5 {
			t.Errorf("%d are left", len(rows))
		}
		// Pages of what is left, the newest first.
		var ids []int
		for page := (store.Page{Limit: 2}); ; {
			list, err := w.Deliveries(ctx, identity.DefaultTeam, hook.ID, webhook.DeliveriesQuery{Page: page})
			w.must(err)
			for _, d := range list.Items {
				ids = append(ids, d.ID)
			}
			if page.Cursor = list.Next; page.Cursor == "" {
				break
			}
		}
		if len(ids) != 5 || !slices.IsSortedFunc(ids, func(a, b int) int { return b - a }) {
			t.Errorf("the pages hold %v", ids)
		}
	})
}

// TestHangingReceiverHoldsUpItselfAlone leaves a receiver with more messages than a
// worker carries without an answer; its neighbours hear at once.
func TestHangingReceiverHoldsUpItselfAlone(t *testing.T) {
	both(t, func(w *world) {
		guard, err := egress.New(egress.Options{Open: true})
		w.must(err)
		w.Sender.Courier = courier.New(courier.Options{Client: guard.Client(egress.Bounds{Timeout: time.Minute}), Resolve: guard.Resolve, Version: "test"})
		w.engaged()
		w.tending()
		ctx := w.Context()
		hangs, healthy := newReceiver(t), newReceiver(t)
		answers := make(chan struct{})
		letGo := sync.OnceFunc(func() { close(answers) })
		t.Cleanup(letGo)
		hangs.answer = func(int, http.ResponseWriter) { <-answers }
		hook, beside := w.hook(hangs), w.hook(healthy)
		const many = 60
		for range many {
			_, err := w.PingWebhook(ctx, identity.DefaultTeam, hook.ID)
			w.must(err)
		}
		_, err = w.PingWebhook(ctx, identity.DefaultTeam, beside.ID)
		w.must(err)
		select {
		case <-healthy.taken:
		case <-time.After(slipway.DeliveryBound - 10*time.Second): // before what hangs is given up
			t.Error("a receiver that hangs holds up another")
		}
		// Whoever waited is heard of once it answers.
		letGo()
		for range 5 {
			hangs.next()
		}
	})
}
