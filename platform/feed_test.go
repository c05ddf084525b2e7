package platform_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	entgo "entgo.io/ent"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/platform/platformtest"
	"github.com/slipway-dev/slipway/report"
)

// TestFeedIsShared reads news once for all who see the same, and apart for who
// doesn't.
func TestFeedIsShared(t *testing.T) {
	w := newWorld(t, platformtest.SQLite(t))
	ctx, cancel := context.WithTimeout(w.Context(), time.Minute)
	defer cancel()
	_, err := w.AddTeam(ctx, "billing", "")
	w.must(err)
	w.register("others")
	w.register("billing")
	team := "billing"
	s, err := w.UpdateService(ctx, "billing", catalog.ServiceChange{Team: &team})
	w.must(err)
	feed := report.NewFeed(w.Reports)
	after, err := feed.Last(ctx)
	w.must(err)
	for _, name := range []string{"others", "billing"} {
		_, err = w.ChangeConfig(ctx, catalog.ConfigChange{Service: name, Set: map[string]string{"A": "b"}})
		w.must(err)
	}

	var asked atomic.Int32
	w.Storage.Client.Event.Intercept(ent.InterceptFunc(func(next ent.Querier) ent.Querier {
		return ent.QuerierFunc(func(ctx context.Context, q ent.Query) (ent.Value, error) {
			if entgo.QueryFromContext(ctx).Op == entgo.OpQueryAll {
				asked.Add(1)
			}
			return next.Query(ctx, q)
		})
	}))
	const each = 20
	enough := errors.New("enough")
	var readers sync.WaitGroup
	read := func(ctx context.Context, want int) {
		readers.Go(func() {
			err := feed.Read(ctx, "", after, func(events []*ent.Event, _ int) error {
				if len(events) != want {
					t.Errorf("a reader hears of %d events, not %d", len(events), want)
				}
				return enough
			})
			if !errors.Is(err, enough) {
				t.Errorf("the feed ended: %v", err)
			}
		})
	}
	ended, reads := make(chan struct{}), make(chan struct{})
	keep, leave := context.WithCancel(ctx)
	go func() { // somebody who reads all along, so that what is kept is kept
		defer close(ended)
		told := sync.OnceFunc(func() { close(reads) })
		defer told()
		_ = feed.Read(keep, "", after, func([]*ent.Event, int) error { told(); return nil })
	}()
	<-reads // what nobody reads is let go, so that readers who came before would ask again
	for i := range each {
		read(ctx, 2)
		read(slipway.WithViewer(ctx, slipway.Viewer{Kind: slipway.ViewerPerson, Account: 100 + i, Name: "vera", Roles: map[int]slipway.Role{s.TeamID: slipway.RoleViewer}}), 1)
	}
	readers.Wait()
	leave()
	<-ended
	// Each sight asks once, and once more when the watch notices the news meanwhile.
	if n := asked.Load(); n < 2 || n > 4 {
		t.Errorf("%d readers of two sights asked %d times", 2*each, n)
	}
}
