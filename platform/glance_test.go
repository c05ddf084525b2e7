package platform_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	entgo "entgo.io/ent"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/platform/platformtest"
	"github.com/slipway-dev/slipway/report"
)

// TestWatchIsShared has many follow one promotion: each hears all of it, in its
// order, and the store is not asked by each.
func TestWatchIsShared(t *testing.T) {
	w := newWorld(t, platformtest.SQLite(t))
	w.register("billing")
	id := w.promotion("billing", "dev", false)
	w.must(w.ledger.Promotion(w.Context(), slipway.PromotionEvent{Promotion: id, State: slipway.PromotionRunning}))
	want := []string{"running"}
	for i := range 5 {
		text := fmt.Sprintf("line %d\n", i)
		w.must(w.ledger.Log(w.Context(), id, slipway.StepFetch, 1, i, text))
		want = append(want, text)
	}
	var asked atomic.Int32
	w.Storage.Client.LogChunk.Intercept(ent.InterceptFunc(func(next ent.Querier) ent.Querier {
		return ent.QuerierFunc(func(ctx context.Context, q ent.Query) (ent.Value, error) {
			if entgo.QueryFromContext(ctx).Op == entgo.OpQueryAll {
				asked.Add(1)
			}
			return next.Query(ctx, q)
		})
	}))
	const watchers = 40
	var all, halfway sync.WaitGroup
	halfway.Add(watchers)
	for range watchers {
		all.Go(func() {
			var heard []string
			err := w.Watch(w.Context(), id, "", func(e report.LiveEvent) error {
				if e.Log != nil {
					heard = append(heard, e.Log.Text)
				} else if e.Promotion != nil {
					heard = append(heard, string(e.Promotion.State))
				}
				if len(heard) == len(want) {
					halfway.Done()
				}
				return nil
			})
			if err != nil || !slices.Equal(heard, append(slices.Clone(want), "last\n", "succeeded")) {
				t.Errorf("heard %q: %v", heard, err)
			}
		})
	}
	halfway.Wait() // all stand at one spot now
	before := asked.Load()
	w.must(w.ledger.Log(w.Context(), id, slipway.StepFetch, 1, 99, "last\n"))
	w.must(w.ledger.Promotion(w.Context(), slipway.PromotionEvent{Promotion: id, State: slipway.PromotionSucceeded}))
	all.Wait()
	if n := asked.Load() - before; n > watchers {
		t.Errorf("two pieces of news for %d watchers were read %d times", watchers, n)
	}
}
