package platform_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/platform/platformtest"
	"github.com/slipway-dev/slipway/report"
	"github.com/slipway-dev/slipway/store"
	"github.com/slipway-dev/slipway/workflows"
)

func TestOneReleaseThroughEveryEnvironment(t *testing.T) {
	live(t, func(w *world, name string) {
		ctx := w.Context()
		id := w.promote(platform.PromoteInput{Service: name}, "succeeded")
		for _, environment := range []string{"test", "prod"} {
			w.promote(platform.PromoteInput{Service: name, Environment: environment}, "succeeded")
		}
		list, err := w.Releases(ctx, name, store.Page{})
		w.must(err)
		if len(list.Items) != 1 || len(list.Items[0].Edges.Deployments) != 3 {
			t.Errorf("got %v", list.Items)
		}
		row, err := w.Promotion(ctx, id)
		w.must(err)
		if row.Edges.Release.Number != 1 || row.RequestedBy != "ada" || row.StartedAt == nil || row.EndedAt == nil {
			t.Errorf("the promotion is %+v", row)
		}
		log, err := w.StepLog(ctx, id, slipway.StepBuild, store.Page{})
		w.must(err)
		if len(log.Items) == 0 || !strings.Contains(log.Items[0].Text, "building") {
			t.Errorf("the log is %v", log.Items)
		}
		// One after the other, as fast as their ends are told.
		for range 4 {
			w.promote(platform.PromoteInput{Service: name}, "succeeded")
		}
		w.commit("", "c2")
		w.promote(platform.PromoteInput{Service: name}, "succeeded")
		back, err := w.Rollback(as(ctx, "ada"), platform.RollbackInput{Service: name, Environment: "dev"})
		w.must(err)
		if state, reason := w.ended(fmt.Sprint(back.ID)); state != "succeeded" || !back.Rollback || back.RequestedBy != "ada" {
			t.Errorf("the rollback has %s: %s", state, reason)
		}
		status, err := w.Status(ctx, name)
		w.must(err)
		if c := status.Cells[0]; c.Deployment.Edges.Release.Number != 1 || c.Observed.Release != 1 {
			t.Errorf("dev runs %+v", c)
		}
		all, err := w.Promotions(ctx, platform.PromotionsQuery{Service: name, Environment: "dev", State: slipway.PromotionSucceeded, Page: store.Page{Limit: 3}})
		w.must(err)
		if len(all.Items) != 3 || all.Items[0].ID != back.ID || all.Next == "" || len(all.Items[0].Edges.Steps) != len(slipway.StepNames) {
			t.Errorf("got %v", all.Items)
		}
		_, err = w.Promotions(ctx, platform.PromotionsQuery{State: "dancing"})
		w.want(err, slipway.Invalid, "dancing")
	})
}

func TestRedTestsFailThePromotion(t *testing.T) {
	live(t, func(w *world, name string) {
		w.red = true
		w.promote(platform.PromoteInput{Service: name}, "failed")
		plan, err := w.Plan(w.Context(), platform.PromoteInput{Service: name})
		w.must(err)
		if stateOf(plan, slipway.StepBuild) != slipway.StepReused || stateOf(plan, slipway.StepTest) != slipway.StepPending {
			t.Errorf("then the plan is %v", plan.Steps)
		}
		w.mu.Lock()
		w.red = false
		w.mu.Unlock()
		w.promote(platform.PromoteInput{Service: name}, "succeeded")
	})
}

func TestOnePromotionAtATime(t *testing.T) {
	live(t, func(w *world, name string) {
		ctx := w.Context()
		begun, release := w.hold()
		defer release()
		var all sync.WaitGroup
		var mu sync.Mutex
		var won []string
		var refused []error
		for range 6 {
			all.Go(func() {
				row, err := w.Promote(ctx, platform.PromoteInput{Service: name})
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won = append(won, fmt.Sprint(row.ID))
				} else {
					refused = append(refused, err)
				}
			})
		}
		all.Wait()
		if len(won) != 1 {
			t.Fatalf("%d began: %v", len(won), refused)
		}
		for _, err := range refused {
			w.want(err, slipway.Conflict, "promotion "+won[0])
			w.want(err, slipway.Conflict, "slipway promotion show "+won[0])
		}
		list, err := w.Promotions(ctx, platform.PromotionsQuery{Service: name})
		w.must(err)
		if len(list.Items) != 1 {
			t.Errorf("%d are recorded", len(list.Items))
		}
		<-begun
		w.want(w.RemoveService(ctx, name, nil), slipway.Conflict, "promotion "+won[0])
		_, err = w.Cancel(ctx, won[0])
		w.must(err)
		if state, reason := w.ended(won[0]); state != "cancelled" {
			t.Errorf("it has %s: %s", state, reason)
		}
		_, err = w.Cancel(ctx, won[0])
		w.want(err, slipway.Conflict, "is over")
		_, err = w.Cancel(ctx, "4711")
		w.want(err, slipway.NotFound, "promotion ls")
	})
}

