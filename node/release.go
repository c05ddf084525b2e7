package node

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/sandbox"
)

const (
	// releaseCommandLimit bounds a release command; a migration that needs longer
	// ought to be run by hand.
	releaseCommandLimit = 30 * time.Minute
	watchRelease        = 50 * time.Millisecond
	interrupted         = "the release command was interrupted and may have run in part; look at what it did, then try the promotion again, with or without it"
)

// keeper runs a release command and writes its exit status to a file, whatever
// has become of the agent by then. Its text is the same for every command: the
// file and the command are arguments. It waits when it is asked to end, so that
// the command has its grace. The file has its room already, so that a full disk
// doesn't hide how the command ended.
const keeper = `status=$1; shift; trap : TERM; read -r go || exit; echo begun 1<>"$status"; "$@" </dev/null; echo $? 1<>"$status"`

// waiting is the outcome of a command whose keeper waits to be told to go on. Only the
// agent that started it can tell, once it knows it again: when that one is gone, the
// command has not been begun and never will be.
const waiting = "waiting "

const unbegun = "the release command could not be begun"

// run is a release command under way. It outlives the agent that started it.
type run struct {
	id   string
	dir  string // holds its output and its status
	done chan struct{}
	err  error // what became of it, once done is closed
}

// releaseHome is where the release command of a deployment runs.
func releaseHome(id string) string { return id + "-release" }

// Release runs the release command once. That it began is written down before
// it begins. A caller who goes away doesn't interrupt it, and neither does the
// agent's own end, since half a migration helps nobody: whoever asks again waits
// and gets its outcome.
func (n *Node) Release(ctx context.Context, d slipway.Deployment, log io.Writer) error {
	if err := check(d); err != nil {
		return err
	}
	if d.Manifest.ReleaseCommand == "" {
		return nil
	}
	p := n.at(d.Service, d.Environment)
	p.mu.Lock()
	r := p.runs[d.ID]
	p.mu.Unlock()
	if r != nil {
		fmt.Fprintln(log, "the release command is under way already")
		return p.watch(ctx, r, d, log)
	}
	p, both, done, err := n.hold(ctx, d.Service, d.Environment)
	if err != nil {
		return err
	}
	r, err = p.beginRelease(both, d, log)
	if r == nil {
		done()
		return err
	}
	// The place's turn stays with the command.
	n.work.Go(func() {
		defer done()
		<-r.done
	})
	return p.watch(ctx, r, d, log)
}

// beginRelease starts the command unless its outcome is known.
func (p *place) beginRelease(ctx context.Context, d slipway.Deployment, log io.Writer) (*run, error) {
	if err := p.fence(d); err != nil {
		return nil, err
	}
	p.mu.Lock()
	before, known := p.state.Released[d.ID]
	p.mu.Unlock()
	if known && !before.Ended {
		var err error
		if before, err = p.conclude(d.ID, false); err != nil {
			return nil, err
		}
		known = before.Ended
	}
	switch {
	case known && before.Reason == "":
		fmt.Fprintln(log, "the release command has run already")
		return nil, nil
	case known && before.Unknown && d.Manifest.ReleaseRepeatable:
		fmt.Fprintln(log, "the release command was interrupted; slipway.yaml says that it may be repeated, so it runs again")
	case known:
		return nil, before.err()
	}
	next := &deployment{Deployment: d, Ports: map[string]int{}, Processes: map[string]running{}, Home: releaseHome(d.ID)}
	if err := p.materialise(ctx, next); err != nil {
		return nil, err
	}
	r, err := p.startRelease(ctx, next, log)
	if err != nil {
		_ = sandbox.Remove(p.dir(next.home()))
		return nil, err
	}
	return r, nil
}

