package sandbox

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"syscall"

	"github.com/slipway-dev/slipway"
)

// holderEnv is the environment of holders and gates, which are programs of ours: the
// command's own can't set how those run.
var holderEnv = []string{"GOMAXPROCS=1", "GOTRACEBACK=none", "GORACE=atexit_sleep_ms=0"}

// held is the platform's side of a holder.
type held struct {
	cmd     *exec.Cmd
	control *os.File
	answers *os.File
}

// startHeld starts a holder and has it start the command. The command's standard
// streams are those of cmd.
func startHeld(cmd *exec.Cmd, c Command) (*held, error) {
	if cmd.Err != nil {
		return nil, cmd.Err
	}
	rules, err := c.Confinement.rules()
	if err != nil {
		return nil, err
	}
	o := order{Path: cmd.Path, Args: cmd.Args, Dir: cmd.Dir, Env: cmd.Env, Files: len(c.ExtraFiles), Rules: rules, MaxFile: c.MaxFile, Platform: os.Getpid()}
	if namespaces() {
		o.View = c.Confinement.view(true)
	}
	return startHolder(cmd, c.ExtraFiles, o, c.RunID)
}

func startHolder(cmd *exec.Cmd, extra []*os.File, o order, run string) (*held, error) {
	control, orders, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer control.Close()
	answers, answered, err := os.Pipe()
	if err != nil {
		_ = orders.Close()
		return nil, err
	}
	defer answered.Close()
	h := &held{cmd: cmd, control: orders, answers: answers}
	cmd.Dir, cmd.ExtraFiles = "/", append([]*os.File{control, answered}, extra...)
	ours(cmd, []string{holderName}, holds+"="+run)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if o.View != nil {
		o.View.apart(cmd.SysProcAttr)
		err = cmd.Start()
	} else {
		err = onThread(func() error {
			enclose()
			return cmd.Start()
		})
	}
	if err != nil {
		h.close()
		_ = answers.Close()
		return nil, err
	}
	// A holder that is gone already has no answer either.
	_ = json.NewEncoder(orders).Encode(o)
	return h, nil
}

func (h *held) close() { _ = h.control.Close() }

// terminate asks the command to end.
func (h *held) terminate() { _, _ = h.control.Write([]byte{ask}) }

// answer is how the command fared, once the holder has ended; ok is false when it
// was ended itself.
func (h *held) answer() (a answer, ok bool) {
	defer h.answers.Close()
	return a, json.NewDecoder(h.answers).Decode(&a) == nil
}

// error is why the command could not be started.
func (a answer) error() error {
	switch {
	case a.Problem == "":
		return nil
	case a.Errno != 0:
		return a.Errno
	}
	return slipway.Wrap(slipway.Unavailable, errors.New(a.Cause), "%s", a.Problem)
}

// signal names what ended the command.
func (a answer) signal() string {
	if a.Signal == 0 {
		return ""
	}
	return syscall.Signal(a.Signal).String()
}

// holdersOf lists the live holders of a run.
func holdersOf(run string) []int { return carrying(holds + "=" + run) }