// A promotion whose worker died right after it had recorded the end keeps its
// workflow for some seconds; who promotes meanwhile is not refused.
func TestPromotingBehindOneThatIsOver(t *testing.T) {
	live(t, func(w *world, name string) {
		begun, release := w.hold()
		defer release()
		first, err := w.Promote(w.Context(), platform.PromoteInput{Service: name})
		w.must(err)
		<-begun
		w.must(w.ledger.Promotion(w.Context(), slipway.PromotionEvent{Promotion: fmt.Sprint(first.ID), State: slipway.PromotionErrored, Reason: "the worker died"}))
		w.commit("", "c2")
		second, err := w.Promote(w.Context(), platform.PromoteInput{Service: name})
		w.must(err)
		if second.State != "queued" {
			t.Errorf("the second promotion is %s", second.State)
		}
		release()
		if state, reason := w.ended(fmt.Sprint(second.ID)); state != "succeeded" {
			t.Errorf("the second promotion has %s: %s", state, reason)
		}
	})
}

func TestWatchResumes(t *testing.T) {
	live(t, func(w *world, name string) {
		ctx := w.Context()
		begun, release := w.hold()
		row, err := w.Promote(ctx, platform.PromoteInput{Service: name})
		w.must(err)
		id := fmt.Sprint(row.ID)
		<-begun
		show := func(e report.LiveEvent) string {
			switch {
			case e.Step != nil:
				return fmt.Sprintf("%s %s", e.Step.Name, e.Step.State)
			case e.Log != nil:
				return "log " + e.Log.Step
			}
			return "promotion " + string(e.Promotion.State)
		}
		enough := errors.New("enough")
		var seen []string
		var last string
		err = w.Watch(ctx, id, "", func(e report.LiveEvent) error {
			seen, last = append(seen, show(e)), e.ID
			if show(e) == "build running" {
				return enough
			}
			return nil
		})
		if !errors.Is(err, enough) {
			t.Fatal(err)
		}
		release()
		w.must(w.Watch(ctx, id, last, func(e report.LiveEvent) error { seen = append(seen, show(e)); return nil }))
		want := []string{
			"promotion running", "fetch running", "fetch succeeded", "build running", "log build", "build succeeded", "test running", "test succeeded",
			"render running", "render succeeded", "rehearse running", "rehearse skipped", "approve skipped", "preflight running", "preflight skipped", "migrate running", "migrate skipped", "deploy running", "deploy succeeded",
			"promotion verifying", "verify running", "log verify", "verify succeeded", "promotion succeeded",
		}
		if !slices.Equal(seen, want) {
			t.Errorf("seen in two parts:\n%v\nwant\n%v", seen, want)
		}
		var whole []string
		w.must(w.Watch(ctx, id, "", func(e report.LiveEvent) error { whole = append(whole, show(e)); last = e.ID; return nil }))
		if !slices.Equal(whole, seen) {
			t.Errorf("seen as a whole:\n%v\nin two parts\n%v", whole, seen)
		}
		w.must(w.Watch(ctx, id, last, func(e report.LiveEvent) error { t.Errorf("after the end: %s", show(e)); return nil }))
		w.want(w.Watch(ctx, id, "x", nil), slipway.Invalid, "event")
	})
}

