// Package build makes releases: an immutable artifact of source, virtual
// environment and manifest, known by its digest.
package build

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/artifact"
	"github.com/slipway-dev/slipway/python"
	"github.com/slipway-dev/slipway/python/syntax"
	"github.com/slipway-dev/slipway/sandbox"
)

// version is part of every environment's key: raise it when the way in which
// environments are made changes.
const version = "3"

// Options configure a Builder.
type Options struct {
	Data         string // the data directory
	Interpreters []python.Interpreter
	FetchPython  bool          // have uv fetch a Python that a project needs and this machine lacks
	Longest      time.Duration // that a project may ask for a build, or a run of its tests; 0 means an hour
	MaxDisk      int64         // bytes that a build, or a run of tests, may keep on disk meanwhile; 0 means 10 GiB, less is no bound
	Version      string        // of this program, for the records of releases
	Log          *slog.Logger
}

// Builder builds with the projects' own managers, in environments that are kept
// by what they are made of.
type Builder struct {
	o       Options
	pythons atomic.Pointer[[]python.Interpreter] // since one was fetched
}

var _ slipway.Builder = (*Builder)(nil)

// New makes a Builder.
func New(o Options) (*Builder, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Longest == 0 {
		o.Longest = longest
	}
	if o.MaxDisk == 0 {
		o.MaxDisk = maxDisk
	}
	for _, dir := range []string{"artifacts", "environments", "tools", "cache/uv", "work"} {
		if err := os.MkdirAll(filepath.Join(o.Data, dir), 0o755); err != nil {
			return nil, slipway.Wrap(slipway.Unavailable, err, "the data directory %s can't be written", o.Data)
		}
	}
	b := &Builder{o: o}
	b.sweepRuns()
	return b, nil
}

// run is what one build or test works with.
type run struct {
	*Builder
	id   string
	home string // all that it needs; see confine.go
	log  io.Writer

	making atomic.Pointer[string] // the directory of the environment that it makes
	hidden atomic.Pointer[string] // what could not be looked into when its space was measured

	chosen  string    // Key of the object that is the application, once imports have told
	written time.Time // when the commit was made, while packages of its day are tried

	history string // the git directory for builds that ask git, "" for none
	unbuilt string // why the project itself could not be installed, "" when it could
}

func (b *Builder) newRun(id string, log io.Writer) (*run, func(), error) {
	// What a crash left of the same run must not go on beside it.
	sandbox.End(id)
	home, err := os.MkdirTemp(filepath.Join(b.o.Data, "work"), "run-")
	var lock *os.File
	if err == nil {
		lock, err = lockDir(home)
	}
	if err == nil {
		err = os.MkdirAll(filepath.Join(home, "own", "tmp"), 0o700)
	}
	if err != nil {
		return nil, nil, disk(err, "the build has no place to work")
	}
	return &run{Builder: b, id: id, home: home, log: log}, func() { _ = sandbox.Remove(home); _ = lock.Close() }, nil
}

