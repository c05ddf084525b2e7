package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
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
	stableAfter = time.Minute
)

// instance is one running copy of a process. A goroutine, keep, owns it.
type instance struct {
	place   *place
	owner   atomic.Pointer[deployment]
	id      string // web.1
	process slipway.Process
	web     bool         // it has a port
	at      atomic.Int64 // which one it has now
	worn    bool         // a process has had it: the next one gets another
	gated   atomic.Bool  // somebody waits for its health and probes it

	verified atomic.Pointer[holding] // who listened at its port when that was looked at
	blind    atomic.Bool             // who listens there can't be found out
	taken    chan string             // told when somebody else does

	ctx    context.Context // ends when the instance is to stop, or is let go
	cancel context.CancelCauseFunc
	ended  chan struct{} // closed when keep has returned

	mu       sync.Mutex
	state    slipway.InstanceState
	known    running // the process; before keep, the one to adopt
	apart    *apart  // what its processes alone are in
	reason   string
	closed   int           // a port whose process has ended
	lost     int           // how many ports it has lost to others
	by       string        // to whom, when its process was ended for that
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
		place: p, id: id, process: process, web: port > 0, ctx: ctx, cancel: cancel, taken: make(chan string, 1),
		ended: make(chan struct{}), exits: make(chan struct{}), state: slipway.InstanceStarting,
	}
	i.owner.Store(d)
	i.at.Store(int64(port))
	return i
}

func (i *instance) of() *deployment { return i.owner.Load() }

// single tells by its name or its command whether a process must not run twice.
func single(p slipway.Process) bool {
	if slices.Contains([]string{"scheduler", "beat", "celerybeat", "celery-beat", "clock", "cron"}, p.Name) {
		return true
	}
	words := strings.Fields(p.Command)
	celery := slices.ContainsFunc(words, func(w string) bool { return filepath.Base(w) == "celery" })
	return celery && slices.ContainsFunc(words, func(w string) bool { return w == "beat" || w == "--beat" || w == "-B" })
}

// keep runs the process until it is told to stop: it adopts one that runs,
// starts one that doesn't, and starts it again, ever later, when it exits.
func (i *instance) keep() {
	defer close(i.ended)
	defer i.leave()
	backoff := firstBackoff
	for i.ctx.Err() == nil {
		began := time.Now()
		wait, err := i.begin()
		lost := false
		if i.ctx.Err() != nil {
			break
		}
		if err != nil {
			i.mu.Lock()
			i.startErr = err
			i.mu.Unlock()
			i.crashed("can't be started: "+err.Error(), false)
		} else if why := i.follow(wait); i.ctx.Err() == nil {
			why, lost = i.whether(why)
			i.crashed(why, lost)
		} else {
			break
		}
		if time.Since(began) > stableAfter {
			backoff = firstBackoff
			i.mu.Lock()
			i.lost = 0
			i.mu.Unlock()
		}
		if lost {
			continue // to another port
		}
		pause := time.NewTimer(backoff)
		select {
		case <-pause.C:
		case <-i.ctx.Done():
			pause.Stop()
		}
		backoff = min(2*backoff, lastBackoff)
	}
	if errors.Is(context.Cause(i.ctx), errLetGo) {
		return
	}
	i.set(slipway.InstanceStopped, i.end(context.Background()))
}

// crashed notes how the process ended; the next one carries it on. Who waits for the
// instance's health waits on when it will be looked for at another port.
func (i *instance) crashed(why string, again bool) {
	i.shut(i.port())
	i.place.node.edge.ForgetStreams(i.port())
	i.set(slipway.InstanceBackoff, why)
	i.mu.Lock()
	i.known = running{Restarts: i.known.Restarts + 1, Note: why}
	if !i.exited && !again {
		i.exited = true
		close(i.exits)
	}
	i.mu.Unlock()
	i.place.node.o.Log.Warn("an instance exited", "service", i.place.service, "environment", i.place.environment, "instance", i.id, "reason", why)
}

// begin adopts or starts the process; the channel yields how it exited.
func (i *instance) begin() (<-chan string, error) {
	i.mu.Lock()
	known := i.known
	i.mu.Unlock()
	if known.PID > 0 {
		port := i.port()
		if wait, ok := follow(known, func() { i.shut(port) }); ok {
			i.running(known)
			return wait, nil
		}
		known = running{Restarts: known.Restarts + 1, Note: unwatchedExit}
	}
	i.endMarked()
	return i.start(known)
}

func (i *instance) running(r running) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if r.At.IsZero() {
		r.At = time.Now() // written by an agent that did not keep it
	}
	i.known, i.startErr = r, nil
	i.apart.release()
	i.apart = apartOf(r.PID)
	if i.state != slipway.InstanceDraining {
		i.state, i.reason = slipway.InstanceStarting, ""
	}
}

