package node_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
)

// withBackground adds a worker, which two releases may run at once for a while,
// and a scheduler, which they may not.
func withBackground(d slipway.Deployment) slipway.Deployment {
	d.Manifest.Processes = append(d.Manifest.Processes, process("worker", 1), process("beat", 1))
	return d
}

// before tells whether one line was noted before another.
func before(t *testing.T, lines []string, first, second string) {
	t.Helper()
	at := func(want string) int {
		for k, line := range lines {
			if line == want {
				return k
			}
		}
		return -1
	}
	if a, b := at(first), at(second); a < 0 || b < 0 || a > b {
		t.Errorf("%q (%d) is not before %q (%d) in\n%s", first, a, second, b, strings.Join(lines, "\n"))
	}
}

// TestOneSchedulerAtATime: of a scheduler the old ends first, of a worker the new starts first.
func TestOneSchedulerAtATime(t *testing.T) {
	b := newBench(t)
	one, two := withBackground(b.deployment(1, "one", nil)), withBackground(b.deployment(2, "two", nil))
	b.must(one)
	b.must(two)
	before(t, b.noted("order"), "stop beat one", "start beat two")
	before(t, b.noted("order"), "start worker two", "stop worker one")
	if err := b.node.Revert(context.Background(), two, io.Discard); err != nil {
		t.Fatal(err)
	}
	order := b.noted("order")
	back := order[len(order)-4:]
	before(t, back, "stop beat two", "start beat one")
	before(t, back, "start worker one", "stop worker two")
	if len(b.alive("beat", "one")) != 1 || len(b.alive("beat", "two")) != 0 {
		t.Error("not exactly one scheduler runs")
	}
	// And by a deploy of what is warm.
	b.must(withBackground(b.deployment(3, "three", nil)))
	again := one
	again.ID, again.Fence = "4", 4
	if log := b.must(again); !strings.Contains(log, "still warm") {
		t.Error(log)
	}
	order = b.noted("order")
	back = order[len(order)-4:]
	before(t, back, "stop beat three", "start beat one")
	before(t, back, "start worker one", "stop worker three")
}

// TestASchedulerThatFails: the old one runs again.
func TestASchedulerThatFails(t *testing.T) {
	b := newBench(t)
	b.must(withBackground(b.deployment(1, "one", nil)))
	_, err := b.deploy(withBackground(b.deployment(2, "two", map[string]string{"MODE": "badbeat"})))
	if slipway.CodeOf(err) != slipway.Refused || !strings.Contains(err.Error(), "beat.1 exited with code 5") {
		t.Error(err)
	}
	b.eventually("the old scheduler runs again", func() bool { return b.instance("beat.1").State == slipway.InstanceHealthy })
	if len(b.alive("beat", "one")) != 1 || len(b.alive("worker", "one")) != 1 || len(b.alive("worker", "two")) != 0 {
		t.Error("not what ran before runs")
	}
}

// TestRevertToADeadRelease: it is started again and serves only when it is healthy.
func TestRevertToADeadRelease(t *testing.T) {
	b := newBench(t)
	one, two := b.deployment(1, "one", nil), b.deployment(2, "two", nil)
	b.must(one)
	b.must(two)
	b.touch("sick-one")
	end(t, b.alive("web", "one")[0])
	err := b.node.Revert(context.Background(), two, io.Discard)
	if slipway.CodeOf(err) != slipway.Refused || !strings.Contains(err.Error(), "release 1 can't take the traffic back: web.1 exited with code 3") || !strings.Contains(err.Error(), "release 2 goes on serving") {
		t.Errorf("%v", err)
	}
	if status, body, _ := b.ask(); status != 200 || !strings.HasPrefix(body, "two ") {
		t.Errorf("%d %q", status, body)
	}
	if o := b.observe(); o.Deployment != "2" || len(o.Warm) != 1 {
		t.Errorf("%+v", o)
	}
	b.remove("sick-one")
	var log strings.Builder
	if err := b.node.Revert(context.Background(), two, &log); err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	if status, body, _ := b.ask(); status != 200 || !strings.HasPrefix(body, "one ") {
		t.Errorf("%d %q", status, body)
	}
	if len(b.alive("web", "two")) != 0 {
		t.Error("what was reverted still runs")
	}
}

