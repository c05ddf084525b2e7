package platform_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/event"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/report"
	"github.com/slipway-dev/slipway/store"
)

// tell reports a change of a step.
func (w *world) tell(promotion string, step slipway.StepName, state slipway.StepState, attempt int, reason string) {
	w.Helper()
	w.must(w.ledger.Step(w.Context(), slipway.StepEvent{Promotion: promotion, Step: step, State: state, Attempt: attempt, Reason: reason}))
}

func (w *world) stepState(promotion string, name slipway.StepName) string {
	w.Helper()
	row, err := w.Promotion(w.Context(), promotion)
	w.must(err)
	for _, s := range row.Edges.Steps {
		if string(s.Name) == string(name) {
			return fmt.Sprintf("%s %d %s", s.State, s.Attempt, s.Reason)
		}
	}
	return ""
}

func (w *world) eventCount() int {
	w.Helper()
	n, err := w.Storage.Client.Event.Query().Where(event.KindNEQ("service.registered")).Count(w.Context())
	w.must(err)
	return n
}

func TestLedgerStepsAreIdempotent(t *testing.T) {
	both(t, func(w *world) {
		w.register("billing")
		id := w.promotion("billing", "dev", false)
		for _, c := range []struct {
			state   slipway.StepState
			attempt int
			reason  string
			is      string
			news    bool
		}{
			{slipway.StepRunning, 1, "", "running 1 ", true},
			{slipway.StepRunning, 1, "", "running 1 ", false},
			{slipway.StepRunning, 1, "the index is down; trying again", "running 1 the index is down; trying again", true},
			{slipway.StepRunning, 2, "", "running 2 ", true},
			{slipway.StepFailed, 1, "late", "running 2 ", false},
			{slipway.StepSucceeded, 2, "", "succeeded 2 ", true},
			{slipway.StepSucceeded, 2, "", "succeeded 2 ", false},
			{slipway.StepRunning, 2, "", "succeeded 2 ", false},
			{slipway.StepFailed, 0, "the last word", "succeeded 2 ", false},
			{slipway.StepRunning, 3, "", "running 3 ", true},
			{slipway.StepRunning, 3, "mend it: slipway config set SERVICE --env ENVIRONMENT A=b", "running 3 mend it: slipway config set billing --env dev A=b", true},
			{slipway.StepErrored, 0, "zero \x00 byte", "errored 3 zero \uFFFD byte", true},
		} {
			before := w.eventCount()
			w.tell(id, slipway.StepBuild, c.state, c.attempt, c.reason)
			if got := w.stepState(id, slipway.StepBuild); got != c.is {
				t.Fatalf("after %s %d it is %q, want %q", c.state, c.attempt, got, c.is)
			}
			if news := w.eventCount() > before; news != c.news {
				t.Fatalf("after %s %d: an event was recorded: %v, want %v", c.state, c.attempt, news, c.news)
			}
		}
		w.tell(id, slipway.StepVerify, slipway.StepRunning, 1, "")
		row, err := w.Promotion(w.Context(), id)
		w.must(err)
		if row.State != "verifying" {
			t.Errorf("the promotion is %s", row.State)
		}
		for range 2 {
			w.must(w.ledger.Promotion(w.Context(), slipway.PromotionEvent{Promotion: id, State: slipway.PromotionFailed, Step: slipway.StepVerify, Reason: "500"}))
		}
		w.must(w.ledger.Promotion(w.Context(), slipway.PromotionEvent{Promotion: id, State: slipway.PromotionSucceeded}))
		w.tell(id, slipway.StepVerify, slipway.StepSucceeded, 1, "")
		if row, err = w.Promotion(w.Context(), id); err != nil || row.State != "failed" || row.Reason != "500" || row.EndedAtStep != "verify" || row.EndedAt == nil {
			t.Errorf("what was over has changed: %v %v", row, err)
		}
		if got := w.stepState(id, slipway.StepVerify); got != "running 1 " {
			t.Errorf("a step of what is over became %q", got)
		}
		w.want(w.ledger.Step(w.Context(), slipway.StepEvent{Promotion: "x", Step: slipway.StepBuild}), slipway.NotFound, "")
		w.want(w.ledger.Promotion(w.Context(), slipway.PromotionEvent{Promotion: "4711", State: slipway.PromotionRunning}), slipway.NotFound, "")
	})
}

func TestLedgerLogDropsRepeats(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.Context()
		w.register("billing")
		id := w.promotion("billing", "dev", false)
		for seq := range 5 {
			for range 2 {
				w.must(w.ledger.Log(ctx, id, slipway.StepBuild, 1, seq, "line "+strconv.Itoa(seq)+"\x00\xff\n"))
			}
		}
		var text string
		page := store.Page{Limit: 2}
		for {
			list, err := w.StepLog(ctx, id, slipway.StepBuild, page)
			w.must(err)
			for _, c := range list.Items {
				text += c.Text
			}
			if page.Cursor = list.Next; list.Next == "" {
				break
			}
		}
		if want := "line 0\uFFFD\uFFFD\nline 1\uFFFD\uFFFD\nline 2\uFFFD\uFFFD\nline 3\uFFFD\uFFFD\nline 4\uFFFD\uFFFD\n"; text != want {
			t.Errorf("got %q", text)
		}
		_, err := w.StepLog(ctx, id, "dance", store.Page{})
		w.want(err, slipway.NotFound, "dance")
	})
}

