package platform_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent/release"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/platform/platformtest"
)

// TestRetention makes ten releases and expects those to stay that an environment
// could go back to, and the newest.
func TestRetention(t *testing.T) {
	live(t, func(w *world, name string) {
		ctx := w.Context()
		w.policy(name, slipway.PolicyChange{KeepReleases: ptr(2)})
		for i := range 10 {
			w.commit("", fmt.Sprintf("c%d", i+1))
			w.promote(platform.PromoteInput{Service: name}, "succeeded")
			if i == 3 {
				w.promote(platform.PromoteInput{Service: name, Environment: "test"}, "succeeded")
			}
		}
		left := func() (numbers []int) {
			rows, err := w.Storage.Client.Release.Query().Where(release.DiscardedAtIsNil()).Order(release.ByNumber()).WithService().All(ctx)
			w.must(err)
			for _, r := range rows {
				if r.Edges.Service.Name != name {
					continue
				}
				if _, err := w.Builder.Open(ctx, slipway.Digest(r.Artifact)); err != nil {
					t.Errorf("release %d is not marked, and its artifact is gone: %v", r.Number, err)
				}
				numbers = append(numbers, r.Number)
			}
			return numbers
		}
		w.must(w.Retain(ctx, time.Hour))
		if n := left(); len(n) != 10 {
			t.Errorf("young releases were removed: %v are left", n)
		}
		w.must(w.Retain(ctx, 0))
		if n := fmt.Sprint(left()); n != "[4 8 9 10]" { // test runs 4; the three newest
			t.Errorf("left are %v", n)
		}
		back, err := w.WayBack(ctx, name, "dev")
		w.must(err)
		if !back.Ready || back.Release != 9 {
			t.Errorf("the way back is %+v", back)
		}
		none, err := w.WayBack(ctx, name, "test")
		w.must(err)
		if none.Ready || none.Reason == "" {
			t.Errorf("the way back from the only release is %+v", none)
		}
		_, err = w.Rollback(ctx, platform.RollbackInput{Service: name, Environment: "dev", Release: 2})
		w.want(err, slipway.Conflict, "is gone; build its commit again")
		// What was removed is built again when its commit is asked for, and counts again,
		// with what holds a build now.
		w.must(w.Storage.Client.Release.Update().Where(release.Number(2)).ClearBuiltUnder().Exec(ctx))
		again := w.promotion(name, "dev", false)
		if n := w.built(name, again, "c2"); n != 2 {
			t.Errorf("the commit of release 2 became release %d", n)
		}
		if r, err := w.Release(ctx, name, 2); err != nil || fmt.Sprint(r.BuiltUnder) != "[user slipway Landlock 7]" {
			t.Errorf("release 2 was built under %v: %v", r.BuiltUnder, err)
		}
		if n := fmt.Sprint(w.marked(name)); n != "[1 3 5 6 7]" {
			t.Errorf("marked as removed are %v", n)
		}
	})
}

// TestRollbackWithTodaysConfig renders anew, and rehearses.
func TestRollbackWithTodaysConfig(t *testing.T) {
	live(t, func(w *world, name string) {
		ctx := w.Context()
		w.promote(platform.PromoteInput{Service: name}, "succeeded")
		w.commit("", "c2")
		w.promote(platform.PromoteInput{Service: name}, "succeeded")
		_, err := w.ChangeConfig(ctx, catalog.ConfigChange{Service: name, Environment: "dev", Set: map[string]string{"MODE": "today"}})
		w.must(err)
		then, err := w.PlanRollback(ctx, platform.RollbackInput{Service: name, Environment: "dev"})
		w.must(err)
		today, err := w.PlanRollback(ctx, platform.RollbackInput{Service: name, Environment: "dev", Today: true})
		w.must(err)
		if then.Outline.Config == today.Outline.Config || then.Steps[4].State != slipway.StepSkipped || today.Steps[4].State != slipway.StepPending || today.Steps[6].State != slipway.StepPending || today.Steps[7].State != slipway.StepSkipped {
			t.Errorf("then %+v, today %+v", then.Steps, today.Steps)
		}
		row, err := w.Rollback(ctx, platform.RollbackInput{Service: name, Environment: "dev", Today: true})
		w.must(err)
		if state, reason := w.ended(fmt.Sprint(row.ID)); state != "succeeded" {
			t.Fatalf("%s: %s", state, reason)
		}
		row, err = w.Promotion(ctx, fmt.Sprint(row.ID))
		w.must(err)
		if row.Plan.Config != today.Outline.Config {
			t.Errorf("it runs with %s, not %s", row.Plan.Config, today.Outline.Config)
		}
	})
}

