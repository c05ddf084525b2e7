package platform_test

import (
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/platform"
)

// stateOf is what a plan will do about a step.
func stateOf(plan *platform.Plan, name slipway.StepName) slipway.StepState {
	for _, s := range plan.Steps {
		if s.Name == name {
			return s.State
		}
	}
	return ""
}

func TestPlanFollowsThePath(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.Context()
		w.register("billing")
		plan, err := w.Plan(ctx, platform.PromoteInput{Service: "billing"})
		w.must(err)
		if plan.Environment.Name != "dev" || plan.Release != nil || plan.Commit.ID != commitID("c1") || stateOf(plan, slipway.StepBuild) != slipway.StepPending {
			t.Errorf("the first plan is %+v", plan)
		}
		_, err = w.Plan(ctx, platform.PromoteInput{Service: "billing", Environment: "test"})
		w.want(err, slipway.Conflict, "slipway promote billing --to dev")

		w.deployed("billing", "dev", "c1", false)
		plan, err = w.Plan(ctx, platform.PromoteInput{Service: "billing"})
		w.must(err)
		if plan.Release == nil || plan.Running == nil || stateOf(plan, slipway.StepBuild) != slipway.StepReused || stateOf(plan, slipway.StepTest) != slipway.StepReused {
			t.Errorf("a built commit is built again: %+v", plan.Steps)
		}
		plan, err = w.Plan(ctx, platform.PromoteInput{Service: "billing", Environment: "test"})
		w.must(err)
		if plan.Release.Number != 1 || plan.Commit.ID != commitID("c1") {
			t.Errorf("test would get %+v", plan.Release)
		}
		// prod is two steps away
		_, err = w.Plan(ctx, platform.PromoteInput{Service: "billing", Environment: "prod", Release: 1})
		w.want(err, slipway.Conflict, "release 1 has not been verified in test; run: slipway promote billing --to test --release 1")
		_, err = w.Plan(ctx, platform.PromoteInput{Service: "billing", Environment: "prod"})
		w.want(err, slipway.Conflict, "slipway promote billing --to test")
		_, err = w.Plan(ctx, platform.PromoteInput{Service: "billing", Environment: "prod", Ref: ""})
		w.want(err, slipway.Conflict, "")
		w.commit("main", "c1")
		_, err = w.Plan(ctx, platform.PromoteInput{Service: "billing", Environment: "prod", Ref: "main"})
		w.want(err, slipway.Conflict, "verified in test")
		plan, err = w.Plan(ctx, platform.PromoteInput{Service: "billing", Environment: "test", Ref: "main"})
		w.must(err)
		if plan.Release.Number != 1 {
			t.Errorf("a verified commit is not taken: %+v", plan.Release)
		}
		w.deployed("billing", "test", "c1", false)
		_, err = w.Plan(ctx, platform.PromoteInput{Service: "billing", Environment: "prod"})
		w.must(err)

		// A release that was once verified may still go on when a newer one is live.
		w.deployed("billing", "test", "c2", false)
		_, err = w.Plan(ctx, platform.PromoteInput{Service: "billing", Environment: "prod", Release: 1})
		w.must(err)
	})
}

// A release that is older than what runs is gone back to where it ran before, and
// promoted by its number where it never did: one of the two ways is always open.
func TestAnOlderRelease(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.Context()
		w.register("billing")
		for _, c := range []string{"c1", "c2", "c3"} {
			w.deployed("billing", "dev", c, false)
		}
		w.deployed("billing", "test", "c1", false)
		w.deployed("billing", "test", "c3", false)
		to := func(release int) platform.PromoteInput {
			return platform.PromoteInput{Service: "billing", Environment: "test", Release: release}
		}
		_, err := w.Plan(ctx, to(1))
		w.want(err, slipway.Conflict, "to go back run: slipway rollback billing --env test --to 1")
		_, err = w.PlanRollback(ctx, platform.RollbackInput{Service: "billing", Environment: "test", Release: 1})
		w.must(err)
		_, err = w.PlanRollback(ctx, platform.RollbackInput{Service: "billing", Environment: "test", Release: 2})
		w.want(err, slipway.Conflict, "slipway promote billing --to test --release 2")
		plan, err := w.Plan(ctx, to(2))
		w.must(err)
		if plan.Release.Number != 2 || plan.Running.Number != 3 || plan.Rollback {
			t.Errorf("got release %d over %d, rollback %v", plan.Release.Number, plan.Running.Number, plan.Rollback)
		}
		// A branch that points to it says so little: it takes a number.
		w.commit("main", "c2")
		_, err = w.Plan(ctx, platform.PromoteInput{Service: "billing", Environment: "test", Ref: "main"})
		w.want(err, slipway.Conflict, "if it is to run there all the same: slipway promote billing --to test --release 2")
		_, err = w.PlanRollback(ctx, platform.RollbackInput{Service: "billing", Environment: "test", Release: 99})
		w.want(err, slipway.NotFound, "slipway releases billing")
	})
}