// TestWatchSeesAnotherProcess follows a promotion that is reported over storage
// of its own, as a worker in another process does.
func TestWatchSeesAnotherProcess(t *testing.T) {
	address := "sqlite://" + filepath.Join(t.TempDir(), "slipway.db")
	w := newWorld(t, address)
	w.register("billing")
	id := w.promotion("billing", "dev", false)
	other, err := platform.OpenStorage(t.Context(), address)
	w.must(err)
	defer other.Close()
	elsewhere := platform.NewLedger(other)
	ctx, cancel := context.WithTimeout(as(t.Context(), "ada"), time.Minute)
	defer cancel()
	w.must(elsewhere.Step(ctx, slipway.StepEvent{Promotion: id, Step: slipway.StepFetch, State: slipway.StepRunning, Attempt: 1}))
	seen := 0
	w.must(w.Watch(ctx, id, "", func(report.LiveEvent) error {
		if seen++; seen == 1 {
			return elsewhere.Promotion(ctx, slipway.PromotionEvent{Promotion: id, State: slipway.PromotionFailed, Reason: "red"})
		}
		return nil
	}))
	if seen != 3 {
		t.Errorf("saw %d", seen)
	}
}

// TestRecover starts again after a crash between the record and the workflow,
// and after a workflow that ended without a word.
func TestRecover(t *testing.T) {
	live(t, func(w *world, name string) {
		ctx := w.Context()
		recorded := func(service string) string {
			t.Helper()
			id := w.promotion(service, "dev", false)
			fence, _ := json.Number(id).Int64()
			input, err := json.Marshal(workflows.Input{
				Promotion: id, Fence: fence, Service: service, Environment: "dev", Commit: w.commits[""], Steps: slipway.PlanSteps(slipway.PlanRequest{}),
				Repository: slipway.Repository{URL: "https://git.example.com/x.git"},
			})
			w.must(err)
			w.must(w.Storage.Client.Promotion.Update().Where(promotion.ID(int(fence))).SetInput(input).Exec(ctx))
			return id
		}
		crashed := recorded(name)
		for range 2 {
			w.must(w.Recover(ctx))
		}
		if state, reason := w.ended(crashed); state != "succeeded" {
			t.Errorf("what was recorded but not started has %s: %s", state, reason)
		}

		crashed = recorded(name)
		_, err := w.Cancel(ctx, crashed)
		w.must(err)
		if state, reason := w.ended(crashed); state != "cancelled" || !strings.Contains(reason, "before it began") {
			t.Errorf("what was cancelled before it began has %s: %s", state, reason)
		}

		begun, release := w.hold()
		defer release()
		silent := w.newName()
		w.register(silent)
		w.commit("", "c9")
		row, err := w.Promote(ctx, platform.PromoteInput{Service: silent})
		w.must(err)
		<-begun
		late := recorded(silent) // its workflow can't be started: another is under way
		w.must(w.Recover(ctx))
		if state, reason := w.ended(late); state != "errored" || !strings.Contains(reason, "under way") {
			t.Errorf("what came too late has %s: %s", state, reason)
		}
		w.must(w.Temporal.TerminateWorkflow(ctx, workflows.WorkflowID(silent, "dev"), "", "test"))
		w.must(w.Recover(ctx))
		if state, reason := w.ended(fmt.Sprint(row.ID)); state != "errored" || !strings.Contains(reason, "without saying how") {
			t.Errorf("what ended without a word has %s: %s", state, reason)
		}
		w.mu.Lock()
		w.build = nil
		w.mu.Unlock()
		w.promote(platform.PromoteInput{Service: silent}, "succeeded")
	})
}

func TestWithoutAnEngineNothingIsRecorded(t *testing.T) {
	w := newWorld(t, platformtest.SQLite(t))
	w.register("billing")
	c, err := client.NewLazyClient(client.Options{HostPort: "127.0.0.1:1"})
	w.must(err)
	defer c.Close()
	options := w.Options
	options.Temporal = c
	w.Platform = platform.New(options)
	_, err = w.Promote(w.Context(), platform.PromoteInput{Service: "billing"})
	w.want(err, slipway.Unavailable, "workflow engine")
	list, err := w.Promotions(w.Context(), platform.PromotionsQuery{})
	w.must(err)
	if len(list.Items) != 0 {
		t.Errorf("%d promotions are recorded", len(list.Items))
	}
	if err := w.Ready(t.Context()); slipway.CodeOf(err) != slipway.Unavailable {
		t.Errorf("ready: %v", err)
	}
}
