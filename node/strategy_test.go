package node_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
)

// load asks until it is told to stop; it tells how many answers each word gave.
func (b *bench) load(workers int) (stop func() map[string]int) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	var mu sync.Mutex
	answers := map[string]int{}
	for range workers {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				status, body, _ := b.ask()
				if status != 200 {
					b.t.Errorf("%d %q", status, body)
				}
				word, _, _ := strings.Cut(body, " ")
				mu.Lock()
				answers[word]++
				mu.Unlock()
			}
		})
	}
	return sync.OnceValue(func() map[string]int { close(done); wg.Wait(); return answers })
}

// split asks n times, and tells how many answers each word gave.
func (b *bench) split(n int) map[string]int {
	answers := map[string]int{}
	for range n {
		status, body, _ := b.ask()
		if status != 200 {
			b.t.Fatalf("%d %q", status, body)
		}
		word, _, _ := strings.Cut(body, " ")
		answers[word]++
	}
	return answers
}

// TestCanary: the weights are the ones asked for, workers run once the release
// has all the traffic, and no request fails on the way.
func TestCanary(t *testing.T) {
	b := newBench(t)
	one, two := b.deployment(1, "one", nil), b.deployment(2, "two", nil)
	for _, d := range []*slipway.Deployment{&one, &two} {
		d.Manifest.Processes = append(d.Manifest.Processes, process("worker", 1), process("beat", 1))
	}
	b.must(one)
	stop := b.load(4)
	two.Strategy, two.Weight = slipway.Canary, 20
	b.must(two)
	if o := b.observe(); o.Deployment != "1" || o.Next == nil || o.Next.Weight != 20 || o.Next.Deployment != "2" || len(o.Next.Instances) != 1 {
		t.Errorf("%+v", o)
	}
	// 20 % of 500 is 100 with a standard deviation of 9.
	if n := b.split(500)["two"]; n < 55 || n > 145 {
		t.Errorf("%d of 500 requests went to the canary, not about 100", n)
	}
	two.Weight = 80
	b.must(two)
	if n := b.split(500)["two"]; n < 355 || n > 445 {
		t.Errorf("%d of 500 requests went to the canary, not about 400", n)
	}
	if alive := append(b.alive("worker", "two"), b.alive("beat", "two")...); len(alive) > 0 {
		t.Errorf("workers of a canary run: %v", alive)
	}
	counted, err := b.node.Traffic(context.Background(), "shop", "dev", time.Now().Add(-time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	if n := counted.Sum("2", time.Time{}).Requests; n < 400 || counted.Sum("1", time.Time{}).Requests < 400 {
		t.Errorf("the edge counted %d: %+v", n, counted)
	}
	two.Weight = 0
	b.must(two)
	if all := b.split(50); all["two"] != 50 {
		t.Errorf("%v", all)
	}
	stop()
	if o := b.observe(); o.Deployment != "2" || o.Next != nil || len(o.Instances) != 3 || len(o.Warm) != 1 {
		t.Errorf("%+v", o)
	}
	b.eventually("one worker and one scheduler run", func() bool {
		return len(b.alive("worker", "two")) == 1 && len(b.alive("beat", "two")) == 1 && len(b.alive("worker", "one")) == 0 && len(b.alive("beat", "one")) == 0
	})
}

// TestCanaryAborted: the old release has all the traffic again, and nothing of the
// new one stays.
func TestCanaryAborted(t *testing.T) {
	b := newBench(t)
	one, two := b.deployment(1, "one", nil), b.deployment(2, "two", nil)
	b.must(one)
	two.Strategy, two.Weight = slipway.Canary, 50
	b.must(two)
	stop := b.load(4)
	b.revert(two)
	if all := b.split(50); all["one"] != 50 {
		t.Errorf("%v", all)
	}
	stop()
	if o := b.observe(); o.Deployment != "1" || o.Next != nil || len(b.alive("web", "two")) != 0 {
		t.Errorf("%+v", o)
	}
}

// TestCanaryOutlivesTheAgent, and one that nobody asks for again is given up by the next deploy.
func TestCanaryOutlivesTheAgent(t *testing.T) {
	b := emptyBench(t)
	b.spawn()
	one, two := b.deployment(1, "one", nil), b.deployment(2, "two", nil)
	b.must(one)
	two.Strategy, two.Weight = slipway.Canary, 50
	b.must(two)
	before := append(b.alive("web", "one"), b.alive("web", "two")...)
	b.killed()
	b.spawn()
	if all := b.split(200); all["one"] < 50 || all["two"] < 50 {
		t.Errorf("%v", all)
	}
	if after := append(b.alive("web", "one"), b.alive("web", "two")...); len(after) != 2 || after[0] != before[0] || after[1] != before[1] {
		t.Errorf("%v became %v", before, after)
	}
	b.must(b.deployment(3, "three", nil))
	if all := b.split(20); all["three"] != 20 || len(b.alive("web", "two")) != 0 {
		t.Errorf("%v, and the canary runs as %v", all, b.alive("web", "two"))
	}
}

// TestRolling: instances are replaced one by one without a failed request, and never
// are there more than one more than asked for.
func TestRolling(t *testing.T) {
	b := newBench(t)
	one, two := b.deployment(1, "one", nil), b.deployment(2, "two", nil)
	one.Manifest.Processes[0].Instances, two.Manifest.Processes[0].Instances = 3, 3
	two.Strategy = slipway.Rolling
	b.must(one)
	stop := b.load(4)
	var most atomic.Int64
	done := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				most.Store(max(most.Load(), int64(len(b.alive("web", "one"))+len(b.alive("web", "two")))))
			}
		}
	})
	log := b.must(two)
	close(done)
	watch.Wait()
	stop()
	if most.Load() > 4 {
		t.Errorf("%d instances ran at once", most.Load())
	}
	if !strings.Contains(log, "1 of 3 instances are replaced") || len(b.alive("web", "one")) != 0 || len(b.alive("web", "two")) != 3 {
		t.Errorf("%v, %v\n%s", b.alive("web", "one"), b.alive("web", "two"), log)
	}
	if all := b.split(20); all["two"] != 20 {
		t.Errorf("%v", all)
	}
	stop = b.load(2)
	b.revert(two) // the old one is cold: it starts first
	stop()
	if all := b.split(20); all["one"] != 20 || len(b.alive("web", "two")) != 0 {
		t.Errorf("%v", all)
	}
}

