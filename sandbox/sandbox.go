// Package sandbox runs one command with limits: a clean environment, a process
// group and session of its own, bounds on time, output and memory, and nothing
// left running afterwards. Builds, tests, config rendering and git go through
// it, so that running things happens in one place.
package sandbox

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway"
)

// Command is what to run. Env is complete: nothing is inherited.
type Command struct {
	Args       []string
	Dir        string
	Env        []string
	Stdin      io.Reader
	Timeout    time.Duration // 0: only the context bounds it
	MaxOutput  int64         // bytes; 0 means 64 MiB
	MaxMemory  int64         // bytes resident, summed over all its processes; 0 means no bound
	MaxFile    int64         // bytes that each file of a confined command may have; 0 means no bound
	RunID      string        // marks every process, see End
	ExtraFiles []*os.File    // descriptors 3, 4, ... of the command
	// Project says that the program and its directory are the project's: it is its
	// failure, and none of the platform, when one of them isn't there.
	Project bool
	// Confinement is what the command may reach; nil leaves it all that the platform
	// reaches, and is for programs of ours that run no code of a project.
	Confinement *Confinement
}

// Result is how a command ended.
type Result struct {
	ExitCode    int // -1 when a signal ended it
	Signal      string
	TimedOut    bool
	OutOfMemory bool
	Flooded     bool // wrote more than MaxOutput
	Multitude   bool // had more processes at once than a command may
	Leftover    int  // processes that outlived the command and were ended
	Duration    time.Duration
}

// OK tells whether the command ended by itself with exit code 0.
func (r Result) OK() bool {
	return r.ExitCode == 0 && r.Signal == "" && !r.Stopped()
}

// Stopped tells whether it was ended at a bound: its time, its memory, what it may write
// or how many processes it may have. To try it again would end in the same way.
func (r Result) Stopped() bool { return r.TimedOut || r.OutOfMemory || r.Flooded || r.Multitude }

// marker is the environment variable by which a run's processes are found,
// whatever session they moved to.
const marker = "SLIPWAY_RUN"

// grace is how long a command has between SIGTERM and SIGKILL.
const grace = 3 * time.Second

// Run runs a command and copies its output, stdout and stderr together, to out.
// It returns an error only when the command could not be run or ctx ended; how
// the command itself fared is in the result. When Run returns no process of the
// command is left.
func Run(ctx context.Context, c Command, out io.Writer) (Result, error) {
	if len(c.Args) == 0 {
		return Result{}, slipway.Errorf(slipway.Internal, "no command to run")
	}
	run, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if c.RunID == "" {
		c.RunID = "run-" + randomID()
	}
	limit := c.MaxOutput
	if limit <= 0 {
		limit = 64 << 20
	}
	bounded := &boundedWriter{to: out, left: limit, full: func() { cancel(errFlooded) }}

	cmd := exec.Command(c.Args[0], c.Args[1:]...)
	if path := lookup(c.Args[0], c.Env); path != "" {
		cmd.Path, cmd.Err = path, nil
	} else if c.Project && !strings.Contains(c.Args[0], "/") {
		return Result{}, c.unstarted(exec.ErrNotFound) // what the platform's own PATH has is not the project's
	}
	cmd.Dir, cmd.Stdin, cmd.ExtraFiles = c.Dir, c.Stdin, c.ExtraFiles
	cmd.Stdout, cmd.Stderr = bounded, bounded
	cmd.Env = append(append([]string{}, c.Env...), marker+"="+c.RunID)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.WaitDelay = grace // a leftover that holds the pipes doesn't hold us

	began := time.Now()
	p := process{cmd: cmd, run: c.RunID}
	var err error
	if c.Confinement != nil {
		p.held, err = startHeld(cmd, c)
	} else {
		err = cmd.Start()
	}
	if err != nil {
		return Result{}, c.unstarted(err)
	}
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		watch(run, p, c, cancel)
	}()
	err = cmd.Wait()
	cause := context.Cause(run)
	cancel(nil)
	<-watched

	result := Result{Duration: time.Since(began), Leftover: endRun(c.RunID, cmd.Process.Pid)}
	if err := p.fill(&result); err != nil {
		return result, c.unstarted(err)
	}
	switch {
	case errors.Is(cause, errTimedOut):
		result.TimedOut = true
	case errors.Is(cause, errMemory):
		result.OutOfMemory = true
	case errors.Is(cause, errFlooded):
		result.Flooded = true
	case errors.Is(cause, errMultitude):
		result.Multitude = true
	case ctx.Err() != nil:
		return result, ctx.Err()
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) && cause == nil {
		return result, slipway.Wrap(slipway.Internal, err, "%s could not be followed to its end", filepath.Base(c.Args[0]))
	}
	return result, nil
}

