package node

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway"
)

// releaseCommandLimit bounds a release command; a migration that needs longer
// ought to be run by hand.
const releaseCommandLimit = 30 * time.Minute

// Release runs the release command once. That it began is written down before
// it begins: when the agent itself dies in between, its outcome is not known and
// it is not run again. A caller who goes away doesn't interrupt it, since half a
// migration helps nobody: whoever asks again waits and gets its outcome.
func (n *Node) Release(ctx context.Context, d slipway.Deployment, log io.Writer) error {
	if err := check(d); err != nil {
		return err
	}
	if d.Manifest.ReleaseCommand == "" {
		return nil
	}
	p := n.at(d.Service, d.Environment)
	done, err := p.take(ctx)
	if err != nil {
		return err
	}
	defer done()
	if err := p.fence(d); err != nil {
		return err
	}
	p.mu.Lock()
	before, known := p.state.Released[d.ID]
	p.mu.Unlock()
	switch {
	case known && before.Ended && before.Reason == "":
		fmt.Fprintln(log, "the release command has run already")
		return nil
	case known && before.Ended:
		return slipway.Errorf(slipway.Refused, "%s", before.Reason)
	case known:
		return slipway.Errorf(slipway.Refused, "the release command was interrupted and may have run in part; look at what it did, then promote again")
	}
	next := &deployment{Deployment: d, Ports: map[string]int{}, Processes: map[string]running{}, Home: d.ID + "-release"}
	defer os.RemoveAll(p.dir(next.home()))
	if err := p.materialise(ctx, next); err != nil {
		return err
	}
	err = p.runRelease(context.WithoutCancel(ctx), next, log)
	if err != nil && slipway.CodeOf(err) != slipway.Refused {
		return err
	}
	ended := outcome{Ended: true}
	if err != nil {
		ended.Reason = err.Error()
	}
	return errors.Join(err, p.note(d.ID, ended))
}

// note keeps the outcomes of the last few release commands.
func (p *place) note(id string, o outcome) error {
	return p.change(func(s *placeState) {
		if len(s.Released) > 20 {
			for old := range s.Released {
				if old != id && s.Deployments[old] == nil {
					delete(s.Released, old)
				}
			}
		}
		s.Released[id] = o
	})
}

func (p *place) runRelease(ctx context.Context, d *deployment, log io.Writer) error {
	env, err := p.environment(ctx, d, "release", 0)
	if err != nil {
		return err
	}
	args, err := p.node.o.Expand(d.Manifest.ReleaseCommand, lookupIn(env))
	if err != nil || len(args) == 0 {
		return slipway.Wrap(slipway.Refused, err, "the release command can't be read: %s", d.Manifest.ReleaseCommand)
	}
	secrets, err := p.secrets(ctx, d.Deployment)
	if err != nil {
		return err
	}
	fmt.Fprintf(log, "$ %s\n", d.Manifest.ReleaseCommand)
	read, write, err := os.Pipe()
	if err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "the release command can't be run")
	}
	cmd := &exec.Cmd{Path: programIn(args[0], env, p.workDir(d)), Args: args, Dir: p.workDir(d), Env: env, Stdout: write, Stderr: write}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := p.note(d.ID, outcome{}); err != nil {
		return errors.Join(err, read.Close(), write.Close())
	}
	err = cmd.Start()
	_ = write.Close()
	if err != nil {
		_ = read.Close()
		return slipway.Wrap(slipway.Refused, err, "the release command can't be started: %s (%s)", args[0], reasonOf(err))
	}
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		scrubLines(read, log, secrets)
	}()
	err = waitFor(ctx, cmd)
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	for _, stray := range marked("SLIPWAY_INSTANCE=" + p.state.Service + "." + p.state.Environment + "." + d.home() + ".release") {
		_ = syscall.Kill(stray, syscall.SIGKILL)
	}
	<-copied
	_ = read.Close()
	return err
}

func waitFor(ctx context.Context, cmd *exec.Cmd) error {
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	limit := time.NewTimer(releaseCommandLimit)
	defer limit.Stop()
	var stopped error
	select {
	case <-ended:
	case <-limit.C:
		stopped = slipway.Errorf(slipway.Refused, "the release command did not end within %s", releaseCommandLimit)
	case <-ctx.Done():
		stopped = ctx.Err()
	}
	if stopped != nil {
		r := running{PID: cmd.Process.Pid, Start: startTime(cmd.Process.Pid)}
		_ = syscall.Kill(-r.PID, syscall.SIGTERM)
		if !goneWithin(r, defaultGrace) {
			_ = syscall.Kill(-r.PID, syscall.SIGKILL)
		}
		<-ended
		return stopped
	}
	if !cmd.ProcessState.Success() {
		return slipway.Errorf(slipway.Refused, "the release command %s; the old release still serves", exitWords(cmd.ProcessState))
	}
	return nil
}

// scrubLines copies output line by line, secrets taken out.
func scrubLines(from io.Reader, to io.Writer, secrets []slipway.Secret) {
	r := bufio.NewReaderSize(from, 64<<10)
	for {
		line, err := r.ReadString('\n')
		if line != "" {
			_, _ = io.WriteString(to, slipway.Scrub(line, secrets))
		}
		if err != nil {
			return
		}
	}
}

// forget drops a removed place with everything that it had on disk.
func (n *Node) forget(p *place) error {
	n.mu.Lock()
	delete(n.places, p.state.Service+"."+p.state.Environment)
	n.mu.Unlock()
	errs := []error{os.RemoveAll(filepath.Join(n.dir, "state", p.state.Service+"."+p.state.Environment+".json"))}
	for _, dir := range []string{p.logDir(), p.dataDir(), p.dir("x"), filepath.Dir(p.dir("x"))} {
		errs = append(errs, os.RemoveAll(dir))
	}
	if err := errors.Join(errs...); err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "what %s left in %s can't be removed", p.state.Service, p.state.Environment)
	}
	return nil
}
