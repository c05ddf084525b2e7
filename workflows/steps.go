package workflows

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"

	"github.com/slipway-dev/slipway"
)

// Steps are the activities of a promotion: they act on the world through the
// ports. Each is idempotent by promotion id, so that it may run again after a
// crash.
type Steps struct {
	Source     slipway.Source
	Builder    slipway.Builder
	Renderer   slipway.Renderer
	Target     slipway.Target
	Rehearser  slipway.Rehearser
	Verifier   slipway.Verifier
	Ledger     slipway.Ledger
	Snapshots  slipway.Snapshots
	Gates      slipway.Gatekeeper
	Queue      Queued
	Deliveries Deliveries
	Warrants   Warrants // nil lets nothing be done
	Names      Names    // nil gives none
	Work       string   // where trees are exported to
	Log        *slog.Logger

	slots  *slots
	client client.Client
}

// Names gives a service that takes no name that leads to it one that it takes, where
// nobody has to be asked.
type Names interface {
	// Suit returns the name that a deployment's service has got by it, "" for none. It is
	// a no-op when there is nothing to mend.
	Suit(ctx context.Context, d slipway.Deployment) (name string, err error)
}

// StepInput is what every step gets.
type StepInput struct{ Input }

// StepResult is what a step found out: ids and digests only.
type StepResult struct {
	Release  int
	Artifact slipway.Digest
	Snapshot slipway.Digest
	Skipped  bool
	Withheld bool `json:",omitzero"` // a rehearsal has not seen all that the service has
}

// EndInput is the last word on a promotion.
type EndInput struct {
	Input     Input
	Promotion slipway.PromotionEvent
	Step      *slipway.StepEvent // the one that ended badly
}

// errSkip says that there was nothing to do; its text is the reason.
type errSkip string

func (e errSkip) Error() string { return string(e) }

// errSaid says that a step went well, and what ought to be known of it besides.
type errSaid string

func (e errSaid) Error() string { return string(e) }

// run carries a step out: it says that the step runs, streams its output, and
// says how it ended. Only an end that is final is recorded
// here; the workflow records the rest when it has given up.
func (s *Steps) run(ctx context.Context, in StepInput, step slipway.StepName, do func(ctx context.Context, log io.Writer) error) error {
	return s.part(ctx, in, step, 0, true, nil, do)
}

// part is one of several runs that make up a step, whose attempts begin after a
// number of their own; the last one ends it.
func (s *Steps) part(ctx context.Context, in StepInput, step slipway.StepName, after int, last bool, at *slipway.Rollout, do func(ctx context.Context, log io.Writer) error) error {
	if !idForm.MatchString(in.Promotion) {
		return slipway.Errorf(slipway.Invalid, "%q is not the id of a promotion", in.Promotion)
	}
	if err := s.warrant(ctx, in, step); err != nil {
		return err
	}
	attempt := attempt(ctx)
	event := slipway.StepEvent{Promotion: in.Promotion, Step: step, State: slipway.StepRunning, Attempt: attempt, Until: bound(ctx)}
	if at != nil {
		event.Rollout, event.Reason, event.Until = at, at.Words(), at.Until
	}
	if step == slipway.StepVerify && !last { // it goes on being watched
		event.Until = event.Until.Add(time.Duration(in.Bake) * time.Second)
	}
	if err := s.Ledger.Step(ctx, event); err != nil {
		return err
	}
	log := newStepLog(ctx, s.Ledger, in.Promotion, step, after+attempt)
	err := do(ctx, log)
	if closed := log.Close(); err == nil {
		err = closed
	}
	var skip errSkip
	var said errSaid
	switch {
	case err == nil && !last:
		return nil
	case err == nil:
		event.State, event.Rollout, event.Reason = slipway.StepSucceeded, nil, ""
	case errors.As(err, &said):
		event.State, event.Rollout, event.Reason, err = slipway.StepSucceeded, nil, string(said), nil
	case errors.As(err, &skip):
		event.State, event.Reason, err = slipway.StepSkipped, string(skip), nil
	case ctx.Err() != nil:
		return ctx.Err()
	case slipway.Retryable(err):
		var known *slipway.Error
		if event.Reason = "internal error; trying again"; errors.As(err, &known) && known.Code != slipway.Internal {
			event.Reason = known.Message + "; trying again"
		}
	default:
		event.State, event.Reason = slipway.StepStateOf(err), err.Error()
	}
	if recorded := s.Ledger.Step(context.WithoutCancel(ctx), event); err == nil {
		err = recorded
	}
	return err
}

// bound is when the engine gives an activity up, with all that is tried again. It
// is the policy that the workflow asked with, as the engine tells it.
func bound(ctx context.Context) time.Time {
	if p, ok := ctx.Value(progressKey{}).(*Progress); ok {
		return p.Since.Add(quick.ScheduleToCloseTimeout)
	}
	info := activity.GetInfo(ctx)
	return info.ScheduledTime.Add(info.ScheduleToCloseTimeout).UTC()
}

// tree is where a promotion's source is exported to. The form of ids was checked
// before.
func (s *Steps) tree(promotion string) string {
	return filepath.Join(s.Work, promotion, "tree")
}

