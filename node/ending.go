package node

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/slipway-dev/slipway"
)

const (
	// defaultGrace is that of a release whose manifest doesn't say: one that was built
	// before manifests did.
	defaultGrace = 10 * time.Second
	// lastGrace is the most that a program has after its last signal: it gives back what
	// it has, and goes. lastBeyond of it may come after the grace, so that one of a second
	// leaves time for both.
	lastGrace  = 5 * time.Second
	lastBeyond = 500 * time.Millisecond
)

// heard has the agent hear the signals by which services are stopped. What a process
// ignores its children ignore as well, and a shell makes what it starts in the
// background ignore SIGINT: a service would then never be stopped by it.
func heard() {
	for _, sign := range []os.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH} {
		if signal.Ignored(sign) {
			signal.Notify(make(chan os.Signal, 1), sign)
		}
	}
}

// grace is how long the instance has from its stop signal.
func (i *instance) grace() time.Duration {
	if i.process.GraceSeconds > 0 {
		return time.Duration(i.process.GraceSeconds) * time.Second
	}
	return defaultGrace
}

// patience is how long the instance has before it is made to end, and last what it has
// from its last signal then: together they are its grace, and lastBeyond at most.
func (i *instance) patience() (patience, last time.Duration) {
	grace := i.grace()
	if i.process.LastSignal == "" {
		return grace, 0
	}
	last = min(lastGrace, grace/2+lastBeyond)
	return grace + lastBeyond - last, last
}

// end asks the instance to end, waits for the grace period, and makes it. The first
// process is asked alone: what it has started is its own to end, and Celery's pool would
// lose its tasks. What outlives it, behind a shell, is asked then. Nothing is asked
// twice within the grace, by the next agent neither: to most programs a second signal
// says that they shall drop what they have. It returns what is to be said of one that
// did not end by itself. When ctx ends first the process is left as it is.
func (i *instance) end(ctx context.Context) string {
	i.mu.Lock()
	r := i.known
	if i.apart == nil && r.PID != 0 && alive(r) { // of an agent before this one
		i.apart = apartOf(r.PID)
	}
	i.mu.Unlock()
	asked := !r.Asked.IsZero() && time.Since(r.Asked) < i.grace()
	if r.PID == 0 || !alive(r) && !(asked && groupAlive(r.PID)) {
		i.endMarked()
		return ""
	}
	sign := i.stopSignal()
	first := sign
	if i.process.BehindShell {
		first = syscall.SIGTERM
	}
	if !asked {
		r.Asked, r.AskedRest = time.Now().UTC(), false
		_ = i.write(r) // before it is sent: a signal too few costs the grace, one too many a task
		_ = syscall.Kill(r.PID, first)
	}
	patience, _ := i.patience()
	left := func() time.Duration { return patience - time.Since(r.Asked) }
	_ = syscall.Kill(-r.PID, syscall.SIGCONT) // a process that somebody halted can't hear
	gone := goneWithin(ctx, left(), func() bool { return !alive(r) })
	if gone && groupAlive(r.PID) {
		if !r.AskedRest {
			r.AskedRest = true
			_ = i.write(r)
			_ = syscall.Kill(-r.PID, sign)
		}
		gone = goneWithin(ctx, left(), func() bool { return !groupAlive(r.PID) })
	}
	if !gone && ctx.Err() != nil {
		return ""
	}
	note := ""
	if !gone {
		note = i.overdue(ctx, r, first)
	}
	_ = syscall.Kill(-r.PID, syscall.SIGKILL) // the process, or what it left in its group
	if !gone {
		i.say(note)
		r.Note = note
		_ = i.write(r) // of use only while the deployment stays
		i.place.node.o.Log.Warn("an instance had to be made to end", "service", i.place.service, "environment", i.place.environment, "instance", i.id, "reason", note)
		goneWithin(ctx, 5*time.Second, func() bool { return !alive(r) })
	}
	i.endMarked()
	return note
}

// overdue sends the last signal before SIGKILL to an instance that has not ended in time,
// and says how it ends.
func (i *instance) overdue(ctx context.Context, r running, asked syscall.Signal) string {
	patience, lastly := i.patience()
	patience = patience.Round(100 * time.Millisecond)
	late := fmt.Sprintf("%s had not ended %s after %s", i.id, patience, unix.SignalName(asked))
	cut, longer := "", "; it may have longer: grace_seconds of its process in slipway.yaml"
	if !i.web {
		cut = i.underWay(ctx, r)
		longer = fmt.Sprintf(". What takes longer than %s needs more: grace_seconds of %s in slipway.yaml", patience, i.process.Name)
	}
	if last := unix.SignalNum("SIG" + i.process.LastSignal); last != 0 && alive(r) {
		_ = syscall.Kill(r.PID, last)
		if goneWithin(ctx, lastly, func() bool { return !alive(r) && !groupAlive(r.PID) }) {
			if cut != "" {
				cut += ", unless it is given back to its queue then (acknowledged late)"
			}
			return late + ", and ended by " + unix.SignalName(last) + cut + longer
		}
	}
	return late + " and was killed" + cut + longer
}

// underWay says which jobs of a worker are cut when it is made to end now: those that its
// log names, or else whatever it had.
func (i *instance) underWay(ctx context.Context, r running) string {
	const lines = 2000
	text, _, err := tail(i.logFile(), lines)
	secrets, unknown := i.place.node.secrets(ctx, i.of().Deployment)
	if err == nil && unknown == nil && r.Restarts == 0 { // else its log holds those of the process before it
		if jobs := slipway.JobsUnderWay(slipway.Scrub(text, secrets)); len(jobs) > 0 {
			return ", which cut " + strings.Join(jobs, ", ")
		}
	}
	return ", which cut the job that it had, if any"
}

// stopSignal is what asks the instance's program to end.
func (i *instance) stopSignal() syscall.Signal {
	if sign := unix.SignalNum("SIG" + i.process.StopSignal); sign != 0 {
		return sign
	}
	return syscall.SIGTERM
}

// stop ends the instances of a deployment that only says yes to; nil is all. It
// returns what is to be said of those that did not go by themselves.
func (p *place) stop(id string, only func(*instance) bool) (said []string) {
	for _, i := range p.end(id, only) {
		if note := i.report().Reason; note != "" {
			said = append(said, note)
		}
	}
	return said
}

// end is stop, and returns what was ended.
func (p *place) end(id string, only func(*instance) bool) (ending []*instance) {
	p.mu.Lock()
	var staying []*instance
	for _, i := range p.instances[id] {
		if only == nil || only(i) {
			ending = append(ending, i)
		} else {
			staying = append(staying, i)
		}
	}
	p.instances[id] = staying
	p.ending = append(p.ending, ending...)
	p.mu.Unlock()
	var wg sync.WaitGroup
	for _, i := range ending {
		wg.Go(i.stop)
	}
	wg.Wait()
	p.mu.Lock()
	p.ending = slices.DeleteFunc(p.ending, func(i *instance) bool { return slices.Contains(ending, i) })
	p.mu.Unlock()
	return ending
}
