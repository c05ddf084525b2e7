package platform_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/internal/postgrestest"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/report"
	"github.com/slipway-dev/slipway/store"
)

func TestSeveralProcessesOpenTheStorageAtOnce(t *testing.T) {
	for dialect, address := range map[string]string{"sqlite": "sqlite://" + filepath.Join(t.TempDir(), "new", "slipway.db"), "postgres": postgrestest.URL(t)} {
		t.Run(dialect, func(t *testing.T) {
			var all sync.WaitGroup
			for range 4 {
				all.Go(func() {
					s, err := platform.OpenStorage(t.Context(), address)
					if err != nil {
						t.Error(err)
						return
					}
					defer s.Close()
					if n, err := s.Client.Environment.Query().Count(as(t.Context(), "ada")); err != nil || n != 3 {
						t.Errorf("%d environments: %v", n, err)
					}
				})
			}
			all.Wait()
		})
	}
}

func TestStorageRefusals(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("not a database, but long enough to be read as one by mistake"), 0o600); err != nil {
		t.Fatal(err)
	}
	for address, code := range map[string]slipway.Code{
		"mysql://localhost/x":                    slipway.Invalid,
		"":                                       slipway.Invalid,
		"sqlite://" + file:                       slipway.Unavailable,
		"sqlite://" + file + "/below/slipway.db": slipway.Unavailable,
		"postgres://ada:hunter2@127.0.0.1:1/x":   slipway.Unavailable,
		"postgres://ada:hunter2@127.0.0.1:port/x?sslmode": slipway.Invalid,
	} {
		s, err := platform.OpenStorage(t.Context(), address)
		if err == nil {
			_ = s.Close()
		}
		if got := slipway.CodeOf(err); got != code {
			t.Errorf("%s: %v (%s), want %s", address, err, got, code)
		}
	}
}

// TestListsTakeABoundedNumberOfQueries holds the lists to as many queries for
// many rows as for one.
func TestListsTakeABoundedNumberOfQueries(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.Context()
		var queries atomic.Int32
		w.Storage.Client.Intercept(ent.InterceptFunc(func(next ent.Querier) ent.Querier {
			return ent.QuerierFunc(func(ctx context.Context, q ent.Query) (ent.Value, error) {
				queries.Add(1)
				return next.Query(ctx, q)
			})
		}))
		lists := map[string]func() error{
			"status":      func() error { _, err := w.Status(ctx, ""); return err },
			"services":    func() error { _, err := w.Services(ctx, catalog.ServicesQuery{}); return err },
			"promotions":  func() error { _, err := w.Promotions(ctx, platform.PromotionsQuery{}); return err },
			"releases":    func() error { _, err := w.Releases(ctx, "billing", store.Page{}); return err },
			"deployments": func() error { _, err := w.Deployments(ctx, report.DeploymentsQuery{Service: "billing"}); return err },
		}
		count := func() map[string]int32 {
			counts := map[string]int32{}
			for name, list := range lists {
				queries.Store(0)
				w.must(list())
				counts[name] = queries.Load()
			}
			return counts
		}
		w.register("billing")
		w.deployed("billing", "dev", "c1", false)
		few := count()
		for i := range 8 {
			name := fmt.Sprintf("service-%d", i)
			w.register(name)
			w.deployed(name, "dev", "c1", false)
			w.deployed("billing", "test", fmt.Sprintf("b%d", i), false)
		}
		many := count()
		for name := range lists {
			if many[name] != few[name] {
				t.Errorf("%s takes %d queries for few rows and %d for many", name, few[name], many[name])
			}
		}
		t.Log(many)
	})
}