// TestRevertToAHaltedRelease: a process that is there and does not answer is none.
func TestRevertToAHaltedRelease(t *testing.T) {
	b := newBench(t)
	one, two := b.deployment(1, "one", nil), b.deployment(2, "two", nil)
	b.must(one)
	b.must(two)
	halted := b.alive("web", "one")[0]
	if err := syscall.Kill(halted, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := b.node.Revert(context.Background(), two, io.Discard); err != nil {
		t.Fatal(err)
	}
	if status, body, _ := b.ask(); status != 200 || !strings.HasPrefix(body, "one ") || strings.Contains(body, fmt.Sprint(halted)) {
		t.Errorf("%d %q", status, body)
	}
}

// TestIgnoresSIGTERM: who looks at the deployment or at the service's log is told.
func TestIgnoresSIGTERM(t *testing.T) {
	b := newBench(t)
	deaf := b.deployment(1, "one", map[string]string{"MODE": "stubborn"})
	deaf.Manifest.Processes[0].GraceSeconds = 1
	b.must(deaf)
	pid := b.instance("web.1").PID
	log := b.revert(deaf)
	if want := "web.1 had not ended 1s after SIGTERM and was killed"; !strings.Contains(log, want) {
		t.Errorf("%q is not in the deployment's log:\n%s", want, log)
	} else if text := b.file("logs/shop/dev/1.web.1.log"); !strings.Contains(text, "[slipway] "+want) {
		t.Errorf("%q is not in the service's log:\n%s", want, text)
	}
	if alive := b.alive("web", "one"); len(alive) > 0 {
		t.Errorf("%d still runs", pid)
	}
	if status, body, _ := b.ask(); status != 503 || !strings.Contains(body, "no release running") {
		t.Errorf("without a release: %d %q", status, body)
	}
}

// TestStopSignal: a process is asked to end by the signal that it understands.
func TestStopSignal(t *testing.T) {
	b := newBench(t)
	d := b.deployment(1, "one", nil)
	worker := process("worker", 1)
	worker.StopSignal = "INT"
	d.Manifest.Processes = append(d.Manifest.Processes, worker)
	b.must(d)
	b.eventually("the worker has started", func() bool { return len(b.noted("order")) == 1 })
	b.revert(d)
	if got := b.noted("signals"); len(got) != 1 || got[0] != "2" {
		t.Errorf("it was sent %v", got)
	}
}

// TestAPoolEndsItsTasks: only the first process is asked to end; a signal to its
// children would lose what they work on.
func TestAPoolEndsItsTasks(t *testing.T) {
	b := newBench(t)
	d := b.deployment(1, "one", map[string]string{"MODE": "pool"})
	worker := process("worker", 1)
	worker.GraceSeconds = 10
	d.Manifest.Processes = append(d.Manifest.Processes, worker)
	b.must(d)
	b.eventually("the worker has started", func() bool { return len(b.noted("order")) == 1 })
	reverted := make(chan struct{})
	go func() { b.revert(d); close(reverted) }()
	b.eventually("it was asked to end", func() bool { return len(b.noted("order")) == 2 })
	b.touch("go")
	<-reverted
	b.eventually("it has ended", func() bool { return len(b.alive("worker", "one")) == 0 })
	if got := b.noted("order"); len(got) != 4 || got[2] != "task done" || got[3] != "stop with 0" {
		t.Errorf("it did %v", got)
	}
}

// TestAShellInFront: a worker behind a shell, which dies at once, ends its task.
func TestAShellInFront(t *testing.T) {
	b := newBench(t)
	d := b.deployment(1, "one", map[string]string{"MODE": "warm"})
	if err := os.WriteFile(filepath.Join(b.data, "artifacts", "one", "source", "front.sh"), []byte(python()+" app.py worker\necho behind\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.Manifest.Processes = append(d.Manifest.Processes, slipway.Process{Name: "worker", Command: "/bin/sh front.sh", Instances: 1, GraceSeconds: 10})
	b.must(d)
	b.eventually("the worker has started", func() bool { return len(b.noted("order")) == 1 })
	log := b.revert(d)
	if got := b.noted("order"); len(got) != 2 || got[1] != "stop worker one" {
		t.Errorf("it did %v", got)
	}
	if strings.Contains(log, "killed") {
		t.Error(log)
	}
}

// TestSwitchUnderLoad: no request fails, and none goes to the old release once
// the deploy says that the new one has the traffic.
func TestSwitchUnderLoad(t *testing.T) {
	b := newBench(t)
	d := b.deployment(1, "one", nil)
	d.Manifest.Processes[0].Instances = 2
	b.must(d)
	stop := make(chan struct{})
	var asked, failed atomic.Int64
	var load sync.WaitGroup
	for range 4 {
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				asked.Add(1)
				if status, body, _ := b.ask(); status != 200 {
					failed.Add(1)
					t.Errorf("%d %q", status, body)
				}
			}
		})
	}
	for id := 2; id < 20; id++ {
		next := b.deployment(id, []string{"two", "one"}[id%2], nil) // from the third on what is warm
		if id == 2 {
			next.Manifest.Processes[0].Instances = 2
		}
		b.must(next)
		if from := b.fresh(); from != next.ID {
			t.Errorf("after the deploy of %s, %q answers", next.ID, from)
		}
	}
	close(stop)
	load.Wait()
	t.Logf("%d requests, %d failed", asked.Load(), failed.Load())
}

