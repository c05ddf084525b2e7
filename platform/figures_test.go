package platform_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent/promotion"
)

// TestFigures counts what reached the last environment, and how much of it was
// taken back.
func TestFigures(t *testing.T) {
	both(t, func(w *world) {
		ctx, now := w.Context(), time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
		f, err := w.Figures(ctx, now)
		w.must(err)
		if f.Environment != "prod" || f.Deployments != 0 || f.Rate() != 0 || f.LeadTime != 0 {
			t.Errorf("nothing happened: %+v", f)
		}
		w.register("billing")
		s, err := w.Service(ctx, "billing")
		w.must(err)
		for _, c := range []struct {
			environment string
			ended       time.Time
			lead        time.Duration
			rollback    bool
			state       promotion.State
		}{
			{"prod", now.Add(-time.Hour), 2 * time.Hour, false, promotion.StateSucceeded},
			{"prod", now.Add(-50 * time.Minute), 0, true, promotion.StateSucceeded}, // 10 min after it
			{"prod", now.AddDate(0, 0, -8), 4 * time.Hour, false, promotion.StateSucceeded},
			{"prod", now.AddDate(0, 0, -15), 6 * time.Hour, false, promotion.StateSucceeded},
			{"prod", now.AddDate(0, 0, -9), time.Hour, false, promotion.StateFailed},
			{"dev", now.AddDate(0, 0, -1), time.Hour, false, promotion.StateSucceeded},
			{"prod", now.AddDate(-1, 0, 0), time.Hour, false, promotion.StateSucceeded},
		} {
			e, err := w.Environment(ctx, c.environment)
			w.must(err)
			w.must(w.Storage.Client.Promotion.Create().SetServiceID(s.ID).SetEnvironmentID(e.ID).SetRequestedBy("ada").SetRollback(c.rollback).SetState(c.state).
				SetCommit(slipway.Commit{ID: commitID("c1"), Time: c.ended.Add(-c.lead)}).SetEndedAt(c.ended).Exec(ctx))
		}
		f, err = w.Figures(ctx, now)
		w.must(err)
		if f.Deployments != 3 || f.Rollbacks != 1 || f.LeadTime != 4*time.Hour || f.Recovery != 10*time.Minute {
			t.Errorf("the figures are %+v", f)
		}
		if got := fmt.Sprint(f.PerWeek[9:]); got != "[1 1 1]" || f.FailRate[11] != 1 || f.LeadTimes[11] != 2*time.Hour {
			t.Errorf("by week: %v %v %v", f.PerWeek, f.FailRate, f.LeadTimes)
		}
		viewer := slipway.WithViewer(t.Context(), slipway.Viewer{Kind: slipway.ViewerPerson, Account: 99, Name: "vera"})
		if f, err = w.Figures(viewer, now); err != nil || f.Deployments != 0 {
			t.Errorf("who is in no team sees %+v %v", f, err)
		}
	})
}