// start starts the process in a session of its own with its output in a file,
// so that it outlives the agent, and writes down how to know it again. What
// can't be written down is ended: the next agent would start it a second time.
func (i *instance) start(before running) (<-chan string, error) {
	d := i.of()
	if err := i.place.verify(i.ctx, d.Deployment); err != nil {
		return nil, err
	}
	if err := i.move(); err != nil {
		return nil, err
	}
	port := i.port()
	env, err := i.place.variables(i.ctx, d, i.process, i.id, port)
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
	out, err := i.openOutput()
	if err != nil {
		return nil, err
	}
	defer out.to.Close()
	cmd := &exec.Cmd{Path: programIn(args[0], env, i.place.workDir(d)), Args: args, Dir: i.place.workDir(d), Env: env, Stdout: out.to, Stderr: out.to}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	group, err := i.place.launch(cmd, d, i.id)
	if known := (*slipway.Error)(nil); errors.As(err, &known) {
		return nil, err
	} else if err != nil {
		return nil, slipway.Wrap(slipway.Refused, err, "%s can't be started: is it in the release's dependencies? (%s)", args[0], reasonOf(err))
	}
	i.worn = i.web
	r := running{PID: cmd.Process.Pid, Start: startTime(cmd.Process.Pid), At: time.Now().UTC(), Group: group, Keeper: out.keeper.PID, KeeperStart: out.keeper.Start, Restarts: before.Restarts, Note: before.Note}
	wait := make(chan string, 1)
	go func() {
		_ = cmd.Wait()
		i.shut(port)
		wait <- exitWords(cmd.ProcessState)
	}()
	if err := i.write(r); err != nil {
		_ = syscall.Kill(-r.PID, syscall.SIGKILL)
		<-wait
		endGroup(group)
		i.endMarked()
		return nil, err
	}
	i.running(r)
	return wait, nil
}

// write puts the process into the state.
func (i *instance) write(r running) error {
	port, before := i.port(), 0
	err := i.place.change(func(s *placeState) error {
		d := s.kept(i.of().home())
		if d == nil {
			return slipway.Errorf(slipway.Conflict, "the deployment of %s is gone", i.id)
		}
		d.Processes[i.id] = r
		if i.web {
			before, d.Ports[i.id] = d.Ports[i.id], port
		}
		return nil
	})
	if err == nil && before != port {
		i.place.node.free(before)
	}
	return err
}

// stop ends the instance and waits until its processes are gone.
func (i *instance) stop() {
	i.set(slipway.InstanceDraining, "")
	i.shut(i.port())
	if i.web { // else it would wait for them, until it is killed
		if open := i.place.node.edge.EndStreams(i.port()); open != "" {
			i.say(fmt.Sprintf("%s is stopped: the edge has closed %s that it still had", i.id, open))
		}
	}
	i.cancel(errStop)
	<-i.ended
}

// letGo leaves the process to the next agent.
func (i *instance) letGo() { i.cancel(errLetGo) }

// endMarked kills what is in the instance's group and in its mount namespace, and what
// carries its mark. A pid alone may be another program's by now; these are not.
func (i *instance) endMarked() {
	i.mu.Lock()
	group, apart := i.known.Group, i.apart
	i.apart = nil
	i.mu.Unlock()
	endGroup(group)
	apart.end()
	apart.release()
	for _, stray := range marked(i.marks()...) {
		_ = syscall.Kill(stray, syscall.SIGKILL)
	}
	i.mu.Lock()
	keeper := i.known.keeper()
	i.mu.Unlock()
	drained(keeper) // whoever reads its log now finds all of it
}

// marks are the environment variables that all processes of the instance carry,
// and none of another node's on this machine.
func (i *instance) marks() []string { return i.place.marks(i.of().home(), i.id) }

func (p *place) marks(home, instance string) []string {
	return []string{"SLIPWAY_INSTANCE=" + p.service + "." + p.environment + "." + home + "." + instance, "SLIPWAY_NODE=" + p.node.id}
}

func (i *instance) set(state slipway.InstanceState, reason string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.state == slipway.InstanceDraining && state != slipway.InstanceStopped {
		return
	}
	i.state, i.reason = state, reason
}

// report is what is seen of the instance. One that was started again keeps
// telling why.
func (i *instance) report() slipway.Instance {
	i.mu.Lock()
	defer i.mu.Unlock()
	r := slipway.Instance{
		ID: i.id, Process: i.process.Name, State: i.state, PID: i.known.PID, Port: i.port(), Restarts: i.known.Restarts, StartedAt: i.known.At.UTC(), Reason: i.reason,
	}
	if running := i.state == slipway.InstanceStarting || i.state == slipway.InstanceHealthy; running && r.Reason == "" && r.Restarts > 0 {
		r.Reason = "started again: " + i.known.Note
	}
	return r
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

// say puts a line of the platform's own among the service's.
func (i *instance) say(line string) {
	if f, err := i.openLog(); err == nil {
		_, _ = fmt.Fprintf(f, "[slipway] %s\n", line)
		_ = f.Close()
	}
}