func TestPlanRefusals(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.Context()
		w.register("billing")
		for _, c := range []struct {
			in   platform.PromoteInput
			code slipway.Code
			text string
		}{
			{platform.PromoteInput{}, slipway.Invalid, "service"},
			{platform.PromoteInput{Service: "nobody"}, slipway.NotFound, "service ls"},
			{platform.PromoteInput{Service: "billing", Environment: "moon"}, slipway.NotFound, "dev, test, prod"},
			{platform.PromoteInput{Service: "billing", Ref: "main", Release: 1}, slipway.Invalid, "not both"},
			{platform.PromoteInput{Service: "billing", Ref: "--upload-pack=x"}, slipway.Invalid, "branch, tag or commit"},
			{platform.PromoteInput{Service: "billing", Ref: "nope"}, slipway.Invalid, "nope"},
			{platform.PromoteInput{Service: "billing", Release: 9}, slipway.NotFound, "slipway releases billing"},
			{platform.PromoteInput{Service: "billing", Release: -1}, slipway.Invalid, "count from 1"},
		} {
			_, err := w.Plan(ctx, c.in)
			w.want(err, c.code, c.text)
		}
	})
}

func TestAnArtifactThatIsGoneIsBuiltAgain(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.Context()
		w.register("billing")
		w.deployed("billing", "dev", "c1", false)
		w.must(builder{w}.Discard(ctx, digest("c1")))
		plan, err := w.Plan(ctx, platform.PromoteInput{Service: "billing"})
		w.must(err)
		if plan.Release != nil || stateOf(plan, slipway.StepBuild) != slipway.StepPending {
			t.Errorf("got %+v", plan.Steps)
		}
		_, err = w.Plan(ctx, platform.PromoteInput{Service: "billing", Environment: "test"})
		w.want(err, slipway.Conflict, "slipway promote billing --ref")
	})
}

func TestRedTestsRunAgain(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.Context()
		w.register("billing")
		id := w.promotion("billing", "dev", false)
		number := w.built("billing", id, "c1")
		refused := slipway.Errorf(slipway.Refused, "the test dependencies can't be installed")
		for _, c := range []struct {
			report slipway.TestReport
			want   slipway.StepState
		}{
			{slipway.TestReport{Command: "pytest", Total: 2, Passed: 1, Failed: 1}.Judged(nil), slipway.StepPending},
			{slipway.TestReport{}.Judged(refused), slipway.StepPending},
			{slipway.TestReport{Command: "pytest"}.Judged(refused), slipway.StepPending},
			{slipway.TestReport{Command: "pytest", Total: 2, Passed: 2}.Judged(nil), slipway.StepReused},
			{slipway.TestReport{}.Judged(nil), slipway.StepReused},
		} {
			w.must(w.ledger.Tests(ctx, "billing", number, c.report))
			plan, err := w.Plan(ctx, platform.PromoteInput{Service: "billing"})
			w.must(err)
			if plan.Release == nil || stateOf(plan, slipway.StepBuild) != slipway.StepReused || stateOf(plan, slipway.StepTest) != c.want {
				t.Errorf("%+v: got %+v", c.report, plan.Steps)
			}
		}
	})
}

func TestRollbackGoesBackAndFurther(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.Context()
		w.register("billing")
		back := func() (*platform.Plan, error) {
			return w.PlanRollback(ctx, platform.RollbackInput{Service: "billing", Environment: "dev"})
		}
		_, err := back()
		w.want(err, slipway.Conflict, "nothing to go back to")
		w.deployed("billing", "dev", "c1", false)
		_, err = back()
		w.want(err, slipway.Conflict, "nothing to go back to")
		w.deployed("billing", "dev", "c2", false)
		w.deployed("billing", "dev", "c3", false)
		plan, err := back()
		w.must(err)
		if plan.Release.Number != 2 || plan.Snapshot != digest("config-2") || !plan.Rollback || plan.Running.Number != 3 {
			t.Fatalf("got release %d with %s", plan.Release.Number, plan.Snapshot)
		}
		if stateOf(plan, slipway.StepMigrate) != slipway.StepSkipped {
			t.Error("a rollback would run the release command")
		}
		w.deployed("billing", "dev", "c2", true)
		if plan, err = back(); err != nil || plan.Release.Number != 1 {
			t.Fatalf("a second rollback does not go further back: %v %v", plan, err)
		}
		plan, err = w.PlanRollback(ctx, platform.RollbackInput{Service: "billing", Environment: "dev", Release: 3})
		w.must(err)
		if plan.Release.Number != 3 {
			t.Errorf("got release %d", plan.Release.Number)
		}
		_, err = w.PlanRollback(ctx, platform.RollbackInput{Service: "billing", Environment: "dev", Release: 2})
		w.want(err, slipway.Conflict, "live in dev already")
		_, err = w.PlanRollback(ctx, platform.RollbackInput{Service: "billing", Environment: "prod", Release: 2})
		w.want(err, slipway.Conflict, "never verified in prod")
		_, err = w.PlanRollback(ctx, platform.RollbackInput{Service: "billing"})
		w.want(err, slipway.Invalid, "environment")
	})
}
