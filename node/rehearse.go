package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/sandbox"
)

const (
	trialLimit  = time.Minute
	trialMemory = 2 << 30
	trialOutput = 4 << 20
	trialTail   = 64 << 10
	// trialPort is the PORT that a trial sees. Nobody listens there, and nothing
	// that is only imported does either.
	trialPort = 9
)

var _ slipway.Rehearser = (*Node)(nil)

// Rehearse runs the trials of a deployment one after the other, in a copy of the
// source of their own.
func (n *Node) Rehearse(ctx context.Context, d slipway.Deployment, log io.Writer) ([]slipway.TrialResult, error) {
	if err := check(d); err != nil {
		return nil, err
	}
	p, ctx, done, err := n.hold(ctx, d.Service, d.Environment)
	if err != nil {
		return nil, err
	}
	defer done()
	secrets, err := n.secrets(ctx, d)
	if err != nil {
		return nil, err
	}
	next := &deployment{Deployment: d, Ports: map[string]int{}, Processes: map[string]running{}, Home: d.ID + "-rehearsal"}
	sandbox.End(n.trialRun(next)) // what an agent that was killed left
	if err := p.materialise(ctx, next); err != nil {
		return nil, err
	}
	defer sandbox.Remove(p.dir(next.home()))
	env, err := p.variables(ctx, next, slipway.Process{}, "rehearsal", trialPort)
	if err != nil {
		return nil, err
	}
	withheld := false
	if d.Placeholders {
		entries, err := os.ReadDir(p.dataDir())
		withheld = err == nil && len(entries) > 0
	}
	var results []slipway.TrialResult
	for _, trial := range d.Manifest.Trials {
		result, err := p.try(ctx, next, trial, env, secrets, log)
		if err != nil {
			return nil, err
		}
		result.Withheld = withheld
		results = append(results, result)
	}
	return results, nil
}

func (n *Node) trialRun(d *deployment) string { return "trial-" + n.id + "-" + d.home() }

func (p *place) try(ctx context.Context, d *deployment, trial slipway.Trial, env []string, secrets []slipway.Secret, log io.Writer) (slipway.TrialResult, error) {
	said := slipway.TrialResult{Name: trial.Name}
	dir := trial.Dir.In(p.appDir(d))
	if !trial.Dir.Local() || len(trial.Args) == 0 {
		return said, slipway.Errorf(slipway.Invalid, "the rehearsal of %s is not inside its source", d.Service)
	}
	args := append([]string{programIn(trial.Args[0], env, dir)}, trial.Args[1:]...)
	answer := filepath.Join(p.dir(d.home()), "home", "answer")
	if trial.Answers {
		args = append(args, answer)
	}
	fmt.Fprintf(log, "rehearsing: %s\n", trial.Name)
	var output ending
	held := p.confinement(d)
	result, err := sandbox.Run(ctx, sandbox.Command{
		Args: args, Dir: dir, Env: env, Timeout: trialLimit, MaxMemory: trialMemory, MaxOutput: trialOutput, RunID: p.node.trialRun(d), Confinement: &held, Project: true,
	}, &output)
	if err != nil {
		return said, err
	}
	said.Exit, said.TimedOut, said.Took = result.ExitCode, result.TimedOut, result.Duration
	said.Output = slipway.Scrub(string(output), secrets)
	if _, err := io.WriteString(log, said.Output); err != nil {
		return said, err
	}
	if trial.Answers {
		text, err := readMade(answer)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			if slipway.CodeOf(err) == slipway.Refused {
				return said, err
			}
			return said, slipway.Wrap(slipway.Unavailable, err, "the outcome of the rehearsal can't be read")
		}
		said.Answer = slipway.Scrub(string(text), secrets)
		_ = os.Remove(answer)
	}
	if said.Output != "" && !strings.HasSuffix(said.Output, "\n") {
		fmt.Fprintln(log)
	}
	return said, nil
}

// readMade reads a file that code of a project has made: a link there, or what is
// no file, would have the platform read, or wait, in its place.
func readMade(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.ENXIO) {
		return nil, slipway.Errorf(slipway.Refused, "the rehearsal left something else than a file for its outcome")
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, slipway.Errorf(slipway.Refused, "the rehearsal left something else than a file for its outcome")
	}
	return io.ReadAll(io.LimitReader(f, trialOutput))
}

// ending keeps the last of what is written, in whole lines.
type ending []byte

func (e *ending) Write(text []byte) (int, error) {
	*e = append(*e, text...)
	if over := len(*e) - trialTail; over > 0 {
		rest := (*e)[over:]
		for i, c := range rest {
			if c == '\n' {
				rest = rest[i+1:]
				break
			}
		}
		*e = append((*e)[:0], rest...)
	}
	return len(text), nil
}
