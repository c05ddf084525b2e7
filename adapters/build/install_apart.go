package build

import (
	"bytes"
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
// more: where nothing pins the versions they are resolved first, unless it turns out
// at once that nothing has to be built.
func (r *run) install(ctx context.Context, p *python.Project, env environment, s step) error {
	args := append(append([]string{}, s.args...), "--no-build")
	if s.resolve != nil {
		if done, err := r.installAtOnce(ctx, p, env, s); done || err != nil {
			return err
		}
		resolved := filepath.Join(r.own(), "resolved.txt")
		there, err := distributions(env.venv())
		if err != nil {
			return disk(err, "the environment can't be read")
		}
		if err := writeAnew(resolved, pinning(there)); err != nil {
			return disk(err, "the versions can't be kept")
		}
		resolve := append(append([]string{}, s.resolve...), "--output-file", resolved)
		if err := r.building(ctx, p, s, resolve, r.within(p, env, reading, false)); err != nil {
			return err
		}
		if err := unbindLocal(resolved); err != nil {
			return err
		}
		args = append(args, "--constraint", resolved)
	}
	result, seen, err := r.runStep(ctx, s, args, r.within(p, env, installing, true), true)
	if err != nil || result.OK() {
		return err
	}
	if err := r.explain(p, s, result, seen); result.Stopped() || slipway.CodeOf(err) == slipway.Unavailable {
		return err
	}
	fmt.Fprintln(r.log, "not all of it can be installed from wheels: building it, apart from what builds share")
	return r.building(ctx, p, s, s.args, r.within(p, env, installing, false))
}

// building runs a command that may build distributions from source, and once more
// with older build tools when that is what it asks for.
func (r *run) building(ctx context.Context, p *python.Project, s step, args []string, c *sandbox.Confinement) error {
	result, seen, err := r.runStep(ctx, s, args, c, false)
	if err != nil || result.OK() {
		return err
	}
	again, err := r.withOlderTools(args, seen)
	if err != nil {
		return err
	}
	if again != nil {
		if result, seen, err = r.runStep(ctx, s, again, c, false); err != nil || result.OK() {
			return err
		}
	}
	return r.explain(p, s, result, seen)
}

// installAtOnce lets uv choose the versions freely and install them, with the common
// cache but without the right to start a program: so it fails as soon as something
// has to be built, if only to be known, and what it chose is what it would have
// chosen with that right. Where the kernel can't refuse the right it isn't tried.
func (r *run) installAtOnce(ctx context.Context, p *python.Project, env environment, s step) (done bool, err error) {
	if sandbox.Protection().Landlock == 0 {
		return false, nil
	}
	var said bytes.Buffer // that it may start nothing is no news to anybody
	log := r.log
	r.log = &said
	result, seen, err := r.runStep(ctx, s, s.args, r.within(p, env, installing, true), true)
	r.log = log
	if err != nil {
		return false, err
	}
	if result.OK() {
		_, err = said.WriteTo(r.log)
		return true, err
	}
	if err := r.explain(p, s, result, seen); result.Stopped() || slipway.CodeOf(err) == slipway.Unavailable {
		_, _ = said.WriteTo(r.log)
		return false, err
	}
	return false, nil
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