// unstarted says why a command could not be started.
func (c Command) unstarted(err error) error {
	program := filepath.Base(c.Args[0])
	code, missing := slipway.Unavailable, "%s is not installed on this machine"
	if c.Project {
		code, missing = slipway.Refused, "%s is not in the release's environment, and not on this machine"
	}
	if info, failed := os.Stat(c.Dir); c.Dir != "" && (failed != nil || !info.IsDir()) {
		return slipway.Wrap(code, err, "%s can't be started: there is no directory %s", program, filepath.Base(c.Dir))
	}
	switch {
	case errors.Is(err, syscall.E2BIG):
		return slipway.Wrap(slipway.Refused, err, "%s can't be started: its variables and arguments have more bytes than the system takes (2 MiB together, 128 KiB each)", program)
	case slipway.CodeOf(err) == slipway.Unavailable: // it could not be confined
		return err
	case errors.Is(err, os.ErrNotExist), errors.Is(err, exec.ErrNotFound):
		return slipway.Wrap(code, err, missing, program)
	case c.Project && (errors.Is(err, os.ErrPermission) || errors.Is(err, syscall.ENOEXEC) || errors.Is(err, exec.ErrDot)):
		return slipway.Wrap(code, err, "%s can't be started: it is no program, or may not be executed", program)
	}
	return slipway.Wrap(slipway.Unavailable, err, "%s can't be started", program)
}

var (
	errTimedOut  = errors.New("timed out")
	errMemory    = errors.New("out of memory")
	errFlooded   = errors.New("too much output")
	errMultitude = errors.New("too many processes")
)

// Environment is a clean environment: a home, a path, the language, and what is
// added. Nothing of the platform's own environment is in it.
func Environment(home string, path []string, extra map[string]string) []string {
	env := []string{
		"HOME=" + home, "TMPDIR=" + filepath.Join(home, "tmp"), "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "TERM=dumb",
		"PATH=" + strings.Join(append(append([]string{}, path...), "/usr/local/bin", "/usr/bin", "/bin"), ":"),
	}
	for name, value := range extra {
		env = append(env, name+"="+value)
	}
	return env
}

// lookup finds a program on the PATH of the command, not on ours.
func lookup(name string, env []string) string {
	if strings.Contains(name, "/") {
		return ""
	}
	for _, e := range env {
		dirs, ok := strings.CutPrefix(e, "PATH=")
		if !ok {
			continue
		}
		for _, dir := range filepath.SplitList(dirs) {
			path := filepath.Join(dir, name)
			if info, err := os.Stat(path); err == nil && !info.IsDir() && info.Mode()&0o111 != 0 {
				return path
			}
		}
	}
	return ""
}

// boundedWriter passes on at most left bytes and reports once that it is full.
type boundedWriter struct {
	mu   sync.Mutex
	to   io.Writer
	left int64
	full func()
}

func (w *boundedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.left <= 0 {
		return len(p), nil
	}
	part := p
	if int64(len(part)) > w.left {
		part = part[:w.left]
	}
	w.left -= int64(len(part))
	if w.left <= 0 {
		w.full()
	}
	if _, err := w.to.Write(part); err != nil {
		return 0, err
	}
	return len(p), nil
}
