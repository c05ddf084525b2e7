package sandbox

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/slipway-dev/slipway"
)

// Confinement is what a command may reach of this machine beside the system
// itself (programs, libraries, what everybody may read of /etc, the harmless
// devices), which it may always read and execute. Nothing else can be opened,
// listed, made, renamed or removed, whoever it runs as. It is data; Start and Run
// put it in force.
//
// A path means the file, or all that is below the directory, that it leads to when
// the command starts; links on its way are followed then. Inside what it may
// change the command may put what it likes, but a link there opens nothing.
type Confinement struct {
	// Read is what may be read and executed. What isn't there is passed over.
	Read []string
	// Write is what may also be changed. All of it has to be there. A command whose
	// output is a file needs that file here if it opens /dev/stdout again.
	Write []string
	// Closed is what no rule for the system opens although it lies inside, such as a
	// data directory below /opt. Read and Write may name parts of it again.
	Closed []string
	// Programs, if any, are all that may be executed.
	Programs []string
	// Tmp is a directory among Write that the command finds at /tmp and /var/tmp
	// too, where the machine lets it have mounts of its own: not everything asks
	// TMPDIR. Elsewhere both are closed.
	Tmp string
}

// GivesTmp tells whether a command finds Confinement.Tmp at /tmp on this machine.
func GivesTmp() bool { return mounts() }

// Start starts a command confined: with the paths of c and no others, without any
// capability, without the right to gain one, and, where the kernel can, without
// signals to or abstract sockets of processes that aren't below it. It leads a session
// of its own, and so is told from others' processes that can gain no rights. Where the machine
// lets it have mounts of its own, nothing that c leaves out is there, or can be
// changed in any way. What it starts is confined as it is, for good. Its process is at first a program of ours, which
// confines itself and becomes the command: until then it has no environment of the
// command by which it could be found, and it ends when the platform does.
func Start(cmd *exec.Cmd, c Confinement) error {
	// Another user has no right to mounts.
	if attr := cmd.SysProcAttr; mounts() && (attr == nil || attr.Credential == nil) {
		return start(cmd, c, c.view(false))
	}
	return start(cmd, c, nil)
}

func start(cmd *exec.Cmd, c Confinement, v *view) error {
	rules, err := c.rules()
	if err != nil {
		return err
	}
	if cmd.Err != nil {
		return cmd.Err
	}
	g, err := newGate()
	if err != nil {
		return err
	}
	defer g.close()
	gated := *cmd // all that the command is and has, but what it becomes
	asked := passage{Path: cmd.Path, Args: cmd.Args, Dir: cmd.Dir, Env: cmd.Environ(), Rules: rules, View: v, Alone: v == nil}
	first := strconv.Itoa(firstFree + len(cmd.ExtraFiles))
	cmd.ExtraFiles = append(slices.Clone(cmd.ExtraFiles), g.theirs[0], g.theirs[1])
	ours(cmd, []string{gateName, first})
	attr := syscall.SysProcAttr{}
	if gated.SysProcAttr != nil {
		attr = *gated.SysProcAttr
	}
	attr.Setsid = true
	if v != nil {
		v.apart(&attr)
	}
	cmd.SysProcAttr = &attr
	err = cmd.Start()
	cmd.Path, cmd.Args, cmd.Env, cmd.ExtraFiles, cmd.SysProcAttr = gated.Path, gated.Args, gated.Env, gated.ExtraFiles, gated.SysProcAttr
	if err != nil {
		return err
	}
	if err := g.let(asked); err != nil {
		_ = cmd.Wait()
		return &fs.PathError{Op: "start", Path: cmd.Path, Err: err}
	}
	return nil
}

// onThread calls f on a thread that nothing else ever runs on, since what f takes
// from it can't be given back, and returns when f has; the thread ends with it.
func onThread(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked, so that the thread ends with this goroutine
		if unix.Gettid() == os.Getpid() {
			// The first thread can't end, and stands for the process in the kernel's
			// eyes. While it is held here the next goroutine gets another one.
			done <- onThread(f)
			runtime.UnlockOSThread()
			return
		}
		done <- f()
	}()
	return <-done
}

// confine takes from the calling thread, and from what it starts, what c leaves
// out. Where the kernel has no Landlock the paths stay open.
//
// Who is alone is kept from what the processes of a user share by numbers.
func confine(rules []rule, alone bool) error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "this kernel can't keep a command from gaining rights")
	}
	if err := restrict(rules); err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "the command can't be confined by Landlock")
	}
	if err := dropCapabilities(); err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "the command's capabilities can't be taken away")
	}
	if _, err := filter(alone); err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "the command's system calls can't be filtered")
	}
	return nil
}

// Interpreter lists what a Python needs to run: its program and, where that is an
// installation of its own (pyenv, uv, /opt), the whole of it. It follows links, so
// that it can be given the python of a virtual environment.
func Interpreter(program string) []string {
	real, err := filepath.EvalSymlinks(program)
	if err != nil {
		return nil
	}
	prefix := filepath.Dir(filepath.Dir(real))
	if found, _ := filepath.Glob(filepath.Join(prefix, "lib*", "python3*", "os.py")); len(found) > 0 && prefix != "/" {
		return []string{prefix}
	}
	return []string{real}
}

// below tells whether a path is a directory or lies inside it.
func below(path, dir string) bool {
	return path == dir || dir == "/" || strings.HasPrefix(path, dir+"/")
}
