package node

import (
	"fmt"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway"
)

const (
	watchEvery  = 5 * time.Second // how often a settled instance is probed
	memoryEvery = time.Second     // how often its memory is looked at
)

// follow watches a running process until it exits, has to be ended for its
// memory, or the instance is to stop.
func (i *instance) follow(wait <-chan string) string {
	pause, probe := firstProbe, time.Now()
	for {
		timer := time.NewTimer(pause)
		select {
		case why := <-wait:
			timer.Stop()
			i.endStrays()
			return why
		case by := <-i.taken:
			timer.Stop()
			i.mu.Lock()
			i.by = by
			i.mu.Unlock()
			return i.endOver(by, wait)
		case <-i.ctx.Done():
			timer.Stop()
			return ""
		case <-timer.C:
		}
		if why := i.overBound(); why != "" {
			return i.endOver(why, wait)
		}
		i.revive()
		if time.Now().Before(probe) {
			continue
		}
		if i.look() {
			i.trim()
			pause, probe = memoryEvery, time.Now().Add(watchEvery)
		} else {
			pause = min(pause*5/4, slowestProbe)
		}
	}
}

// look keeps the state of a running instance true, and tells whether it has
// settled: until then it is looked at often.
func (i *instance) look() bool {
	r := i.report()
	if i.gated.Load() {
		return false // who waits for it probes it
	}
	if !i.web {
		if time.Since(r.StartedAt) < workerLeast {
			return false
		}
		i.set(slipway.InstanceHealthy, "")
		return true
	}
	port := i.port()
	answer := i.probe(i.ctx)
	switch {
	case i.ctx.Err() != nil:
		return false
	case answer.ok:
		i.set(slipway.InstanceHealthy, "")
		i.open(port)
	case r.State == slipway.InstanceStarting && time.Since(r.StartedAt) < healthLimit(i.of().Manifest.Health):
		return false
	default:
		i.set(slipway.InstanceFailing, i.words(answer))
	}
	return true
}

// mostTasks is how many processes and threads an instance may have at once. Who isn't
// root is held to less by the kernel, see sandbox.
const mostTasks = 5000

// overBound says by how much an instance is over what it may take.
func (i *instance) overBound() string {
	limit := i.place.node.o.MaxMemory
	if own := int64(i.process.MemoryMB) << 20; own > 0 && (limit <= 0 || own < limit) {
		limit = own
	}
	i.mu.Lock()
	pid, apart := i.known.PID, i.apart
	i.mu.Unlock()
	used := usedBy(pid, apart)
	switch {
	case limit > 0 && used.memory > limit:
		return fmt.Sprintf("used %d MiB, more than its limit of %d MiB", used.memory>>20, limit>>20)
	case used.number > mostTasks:
		return fmt.Sprintf("had %d processes and threads, more than %d", used.number, mostTasks)
	}
	return ""
}

// endOver ends an instance that uses too much; the caller starts it again.
func (i *instance) endOver(why string, wait <-chan string) string {
	i.set(slipway.InstanceFailing, why)
	i.say(i.id + " " + why + ": it is ended and started again")
	if note := i.end(i.ctx); note != "" {
		why += "; it did not end by itself and was killed"
	}
	select {
	case <-wait:
		return why
	case <-i.ctx.Done():
		return ""
	}
}

// endStrays kills what a process that was just ours left in its group, and what
// carries its mark.
func (i *instance) endStrays() {
	if pid := i.report().PID; pid > 0 {
		_ = syscall.Kill(-pid, syscall.SIGKILL)
	}
	i.endMarked()
}