// fresh asks on a connection of its own which deployment answers.
func (b *bench) fresh() string {
	b.t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	req, err := http.NewRequest(http.MethodGet, "http://"+b.edge+"/", nil)
	if err != nil {
		b.t.Fatal(err)
	}
	req.Host = "shop.dev.localhost"
	res, err := client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.Header.Get(slipway.ReleaseHeader)
}

// TestDrain: a request that began on a release is answered by it, however many
// deploys come in the meantime.
func TestDrain(t *testing.T) {
	b := newBench(t)
	b.must(b.deployment(1, "one", nil))
	answer := make(chan string, 1)
	go func() {
		status, body, _ := b.get("/slow")
		answer <- fmt.Sprint(status, " ", body)
	}()
	b.eventually("the request has arrived", func() bool { return len(b.noted("slow")) == 1 })
	b.must(b.deployment(2, "two", nil))
	var log syncBuffer
	deployed := make(chan error, 1)
	go func() { deployed <- b.node.Deploy(context.Background(), b.deployment(3, "three", nil), &log) }()
	b.eventually("the third release has the traffic", func() bool { return strings.Contains(log.String(), "the traffic is on the new release") })
	b.touch("go")
	if got := <-answer; !strings.HasPrefix(got, "200 one ") {
		t.Errorf("%q", got)
	}
	if err := <-deployed; err != nil {
		t.Error(err)
	}
	b.eventually("the first release has ended", func() bool { return len(b.alive("web", "one")) == 0 })
}

// TestPoisonedRequest: a request that ends the process which gets it is not given to
// the next one.
func TestPoisonedRequest(t *testing.T) {
	b := newBench(t)
	d := b.deployment(1, "one", nil)
	d.Manifest.Processes = []slipway.Process{process("web", 3)}
	b.must(d)
	if status, _, _ := b.get("/exit"); status != 502 {
		t.Errorf("it was answered with %d", status)
	}
	restarts := func() (n int) {
		for _, i := range b.observe().Instances {
			n += i.Restarts
			if i.State != slipway.InstanceHealthy {
				return -1
			}
		}
		return n
	}
	b.eventually("all run again", func() bool { return restarts() > 0 })
	if n := restarts(); n != 1 {
		t.Errorf("one request ended %d instances", n)
	}
}

// TestShutdownTakesOneGrace: what serves and what is kept warm end side by side.
func TestShutdownTakesOneGrace(t *testing.T) {
	b := newBench(t)
	const grace = 3 * time.Second
	for n := range 2 {
		d := b.deployment(n+1, fmt.Sprint("deaf", n), map[string]string{"MODE": "stubborn"})
		d.Manifest.Processes[0].GraceSeconds = int(grace.Seconds())
		if log, err := b.deploy(d); err != nil {
			t.Fatalf("%v\n%s", err, log)
		}
	}
	began := time.Now()
	if err := b.node.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < grace || took > grace+2*time.Second {
		t.Errorf("the end of two deployments that wait for SIGKILL took %s, and the grace is %s", took, grace)
	}
}
