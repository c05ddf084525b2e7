package sandbox

import (
	"context"
	"os/exec"
	"syscall"
	"time"
)

// process is a command that Run has started, with its holder when it is confined.
type process struct {
	cmd  *exec.Cmd
	run  string
	held *held
}

func (p process) pid() int { return p.cmd.Process.Pid }

// all lists the processes of the command.
func (p process) all() []int {
	if p.held != nil {
		return descendants(p.pid())
	}
	return marked(p.run)
}

// fill says how the command ended.
func (p process) fill(r *Result) error {
	if p.held != nil {
		p.held.close()
		a, ok := p.held.answer()
		if !ok { // the holder was ended, and all with it
			r.ExitCode, r.Signal = -1, syscall.SIGKILL.String()
			return nil
		}
		r.ExitCode, r.Signal, r.Leftover = a.Exit, a.signal(), r.Leftover+a.Leftover
		return a.error()
	}
	r.ExitCode = p.cmd.ProcessState.ExitCode()
	if status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		r.Signal = status.Signal().String()
	}
	return nil
}

// watch ends the command's whole group when its time, its memory, its number or the
// context is over; it returns when the command has ended.
func watch(ctx context.Context, p process, c Command, cancel context.CancelCauseFunc) {
	var late <-chan time.Time
	if c.Timeout > 0 {
		timer := time.NewTimer(c.Timeout)
		defer timer.Stop()
		late = timer.C
	}
	var look <-chan time.Time
	if c.MaxMemory > 0 {
		ticker := time.NewTicker(200 * time.Millisecond)
		defer ticker.Stop()
		look = ticker.C
	}
	for {
		select {
		case <-ctx.Done():
			if context.Cause(ctx) != context.Canceled || !exited(p.pid()) {
				p.terminate()
			}
			return
		case <-late:
			cancel(errTimedOut)
		case <-look:
			switch all := p.all(); {
			case len(all) > mostProcesses:
				cancel(errMultitude)
			case residentBytes(all) > c.MaxMemory:
				cancel(errMemory)
			}
		}
	}
}

// holderEnds is how long a holder has to end what it holds.
const holderEnds = 10 * time.Second

// terminate asks the command to end, then makes it.
func (p process) terminate() {
	p.ask()
	deadline := time.NewTimer(grace)
	defer deadline.Stop()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for {
		select {
		case <-poll.C:
			if exited(p.pid()) {
				p.make()
				return
			}
		case <-deadline.C:
			p.make()
			return
		}
	}
}

func (p process) ask() {
	if p.held != nil {
		p.held.terminate()
		return
	}
	_ = syscall.Kill(-p.pid(), syscall.SIGTERM)
}

func (p process) make() {
	if p.held != nil {
		p.held.close()
		// Where the kernel doesn't hold signals the command may have stopped its
		// holder, which then ends nothing: its mark is what is left.
		_ = p.cmd.Process.Signal(syscall.SIGCONT)
		waitGone([]int{p.pid()}, time.Now().Add(holderEnds))
		_ = p.cmd.Process.Kill()
		return
	}
	_ = syscall.Kill(-p.pid(), syscall.SIGKILL)
}
