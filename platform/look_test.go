package platform_test

import (
	"context"
	"sync"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/platform"
)

// reviewing tells the queries of a review from all others.
type reviewing struct{ slipway.Gatekeeper }

type reviewingKey struct{}

func (r reviewing) Review(ctx context.Context, req slipway.ReviewRequest) (slipway.Review, error) {
	return r.Gatekeeper.Review(context.WithValue(ctx, reviewingKey{}, true), req)
}

// TestWhatChangesWhileGatesAreLookedAt holds that a promotion which looks at its gates for
// the first time, and has read them, hears of what changes before it is known to wait.
func TestWhatChangesWhileGatesAreLookedAt(t *testing.T) {
	both(t, func(w *world) {
		w.engaged(func(g *platform.Gates) slipway.Gatekeeper { return reviewing{g} })
		name := w.newName()
		w.register(name)
		w.policy(name, slipway.PolicyChange{Approvals: ptr(1)})
		var once sync.Once
		w.Storage.Client.ServicePolicy.Intercept(ent.InterceptFunc(func(next ent.Querier) ent.Querier {
			return ent.QuerierFunc(func(ctx context.Context, q ent.Query) (ent.Value, error) {
				found, err := next.Query(ctx, q)
				if ctx.Value(reviewingKey{}) != nil {
					once.Do(func() { w.policy(name, slipway.PolicyChange{Approvals: ptr(2)}) })
				}
				return found, err
			})
		}))
		w.commit("", "during")
		row, err := w.Promote(w.Context(), platform.PromoteInput{Service: name})
		w.must(err)
		w.waiting(row.ID, "0 of 2 approvals")
	})
}
