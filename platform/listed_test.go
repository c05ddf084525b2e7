package platform_test

import (
	"encoding/json"
	"strconv"
	"testing"

	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/platform"
)

// TestListsShowWhatEachPromotionIs compares a list with its promotions one by one, with and without a release.
func TestListsShowWhatEachPromotionIs(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.Context()
		w.register("billing")
		w.register("payments")
		w.deployed("billing", "dev", "c1", false)
		w.deployed("payments", "test", "c2", true)
		w.promotion("billing", "prod", false)
		list, err := w.Promotions(ctx, platform.PromotionsQuery{})
		w.must(err)
		if len(list.Items) != 3 {
			t.Fatalf("%d are listed", len(list.Items))
		}
		releases := 0
		for _, row := range list.Items {
			one, err := w.Promotion(ctx, strconv.Itoa(row.ID))
			w.must(err)
			if len(row.Edges.Steps) == 0 {
				t.Errorf("promotion %d has no steps", row.ID)
			}
			if row.Edges.Release != nil {
				releases++
			}
			if got, want := shown(t, row), shown(t, one); got != want {
				t.Errorf("listed as\n%s\nit is\n%s", got, want)
			}
		}
		if releases != 2 {
			t.Errorf("%d have a release", releases)
		}
	})
}

// shown is what a list shows of a promotion: its fields but the long ones, and what it is about by name.
func shown(t *testing.T, row *ent.Promotion) string {
	t.Helper()
	one := *row
	one.Input, one.Change, one.UpdatedAt = nil, nil, one.CreatedAt
	s, e, r := one.Edges.Service, one.Edges.Environment, one.Edges.Release
	one.Edges.Service, one.Edges.Environment = &ent.Service{ID: s.ID, Name: s.Name, TeamID: s.TeamID}, &ent.Environment{ID: e.ID, Name: e.Name}
	if r != nil {
		one.Edges.Release = &ent.Release{ID: r.ID, ServiceID: r.ServiceID, Number: r.Number}
	}
	text, err := json.Marshal(&one)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
