package build

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python"
	"github.com/slipway-dev/slipway/sandbox"
)

// kind says whose code runs in a step, and so what it may write to.
type kind int

const (
	// reading is of a lock, by its manager, in the project's directory.
	reading kind = iota
	// making is of the empty environment: nobody's code runs.
	making
	// installing runs nobody's code either when all that is wanted has wheels, which
	// uv unpacks: then it may use the cache of downloads that builds share. Code of
	// dependencies that have to be built never may.
	installing
)

// within is what a step may reach. shared says that it may use the common cache.
func (r *run) within(p *python.Project, env environment, k kind, shared bool) *sandbox.Confinement {
	tools := filepath.Join(r.o.Data, "tools")
	cache := filepath.Join(r.o.Data, "cache", "uv")
	switch {
	case k == making:
		return r.confinement(p, []string{tools, r.installed()}, []string{env.dir, cache})
	case k == reading:
		return r.confinement(p, []string{tools, env.venv()}, []string{r.installed()})
	case shared:
		c := r.confinement(p, []string{tools, r.installed()}, []string{env.venv(), cache})
		// What an interpreter would run at its start may be of the packages.
		c.Programs = []string{r.program(uv)}
		return c
	}
	return r.confinement(p, []string{tools}, []string{r.installed(), env.venv()})
}

// install takes wheels with the common cache. What has none is built, and all of
// the step done again, with a cache that is thrown away.
//
// Left to themselves, wheels alone would mean older versions of what has none any
// more: where nothing pins the versions they are resolved first.
func (r *run) install(ctx context.Context, p *python.Project, env environment, s step) error {
	args := append(append([]string{}, s.args...), "--no-build")
	if s.resolve != nil {
		resolved := filepath.Join(r.own(), "resolved.txt")
		there, err := distributions(env.venv())
		if err != nil {
			return disk(err, "the environment can't be read")
		}
		if err := writeAnew(resolved, pinning(there)); err != nil {
			return disk(err, "the versions can't be kept")
		}
		result, seen, err := r.runStep(ctx, s, append(append([]string{}, s.resolve...), "--output-file", resolved), r.within(p, env, reading, false), false)
		if err != nil {
			return err
		}
		if !result.OK() {
			return r.explain(s, result, seen)
		}
		args = append(args, "--constraint", resolved)
	}
	result, seen, err := r.runStep(ctx, s, args, r.within(p, env, installing, true), true)
	if err != nil || result.OK() {
		return err
	}
	if err := r.explain(s, result, seen); result.TimedOut || result.OutOfMemory || result.Flooded || slipway.CodeOf(err) == slipway.Unavailable {
		return err
	}
	fmt.Fprintln(r.log, "not all of it can be installed from wheels: building it, apart from what builds share")
	result, seen, err = r.runStep(ctx, s, s.args, r.within(p, env, installing, false), false)
	if err != nil || result.OK() {
		return err
	}
	return r.explain(s, result, seen)
}

// pinning names what is installed, which resolving keeps where it can.
func pinning(there []distribution) string {
	var text strings.Builder
	for _, d := range there {
		fmt.Fprintf(&text, "%s==%s\n", d.name, d.version)
	}
	return text.String()
}

// runStep runs one command of a step and returns the end of what it said.
func (r *run) runStep(ctx context.Context, s step, args []string, c *sandbox.Confinement, shared bool) (sandbox.Result, string, error) {
	return r.command(ctx, sandbox.Command{Args: args, Dir: s.dir, Env: r.toolEnv(s.env, shared), Timeout: buildTimeout, Confinement: c})
}

// compile makes the bytecode of an environment, so that no start has to. The
// interpreter is told to look at no packages, whose code it would run.
func (r *run) compile(ctx context.Context, p *python.Project, env environment) error {
	libraries, _ := filepath.Glob(filepath.Join(env.venv(), "lib", "python3*", "site-packages"))
	args := append([]string{p.Python.Interpreter, "-I", "-S", "-m", "compileall", "-qq", "-j", "0"}, libraries...)
	// Files that don't compile, such as templates of code, are no fault.
	_, _, err := r.command(ctx, sandbox.Command{
		Args: args, Dir: r.own(), Env: r.toolEnv(nil, false), Timeout: buildTimeout, Confinement: r.confinement(p, nil, []string{env.venv()}),
	})
	return err
}
