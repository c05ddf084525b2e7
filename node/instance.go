package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway"
)

const (
	firstBackoff = time.Second
	lastBackoff  = time.Minute
	// stableAfter is how long an instance runs before its next crash counts as
	// the first one.
	stableAfter  = time.Minute
	defaultGrace = 10 * time.Second
	watchEvery   = 5 * time.Second
)

// instance is one running copy of a process. A goroutine, keep, owns it.
type instance struct {
	place   *place
	owner   atomic.Pointer[deployment]
	id      string // web.1
	process slipway.Process
	port    int
	known   running // of a process to adopt

	ctx    context.Context // ends when the instance is to stop, or is let go
	cancel context.CancelCauseFunc
	ended  chan struct{} // closed when keep has returned

	mu       sync.Mutex
	state    slipway.InstanceState
	pid      int
	restarts int
	started  time.Time
	reason   string
	deaf     bool          // had to be killed
	exits    chan struct{} // closed at the first exit
	exited   bool
	startErr error // why the process could not even be started
}

var (
	errStop  = errors.New("stop")
	errLetGo = errors.New("let go")
)

func newInstance(p *place, d *deployment, id string, process slipway.Process, port int) *instance {
	ctx, cancel := context.WithCancelCause(context.Background())
	i := &instance{
		place: p, id: id, process: process, port: port, ctx: ctx, cancel: cancel,
		ended: make(chan struct{}), exits: make(chan struct{}), state: slipway.InstanceStarting,
	}
	i.owner.Store(d)
	return i
}

func (i *instance) of() *deployment { return i.owner.Load() }

// keep runs the process until it is told to stop: it adopts one that runs,
// starts one that doesn't, and starts it again, ever later, when it exits.
func (i *instance) keep() {
	defer close(i.ended)
	backoff := firstBackoff
	for i.ctx.Err() == nil {
		began := time.Now()
		wait, err := i.begin()
		if err != nil {
			i.set(slipway.InstanceBackoff, "can't be started: "+err.Error())
			i.mu.Lock()
			i.startErr = err
			i.mu.Unlock()
		} else {
			why := i.follow(wait)
			if errors.Is(context.Cause(i.ctx), errLetGo) {
				return
			}
			if i.ctx.Err() != nil {
				break
			}
			i.set(slipway.InstanceBackoff, why)
			i.place.node.o.Log.Warn("an instance exited", "service", i.of().Service, "environment", i.of().Environment, "instance", i.id, "reason", why)
		}
		i.noteExit()
		if time.Since(began) > stableAfter {
			backoff = firstBackoff
		}
		pause := time.NewTimer(backoff)
		select {
		case <-pause.C:
		case <-i.ctx.Done():
			pause.Stop()
		}
		backoff = min(2*backoff, lastBackoff)
		i.mu.Lock()
		i.restarts++
		i.known = running{}
		i.mu.Unlock()
	}
	if !errors.Is(context.Cause(i.ctx), errLetGo) {
		i.end()
		i.set(slipway.InstanceStopped, "")
	}
}

// begin adopts or starts the process; the channel yields how it exited.
func (i *instance) begin() (<-chan string, error) {
	if i.known.PID > 0 {
		if wait, ok := follow(i.known); ok {
			i.running(i.known)
			return wait, nil
		}
	}
	i.endMarked()
	return i.start()
}

func (i *instance) running(r running) {
	i.mu.Lock()
	i.pid, i.started, i.state, i.reason, i.known = r.PID, time.Now(), slipway.InstanceStarting, "", r
	i.mu.Unlock()
}

// start starts the process in a session of its own with its output in a file,
// so that it outlives the agent, and writes down how to know it again.
func (i *instance) start() (<-chan string, error) {
	env, err := i.place.environment(i.ctx, i.of(), i.id, i.port)
	if err != nil {
		return nil, err
	}
	args, err := i.place.node.o.Expand(i.process.Command, lookupIn(env))
	if err != nil {
		return nil, err
	}
	if len(args) == 0 {
		return nil, slipway.Errorf(slipway.Refused, "the process %s has an empty command", i.process.Name)
	}
	out, err := i.openLog()
	if err != nil {
		return nil, slipway.Wrap(slipway.Unavailable, err, "the log of %s can't be written: is the disk full?", i.id)
	}
	defer out.Close()
	cmd := &exec.Cmd{Path: programIn(args[0], env, i.place.workDir(i.of())), Args: args, Dir: i.place.workDir(i.of()), Env: env, Stdout: out, Stderr: out}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, slipway.Wrap(slipway.Refused, err, "%s can't be started: is it in the release's dependencies? (%s)", args[0], reasonOf(err))
	}
	r := running{PID: cmd.Process.Pid, Start: startTime(cmd.Process.Pid)}
	i.running(r)
	wait := make(chan string, 1)
	go func() {
		_ = cmd.Wait()
		wait <- exitWords(cmd.ProcessState)
	}()
	return wait, i.place.change(func(s *placeState) {
		if d := s.Deployments[i.of().ID]; d != nil {
			d.Processes[i.id] = r
		}
	})
}

