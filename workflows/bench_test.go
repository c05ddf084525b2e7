package workflows_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/workflows"
)

// nothing is a workflow of five trivial activities, without any of ours: the
// baseline.
func nothing(ctx workflow.Context) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	for range 5 {
		if err := workflow.ExecuteActivity(ctx, idle).Get(ctx, nil); err != nil {
			return err
		}
	}
	return nil
}

func idle(context.Context) error { return nil }

// fiveSteps is a promotion of a release that is built: five steps that do nothing.
func fiveSteps(service string) workflows.Input {
	in := input(service, slipway.PlanRequest{Release: 3, Built: true})
	in.Snapshot = ""
	return in
}

func baseline(b *testing.B) func(id string) {
	w := worker.New(shared.Client(), "baseline", worker.Options{})
	w.RegisterWorkflow(nothing)
	w.RegisterActivity(idle)
	if err := w.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(w.Stop)
	return func(id string) {
		run, err := shared.Client().ExecuteWorkflow(context.Background(), client.StartWorkflowOptions{ID: id, TaskQueue: "baseline"}, nothing)
		if err == nil {
			err = run.Get(context.Background(), nil)
		}
		if err != nil {
			b.Error(err)
		}
	}
}

func median(n int, do func(i int)) time.Duration {
	took := make([]time.Duration, n)
	for i := range took {
		began := time.Now()
		do(i)
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return took[n/2]
}

// BenchmarkPromotionOverhead is what the platform adds to five steps that do
// nothing, one promotion at a time.
func BenchmarkPromotionOverhead(b *testing.B) {
	bare := baseline(b)
	w := work(b, &world{}, b.TempDir())
	defer w.Stop()
	promote := func(name string) {
		if err := workflows.Start(context.Background(), shared.Client(), fiveSteps(name)); err != nil {
			b.Fatal(err)
		}
		result(b, name)
	}
	promote("warm-up")
	bare("warm-up")
	for b.Loop() {
		base := median(20, func(i int) { bare(fmt.Sprint("bare-", b.N, i)) })
		ours := median(20, func(i int) { promote(fmt.Sprint("bench-", b.N, "-", i)) })
		b.ReportMetric(float64(ours.Microseconds())/1000, "ms-median")
		b.ReportMetric(float64(base.Microseconds())/1000, "ms-baseline")
		b.ReportMetric(float64(ours)/float64(base), "ours/baseline")
	}
}

// BenchmarkFiftyAtOnce is how many promotions a second end when fifty begin together.
func BenchmarkFiftyAtOnce(b *testing.B) {
	const n = 50
	bare := baseline(b)
	w := work(b, &world{}, b.TempDir())
	defer w.Stop()
	together := func(do func(i int)) float64 {
		began := time.Now()
		done := make(chan struct{})
		for i := range n {
			go func() { do(i); done <- struct{}{} }()
		}
		for range n {
			<-done
		}
		return n / time.Since(began).Seconds()
	}
	for b.Loop() {
		base := together(func(i int) { bare(fmt.Sprint("many-bare-", b.N, "-", i)) })
		ours := together(func(i int) {
			name := fmt.Sprint("many-", b.N, "-", i)
			if err := workflows.Start(context.Background(), shared.Client(), fiveSteps(name)); err != nil {
				b.Error(err)
				return
			}
			result(b, name)
		})
		b.ReportMetric(ours, "promotions/s")
		b.ReportMetric(base, "baseline/s")
		b.ReportMetric(ours/base, "ours/baseline")
	}
}
