package node

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// defaultGrace is that of a release whose manifest doesn't say: one that was built
	// before manifests did.
	defaultGrace = 10 * time.Second
	// lastGrace is how long a program has after its last signal: it gives back what it
	// has, and goes.
	lastGrace = 5 * time.Second
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
	left := func() time.Duration { return i.grace() - time.Since(r.Asked) }
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

// overdue sends the last signal before SIGKILL to an instance whose grace is over, and
// says how it ends.
func (i *instance) overdue(ctx context.Context, r running, asked syscall.Signal) string {
	late := fmt.Sprintf("%s had not ended %s after %s", i.id, i.grace(), unix.SignalName(asked))
	if last := unix.SignalNum("SIG" + i.process.LastSignal); last != 0 && alive(r) {
		_ = syscall.Kill(r.PID, last)
		if goneWithin(ctx, lastGrace, func() bool { return !alive(r) && !groupAlive(r.PID) }) {
			return late + ", and ended by " + unix.SignalName(last) + "; it may have longer: grace_seconds of its process in slipway.yaml"
		}
	}
	return late + " and was killed; it may have longer: grace_seconds of its process in slipway.yaml"
}

// stopSignal is what asks the instance's program to end.
func (i *instance) stopSignal() syscall.Signal {
	if sign := unix.SignalNum("SIG" + i.process.StopSignal); sign != 0 {
		return sign
	}
	return syscall.SIGTERM
}
