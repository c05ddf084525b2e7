package build

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/artifact"
	"github.com/slipway-dev/slipway/python"
	"github.com/slipway-dev/slipway/sandbox"
)

// packageDir is where the project itself is installed: in the release and not in the
// environment, which other commits and other services share.
const packageDir = ".slipway/package"

// packageOf is where a project is installed in a tree, "" where it isn't.
func packageOf(p *python.Project, source string) string {
	at := filepath.Join(source, packageDir)
	if info, err := os.Lstat(at); p.Install.Package == nil || err != nil || !info.IsDir() {
		return ""
	}
	return at
}

// installProject installs the project itself, where it is a package and the install
// command didn't do it. An application may run without: that it can't be built is said
// in the log, and where something of it is missed.
func (r *run) installProject(ctx context.Context, p *python.Project, source string, env environment) error {
	pkg := p.Install.Package
	if pkg == nil {
		return nil
	}
	tree, err := os.OpenRoot(source)
	if err != nil {
		return disk(err, "the source can't be read")
	}
	defer tree.Close()
	if err := tree.RemoveAll(packageDir); err != nil { // nobody else's place
		return disk(err, "the project can't be installed")
	}
	there, err := distributions(env.venv())
	if err != nil {
		return disk(err, "the environment can't be read")
	}
	if slices.ContainsFunc(there, func(d distribution) bool { return normal(d.name) == pkg.Name }) {
		return nil
	}
	err = r.wheelInto(ctx, p, source, tree)
	var full overfullError
	if slipway.CodeOf(err) != slipway.Refused || errors.As(err, &full) || ctx.Err() != nil {
		return err
	}
	if err := tree.RemoveAll(packageDir); err != nil {
		return disk(err, "the project can't be installed")
	}
	r.unbuilt = err.Error()
	fmt.Fprintf(r.log, "note: the project itself is not installed, so its own programs, metadata and plugins are missing: %s\n", r.unbuilt)
	return nil
}

// whyUnbuilt is the rest of a sentence about something that is missing.
func (r *run) whyUnbuilt() string {
	if r.unbuilt == "" {
		return ""
	}
	return "; the project itself, which may bring it, could not be installed: " + r.unbuilt
}

func (r *run) wheelInto(ctx context.Context, p *python.Project, source string, tree *os.Root) error {
	wheel, err := r.wheel(ctx, p, source)
	if err != nil {
		return err
	}
	if err := tree.MkdirAll(packageDir, 0o755); err != nil {
		return disk(err, "the project can't be installed")
	}
	to, err := tree.OpenRoot(packageDir)
	if err != nil {
		return disk(err, "the project can't be installed")
	}
	defer to.Close()
	d, err := unpack(wheel, to)
	if err != nil {
		return disk(err, "the project can't be installed")
	}
	filled, err := fillIn(to.FS(), tree, source, searchPath(p, source))
	if err != nil {
		return disk(err, "the project can't be installed")
	}
	fmt.Fprintf(r.log, "installed the project itself: %s %s\n", d.name, d.version)
	if len(filled) > 0 {
		fmt.Fprintf(r.log, "its build made, for the source as well: %s\n", clip(strings.Join(filled, ", "), 300))
	}
	return nil
}

// wheel finds or builds the project's. It is kept by what it is made of, so that one
// commit has one, whatever its build does with times and places.
func (r *run) wheel(ctx context.Context, p *python.Project, source string) (string, error) {
	digest, err := artifact.Digest(ctx, source)
	if err != nil {
		return "", disk(err, "the source can't be read")
	}
	tools, err := r.buildTools(ctx, p, source)
	if err != nil {
		return "", err
	}
	key, err := r.packageKey(p, source, "wheel", []string{tools.key, string(digest), r.historyDigest(), string(p.Root), p.PackagesAsOf})
	if err != nil {
		return "", err
	}
	env, err := r.environment(ctx, p, key, source, func(environment) []step {
		return []step{{tool: &uv, say: "building the project itself", do: func(ctx context.Context, env environment) error { return r.buildWheel(ctx, p, tools, env.venv()) }}}
	}, "sources of the project")
	if err != nil {
		return "", err
	}
	wheels, err := filepath.Glob(filepath.Join(env.venv(), "*.whl"))
	if err == nil && len(wheels) != 1 {
		err = slipway.Errorf(slipway.Refused, "building the project made %d wheels and not one", len(wheels))
	}
	if err != nil {
		return "", err
	}
	return wheels[0], nil
}

// packageKey names what is kept for packages.
func (r *run) packageKey(p *python.Project, source, purpose string, of []string) (string, error) {
	settings, err := uvSettings(source, string(p.Root))
	if err != nil {
		return "", disk(err, "the project's files can't be read")
	}
	of = append(of, purpose, p.Python.Version, runtime.GOOS+"/"+runtime.GOARCH, version, uv.version(), settings)
	for _, name := range indexSettings {
		if v := os.Getenv(name); v != "" && strings.Contains(name, "IND") {
			of = append(of, name+"="+v)
		}
	}
	text, err := json.Marshal(of)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16]), nil
}

