package sandbox

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/slipway-dev/slipway"
)

// A confined command of Run has a process of ours between itself and the platform,
// its holder: the small program that is built in, or this program once more. The holder is told over a pipe what to start. It starts the
// command confined, takes in every process that the command leaves, and ends them
// all when the command has ended, or when the pipe closes: the platform closes it
// to end the command, and the kernel does when the platform is killed. So nothing
// outlives its end, whatever session, environment or parent it gave itself.
//
// What ends them, the surest first: the holder is the first process of a process
// table of its own, which the kernel clears when it goes (for root); or it is in a
// company of its own (see enclose), in which one signal reaches all at once; or it
// ends those that descend from it until none does.

// holderName is what a holder is called by, and by which this program knows that
// it is to be one.
const holderName = "slipway-holder"

// holds is the variable by which End knows the holder of a run.
const holds = "SLIPWAY_HOLDER"

// Descriptors of a holder beside the command's own.
const (
	controlFD = 3
	answerFD  = 4
	firstFD   = 5 // of the command's ExtraFiles
)

// order is what a holder is told to do.
type order struct {
	Path     string
	Args     []string
	Dir      string
	Env      []string
	Files    int // beside stdin, stdout and stderr
	Rules    []rule
	MaxFile  int64
	View     *view // nil without namespaces
	Platform int   // who gives the order
}

// answer is how it went.
type answer struct {
	Problem  string        `json:",omitempty"` // why the command could not be started
	Cause    string        `json:",omitempty"` // of a problem with its confinement
	Errno    syscall.Errno `json:",omitempty"` // of a problem with the command itself
	Exit     int
	Signal   int
	Leftover int
}

// ask, written to the control pipe, has the holder ask the command to end.
const ask = 't'

func init() {
	switch {
	case len(os.Args) == 1 && os.Args[0] == holderName:
		hold()
	case len(os.Args) == 2 && os.Args[0] == gateName:
		pass(os.Args[1])
	}
}

// hold is the holder's life.
func hold() {
	syscall.CloseOnExec(controlFD)
	syscall.CloseOnExec(answerFD)
	control, out := os.NewFile(controlFD, "control"), os.NewFile(answerFD, "answer")
	decoder := json.NewDecoder(control)
	var o order
	if err := decoder.Decode(&o); err != nil {
		os.Exit(2) // the platform is gone
	}
	syscall.CloseOnExec(firstFD + o.Files) // the holder's own program, if it came that way
	h := &holder{namespace: o.View != nil}
	a := h.run(o, io.MultiReader(decoder.Buffered(), control))
	_ = json.NewEncoder(out).Encode(a)
	os.Exit(0)
}

type holder struct {
	namespace bool // the process table is its own
	company   bool // one signal reaches all that it holds, and nobody else
	pid       int  // of the command
}

func (h *holder) run(o order, control io.Reader) answer {
	if h.namespace {
		boundMultitude()
		if err := o.View.enter(o.Rules); err != nil {
			return failed(slipway.Wrap(slipway.Unavailable, err, "the command can't have namespaces of its own"))
		}
	} else {
		_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
		// The platform has the same user: only a company of one's own refuses this.
		h.company = os.Getppid() == o.Platform && errors.Is(unix.Kill(o.Platform, 0), unix.EPERM)
	}
	if o.Path == "" { // it was only asked whether all this can be done
		return answer{}
	}
	if o.MaxFile > 0 { // the holder writes nothing, and what it starts has its bounds
		size := uint64(o.MaxFile)
		_ = unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: size, Max: size})
	}
	var err error
	if h.pid, err = h.start(o); err != nil {
		return failed(err)
	}
	go h.listen(control)
	a := h.follow()
	a.Leftover = len(h.others())
	h.end()
	return a
}

// start starts the command confined.
func (h *holder) start(o order) (pid int, err error) {
	if !h.namespace {
		return startThroughGate(o)
	}
	// Nobody signals the first process of a process table from inside.
	err = onThread(func() (err error) {
		if err := confine(o.Rules, false); err != nil {
			return err
		}
		files := []uintptr{0, 1, 2}
		for n := range o.Files {
			files = append(files, uintptr(firstFD+n)) // #nosec G115 -- a few descriptors
		}
		pid, err = syscall.ForkExec(o.Path, o.Args, &syscall.ProcAttr{Dir: o.Dir, Env: o.Env, Files: files, Sys: &syscall.SysProcAttr{Setsid: true}})
		return err
	})
	return pid, err
}

func failed(err error) answer {
	a := answer{Problem: err.Error()}
	var told *slipway.Error
	if !errors.As(err, &told) {
		errors.As(err, &a.Errno)
	} else if cause := errors.Unwrap(told); cause != nil {
		a.Cause = cause.Error()
	}
	return a
}

// listen does what the platform says, and ends everything with it.
func (h *holder) listen(control io.Reader) {
	var said [1]byte
	for {
		n, err := control.Read(said[:])
		if n == 1 && said[0] == ask {
			_ = unix.Kill(-h.pid, unix.SIGTERM)
		}
		if err != nil {
			break
		}
	}
	if h.namespace {
		os.Exit(1)
	}
	for {
		h.kill()
		time.Sleep(5 * time.Millisecond) // one that was started in this moment is found in the next
	}
}

// follow waits for the command, and for whatever else ends meanwhile.
func (h *holder) follow() answer {
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, 0, nil)
		if pid == h.pid {
			a := answer{Exit: status.ExitStatus()}
			if status.Signaled() {
				a.Signal = int(status.Signal())
			}
			return a
		}
		if err != nil && !errors.Is(err, unix.EINTR) {
			return failed(err)
		}
	}
}

// end returns when nothing is left. In a process table of its own the holder's own
// end does it.
func (h *holder) end() {
	for !h.namespace {
		h.kill()
		for {
			pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
			if errors.Is(err, unix.ECHILD) {
				return
			}
			if pid == 0 {
				break
			}
		}
		time.Sleep(2 * time.Millisecond) // to wait for one would wait for ever for what kill has missed
	}
}

// kill ends what is held. All of a company get the signal in one moment, in which
// none can start another; the others are ended one by one.
func (h *holder) kill() {
	if h.company {
		_ = unix.Kill(-1, unix.SIGKILL)
		return
	}
	for _, pid := range h.others() {
		_ = unix.Kill(pid, unix.SIGKILL)
	}
}

// others are the live processes that the holder holds.
func (h *holder) others() []int {
	return descendants(os.Getpid())
}

// descendants lists the live processes below one.
func descendants(pid int) []int {
	children := map[int][]int{}
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		child, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		if _, parent := stateOf(child); parent > 0 {
			children[parent] = append(children[parent], child)
		}
	}
	var all []int
	for next := children[pid]; len(next) > 0; {
		child := next[0]
		next = append(next[1:], children[child]...)
		if !exited(child) {
			all = append(all, child)
		}
	}
	return all
}
