package platform_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/adapters/courier"
	"github.com/slipway-dev/slipway/egress"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/identity"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/store"
	"github.com/slipway-dev/slipway/webhook"
)

// carrier posts for real, within what a guard admits.
func carrier(t *testing.T, o egress.Options) slipway.Courier {
	t.Helper()
	guard, err := egress.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return courier.New(courier.Options{Client: guard.Client(egress.Bounds{Timeout: time.Second}), Resolve: guard.Resolve, Version: "test"})
}

// received is a message as a receiver got it.
type received struct {
	slipway.Message
	header string // webhook-id
	raw    string
}

// receiver is somebody else's program: it knows its secret and the convention,
// and nothing of how Slipway signs.
type receiver struct {
	t      *testing.T
	server *httptest.Server
	mu     sync.Mutex
	secret string
	answer func(n int, w http.ResponseWriter) // to the nth call, from 1 on; nil takes it
	calls  int
	taken  chan received // what was answered with success
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{t: t, taken: make(chan received, 1000)}
	r.server = httptest.NewServer(r)
	t.Cleanup(func() {
		r.server.CloseClientConnections()
		r.server.Close()
	})
	return r
}

func (r *receiver) knows(secret slipway.Secret) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.secret = secret.Reveal()
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil || !r.signed(req.Header, body) {
		r.t.Errorf("a message that isn't signed: %v %v\n%s", err, req.Header, body)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	r.calls++
	got := received{header: req.Header.Get("webhook-id"), raw: string(body)}
	if err := json.Unmarshal(body, &got.Message); err != nil || got.ID != got.header {
		r.t.Errorf("%v: %s under the id %s", err, body, got.header)
	}
	status := &answered{ResponseWriter: w, status: http.StatusOK}
	if r.answer != nil {
		r.answer(r.calls, status)
	}
	if status.status < 300 {
		r.taken <- got
	}
}

type answered struct {
	http.ResponseWriter
	status int
}

func (a *answered) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

func (r *receiver) signed(h http.Header, body []byte) bool {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(r.secret, "whsec_"))
	if err != nil || len(key) != 32 {
		return false
	}
	mac := hmac.New(sha256.New, key)
	io.WriteString(mac, h.Get("webhook-id")+"."+h.Get("webhook-timestamp")+".")
	mac.Write(body)
	for signature := range strings.FieldsSeq(h.Get("webhook-signature")) {
		got, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(signature, "v1,"))
		if err == nil && hmac.Equal(got, mac.Sum(nil)) {
			return true
		}
	}
	return false
}

// next waits for the next message that is taken.
func (r *receiver) next() received {
	r.t.Helper()
	select {
	case got := <-r.taken:
		return got
	case <-time.After(time.Minute):
		r.t.Fatal("no message came")
		return received{}
	}
}

// countOn gives deliveries numbers that no other database of these tests has:
// their workflows share an engine.
func (w *world) countOn() {
	w.Helper()
	theEngine.names++
	driver, address, statement := "sqlite", strings.TrimPrefix(w.address, "sqlite://"), "INSERT INTO sqlite_sequence (name, seq) VALUES ('deliveries', %d)"
	if strings.HasPrefix(w.address, "postgres") {
		driver, address, statement = "pgx", w.address, "SELECT setval(pg_get_serial_sequence('deliveries', 'id'), %d)"
	}
	db, err := sql.Open(driver, address)
	w.must(err)
	defer func() { _ = db.Close() }()
	if driver == "sqlite" {
		_, err = db.Exec("DELETE FROM sqlite_sequence WHERE name = 'deliveries'")
		w.must(err)
	}
	_, err = db.Exec(fmt.Sprintf(statement, theEngine.names*10000))
	w.must(err)
}

// hook makes a webhook of the team that has everything here.
func (w *world) hook(r *receiver, events ...string) *ent.Webhook {
	w.Helper()
	if !w.counts {
		w.countOn()
		w.counts = true
	}
	row, secret, err := w.AddWebhook(w.Context(), identity.DefaultTeam, webhook.Input{URL: r.server.URL + "/hook", Events: events})
	w.must(err)
	r.knows(secret)
	return row
}

// tending has the platform look after its deliveries; stop is how it dies.
func (w *world) tending() (stop func()) {
	w.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	p := w.Platform
	go func() {
		defer close(done)
		p.Tend(ctx, platform.Tending{Branches: time.Hour, Conditions: time.Hour})
	}()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	w.Cleanup(stop)
	return stop
}

// delivery waits until the newest delivery, or the one with a number, is as a
// test wants it.
func (w *world) delivery(hook, number int, what string, is func(d *ent.Delivery) bool) *ent.Delivery {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	var last *ent.Delivery
	for {
		if number == 0 {
			list, err := w.Deliveries(ctx, identity.DefaultTeam, hook, webhook.DeliveriesQuery{Page: store.Page{Limit: 1}})
			w.must(err)
			if len(list.Items) > 0 {
				last = list.Items[0]
			}
		} else {
			var err error
			last, err = w.WebhookDelivery(ctx, identity.DefaultTeam, hook, number)
			w.must(err)
		}
		if last != nil && is(last) {
			return last
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			w.Fatalf("the delivery did not become %s: %v", what, last)
		}
	}
}

func over(d *ent.Delivery) bool { return d.State != "pending" }

// deaf is an address that takes connections and never answers.
func deaf(t *testing.T) string {
	t.Helper()
	done := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-done:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(func() {
		close(done)
		server.Close()
	})
	return server.URL
}