// lockDir takes the lock of a directory, which dies with the process; an error says
// that another one has it.
func lockDir(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// sweepRuns removes what builds left whose process was killed: nobody has their lock.
func (b *Builder) sweepRuns() {
	homes, _ := filepath.Glob(filepath.Join(b.o.Data, "work", "run-*"))
	for _, home := range homes {
		if lock, err := lockDir(home); err == nil {
			_ = sandbox.Remove(home)
			_ = lock.Close()
		}
	}
}

// Build reads the project, makes or finds its environment, imports the
// application once, and puts the artifact together.
func (b *Builder) Build(ctx context.Context, req slipway.BuildRequest, log io.Writer) (slipway.Artifact, error) {
	r, done, err := b.newRun(req.RunID, log)
	if err != nil {
		return slipway.Artifact{}, err
	}
	defer done()
	r.written = req.Written
	project, err := r.detect(ctx, req.Dir, req.Path, req.Overrides)
	if err != nil {
		return slipway.Artifact{}, err
	}
	fmt.Fprintf(r.log, "%-12s %s\n", "confined", sandbox.Protection())
	ctx, cancel := context.WithTimeoutCause(ctx, b.timeoutOf(project), errBuildTime)
	defer cancel()
	ctx, looked := r.bound(ctx)
	defer looked()
	a, err := r.build(ctx, req, project)
	for another := r.another(ctx, req, project, err); another != nil; another = r.another(ctx, req, project, err) {
		project = another
		a, err = r.build(ctx, req, project)
	}
	return a, b.buildTime(ctx, project, r.ended(ctx, "build", err))
}

func (r *run) build(ctx context.Context, req slipway.BuildRequest, project *python.Project) (a slipway.Artifact, err error) {
	// The tree is copied first: what is built is what was copied, whatever
	// happens to a working tree meanwhile.
	source := filepath.Join(r.home, "source")
	if err := os.RemoveAll(source); err != nil { // of a first try
		return a, disk(err, "the source can't be removed")
	}
	if err := copySource(ctx, req.Dir, source); err != nil {
		return a, disk(err, "the source could not be copied")
	}
	if err := homes(project, source); err != nil {
		return a, err
	}
	if err := r.fetchHistory(ctx, req.History, project); err != nil {
		return a, err
	}
	env, err := r.imported(ctx, project, source)
	if err != nil {
		return a, err
	}
	if err := r.commands(ctx, project, source, env); err != nil {
		return a, err
	}
	if err := r.programs(project, source, env, true); err != nil {
		return a, err
	}
	static, err := r.static(ctx, project, source, env)
	if err != nil {
		return a, err
	}
	if err := r.overfull(ctx); err != nil { // what was quicker than the look
		return a, err
	}
	return r.assemble(ctx, req, project, source, env, static)
}

// homes makes the directories that data of a release lies in, which git doesn't keep
// empty: what opens its database while it is imported, or by its tests, finds them.
func homes(p *python.Project, source string) error {
	root, err := os.OpenRoot(source)
	if err != nil {
		return disk(err, "the source can't be written")
	}
	defer func() { _ = root.Close() }()
	for _, at := range p.Data {
		if err := root.MkdirAll(filepath.Dir(filepath.FromSlash(string(at.Path))), 0o755); err != nil {
			return disk(err, "the directory of "+string(at.Path)+" can't be made")
		}
	}
	return nil
}

// detect understands the project and refuses one that can't be deployed, with
// every reason and its remedy in the log and the first as the error.
func (r *run) detect(ctx context.Context, dir, path string, overrides slipway.Overrides) (*python.Project, error) {
	project, err := r.understand(ctx, dir, r.options(path, overrides))
	if err != nil {
		return nil, err
	}
	for _, f := range project.Findings {
		where := f.File
		if f.Line > 0 {
			where = fmt.Sprintf("%s:%d", f.File, f.Line)
		}
		if f.Overridden() {
			where = "set by the service's owners"
		}
		if where != "" {
			where = "  (" + where + ")"
		}
		fmt.Fprintf(r.log, "%-12s %s%s\n", f.What, f.Value, where)
	}
	for _, w := range project.Warnings {
		fmt.Fprintf(r.log, "note: %s\n", w.Message)
	}
	for _, p := range project.Problems {
		fmt.Fprintf(r.log, "problem: %s\n", p.Sentence())
	}
	if len(project.Problems) > 0 {
		return nil, slipway.Errorf(slipway.Invalid, "%s", project.Refusal())
	}
	return project, nil
}

// commands runs what slipway.yaml wants done in the release after the install.
func (r *run) commands(ctx context.Context, p *python.Project, source string, env environment) error {
	if p.Config == nil || p.Config.Build == nil {
		return nil
	}
	for _, c := range p.Config.Build.Commands {
		if err := r.appCommand(ctx, p, c, source, env, "build command"); err != nil {
			return err
		}
	}
	return nil
}

// appCommand runs a command of the project in a tree with an environment.
func (r *run) appCommand(ctx context.Context, p *python.Project, c python.Command, source string, env environment, what string) error {
	vars := r.appEnv(p, source, env, p.Config.BuildEnv())
	args, err := c.Expand(func(name string) string { return lookup(vars, name) })
	if err != nil {
		return slipway.Errorf(slipway.Refused, "the %s %q can't be read: %w", what, string(c), err)
	}
	fmt.Fprintf(r.log, "$ %s\n", c)
	result, seen, err := r.command(ctx, sandbox.Command{
		Args: args, Dir: p.Root.In(source), Env: vars, Timeout: buildTimeout, Project: true, Confinement: r.inside(p, env, source),
	})
	if err != nil {
		return err
	}
	if !result.OK() {
		return slipway.Errorf(slipway.Refused, "the %s %q %s%s", what, string(c), ended(result), r.remedy(seen))
	}
	return nil
}

// throwawayKey is long enough for those who refuse a short one: Django asks for 50
// characters, others for 32 or 64.
const throwawayKey = "throwaway-for-the-build-only-and-long-enough-for-all-who-look-at-its-length"

// appEnv is what the project's own code sees at build time: its environment, a
// throwaway secret key, no settings of any environment.
func (r *run) appEnv(p *python.Project, source string, env environment, extra map[string]string) []string {
	vars := map[string]string{
		"VIRTUAL_ENV": env.venv(), "PYTHONPATH": strings.Join(searchPath(p, source), ":"), "PYTHONDONTWRITEBYTECODE": "1",
		"PYTHONUNBUFFERED": "1", python.ThrowawaySecret: throwawayKey, "SLIPWAY_DATA": r.own(), "PORT": "0", "HOST": "127.0.0.1",
	}
	for name, value := range manifestEnv(p) {
		vars[name] = strings.ReplaceAll(value, "${SLIPWAY_SOURCE}", source)
	}
	for name, value := range extra {
		vars[name] = value
	}
	programs := []string{filepath.Join(env.venv(), "bin")}
	if at := packageOf(p, source); at != "" { // wherever the project looks first, it is installed
		vars["PYTHONPATH"] = strings.TrimPrefix(vars["PYTHONPATH"]+":"+at, ":")
		programs = append(programs, filepath.Join(at, "bin"))
	}
	return sandbox.Environment(r.own(), programs, vars)
}

// searchPath is where the project's own modules are found: beside the manifests
// and below src.
func searchPath(p *python.Project, source string) []string {
	root := p.Root.In(source)
	paths := []string{root}
	if info, err := os.Stat(filepath.Join(root, "src")); err == nil && info.IsDir() {
		paths = append(paths, filepath.Join(root, "src"))
	}
	if a := p.Application; a != nil {
		head, _, _ := strings.Cut(a.Module, ".")
		switch dir := a.Dir.In(source); {
		case slices.Contains(paths, dir):
		case holds(root, head): // something else, which would be found first
			paths = append([]string{dir}, paths...)
		default:
			paths = append(paths, dir)
		}
	}
	return paths
}

// holds tells whether a module, or a package, of that name lies in a directory.
func holds(dir, module string) bool {
	for _, name := range []string{filepath.Join(module, "__init__.py"), module + ".py"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

func manifestEnv(p *python.Project) map[string]string {
	if p.Config == nil {
		return nil
	}
	return p.Config.Env
}

func lookup(env []string, name string) string {
	for _, e := range env {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			return v
		}
	}
	return ""
}

// Open finds an artifact by its digest.
func (b *Builder) Open(_ context.Context, digest slipway.Digest) (slipway.Artifact, error) {
	dir := artifact.Dir(b.o.Data, digest)
	text, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return slipway.Artifact{}, slipway.Errorf(slipway.NotFound, "the artifact %.19s is not here; build its commit again", digest)
	}
	a := slipway.Artifact{Digest: digest, Path: dir, Reused: true}
	if err == nil {
		err = json.Unmarshal(text, &a.Manifest)
	}
	if err != nil {
		return slipway.Artifact{}, slipway.Wrap(slipway.Unavailable, err, "the artifact %.19s can't be read", digest)
	}
	if _, err := os.Stat(filepath.Join(dir, "venv", "bin")); err != nil {
		return slipway.Artifact{}, slipway.Errorf(slipway.NotFound, "the environment of artifact %.19s is gone; build its commit again", digest)
	}
	return a, nil
}

// Dependencies lists what an artifact contains.
func (b *Builder) Dependencies(_ context.Context, digest slipway.Digest) ([]slipway.Dependency, error) {
	text, err := os.ReadFile(filepath.Join(artifact.Dir(b.o.Data, digest), "dependencies.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, slipway.Errorf(slipway.NotFound, "the artifact %.19s is not here; build its commit again", digest)
	}
	var all []slipway.Dependency
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	return all, err
}

// Migrations reads the schema migrations in an artifact's source.
func (b *Builder) Migrations(ctx context.Context, digest slipway.Digest) (slipway.Migrations, error) {
	a, err := b.Open(ctx, digest)
	if err != nil {
		return slipway.Migrations{}, err
	}
	tree, err := os.OpenRoot(filepath.Join(a.Path, "source"))
	if err != nil {
		return slipway.Migrations{}, disk(err, "the artifact can't be read")
	}
	defer tree.Close()
	return syntax.Migrations(tree.FS(), string(a.Manifest.Dir)), nil
}