func TestReleaseNumbers(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.Context()
		w.register("billing")
		w.register("shop")
		const builds = 12
		var all sync.WaitGroup
		seen := make([]int, builds)
		ids := make([]string, builds)
		for i := range builds {
			ids[i] = w.promotion("billing", "dev", false)
		}
		for i := range builds {
			all.Go(func() {
				n, err := w.ledger.Release(ctx, slipway.BuiltRelease{Promotion: ids[i], Service: "billing", Commit: slipway.Commit{ID: commitID(fmt.Sprint(i))}, Artifact: slipway.Artifact{Digest: digest(fmt.Sprint(i))}})
				if err != nil {
					t.Error(err)
				}
				seen[i] = n
			})
		}
		all.Wait()
		numbers := map[int]bool{}
		for _, n := range seen {
			numbers[n] = true
		}
		if len(numbers) != builds || !numbers[1] || !numbers[builds] {
			t.Errorf("the numbers are %v", seen)
		}
		again, err := w.ledger.Release(ctx, slipway.BuiltRelease{Promotion: ids[3], Service: "billing", Commit: slipway.Commit{ID: commitID("5")}, Artifact: slipway.Artifact{Digest: digest("5")}})
		w.must(err)
		if again != seen[5] {
			t.Errorf("the same commit and artifact is release %d and %d", seen[5], again)
		}
		if n := w.built("shop", w.promotion("shop", "dev", false), "s1"); n != 1 {
			t.Errorf("the first release of another service is %d", n)
		}
		list, err := w.Releases(ctx, "billing", store.Page{Limit: 5})
		w.must(err)
		if list.Items[0].Number != builds || list.Next == "" {
			t.Errorf("the newest is %d", list.Items[0].Number)
		}
	})
}

func TestDeployedMovesTheTraffic(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.Context()
		w.register("billing")
		live := func() (out string) {
			t.Helper()
			list, err := w.Deployments(ctx, report.DeploymentsQuery{Service: "billing", Environment: "dev"})
			w.must(err)
			for _, d := range list.Items {
				if d.Live {
					out += fmt.Sprintf("%d:%v ", d.Edges.Release.Number, d.Verified)
				}
				if d.Live != (d.EndedAt == nil) {
					t.Errorf("deployment %d is live %v and ended at %v", d.PromotionID, d.Live, d.EndedAt)
				}
			}
			return out
		}
		w.deployed("billing", "dev", "c1", false)
		id := w.promotion("billing", "dev", false)
		d := slipway.Deployment{ID: id, Service: "billing", Environment: "dev", Release: w.built("billing", id, "c2"), Artifact: digest("c2"), Config: slipway.Snapshot{Digest: digest("x")}}
		for range 2 {
			w.must(w.ledger.Deployed(ctx, d, slipway.DeploymentServing))
		}
		if got := live(); got != "2:false " {
			t.Fatalf("live: %s", got)
		}
		_, err := w.Plan(ctx, platform.PromoteInput{Service: "billing", Environment: "test"})
		w.want(err, slipway.Conflict, "not verified there yet")
		for range 2 {
			w.must(w.ledger.Deployed(ctx, d, slipway.DeploymentReverted))
		}
		if got := live(); got != "1:true " {
			t.Fatalf("after the revert: %s", got)
		}
		w.must(w.ledger.Deployed(ctx, d, slipway.DeploymentServing)) // late
		w.must(w.ledger.Deployed(ctx, d, slipway.DeploymentVerified))
		if got := live(); got != "1:true " {
			t.Fatalf("after late news: %s", got)
		}
	})
}

// TestLedgerIsQuick counts what a promotion whose steps do nothing asks of the
// database: no more for the fifth than for the first, and at most five a change.
func TestLedgerIsQuick(t *testing.T) {
	both(t, func(w *world) {
		w.register("billing")
		var asked atomic.Int32
		w.Storage.Client.Intercept(ent.InterceptFunc(func(next ent.Querier) ent.Querier {
			return ent.QuerierFunc(func(ctx context.Context, q ent.Query) (ent.Value, error) {
				asked.Add(1)
				return next.Query(ctx, q)
			})
		}))
		w.Storage.Client.Use(func(next ent.Mutator) ent.Mutator {
			return ent.MutateFunc(func(ctx context.Context, m ent.Mutation) (ent.Value, error) {
				asked.Add(1)
				return next.Mutate(ctx, m)
			})
		})
		var counts []int32
		for range 5 {
			id := w.promotion("billing", "dev", false)
			asked.Store(0)
			for _, name := range []slipway.StepName{slipway.StepFetch, slipway.StepBuild, slipway.StepTest, slipway.StepRender, slipway.StepDeploy} {
				w.tell(id, name, slipway.StepRunning, 1, "")
				w.tell(id, name, slipway.StepSucceeded, 1, "")
			}
			w.must(w.ledger.Promotion(w.Context(), slipway.PromotionEvent{Promotion: id, State: slipway.PromotionSucceeded}))
			counts = append(counts, asked.Load())
		}
		if counts[0] == 0 || counts[0] > 11*5 || slices.Max(counts) > counts[0] {
			t.Errorf("statements for five steps that do nothing: %v", counts)
		}
	})
}

func TestSnapshots(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.Context()
		s := slipway.Snapshot{Digest: digest("s"), Env: map[string]slipway.ConfigValue{"A": {Value: "1"}, "B": {Secret: "sealed://x/B"}}, Files: []slipway.RenderedFile{{Path: "a.ini", Content: "x"}}}
		for range 2 {
			w.must(w.ledger.SaveSnapshot(ctx, s))
		}
		got, err := w.ledger.Snapshot(ctx, s.Digest)
		w.must(err)
		if fmt.Sprint(got) != fmt.Sprint(s) {
			t.Errorf("got %v", got)
		}
		_, err = w.ledger.Snapshot(ctx, digest("other"))
		w.want(err, slipway.NotFound, "")
	})
}
