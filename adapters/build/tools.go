package build

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python"
	"github.com/slipway-dev/slipway/sandbox"
)

// tool is a program that Slipway installs for itself, pinned, apart from every
// project.
type tool struct {
	name, version string
	with          []string // installed beside it
}

var (
	uv     = tool{name: "uv", version: "0.13.9"}
	poetry = tool{name: "poetry", version: "2.5.1", with: []string{"poetry-plugin-export==1.10.1"}}
	// pdm 2.29 takes any hishel and breaks with 2.0; this is the one in its own lock.
	pdm        = tool{name: "pdm", version: "2.29.3", with: []string{"hishel[httpx]==1.2.1"}}
	pipenv     = tool{name: "pipenv", version: "2026.10.3"}
	virtualenv = tool{name: "virtualenv", version: "21.15.8"}
)

func (r *run) toolDir(t tool) string {
	return filepath.Join(r.o.Data, "tools", t.name+"-"+t.version)
}

func (r *run) program(t tool) string { return filepath.Join(r.toolDir(t), "bin", t.name) }

// bootstrap installs a tool once, by pip into a virtual environment of its own.
func (r *run) bootstrap(ctx context.Context, t tool) error {
	dir := r.toolDir(t)
	marker := filepath.Join(dir, ".complete")
	if _, err := os.Stat(marker); err == nil {
		return nil
	}
	unlock, err := lockFile(ctx, dir+".lock")
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := os.Stat(marker); err == nil {
		return nil
	}
	fmt.Fprintf(r.log, "installing %s %s for Slipway, once\n", t.name, t.version)
	if err := os.RemoveAll(dir); err != nil {
		return disk(err, "an unfinished tool can't be removed")
	}
	interpreter, err := toolInterpreter(r.o.Interpreters)
	if err != nil {
		return err
	}
	install := append([]string{filepath.Join(dir, "bin", "python"), "-m", "pip", "install", "--quiet", t.name + "==" + t.version}, t.with...)
	for _, args := range [][]string{{interpreter, "-m", "venv", dir}, install} {
		var out bytes.Buffer
		result, err := sandbox.Run(ctx, sandbox.Command{Args: args, Dir: r.home, Env: r.toolEnv(nil), Timeout: 10 * time.Minute, MaxOutput: maxOutput, RunID: r.id}, &out)
		if err != nil {
			return err
		}
		if !result.OK() {
			_, _ = r.log.Write(out.Bytes())
			return slipway.Errorf(slipway.Unavailable, "%s %s could not be installed for Slipway; is the package index reachable, and has %s the module venv (Debian: python3-venv)?", t.name, t.version, interpreter)
		}
	}
	if err := os.WriteFile(marker, nil, 0o644); err != nil {
		return disk(err, "the tool can't be finished")
	}
	return nil
}

// toolInterpreter is the newest Python that every tool runs on.
func toolInterpreter(all []python.Interpreter) (string, error) {
	best := ""
	for _, i := range byVersion(all) {
		if minor(i.Version) >= 10 {
			best = i.Path
			if minor(i.Version) >= 12 {
				break // new enough: the very newest may lack wheels
			}
		}
	}
	if best == "" {
		return "", slipway.Errorf(slipway.Unavailable, "Slipway's own tools need Python 3.10 or later on this machine; install one, such as Debian's python3 with python3-venv")
	}
	return best, nil
}

// byVersion sorts the oldest first.
func byVersion(all []python.Interpreter) []python.Interpreter {
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b python.Interpreter) int { return slices.Compare(numbers(a.Version), numbers(b.Version)) })
	return sorted
}

func numbers(version string) []int {
	var all []int
	for part := range strings.SplitSeq(version, ".") {
		n, _ := strconv.Atoi(strings.TrimFunc(part, func(r rune) bool { return r < '0' || r > '9' }))
		all = append(all, n)
	}
	return all
}

func minor(version string) int {
	if n := numbers(version); len(n) > 1 && n[0] == 3 {
		return n[1]
	}
	return 0
}
