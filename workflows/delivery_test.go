package workflows_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/workflows"
)

// mail is deliveries whose attempts end as the test says.
type mail struct {
	mu     sync.Mutex
	ends   []error // one per attempt; none left means nil
	at     []time.Time
	gaveUp int

	attempts []int // as they were told
}

func (m *mail) Deliver(_ context.Context, _ string, attempt int) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at, m.attempts = append(m.at, time.Now()), append(m.attempts, attempt)
	if len(m.ends) < len(m.at) {
		return true, nil
	}
	if err := m.ends[len(m.at)-1]; !errors.Is(err, errNoTurn) {
		return true, err
	}
	return false, nil
}

var errNoTurn = errors.New("it isn't its turn")

func (m *mail) GiveUp(context.Context, string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gaveUp++
	return nil
}

func carry(t *testing.T, m *mail, id string) {
	t.Helper()
	w := workWith(t, &workflows.Steps{Deliveries: m, Work: t.TempDir()})
	defer w.Stop()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for range 2 { // starting it twice starts it once
		if err := workflows.StartDelivery(ctx, shared.Client(), id); err != nil {
			t.Fatal(err)
		}
	}
	if err := shared.Client().GetWorkflow(ctx, workflows.DeliveryID(id), "").Get(ctx, nil); err != nil {
		t.Fatal(err)
	}
}

// TestDelivery takes a message to its end; a receiver that asks for a pause that
// is longer than the policy's gets it.
func TestDelivery(t *testing.T) {
	busy := slipway.Errorf(slipway.Limited, "the receiver answered 429")
	busy.After = 2500 * time.Millisecond
	m := &mail{ends: []error{busy, slipway.Errorf(slipway.Unavailable, "the database does not answer")}}
	carry(t, m, "1")
	if len(m.at) != 3 || m.gaveUp != 0 {
		t.Fatalf("%d attempts, given up %d times", len(m.at), m.gaveUp)
	}
	if pause := m.at[1].Sub(m.at[0]); pause < busy.After {
		t.Errorf("tried again after %s", pause)
	}
	keepHistory(t, workflows.DeliveryID("1"), "delivery")
}

// TestDeliveryMissesTurns waits, without an attempt, while its receiver has no turn
// for it; what was tried before stays counted.
func TestDeliveryMissesTurns(t *testing.T) {
	down := slipway.Errorf(slipway.Unavailable, "the receiver does not answer")
	m := &mail{ends: []error{errNoTurn, down, errNoTurn, down}}
	carry(t, m, "3")
	if !slices.Equal(m.attempts, []int{1, 1, 2, 2, 3}) || m.gaveUp != 0 {
		t.Errorf("attempts %v, given up %d times", m.attempts, m.gaveUp)
	}
	if pause := m.at[1].Sub(m.at[0]); pause < time.Second {
		t.Errorf("asked again after %s", pause)
	}
	keepHistory(t, workflows.DeliveryID("3"), "delivery-missed-turns")
}

// TestDeliveryGivenUp ends one that nothing helps.
func TestDeliveryGivenUp(t *testing.T) {
	m := &mail{ends: []error{slipway.Errorf(slipway.Invalid, "it is not the id of a delivery")}}
	carry(t, m, "2")
	if len(m.at) != 1 || m.gaveUp != 1 {
		t.Errorf("%d attempts, given up %d times", len(m.at), m.gaveUp)
	}
	keepHistory(t, workflows.DeliveryID("2"), "delivery-given-up")
}

// TestDeliveriesHoldUpNoPromotion fills every place for deliveries with
// receivers that don't answer.
func TestDeliveriesHoldUpNoPromotion(t *testing.T) {
	stuck := &waiting{in: make(chan struct{}, 100), out: make(chan struct{})}
	w := &world{}
	worker := workWith(t, &workflows.Steps{
		Source: w, Builder: w, Renderer: w, Target: w, Rehearser: w, Verifier: w, Ledger: ledger{w}, Snapshots: ledger{w}, Gates: open{}, Deliveries: stuck, Work: t.TempDir(),
	})
	defer worker.Stop()
	for i := range 40 {
		if err := workflows.StartDelivery(t.Context(), shared.Client(), strconv.Itoa(100+i)); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		<-stuck.in
	}
	if err := workflows.Start(t.Context(), shared.Client(), input("beside-deliveries", slipway.PlanRequest{})); err != nil {
		t.Fatal(err)
	}
	if out := result(t, "beside-deliveries"); out.State != slipway.PromotionSucceeded {
		t.Errorf("%+v", out)
	}
	close(stuck.out)
	for i := range 40 {
		if err := shared.Client().GetWorkflow(t.Context(), workflows.DeliveryID(strconv.Itoa(100+i)), "").Get(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
}

// waiting holds every attempt until it is let out.
type waiting struct{ in, out chan struct{} }

func (w *waiting) Deliver(context.Context, string, int) (bool, error) {
	w.in <- struct{}{}
	<-w.out
	return true, nil
}

func (w *waiting) GiveUp(context.Context, string) error { return nil }