func (p *place) startRelease(ctx context.Context, d *deployment, log io.Writer) (*run, error) {
	env, err := p.variables(ctx, d, slipway.Process{}, "release", 0)
	if err != nil {
		return nil, err
	}
	if _, err := p.node.secrets(ctx, d.Deployment); err != nil {
		return nil, err // nothing that it prints could be shown
	}
	args, err := p.node.o.Expand(d.Manifest.ReleaseCommand, lookupIn(env))
	if err != nil || len(args) == 0 {
		return nil, slipway.Wrap(slipway.Refused, err, "the release command can't be read: %s", d.Manifest.ReleaseCommand)
	}
	program := programIn(args[0], env, p.workDir(d))
	if _, err := exec.LookPath(program); err != nil || !strings.Contains(program, "/") {
		return nil, slipway.Wrap(slipway.Refused, err, "the release command can't be started: %s is not found, or no program", args[0])
	}
	r := &run{id: d.ID, dir: p.dir(d.home()), done: make(chan struct{})}
	if err := os.WriteFile(r.output(), nil, 0o600); err != nil {
		return nil, slipway.Wrap(slipway.Unavailable, err, "the release command's output can't be written: is the disk full?")
	}
	out, err := p.openOutput(r.output(), "drop", d.home(), "release")
	if err != nil {
		return nil, err
	}
	defer out.to.Close()
	if err := os.WriteFile(r.status(), []byte(waiting+"\n"), 0o600); err != nil {
		return nil, slipway.Wrap(slipway.Unavailable, err, "there is no room for the release command's outcome: is the disk full?")
	}
	fmt.Fprintf(log, "$ %s\n", d.Manifest.ReleaseCommand)
	cmd := exec.Command("/bin/sh", append([]string{"-c", keeper, "sh", r.status(), program}, args[1:]...)...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = p.workDir(d), env, out.to, out.to
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	goes, tell, err := os.Pipe()
	if err != nil {
		return nil, slipway.Wrap(slipway.Unavailable, err, "the release command can't be started: too many files are open")
	}
	defer tell.Close()
	defer goes.Close()
	cmd.Stdin = goes
	if err := p.note(d.ID, outcome{}); err != nil {
		return nil, err
	}
	group, err := p.launch(cmd, d, "release", r.status())
	if err != nil {
		undone := p.change(func(s *placeState) error { delete(s.Released, d.ID); return nil })
		if undone != nil {
			return nil, undone
		}
		return nil, slipway.Wrap(slipway.Unavailable, err, "the release command can't be started: this machine has no /bin/sh, or no process to spare")
	}
	process := running{PID: cmd.Process.Pid, Start: startTime(cmd.Process.Pid), At: time.Now().UTC(), Group: group}
	// When this can't be written the command is found by its mark.
	if err := p.note(d.ID, outcome{Process: process}); err != nil {
		p.node.o.Log.Warn("a release command's pid can't be written", "service", p.service, "environment", p.environment, "error", err)
	}
	_, _ = tell.WriteString("go\n") // one that is gone already is concluded as what it is
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	p.track(r, process, ended)
	return r, nil
}

// track makes the run known and concludes it when its process has ended.
func (p *place) track(r *run, process running, ended <-chan struct{}) {
	p.mu.Lock()
	p.runs[r.id] = r
	p.mu.Unlock()
	alone := apartOf(process.PID)
	p.node.work.Go(func() {
		defer close(r.done)
		defer alone.release()
		limit := time.NewTimer(releaseCommandLimit - process.since())
		defer limit.Stop()
		look := time.NewTicker(time.Second)
		defer look.Stop()
		for waits := true; waits; {
			select {
			case <-ended:
				waits = false
			case <-p.node.ctx.Done():
				r.err = errStopping // the next agent finds it
				return
			case <-look.C:
				// The keeper is of the command's user, and can be stopped by it: then
				// nothing would say that the command has ended.
				if stopped(process) {
					_ = syscall.Kill(process.PID, syscall.SIGCONT)
				}
			case <-limit.C:
				_ = syscall.Kill(-process.PID, syscall.SIGTERM)
				_ = syscall.Kill(-process.PID, syscall.SIGCONT) // what is stopped can't hear
				goneWithin(p.node.ctx, defaultGrace, func() bool { return !alive(process) && !groupAlive(process.PID) })
				_ = syscall.Kill(-process.PID, syscall.SIGKILL)
				waits = false
			}
		}
		alone.end() // whatever it has left
		o, err := p.conclude(r.id, process.since() >= releaseCommandLimit)
		switch {
		case err != nil:
			r.err = err
		default:
			r.err = o.err()
		}
		p.mu.Lock()
		delete(p.runs, r.id)
		p.mu.Unlock()
	})
}

// findReleases takes over the release commands that a former agent started. The
// function that it returns waits until they have ended, or the agent ends.
func (p *place) findReleases() (wait func()) {
	var runs []*run
	p.mu.Lock()
	open := map[string]running{}
	for id, o := range p.state.Released {
		if !o.Ended {
			open[id] = o.Process
		}
	}
	p.mu.Unlock()
	for id, process := range open {
		if process.PID == 0 { // the agent died before it could write it down
			for _, pid := range marked(p.marks(releaseHome(id), "release")...) {
				if leads(pid) {
					process = running{PID: pid, Start: startTime(pid), At: time.Now()}
				}
			}
		}
		exited, alive := follow(process, func() {})
		if !alive {
			if _, err := p.conclude(id, false); err != nil {
				p.node.o.Log.Warn("the outcome of a release command can't be written", "service", p.service, "environment", p.environment, "error", err)
			}
			continue
		}
		ended := make(chan struct{})
		go func() { <-exited; close(ended) }()
		r := &run{id: id, dir: p.dir(releaseHome(id)), done: make(chan struct{})}
		p.track(r, process, ended)
		runs = append(runs, r)
	}
	return func() {
		for _, r := range runs {
			<-r.done
		}
	}
}

// conclude records the outcome of a release command that has ended.
func (p *place) conclude(id string, late bool) (outcome, error) {
	r := run{dir: p.dir(releaseHome(id))}
	p.mu.Lock()
	group := p.state.Released[id].Process.Group
	p.mu.Unlock()
	endGroup(group)
	for _, stray := range marked(p.marks(releaseHome(id), "release")...) {
		_ = syscall.Kill(stray, syscall.SIGKILL)
	}
	for _, keeper := range marked(p.keeperMarks(releaseHome(id), "release")...) {
		drained(running{PID: keeper, Start: startTime(keeper)})
	}
	o := outcome{Ended: true}
	text, err := readStatus(r.status())
	code, bad := strconv.Atoi(strings.TrimSpace(string(text)))
	switch {
	case err == nil && strings.TrimSpace(string(text)) == strings.TrimSpace(waiting):
		_ = sandbox.Remove(r.dir)
		return outcome{Reason: unbegun}, p.change(func(s *placeState) error { delete(s.Released, id); return nil })
	case late && (err != nil || bad != nil || code != 0):
		o.Reason = fmt.Sprintf("the release command did not end within %s", releaseCommandLimit)
	case err != nil || bad != nil:
		o.Reason, o.Unknown = interrupted, true
	case code > 128:
		o.Reason = fmt.Sprintf("the release command was ended by a signal (%s); the traffic stays where it was", syscall.Signal(code-128))
	case code != 0:
		o.Reason = fmt.Sprintf("the release command exited with code %d; the traffic stays where it was", code)
	}
	if o.Reason == "" {
		var note string
		if o.Reason, note = concludeWritten(r.dir); note != "" {
			if out, err := os.OpenFile(r.output(), os.O_APPEND|os.O_WRONLY, 0o600); err == nil {
				_, _ = out.WriteString(note)
				_ = out.Close()
			}
		}
	}
	if err := p.note(id, o); err != nil {
		return outcome{}, err
	}
	_ = sandbox.Remove(r.dir)
	return o, nil
}

// readStatus reads the outcome that a release command's keeper has written, into a file
// that the command can write to as well, and make as large as it likes.
func readStatus(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 64))
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return line, err
}

func (r *run) output() string { return filepath.Join(r.dir, "output") }
func (r *run) status() string { return filepath.Join(r.dir, "status") }

// watch shows what a release command prints until it has ended.
func (p *place) watch(ctx context.Context, r *run, d slipway.Deployment, log io.Writer) error {
	secrets, err := p.node.secrets(ctx, d)
	if err != nil {
		return err
	}
	f, err := os.Open(r.output())
	if err != nil { // it has ended in this moment
		<-r.done
		return r.err
	}
	defer f.Close()
	var printed cursor
	tick := time.NewTicker(watchRelease)
	defer tick.Stop()
	for {
		select {
		case <-r.done:
			_, _ = io.WriteString(log, printed.next(f, secrets, true))
			return because(r.err, lastOf(f), secrets, d)
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
			_, _ = io.WriteString(log, printed.next(f, secrets, false))
		}
	}
}

// note keeps the outcomes of the last few release commands.
func (p *place) note(id string, o outcome) error {
	return p.change(func(s *placeState) error {
		if len(s.Released) > 20 {
			for old, outcome := range s.Released {
				if old != id && outcome.Ended && s.Deployments[old] == nil {
					delete(s.Released, old)
				}
			}
		}
		s.Released[id] = o
		return nil
	})
}