// buildTools is the environment with what the project's build requires, which all
// projects that require the same share; the zero one when the build finds them by
// itself. Nothing pins them: they are of the day of the packages, or looked for anew each
// day.
func (r *run) buildTools(ctx context.Context, p *python.Project, source string) (environment, error) {
	wanted := p.Install.Package.Requires
	if wanted == nil {
		return environment{}, nil
	}
	day := "today, " + time.Now().UTC().Format(time.DateOnly)
	if p.PackagesAsOf != "" {
		day = "before " + p.PackagesAsOf
	}
	key, err := r.packageKey(p, source, "build requirements", append([]string{day}, wanted...))
	if err != nil {
		return environment{}, err
	}
	return r.environment(ctx, p, key, source, func(env environment) []step {
		l := r.plan(p, env)
		args := append([]string{l.uv, "pip", "install", "--python", l.venv}, wanted...)
		return append(create(p, l), step{
			kind: installing, resolve: resolvingFile(l, filepath.Join(l.home, "build-requirements.txt")), tool: &uv,
			say: "installing what builds the project: " + strings.Join(wanted, ", "), args: args, dir: l.root, env: l.upTo, blame: "build requirements",
			before: func() error {
				return writeAnew(filepath.Join(l.home, "build-requirements.txt"), strings.Join(wanted, "\n")+"\n")
			},
		})
	}, "build requirements")
}

// resolvingFile is resolving for requirements that stand in no file of the project.
func resolvingFile(l plan, file string) []string {
	return []string{l.uv, "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--python", l.venv, file}
}

// buildWheel has the project's own backend build it in the copied source: with the
// requirements that are installed already, and, when that fails, with an environment
// that uv makes, as a backend may ask for more than the project states.
func (r *run) buildWheel(ctx context.Context, p *python.Project, tools environment, out string) error {
	args := []string{r.program(uv), "build", "--wheel", "--out-dir", out}
	read := []string{filepath.Join(r.o.Data, "tools")}
	var tries [][]string
	if tools.dir != "" {
		read = append(read, tools.venv())
		tries = append(tries, append(slices.Clone(args), "--python", tools.python(), "--no-build-isolation", p.Root.In(r.installed())))
	}
	tries = append(tries, append(slices.Clone(args), "--python", p.Python.Interpreter, p.Root.In(r.installed())))
	c := r.confinement(p, read, []string{r.installed(), out})
	env := noGitAbove(r)
	maps.Copy(env, upTo(p))                // for what uv installs then
	env["SOURCE_DATE_EPOCH"] = "315532800" // for what writes the time into what it makes
	var failed error
	for i, try := range tries {
		result, seen, err := r.command(ctx, sandbox.Command{
			Args: try, Dir: p.Root.In(r.installed()), Timeout: buildTimeout, Confinement: c,
			Env: r.toolEnv(env, false),
		})
		if err != nil || result.OK() {
			return err
		}
		why := r.explainBuild(p, result, seen)
		if failed == nil || slipway.CodeOf(why) == slipway.Unavailable {
			failed = why
		}
		if result.Stopped() || slipway.CodeOf(why) == slipway.Unavailable {
			return failed
		}
		if i < len(tries)-1 {
			fmt.Fprintln(r.log, "building it again, with requirements that its backend asks for by itself")
		}
	}
	return failed
}

// raised is the line of a traceback that says what went wrong.
var raised = regexp.MustCompile(`(?m)^[ │]*((?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Failure|NotFound|Exit)\w*: .+)$`)

// explainBuild is the reason why a project could not be built.
func (r *run) explainBuild(p *python.Project, result sandbox.Result, seen string) error {
	if all := raised.FindAllStringSubmatch(seen, -1); result.ExitCode > 0 && len(all) > 0 {
		if err := r.explain(p, step{tool: &uv}, result, seen); slipway.CodeOf(err) == slipway.Unavailable {
			return err
		}
		return slipway.Errorf(slipway.Refused, "its build says %s", clip(strings.ReplaceAll(all[len(all)-1][1], r.installed(), "."), 300))
	}
	return r.explain(p, step{tool: &uv}, result, seen)
}

// fillIn puts what only the build made into the packages of the source, where the
// application imports them from: extensions, files with the version. It returns their
// names. A file that the build has changed takes the place of the source's, unless so
// much differs that the package comes from elsewhere in the tree.
func fillIn(made fs.FS, tree *os.Root, source string, search []string) ([]string, error) {
	type file struct{ from, to string }
	missing, changed, equal := map[string][]file{}, map[string][]file{}, map[string]int{}
	err := fs.WalkDir(made, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		top, _, below := strings.Cut(name, "/")
		if entry.IsDir() {
			if name != "." && !below && (name == "bin" || strings.HasSuffix(name, ".dist-info")) {
				return fs.SkipDir
			}
			return nil
		}
		for _, dir := range search {
			rel, err := filepath.Rel(source, dir)
			if err != nil {
				return err
			}
			if info, err := tree.Stat(filepath.Join(rel, top)); err != nil || !info.IsDir() || !below {
				continue
			}
			f := file{name, filepath.Join(rel, name)}
			was, err := tree.ReadFile(f.to)
			switch {
			case errors.Is(err, fs.ErrNotExist):
				missing[top] = append(missing[top], f)
			case err != nil: // a directory is in its place
			default:
				is, err := fs.ReadFile(made, name)
				if err != nil {
					return err
				}
				if bytes.Equal(was, is) {
					equal[top]++
				} else {
					changed[top] = append(changed[top], f)
				}
			}
			break
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var all []file
	for _, list := range missing {
		all = append(all, list...)
	}
	for top, list := range changed {
		if len(list) <= max(1, equal[top]) {
			all = append(all, list...)
		}
	}
	slices.SortFunc(all, func(a, b file) int { return strings.Compare(a.to, b.to) })
	var names []string
	for _, f := range all {
		content, err := fs.ReadFile(made, f.from)
		if err != nil {
			return nil, err
		}
		if err := tree.MkdirAll(filepath.Dir(f.to), 0o755); err != nil {
			return nil, err
		}
		if err := tree.RemoveAll(f.to); err != nil {
			return nil, err
		}
		if err := tree.WriteFile(f.to, content, 0o644); err != nil {
			return nil, err
		}
		names = append(names, f.to)
	}
	return names, nil
}
