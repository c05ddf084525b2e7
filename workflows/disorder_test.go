package workflows_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/workflows"
)

var (
	disorders    = flag.Int("disorders", 25, "how many promotions are told everything at once")
	disorderSeed = flag.Uint64("disorder-seed", 0, "of TestAnyOrderOfAnswersEnds; 0 takes one")
)

// disorder is gates and a split of traffic in one, which notices what excludes
// each other.
type disorder struct {
	*gated
	stages   []slipway.Stage
	busy     int      // effects under way
	overlaps []string // effects that began while another was under way
	live     string   // "old", "both" or "new"
}

func (d *disorder) Review(ctx context.Context, r slipway.ReviewRequest) (slipway.Review, error) {
	review, err := d.gated.Review(ctx, r)
	review.Strategy = slipway.Strategy{Kind: slipway.Canary, Stages: d.stages}
	return review, err
}

// effect is one at a time, and takes a moment.
func (d *disorder) effect(name, live string) {
	d.mu.Lock()
	if d.busy++; d.busy > 1 {
		d.overlaps = append(d.overlaps, name)
	}
	d.calls = append(d.calls, name)
	d.mu.Unlock()
	<-time.After(time.Millisecond)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.busy--
	if live != "" {
		d.live = live
	}
}

func (d *disorder) Release(context.Context, slipway.Deployment, io.Writer) error {
	d.effect("migrate", "")
	return d.releaseErr
}

func (d *disorder) Deploy(_ context.Context, x slipway.Deployment, _ io.Writer) error {
	live := "new"
	if x.Weight > 0 && x.Weight < 100 {
		live = "both"
	}
	d.effect("deploy", live)
	return nil
}

func (d *disorder) Revert(context.Context, slipway.Deployment, io.Writer) error {
	d.effect("revert", "old")
	return nil
}

func (d *disorder) Observe(context.Context, string, string) (slipway.Observed, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.live == "both" {
		return slipway.Observed{Deployment: "6", Next: &slipway.Share{Deployment: "7", Weight: 10}}, nil
	}
	return slipway.Observed{Deployment: "7", Artifact: artifact.Digest}, nil
}

// TestAnyOrderOfAnswersEnds says everything that can be said to a promotion, in any
// order and at once. It ends, never does two things at once, and unless it
// succeeded, what ran before has the traffic.
func TestAnyOrderOfAnswersEnds(t *testing.T) {
	seed := *disorderSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("go test ./workflows -run TestAnyOrderOfAnswersEnds -args -disorders %d -disorder-seed %d", *disorders, seed)
	random := rand.New(rand.NewPCG(seed, 0))
	ends := map[slipway.PromotionState]int{}
	for n := range *disorders {
		service := fmt.Sprint("disorder-", seed, "-", n)
		d := &disorder{gated: newGated(random.IntN(3)), live: "old", stages: []slipway.Stage{{Weight: 10, Pause: random.IntN(2)}, {Weight: 50, Pause: 1}}}
		if random.IntN(4) == 0 {
			d.verifyErr = slipway.Errorf(slipway.Refused, "the checks say no")
		}
		worker := workWith(t, &workflows.Steps{Source: d, Builder: d, Renderer: d, Target: d, Rehearser: d, Verifier: d, Ledger: ledger{d.world}, Snapshots: ledger{d.world}, Gates: d, Queue: d, Work: t.TempDir()})
		in := gatedInput(service, 7)
		in.Steps = []slipway.PlannedStep{{Name: slipway.StepApprove, State: slipway.StepPending}, {Name: slipway.StepMigrate, State: slipway.StepPending},
			{Name: slipway.StepDeploy, State: slipway.StepPending}, {Name: slipway.StepVerify, State: slipway.StepPending}}
		if err := workflows.Start(t.Context(), shared.Client(), in); err != nil {
			t.Fatal(err)
		}
		<-d.reviewed
		var all sync.WaitGroup
		for _, say := range sayings(random, d, service) {
			after := time.Duration(random.IntN(40)) * time.Millisecond
			all.Go(func() {
				<-time.After(after)
				switch err := say(t.Context()); slipway.CodeOf(err) {
				case "", slipway.Conflict, slipway.Denied, slipway.Invalid:
				default:
					if err != nil {
						t.Errorf("promotion %d: %v: %v", n, err, errors.Unwrap(err))
					}
				}
			})
		}
		all.Wait()
		// Whatever it still waits for, this ends it.
		_ = workflows.Cancel(t.Context(), shared.Client(), service, "dev", word("7", workflows.WordCancel))
		out := result(t, service)
		worker.Stop()
		ends[out.State]++
		d.mu.Lock()
		want := "old"
		if out.State == slipway.PromotionSucceeded {
			want = "new"
		}
		if !out.State.Over() || d.live != want || len(d.overlaps) > 0 || slices.Index(d.calls, "migrate") != lastIndex(d.calls, "migrate") {
			t.Errorf("promotion %d ended %+v; %s has the traffic; called %s; at once: %v", n, out, d.live, strings.Join(d.calls, " "), d.overlaps)
		}
		d.mu.Unlock()
	}
	t.Log(ends)
}

func lastIndex(all []string, what string) int {
	last := -1
	for i, s := range all {
		if s == what {
			last = i
		}
	}
	return last
}

// sayings are some of what people can say to a promotion.
func sayings(random *rand.Rand, d *disorder, service string) (list []func(context.Context) error) {
	c := shared.Client()
	decide := func(name string, v slipway.Verdict) func(context.Context) error {
		return func(ctx context.Context) error {
			d.mu.Lock()
			plan := "plan of " + d.config
			d.mu.Unlock()
			return workflows.Decide(ctx, c, service, "dev", slipway.Decision{Promotion: "7", Name: name, Verdict: v, Plan: plan})
		}
	}
	steer := func(what slipway.Steering) func(context.Context) error {
		return func(ctx context.Context) error {
			return workflows.Steer(ctx, c, service, "dev", workflows.Steered{Promotion: "7", What: what, By: "ada", Word: word("7", string(what))})
		}
	}
	all := []func(context.Context) error{
		decide("ada", slipway.VerdictApprove), decide("grace", slipway.VerdictApprove), decide("ada", slipway.VerdictApprove),
		decide("mallory", slipway.VerdictReject),
		func(ctx context.Context) error { return workflows.Look(ctx, c, service, "dev") },
		func(context.Context) error { // somebody edits the config
			d.mu.Lock()
			defer d.mu.Unlock()
			d.config += "0"
			return nil
		},
	}
	for _, what := range slipway.Steerings {
		all = append(all, steer(what), steer(what))
	}
	if random.IntN(2) == 0 {
		all = append(all, decide("eve", slipway.VerdictReject))
	}
	if random.IntN(3) == 0 {
		all = append(all, func(ctx context.Context) error {
			return workflows.Cancel(ctx, c, service, "dev", word("7", workflows.WordCancel))
		})
	}
	if random.IntN(3) == 0 {
		all = append(all, func(ctx context.Context) error {
			return workflows.Supersede(ctx, c, service, "dev", "8", word("7", workflows.WordSupersede))
		})
	}
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:len(all)-random.IntN(4)]
}
