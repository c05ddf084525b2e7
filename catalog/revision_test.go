package catalog

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/store"
)

// TestWhatIsGoneIsNotOutdated changes settings of a service that is removed in
// that moment: only who gave a revision hears that it is another one now.
func TestWhatIsGoneIsNotOutdated(t *testing.T) {
	storage, err := store.Open(context.Background(), "sqlite://"+filepath.Join(t.TempDir(), "slipway.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = storage.Close() })
	gone := cell{layer: slipway.LayerService, service: &ent.Service{ID: 7, ConfigRevision: 1}}
	for _, c := range []struct {
		only store.Precondition
		want slipway.Code
	}{{nil, slipway.NotFound}, {store.Precondition{"1"}, slipway.Outdated}, {store.Precondition{"2"}, slipway.Outdated}} {
		if err := reviseConfig(store.AsSystem(t.Context()), storage.Client, gone, c.only); slipway.CodeOf(err) != c.want {
			t.Errorf("with %v: %v, want %s", c.only, err, c.want)
		}
	}
}
