package build

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python"
	"github.com/slipway-dev/slipway/sandbox"
)

// pins holds, for every tool, all that belongs to it with hashes. A tool that is
// pinned alone breaks when one of its dependencies moves on.
//
//go:embed tools/*.txt
var pins embed.FS

// tool is a program that Slipway installs for itself, pinned, apart from every
// project.
type tool struct{ name, pins, digest string }

var (
	uv         = pinned("uv")
	poetry     = pinned("poetry") // with its export plugin
	pdm        = pinned("pdm")
	pipenv     = pinned("pipenv")
	virtualenv = pinned("virtualenv")
)

func pinned(name string) tool {
	text, err := pins.ReadFile("tools/" + name + ".txt")
	if err != nil {
		panic(err) // it is embedded
	}
	sum := sha256.Sum256(text)
	return tool{name: name, pins: string(text), digest: hex.EncodeToString(sum[:4])}
}

var versions = regexp.MustCompile(`(?m)^([a-z0-9-]+)==(\S+)`)

// version is that of the program itself.
func (t tool) version() string {
	for _, m := range versions.FindAllStringSubmatch(t.pins, -1) {
		if m[1] == t.name {
			return m[2]
		}
	}
	return ""
}

func (r *run) toolDir(t tool) string {
	return filepath.Join(r.o.Data, "tools", t.name+"-"+t.version()+"-"+t.digest)
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
	fmt.Fprintf(r.log, "installing %s %s for Slipway, once\n", t.name, t.version())
	if err := os.RemoveAll(dir); err != nil {
		return disk(err, "an unfinished tool can't be removed")
	}
	interpreter, err := toolInterpreter(r.o.Interpreters)
	if err != nil {
		return err
	}
	list := filepath.Join(r.home, t.name+".txt")
	if err := os.WriteFile(list, []byte(t.pins), 0o644); err != nil {
		return disk(err, "the list of a tool's parts can't be written")
	}
	install := []string{filepath.Join(dir, "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", list}
	for _, args := range [][]string{{interpreter, "-m", "venv", dir}, install} {
		var out bytes.Buffer
		result, err := sandbox.Run(ctx, sandbox.Command{Args: args, Dir: r.home, Env: r.toolEnv(nil, true), Timeout: 10 * time.Minute, MaxOutput: maxOutput, RunID: r.id}, &out)
		if err != nil {
			return err
		}
		if !result.OK() {
			_, _ = r.log.Write(out.Bytes())
			return slipway.Errorf(slipway.Unavailable, "%s %s could not be installed for Slipway; is the package index reachable, and has %s the module venv (Debian: python3-venv)?", t.name, t.version(), interpreter)
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
