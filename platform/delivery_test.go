package platform_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/report"
)

// TestDelivery measures what reached an environment, and how much of it was
// taken back: of everything, of a team, of a service.
func TestDelivery(t *testing.T) {
	both(t, func(w *world) {
		ctx, now := w.Context(), time.Now().UTC()
		d, err := w.Delivery(ctx, report.DeliveryQuery{}, now)
		w.must(err)
		if d.Environment != "prod" || d.Deployments != 0 || d.FailRate.Value != nil || d.Lead.Value != nil || len(d.Lead.Weeks) != report.DeliveryWeeks {
			t.Errorf("nothing happened: %+v", d)
		}
		_, err = w.AddTeam(ctx, "money", "")
		w.must(err)
		w.register("billing")
		w.register("shop")
		money := "money"
		_, err = w.UpdateService(ctx, "shop", catalog.ServiceChange{Team: &money})
		w.must(err)
		record := func(service, environment string, ended time.Time, lead time.Duration, rollback bool, state promotion.State, served bool) {
			s, err := w.Service(ctx, service)
			w.must(err)
			e, err := w.Environment(ctx, environment)
			w.must(err)
			q, err := w.Storage.Client.Promotion.Create().SetServiceID(s.ID).SetEnvironmentID(e.ID).SetRequestedBy("ada").SetRollback(rollback).SetState(state).
				SetCommit(slipway.Commit{ID: commitID("c1"), Time: ended.Add(-lead)}).SetEndedAt(ended).Save(ctx)
			w.must(err)
			if served {
				r := w.built(service, fmt.Sprint(q.ID), fmt.Sprint("c", q.ID))
				row, err := w.Release(ctx, service, r)
				w.must(err)
				w.must(w.Storage.Client.Deployment.Create().SetServiceID(s.ID).SetEnvironmentID(e.ID).SetReleaseID(row.ID).SetPromotionID(q.ID).SetSnapshot("sha256:0").
					SetCreatedAt(ended.Add(-2 * time.Minute)).SetEndedAt(ended).Exec(ctx))
			}
		}
		record("billing", "prod", now.Add(-time.Hour), 2*time.Hour, false, promotion.StateSucceeded, false)
		record("billing", "prod", now.Add(-50*time.Minute), 0, true, promotion.StateSucceeded, false) // 10 min after it
		record("billing", "prod", now.AddDate(0, 0, -8), 4*time.Hour, false, promotion.StateSucceeded, false)
		record("billing", "prod", now.AddDate(0, 0, -9), time.Hour, false, promotion.StateFailed, false)      // in its tests: nobody noticed
		record("shop", "prod", now.AddDate(0, 0, -15), 6*time.Hour, false, promotion.StateFailed, true)       // seen failing, undone after 2 min
		record("billing", "dev", now.AddDate(0, 0, -1), time.Hour, false, promotion.StateSucceeded, false)    // elsewhere
		record("billing", "prod", now.AddDate(-1, 0, 0), time.Hour, false, promotion.StateSucceeded, false)   // long ago
		record("billing", "prod", now.AddDate(0, 0, -2), 5*time.Hour, false, promotion.StateCancelled, false) // never got there

		for _, c := range []struct {
			q                  report.DeliveryQuery
			deployed, failures int
			recovery           float64
			services           int
		}{
			{report.DeliveryQuery{}, 3, 2, 360, 2},
			{report.DeliveryQuery{Service: "billing"}, 2, 1, 600, 0},
			{report.DeliveryQuery{Team: "money"}, 1, 1, 120, 1},
			{report.DeliveryQuery{Environment: "dev"}, 1, 0, 0, 1},
			{report.DeliveryQuery{Weeks: 1}, 1, 1, 600, 1},
		} {
			d, err := w.Delivery(ctx, c.q, now)
			w.must(err)
			got := 0.
			if d.Recovery.Value != nil {
				got = *d.Recovery.Value
			}
			if d.Deployments != c.deployed || d.Failures != c.failures || got != c.recovery || len(d.Services) != c.services {
				t.Errorf("%+v: %d deployments, %d failures, recovery %v, %d services", c.q, d.Deployments, d.Failures, got, len(d.Services))
			}
		}
		_, err = w.Delivery(ctx, report.DeliveryQuery{Weeks: 53}, now)
		w.want(err, slipway.Invalid, "between 1 and 52")
		_, err = w.Delivery(ctx, report.DeliveryQuery{Service: "nobody"}, now)
		w.want(err, slipway.NotFound, "no service")
		viewer := slipway.WithViewer(t.Context(), slipway.Viewer{Kind: slipway.ViewerPerson, Account: 99, Name: "vera"})
		if d, err = w.Delivery(viewer, report.DeliveryQuery{}, now); err != nil || d.Deployments != 0 || len(d.Services) != 0 {
			t.Errorf("who is in no team sees %+v %v", d, err)
		}
		_, err = w.Delivery(viewer, report.DeliveryQuery{Team: "money"}, now)
		w.want(err, slipway.NotFound, "no team")
	})
}