// Fetch exports the commit.
func (s *Steps) Fetch(ctx context.Context, in StepInput) error {
	return s.run(ctx, in, slipway.StepFetch, func(ctx context.Context, log io.Writer) error { return s.fetch(ctx, in, log) })
}

func (s *Steps) fetch(ctx context.Context, in StepInput, log io.Writer) error {
	dir := s.tree(in.Promotion)
	if err := os.RemoveAll(dir); err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "the place for the source can't be cleared")
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "there is no place for the source: is the disk full?")
	}
	return s.Source.Export(ctx, in.Repository, in.Commit.ID, dir, log)
}

// history is what a build that asks git is told, when it asks.
func (s *Steps) history(in StepInput) func(context.Context, string, io.Writer) error {
	return func(ctx context.Context, dir string, log io.Writer) error {
		return s.Source.History(ctx, in.Repository, in.Commit.ID, dir, log)
	}
}

// Build makes the release. A tree that a restart on another machine lost is
// fetched again.
func (s *Steps) Build(ctx context.Context, in StepInput) (done StepResult, err error) {
	err = s.inTurn(ctx, in, func() error { return s.build(ctx, in, &done) })
	return done, err
}

func (s *Steps) build(ctx context.Context, in StepInput, done *StepResult) error {
	return s.run(ctx, in, slipway.StepBuild, func(ctx context.Context, log io.Writer) error {
		if _, err := os.Stat(s.tree(in.Promotion)); err != nil {
			if err := s.fetch(ctx, in, log); err != nil {
				return err
			}
		}
		artifact, err := s.Builder.Build(ctx, slipway.BuildRequest{
			Service: in.Service, Dir: s.tree(in.Promotion), Path: in.Repository.Path, Commit: in.Commit.ID, Written: in.Commit.Time, RunID: s.runID(in, slipway.StepBuild),
			Overrides: in.Overrides,
			History:   s.history(in),
		}, log)
		if err != nil {
			return err
		}
		built := slipway.BuiltRelease{Promotion: in.Promotion, Service: in.Service, Commit: in.Commit, Artifact: artifact}
		if built.Dependencies, err = s.Builder.Dependencies(ctx, artifact.Digest); err != nil {
			return err
		}
		if built.Migrations, err = s.Builder.Migrations(ctx, artifact.Digest); err != nil {
			return err
		}
		number, err := s.Ledger.Release(ctx, built)
		if err != nil {
			return err
		}
		fmt.Fprintf(log, "release %d, artifact %s\n", number, artifact.Digest)
		*done = StepResult{Release: number, Artifact: artifact.Digest}
		return nil
	})
}

// Test runs the service's own tests. Red ones fail the promotion.
func (s *Steps) Test(ctx context.Context, in StepInput) (done StepResult, err error) {
	err = s.inTurn(ctx, in, func() error { return s.test(ctx, in, &done) })
	return done, err
}

func (s *Steps) test(ctx context.Context, in StepInput, done *StepResult) error {
	return s.run(ctx, in, slipway.StepTest, func(ctx context.Context, log io.Writer) error {
		report, err := s.Builder.Test(ctx, slipway.TestRequest{Artifact: in.Artifact, Path: in.Repository.Path, RunID: s.runID(in, slipway.StepTest), History: s.history(in)}, log)
		if err != nil && slipway.CodeOf(err) != slipway.Refused {
			return err
		}
		report = report.Judged(err)
		// A report that can't be kept is made again: red tests without their
		// report would tell nobody what to mend.
		if recorded := s.Ledger.Tests(ctx, in.Service, in.Release, report); recorded != nil {
			return recorded
		}
		switch report.Verdict {
		case slipway.TestsNone:
			done.Skipped = true
			return errSkip(cmp.Or(report.Reason, "the project has no tests that Slipway can find"))
		case slipway.TestsSkipped:
			done.Skipped = true
			return errSkip(slipway.SkippedByOwner)
		}
		return err
	})
}

// Render makes the config snapshot. A rollback has one already.
func (s *Steps) Render(ctx context.Context, in StepInput) (done StepResult, err error) {
	err = s.run(ctx, in, slipway.StepRender, func(ctx context.Context, log io.Writer) error {
		if in.Snapshot != "" {
			fmt.Fprintf(log, "the config that release %d ran with before, %.19s\n", in.Release, in.Snapshot)
			return nil
		}
		artifact, err := s.Builder.Open(ctx, in.Artifact)
		if err != nil {
			return err
		}
		values, err := s.Ledger.Config(ctx, in.Service, in.Environment, artifact.Manifest.Env)
		if err != nil {
			return err
		}
		snapshot, err := s.Renderer.Render(ctx, slipway.RenderRequest{
			Artifact: in.Artifact, Service: in.Service, Environment: in.Environment, Release: in.Release,
			Templates: artifact.Manifest.Templates, Values: values,
		}, log)
		if err != nil {
			return err
		}
		done.Snapshot = snapshot.Digest
		return s.Snapshots.SaveSnapshot(ctx, snapshot)
	})
	return done, err
}