// follow watches a running process until it exits or the instance is to stop.
func (i *instance) follow(wait <-chan string) string {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case why := <-wait:
			i.endStrays()
			return why
		case <-tick.C:
			i.look()
		case <-i.ctx.Done():
			return ""
		}
	}
}

// look keeps the state of a running instance true.
func (i *instance) look() {
	i.trim()
	i.mu.Lock()
	pid, state := i.pid, i.state
	i.mu.Unlock()
	if limit := i.place.node.o.MaxMemory; limit > 0 {
		if used := groupMemory(pid); used > limit {
			i.set(slipway.InstanceFailing, fmt.Sprintf("used %d MB of memory, %d are allowed", used>>20, limit>>20))
			_ = syscall.Kill(-pid, syscall.SIGTERM)
			return
		}
	}
	if i.port == 0 {
		i.set(slipway.InstanceHealthy, "")
		return
	}
	if state == slipway.InstanceStarting {
		state = slipway.InstanceHealthy
	}
	if answer := i.place.probe(i.ctx, i.of(), i.port); answer.ok {
		i.set(slipway.InstanceHealthy, "")
	} else if i.ctx.Err() == nil {
		i.set(slipway.InstanceFailing, answer.words(i.of().Manifest.Health))
	}
}

// stop ends the instance and waits until its processes are gone.
func (i *instance) stop() {
	i.set(slipway.InstanceDraining, "")
	i.cancel(errStop)
	<-i.ended
}

// letGo leaves the process to the next agent.
func (i *instance) letGo() { i.cancel(errLetGo) }

// end asks the process group to end, waits for the grace period, and makes it.
func (i *instance) end() {
	i.mu.Lock()
	r := i.known
	i.mu.Unlock()
	if r.PID == 0 || !alive(r) {
		i.endMarked()
		return
	}
	grace := defaultGrace
	if i.process.GraceSeconds > 0 {
		grace = time.Duration(i.process.GraceSeconds) * time.Second
	}
	_ = syscall.Kill(-r.PID, syscall.SIGTERM)
	if !goneWithin(r, grace) {
		i.mu.Lock()
		i.deaf = true
		i.mu.Unlock()
		i.place.node.o.Log.Warn("an instance ignored SIGTERM and was killed", "service", i.of().Service, "environment", i.of().Environment, "instance", i.id, "grace", grace)
		_ = syscall.Kill(-r.PID, syscall.SIGKILL)
		goneWithin(r, 5*time.Second)
	}
	i.endStrays()
}

// endStrays kills what a process that was just ours left in its group, and what
// carries its mark.
func (i *instance) endStrays() {
	i.mu.Lock()
	pid := i.known.PID
	i.mu.Unlock()
	if pid > 0 {
		_ = syscall.Kill(-pid, syscall.SIGKILL)
	}
	i.endMarked()
}

// endMarked kills what carries the instance's mark. A pid alone may be another
// program's by now; the mark is not.
func (i *instance) endMarked() {
	for _, stray := range marked(i.mark()) {
		_ = syscall.Kill(stray, syscall.SIGKILL)
	}
}

// mark is the environment variable that all processes of the instance carry.
func (i *instance) mark() string {
	return "SLIPWAY_INSTANCE=" + i.place.state.Service + "." + i.place.state.Environment + "." + i.of().home() + "." + i.id
}

func (i *instance) set(state slipway.InstanceState, reason string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.state == slipway.InstanceDraining && state != slipway.InstanceStopped {
		return
	}
	i.state, i.reason = state, reason
}

func (i *instance) noteExit() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.exited {
		i.exited = true
		close(i.exits)
	}
}

func (i *instance) report() slipway.Instance {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slipway.Instance{
		ID: i.id, Process: i.process.Name, State: i.state, PID: i.pid, Port: i.port, Restarts: i.restarts, StartedAt: i.started.UTC(), Reason: i.reason,
	}
}

func (i *instance) logFile() string {
	return filepath.Join(i.place.logDir(), i.of().home()+"."+i.id+".log")
}

func (i *instance) openLog() (*os.File, error) {
	if err := os.MkdirAll(i.place.logDir(), 0o700); err != nil {
		return nil, err
	}
	return os.OpenFile(i.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}
