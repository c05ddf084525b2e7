package workflows_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/workflows"
	"github.com/slipway-dev/slipway/workflows/engine"
)

// BenchmarkThousandWaiting is what promotions cost that wait for an approval: room
// on disk, memory, processor time, and how soon they answer after a restart.
func BenchmarkThousandWaiting(b *testing.B) {
	const n = 1000
	for b.Loop() {
		file := filepath.Join(b.TempDir(), "temporal.db")
		g := newGated(1)
		g.reviewed = make(chan struct{}, 10*n)
		bare := memory()
		e, stop := gatedEngine(b, file, g)
		empty, before := memory(), size(file)
		start := func(from, to int) {
			each(to-from, func(i int) {
				if err := workflows.Start(b.Context(), e, waitingInput(from+i)); err != nil {
					b.Error(err)
				}
			})
			for range to - from {
				<-g.reviewed
			}
			// What starting them left to do is over when a second costs little.
			for used := processor(); ; used = processor() {
				<-time.After(time.Second)
				if b.Elapsed() > 5*time.Minute || processor()-used < 100*time.Millisecond {
					break
				}
			}
		}
		// The first half fills what is kept of promotions anyway; the second one costs
		// what each further promotion does.
		start(0, n/2)
		half := memory()
		start(n/2, n)
		b.ReportMetric(float64(memory()-half)/(n/2)/1024, "KB-memory-of-one-more")
		b.ReportMetric(float64(size(file)-before)/n/1024, "KB-disk-each")
		b.ReportMetric(float64(empty-bare)/1024/1024, "MB-engine")
		const idleFor = 10 * time.Second
		used := processor()
		<-time.After(idleFor)
		b.ReportMetric(100*float64(processor()-used)/float64(idleFor), "%-of-a-core-idle")
		stop()

		began := time.Now()
		e, stop = gatedEngine(b, file, g)
		answer := func(i int) {
			d := slipway.Decision{Promotion: fmt.Sprint(i + 1), Name: "ada", Verdict: slipway.VerdictApprove, Plan: "plan of " + g.config}
			if err := workflows.Decide(b.Context(), e, fmt.Sprint("waiting-", i), "dev", d); err != nil {
				b.Error(err)
			}
		}
		answer(0)
		b.ReportMetric(time.Since(began).Seconds(), "s-restart-to-first-answer")
		began = time.Now()
		each(n-1, func(i int) { answer(i + 1) })
		b.ReportMetric(float64(n-1)/time.Since(began).Seconds(), "answers/s")
		each(n, func(i int) {
			var out workflows.Output
			if err := e.GetWorkflow(b.Context(), workflows.WorkflowID(fmt.Sprint("waiting-", i), "dev"), "").Get(b.Context(), &out); err != nil || out.State != slipway.PromotionSucceeded {
				b.Errorf("promotion %d ended %+v: %v", i+1, out, err)
			}
		})
		stop()
	}
}

func waitingInput(i int) workflows.Input {
	return gatedInput(fmt.Sprint("waiting-", i), i+1)
}

func gatedEngine(b *testing.B, file string, g *gated) (client.Client, func()) {
	b.Helper()
	e, err := engine.Start(context.Background(), engine.Options{File: file})
	if err != nil {
		b.Fatal(err)
	}
	w := workflows.NewWorker(e.Client(), &workflows.Steps{Source: g, Builder: g, Renderer: g, Target: g, Rehearser: g, Verifier: g, Ledger: ledger{g.world}, Snapshots: ledger{g.world}, Gates: g, Queue: g, Warrants: trusting{}, Work: b.TempDir()}, workflows.Options{})
	if err := w.Start(); err != nil {
		b.Fatal(err)
	}
	return e.Client(), func() { w.Stop(); e.Stop() }
}

// each does something n times, thirty at once.
func each(n int, do func(i int)) {
	var all sync.WaitGroup
	slots := make(chan struct{}, 30)
	for i := range n {
		slots <- struct{}{}
		all.Go(func() { defer func() { <-slots }(); do(i) })
	}
	all.Wait()
}

func memory() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func size(file string) (bytes int64) {
	for _, suffix := range []string{"", "-wal"} {
		if info, err := os.Stat(file + suffix); err == nil {
			bytes += info.Size()
		}
	}
	return bytes
}