// Migrate runs the release command, once, with the new config.
func (s *Steps) Migrate(ctx context.Context, in StepInput) (done StepResult, err error) {
	err = s.run(ctx, in, slipway.StepMigrate, func(ctx context.Context, log io.Writer) error {
		d, err := s.deployment(ctx, in)
		if err != nil {
			return err
		}
		if d.Manifest.ReleaseCommand == "" {
			done.Skipped = true
			return errSkip("the service has no release command")
		}
		if err := s.effect(ctx); err != nil {
			return err
		}
		return s.Target.Release(ctx, d, log)
	})
	return done, err
}

// Deploy starts the release beside the old one and moves the traffic.
func (s *Steps) Deploy(ctx context.Context, in StepInput) error {
	return s.run(ctx, in, slipway.StepDeploy, func(ctx context.Context, log io.Writer) error {
		d, err := s.deployment(ctx, in)
		if err != nil {
			return err
		}
		if err := s.suit(ctx, d, log); err != nil {
			return err
		}
		if err := s.effect(ctx); err != nil {
			return err
		}
		if err := s.Target.Deploy(ctx, d, log); err != nil {
			return err
		}
		return s.served(ctx, d)
	})
}

// suit sees to a name before there is a deployment: its probes keep the one that it comes
// with.
func (s *Steps) suit(ctx context.Context, d slipway.Deployment, log io.Writer) error {
	if s.Names == nil {
		return nil
	}
	name, err := s.Names.Suit(ctx, d)
	if err == nil && name != "" {
		fmt.Fprintf(log, "it takes the names of this machine and not %s, so it got the name %s here, which one service can have: slipway domain rm %s %s --env %s takes it away\n",
			slipway.DefaultHost(d.Service, d.Environment, ""), name, d.Service, name, d.Environment)
	}
	return err
}

// Revert undoes a deployment: what ran before has the traffic again, or still.
func (s *Steps) Revert(ctx context.Context, in StepInput) (err error) {
	if err := s.warrant(ctx, in, ""); err != nil {
		return err
	}
	undo := slipway.Undoing{Since: activity.GetInfo(ctx).ScheduledTime.UTC(), Until: bound(ctx)}
	if err := s.Ledger.Promotion(ctx, slipway.PromotionEvent{Promotion: in.Promotion, Undo: &undo}); err != nil {
		s.Log.Warn("that a deployment is being taken back could not be recorded", "promotion", in.Promotion, "error", err) // it is more urgent
	}
	d, err := s.deployment(ctx, in)
	if err != nil {
		return err
	}
	log := newStepLog(ctx, s.Ledger, in.Promotion, slipway.StepVerify, 1000+int(activity.GetInfo(ctx).Attempt))
	defer func() {
		if err != nil {
			fmt.Fprintln(log, "this could not be undone:", toTemporal(err))
		}
		if closed := log.Close(); err == nil {
			err = closed
		}
	}()
	fmt.Fprintln(log, "undoing this deployment: traffic stays with, or goes back to, what ran before")
	if err := s.Target.Revert(ctx, d, log); err != nil {
		return err
	}
	return s.Ledger.Deployed(ctx, d, slipway.DeploymentReverted)
}

// Finish writes how the promotion ended and clears its working directory.
func (s *Steps) Finish(ctx context.Context, end EndInput) error {
	if !idForm.MatchString(end.Promotion.Promotion) {
		return slipway.Errorf(slipway.Invalid, "%q is not the id of a promotion", end.Promotion.Promotion)
	}
	if err := s.warrant(ctx, StepInput{end.Input}, StepEnd); err != nil {
		return err
	}
	if end.Step != nil {
		if err := s.Ledger.Step(ctx, *end.Step); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(filepath.Dir(s.tree(end.Input.Promotion))); err != nil {
		s.Log.Warn("a working directory could not be removed", "promotion", end.Input.Promotion, "error", err)
	}
	return s.Ledger.Promotion(ctx, end.Promotion)
}

// deployment puts together what the target is asked to run.
func (s *Steps) deployment(ctx context.Context, in StepInput) (slipway.Deployment, error) {
	artifact, err := s.Builder.Open(ctx, in.Artifact)
	if err != nil {
		return slipway.Deployment{}, err
	}
	snapshot, err := s.Snapshots.Snapshot(ctx, in.Snapshot)
	if err != nil {
		return slipway.Deployment{}, err
	}
	return slipway.Deployment{
		ID: in.Promotion, Fence: in.Fence, Service: in.Service, Environment: in.Environment,
		Release: in.Release, Artifact: in.Artifact, Manifest: artifact.Manifest, Config: snapshot, Strategy: in.Strategy.Kind,
	}, nil
}

// runID marks the processes of a step. Another platform on the same machine has
// promotions of the same numbers; its processes are none of ours.
func (s *Steps) runID(in StepInput, step slipway.StepName) string {
	place := sha256.Sum256([]byte(s.Work))
	return "promotion-" + in.Promotion + "-" + string(step) + "-" + hex.EncodeToString(place[:6])
}