// TestSkip leaves out the tests, where the policy lets one and with a reason.
func TestSkip(t *testing.T) {
	live(t, func(w *world, name string) {
		ctx := w.Context()
		w.red = true
		id := w.promote(platform.PromoteInput{Service: name}, "failed")
		why := platform.Skip{Step: slipway.StepTest, Reason: "the flaky one"}
		_, err := w.Retry(ctx, id, why)
		w.want(err, slipway.Conflict, "lets nobody leave out test")
		w.asks("dev", slipway.PolicyChange{MaySkip: &[]slipway.StepName{slipway.StepTest}})
		_, err = w.Retry(ctx, id, platform.Skip{Step: slipway.StepTest})
		w.want(err, slipway.Invalid, "why test is left out")
		_, err = w.Retry(ctx, id, platform.Skip{Step: slipway.StepVerify, Reason: "x"})
		w.want(err, slipway.Invalid, "never left out")
		row, err := w.Retry(ctx, id, why)
		w.must(err)
		if state, reason := w.ended(fmt.Sprint(row.ID)); state != "succeeded" {
			t.Fatalf("%s: %s", state, reason)
		}
		row, err = w.Promotion(ctx, fmt.Sprint(row.ID))
		w.must(err)
		if s := row.Edges.Steps[2]; s.State != "skipped" || s.Reason != "left out by ada: the flaky one" {
			t.Errorf("the tests are %s: %s", s.State, s.Reason)
		}
		if row.Edges.Release.Tested {
			t.Error("the release counts as tested")
		}
	})
}

// marked are the releases of a service whose artifacts were removed.
func (w *world) marked(name string) (numbers []int) {
	w.Helper()
	s, err := w.Service(w.Context(), name)
	w.must(err)
	rows, err := w.Storage.Client.Release.Query().Where(release.ServiceID(s.ID), release.DiscardedAtNotNil()).Order(release.ByNumber()).All(as(w.Context(), "ada"))
	w.must(err)
	for _, r := range rows {
		numbers = append(numbers, r.Number)
	}
	return numbers
}

// untold is a node whose agent doesn't know how to tell what runs.
type untold struct{ slipway.Inventory }

func (untold) Running(context.Context) ([]slipway.Running, error) {
	return nil, slipway.Errorf(slipway.Unavailable, "the node agent is of an earlier version; `slipway down` and `slipway up` start the new one")
}

// TestRetentionWithAnOldAgent: what depends on what runs stays as long as that can't be
// told, which is logged once with what to do; the rest goes.
func TestRetentionWithAnOldAgent(t *testing.T) {
	w := newWorld(t, platformtest.SQLite(t))
	ctx := w.Context()
	_, err := w.Register(ctx, catalog.ServiceInput{Name: "private", URL: "https://git.example.com/private.git", Token: slipway.NewSecret("hunter2-token")})
	w.must(err)
	_, err = w.UpdateService(ctx, "private", catalog.ServiceChange{Token: slipway.NewSecret("an0ther-token")})
	w.must(err)
	w.policy("private", slipway.PolicyChange{KeepReleases: ptr(2)})
	for i := range 6 {
		w.deployed("private", "dev", fmt.Sprintf("c%d", i+1), false)
	}
	var log bytes.Buffer
	hears := w.Inventory
	w.Inventory, w.Platform.Log = untold{hears}, slog.New(slog.NewTextHandler(&log, nil))
	for range 3 {
		w.must(w.Retain(ctx, 0))
	}
	if n := w.marked("private"); len(n) != 0 {
		t.Errorf("marked as removed are %v", n)
	}
	if kept, err := w.Secrets.List(ctx, "_git/"); err != nil || len(kept) != 1 {
		t.Errorf("kept are %v (%v)", kept, err)
	}
	if n := strings.Count(log.String(), "slipway down"); n != 1 {
		t.Errorf("it is logged %d times:\n%s", n, log.String())
	}
	w.Inventory = hears
	w.must(w.Retain(ctx, 0))
	if n := w.marked("private"); len(n) == 0 {
		t.Error("nothing was removed once it can be told what runs")
	}
}
