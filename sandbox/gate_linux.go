package sandbox

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// A process that a confined command could signal would be its way out, and a signal
// to one thread ends the whole process. So no thread of the platform or of the node
// agent, nor of a holder that isn't safe by its process table, is ever confined with
// a command: a program of ours is started, confines itself, and becomes it.

// firstFree is the first descriptor after the standard ones, where a command's
// ExtraFiles begin, and after those the two of its gate.
const firstFree = 3

// gateName is what a program of ours is called by when it is to become a command.
const gateName = "slipway-gate"

// passage is what a gate is told.
type passage struct {
	Path  string
	Args  []string
	Dir   string // where it works, once it has its view
	Env   []string
	Rules []rule
	View  *view // nil without mounts of its own
	Alone bool  // it shares nothing by numbers with others of its user
}

// pass is the gate's life. Its descriptors follow those of the command.
func pass(first string) {
	fd, err := strconv.Atoi(first)
	if err != nil {
		os.Exit(2)
	}
	syscall.CloseOnExec(fd)
	syscall.CloseOnExec(fd + 1)
	syscall.CloseOnExec(fd + 2)                                                        // the gate's own program, if it came that way
	in, out := os.NewFile(uintptr(fd), "passage"), os.NewFile(uintptr(fd+1), "answer") // #nosec G115 -- a descriptor
	var p passage
	if json.NewDecoder(in).Decode(&p) != nil {
		os.Exit(2) // who started it is gone
	}
	if p.View != nil {
		boundMultitude()
		if err = p.View.enter(p.Rules); err == nil && p.Dir != "" {
			err = os.Chdir(p.Dir) // the same directory, as it is seen now
		}
	}
	// This is the first thread, and the only one that the command takes over.
	if err == nil {
		err = confine(p.Rules, p.Alone)
	}
	if err == nil {
		err = syscall.Exec(p.Path, p.Args, p.Env) // #nosec G204 -- the command that was asked for
	}
	_ = json.NewEncoder(out).Encode(failed(err))
	os.Exit(2)
}

// gate is the other side of a gate.
type gate struct {
	theirs [2]*os.File
	in     *os.File
	out    *os.File
}

func newGate() (*gate, error) {
	theirIn, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	out, theirOut, err := os.Pipe()
	if err != nil {
		_, _ = theirIn.Close(), in.Close()
		return nil, err
	}
	return &gate{theirs: [2]*os.File{theirIn, theirOut}, in: in, out: out}, nil
}

// let has the gate that was started become the command, and returns why it can't.
func (g *gate) let(p passage) error {
	g.shut()
	_ = json.NewEncoder(g.in).Encode(p) // a gate that is gone says why below
	var a answer
	err := json.NewDecoder(g.out).Decode(&a)
	switch {
	case errors.Is(err, io.EOF):
		return nil // its descriptors closed when it became the command
	case err != nil:
		return err
	}
	return a.error()
}

// close closes both ends, which may be closed already.
func (g *gate) close() {
	g.shut()
	_, _ = g.in.Close(), g.out.Close()
}

// shut closes the gate's own ends here.
func (g *gate) shut() {
	_, _ = g.theirs[0].Close(), g.theirs[1].Close()
}

// startThroughGate starts a command confined, as a process that never shared its
// confinement with another, and returns its pid.
func startThroughGate(o order) (int, error) {
	g, err := newGate()
	if err != nil {
		return 0, err
	}
	defer g.close()
	files := []uintptr{0, 1, 2}
	for n := range o.Files {
		files = append(files, uintptr(firstFD+n)) // #nosec G115 -- a few descriptors
	}
	first := strconv.Itoa(len(files))
	files = append(files, g.theirs[0].Fd(), g.theirs[1].Fd())
	pid, err := syscall.ForkExec("/proc/self/exe", []string{gateName, first}, &syscall.ProcAttr{
		Dir: o.Dir, Env: holderEnv, Files: files, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return 0, err
	}
	if err := g.let(passage{Path: o.Path, Args: o.Args, Env: o.Env, Rules: o.Rules}); err != nil {
		_, _ = unix.Wait4(pid, nil, 0, nil)
		return 0, err
	}
	return pid, nil
}