// TestRollingFails: an instance that does not get healthy is the last one that is tried.
func TestRollingFails(t *testing.T) {
	b := newBench(t)
	one, two := b.deployment(1, "one", nil), b.deployment(2, "two", map[string]string{"MODE": "exit"})
	one.Manifest.Processes[0].Instances, two.Manifest.Processes[0].Instances = 2, 2
	two.Strategy = slipway.Rolling
	b.must(one)
	stop := b.load(2)
	log, err := b.deploy(two)
	if slipway.CodeOf(err) != slipway.Refused {
		t.Errorf("%v\n%s", err, log)
	}
	stop()
	if o := b.observe(); o.Deployment != "1" || o.Next != nil || len(b.alive("web", "one")) != 2 || len(b.alive("web", "two")) != 0 {
		t.Errorf("%+v", o)
	}
}

// TestRecreate: the old release has ended before the new one starts, also when it
// goes back, and where the new one fails. No request fails by that.
func TestRecreate(t *testing.T) {
	b := newBench(t)
	one, two, three := b.deployment(1, "one", nil), b.deployment(2, "two", nil), b.deployment(3, "three", map[string]string{"MODE": "exit"})
	b.must(one)
	stop := b.load(4)
	old := b.alive("web", "one")[0]
	two.Strategy, three.Strategy = slipway.Recreate, slipway.Recreate
	log := b.must(two)
	if !strings.Contains(log, "ends before the new one starts") || len(b.alive("web", "one")) != 0 {
		t.Errorf("%d: %s", old, log)
	}
	if status, body, _ := b.ask(); status != 200 || !strings.HasPrefix(body, "two ") {
		t.Errorf("%d %q", status, body)
	}
	b.revert(two)
	if status, body, _ := b.ask(); status != 200 || !strings.HasPrefix(body, "one ") || len(b.alive("web", "two")) != 0 {
		t.Errorf("%d %q", status, body)
	}
	if log, err := b.deploy(three); slipway.CodeOf(err) != slipway.Refused {
		t.Errorf("%v\n%s", err, log)
	}
	b.eventually("the old release answers again", func() bool {
		status, body, _ := b.ask()
		return status == 200 && strings.HasPrefix(body, "one ")
	})
	stop()
}
