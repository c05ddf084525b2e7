package build

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/python"
)

// plan is what the steps of an installation are computed from: paths, nothing
// that is looked up.
type plan struct {
	uv, poetry, pdm, pipenv, virtualenv string // the tools' programs
	interpreter                         string
	venv                                string
	root                                string // the project's directory in the copied source
	tree                                string // the copied source
	home                                string
	upTo                                map[string]string // the day of packages that nothing holds, as uv is told
}

func (r *run) plan(p *python.Project, env environment) plan {
	source := r.installed()
	return plan{
		uv: r.program(uv), poetry: r.program(poetry), pdm: r.program(pdm), pipenv: r.program(pipenv), virtualenv: r.program(virtualenv),
		interpreter: p.Python.Interpreter, venv: env.venv(), root: p.Root.In(source), tree: source, home: r.own(), upTo: upTo(p),
	}
}

// keepOutput runs a command and puts its standard output, without its
// standard error, into a file.
const keepOutput = `import subprocess, sys
with open(sys.argv[1], "wb") as f:
    sys.exit(subprocess.run(sys.argv[2:], stdout=f).returncode)
`

// installsItself tells whether the project's own code has to be installed,
// rather than found beside its manifests: there is nothing else that names its
// dependencies.
func installsItself(p *python.Project) bool {
	return p.Install.Project && len(p.Install.Requirements) == 0 && strings.HasSuffix(first(p.Manifests), "setup.py")
}

// installed is the tree that dependencies are installed from: what setuptools
// builds and pdm keeps beside the source must not become part of the release.
func (r *run) installed() string { return filepath.Join(r.home, "installed") }

// installSteps make an environment with the production dependencies. What looks at those
// of the project alone comes before what Slipway adds.
func installSteps(p *python.Project, l plan, look ...step) []step {
	steps := append(append(create(p, l), dependencies(p, l, nil, nil, "")...), look...)
	steps = append(steps, packages(l, p.Install.Packages, "installing "+strings.Join(p.Install.Packages, ", ")+", which the project does not bring itself", "")...)
	return without(steps, p.Install.Without, l)
}

// testDependencies is what is blamed when those of production are fine.
const testDependencies = "test dependencies"

// testSteps make an environment with the test dependencies as well.
func testSteps(p *python.Project, l plan, look ...step) []step {
	t := p.Test
	steps := append(create(p, l), dependencies(p, l, t.Groups, t.Extras, testDependencies)...)
	if (p.Manager == python.Pip || p.Manager == python.PipTools) && len(p.Install.Requirements) > 0 {
		steps = append(steps, besideFiles(p, l)...)
	}
	if len(t.Requirements) > 0 {
		args := []string{l.uv, "pip", "install", "--python", l.venv}
		for _, f := range t.Requirements {
			args = append(args, "-r", filepath.Join(l.tree, f))
		}
		steps = append(steps, step{kind: installing, resolve: resolving(l, args), tool: &uv, say: "installing " + strings.Join(t.Requirements, ", "), args: args, dir: l.root, env: l.upTo, blame: testDependencies})
	}
	steps = append(steps, look...)
	pinned := slices.DeleteFunc(slices.Clone(t.Packages), func(text string) bool { return !held(text) })
	open := slices.DeleteFunc(slices.Clone(t.Packages), held)
	for i, list := range [][]string{open, pinned} {
		for _, s := range packages(l, list, "installing "+strings.Join(list, ", "), testDependencies) {
			if i == 0 {
				s.env = l.upTo
			}
			steps = append(steps, s)
		}
	}
	return without(steps, append(slices.Clone(p.Install.Without), t.Without...), l)
}

// besideFiles installs the groups and extras that the project states beside the
// requirement files which production installs.
func besideFiles(p *python.Project, l plan) []step {
	t := p.Test
	args := []string{l.uv, "pip", "install", "--python", l.venv}
	manifest := filepath.Join(l.root, "pyproject.toml")
	for _, g := range t.Groups {
		args = append(args, "--group", manifest+":"+g)
	}
	s := step{kind: installing, tool: &uv, say: "installing " + strings.Join(append(slices.Clone(t.Groups), t.Extras...), ", ") + " of the project", dir: l.root, env: l.upTo, blame: testDependencies}
	switch {
	case len(t.Groups)+len(t.Extras) == 0:
		return nil
	case len(t.Extras) > 0 && p.ExtrasInSetup():
		s.args = append(args, l.root+"["+strings.Join(t.Extras, ",")+"]")
		return []step{s}
	case len(t.Extras) > 0:
		args = flags(append(args, "-r", manifest), "--extra", t.Extras)
	}
	s.args, s.resolve = args, resolving(l, args)
	return []step{s}
}

// without leaves packages out of an installation: uv is told, what another manager
// exported loses their entries, and of what is still to be resolved they are
// wanted on no platform.
func without(steps []step, packages []string, l plan) []step {
	if len(packages) == 0 {
		return steps
	}
	file := filepath.Join(l.home, "without.txt")
	out := []step{{before: func() error {
		text := ""
		for _, name := range packages {
			text += name + " ; sys_platform == 'none'\n"
		}
		return disk(writeAnew(file, text), "what is left out can't be noted")
	}}}
	for _, s := range steps {
		switch {
		case s.kind != installing || len(s.args) < 3:
		case s.args[1] == "sync":
			s.args = flags(slices.Clone(s.args), "--no-install-package", packages)
		case slices.Contains(s.args, "--no-deps"):
			before, exported := s.before, s.args[slices.Index(s.args, "-r")+1]
			s.unless = exported
			s.before = func() error {
				if before != nil {
					if err := before(); err != nil {
						return err
					}
				}
				return dropFrom(exported, packages)
			}
		case !slices.Contains(s.args, "--require-hashes"):
			s.args = append(slices.Clone(s.args), "--override", file)
			if s.resolve != nil {
				s.resolve = append(slices.Clone(s.resolve), "--override", file)
			}
		}
		out = append(out, s)
	}
	return out
}

// create makes the empty environment: venv by default, virtualenv when asked.
func create(p *python.Project, l plan) []step {
	if p.Install.Virtualenv {
		return []step{{kind: making, tool: &virtualenv, args: []string{l.virtualenv, "--quiet", "--no-download", "--python", l.interpreter, l.venv}, dir: l.home}, look(l)}
	}
	return []step{{kind: making, tool: &uv, args: []string{l.uv, "venv", "--quiet", "--no-project", "--python", l.interpreter, l.venv}, dir: l.home}, look(l)}
}

// look has uv ask the environment's interpreter while nothing is installed that it
// would run, and remember the answer.
func look(l plan) step {
	return step{kind: making, tool: &uv, args: []string{l.uv, "pip", "freeze", "--quiet", "--python", l.venv}, dir: l.home}
}

// resolving is what finds the versions that uv pip install with these arguments
// would install, where they may be built.
func resolving(l plan, args []string) []string {
	all := []string{l.uv, "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--python", l.venv}
	for _, arg := range args[5:] {
		if arg != "-r" { // here they are named without
			all = append(all, arg)
		}
	}
	return all
}

func packages(l plan, list []string, say, blame string) []step {
	if len(list) == 0 {
		return nil
	}
	return []step{{kind: installing, tool: &uv, say: say, args: append([]string{l.uv, "pip", "install", "--python", l.venv}, list...), dir: l.home, blame: blame}}
}

// dependencies installs what the lock or the manifests say, by the meaning that
// the project's own manager gives them. uv does the installing underneath.
func dependencies(p *python.Project, l plan, groups, extras []string, blame string) []step {
	in := p.Install
	groups, extras = append(append([]string{}, in.Groups...), groups...), append(append([]string{}, in.Extras...), extras...)
	exported, local := filepath.Join(l.home, "exported.txt"), filepath.Join(l.home, "local.txt")
	hashed := step{
		kind: installing, tool: &uv, args: []string{l.uv, "pip", "install", "--python", l.venv, "--require-hashes", "--no-deps", "-r", exported}, dir: l.root, blame: blame,
	}
	plain := step{kind: installing, tool: &uv, args: []string{l.uv, "pip", "install", "--python", l.venv, "--no-deps", "-r", exported}, dir: l.root, blame: blame}
	var ours []step
	if firstOf(in.Local, p.Test.Local) != "" || in.Commits {
		divided := func() error { return divideFile(exported, local) }
		hashed.before, hashed.unless, plain.before, plain.unless = divided, exported, divided, exported
		ours = []step{{kind: installing, tool: &uv, args: []string{l.uv, "pip", "install", "--python", l.venv, "--no-deps", "-r", local}, dir: l.root, blame: blame, unless: local}}
	}
	switch p.Manager {
	case python.UV:
		lock := "--locked"
		if in.Frozen {
			lock = "--frozen"
		}
		args := []string{l.uv, "sync", lock, "--no-default-groups", "--no-install-project", "--no-editable", "--active"}
		args = flags(flags(args, "--group", groups), "--extra", extras)
		return []step{{kind: installing, tool: &uv, say: "installing from uv.lock", args: args, dir: l.root,
			env: map[string]string{"VIRTUAL_ENV": l.venv, "UV_PROJECT_ENVIRONMENT": l.venv, "UV_PYTHON": l.interpreter}, blame: blame}}
	case python.Poetry:
		args := []string{l.poetry, "export", "--no-ansi", "--format", "requirements.txt", "--output", exported, "--only", strings.Join(append([]string{"main"}, groups...), ",")}
		return append([]step{{tool: &poetry, say: "reading poetry.lock", args: flags(args, "--extras", extras), dir: l.root, blame: blame}, hashed}, ours...)
	case python.PDM:
		if in.Unmarked && in.Local == "" {
			wanted, held := filepath.Join(l.home, "wanted.txt"), filepath.Join(l.home, "held.txt")
			return []step{{kind: installing, tool: &uv, say: "installing what pyproject.toml asks for, at the versions of pdm.lock", dir: l.root, blame: blame,
				args:   []string{l.uv, "pip", "install", "--python", l.venv, "-r", wanted, "-c", held},
				before: func() error { return holdToLock(l.root, wanted, held, groups, extras) }}}
		}
		args := []string{l.pdm, "export", "--format", "requirements", "--prod", "--output", exported}
		if len(groups)+len(extras) > 0 {
			args = []string{l.pdm, "export", "--format", "requirements", "--output", exported, "--group", strings.Join(append(append([]string{"default"}, groups...), extras...), ",")}
		}
		if divided := hashed.before; divided != nil {
			args = append(args, "--no-hashes")
			hashed.before = func() error {
				if err := hashFromPDM(exported, filepath.Join(l.root, "pdm.lock")); err != nil {
					return err
				}
				return divided()
			}
		}
		return append([]step{{tool: &pdm, say: "reading pdm.lock", args: args, dir: l.root, env: map[string]string{"PDM_PYTHON": l.interpreter, "PDM_IGNORE_SAVED_PYTHON": "1", "PDM_USE_VENV": "0"}, blame: blame}, hashed}, ours...)
	case python.Pipenv:
		// pipenv can't write to a file, and what it warns of must not get into
		// the requirements: only its standard output is kept.
		args := []string{filepath.Join(filepath.Dir(l.pipenv), "python"), "-I", "-c", keepOutput, exported, l.pipenv, "requirements"}
		install := plain
		if in.RequireHashes {
			args, install = append(args, "--hash"), hashed
		}
		if blame != "" {
			args = append(args, "--dev")
		}
		divided := install.before
		install.before = func() error {
			if err := fromTodaysIndex(exported); err != nil || divided == nil {
				return err
			}
			return divided()
		}
		return append([]step{{tool: &pipenv, say: "reading Pipfile.lock", args: args, dir: l.root, blame: blame, env: map[string]string{
			"PIPENV_PIPFILE": filepath.Join(l.root, "Pipfile"), "PIPENV_PYTHON": l.interpreter, "PIPENV_IGNORE_VIRTUALENVS": "1", "PIPENV_DONT_LOAD_ENV": "1",
		}}, install}, ours...)
	case python.PyLock:
		return []step{{kind: installing, tool: &uv, say: "installing from pylock.toml", args: []string{l.uv, "pip", "install", "--python", l.venv, "-r", filepath.Join(l.root, "pylock.toml")}, dir: l.root, blame: blame}}
	case python.Pip, python.PipTools:
		return pip(p, l, groups, extras, blame)
	}
	return nil
}

// pip installs requirement files, or what a [project] table or a setup.py names.
func pip(p *python.Project, l plan, groups, extras []string, blame string) []step {
	args := []string{l.uv, "pip", "install", "--python", l.venv}
	if p.Install.RequireHashes {
		args = append(args, "--require-hashes")
	}
	say, before := "installing "+strings.Join(p.Install.Requirements, ", "), (func() error)(nil)
	switch {
	case len(p.Install.Requirements) > 0:
		for _, f := range p.Install.Requirements {
			args = append(args, "-r", filepath.Join(l.tree, f))
		}
		if manifest := filepath.Join(l.root, "pyproject.toml"); len(p.Install.Extras) > 0 { // stated beside them
			args = flags(append(args, "-r", manifest), "--extra", p.Install.Extras)
			say += " and the project's " + strings.Join(p.Install.Extras, ", ")
		}
		before = func() error {
			var err error
			for _, f := range p.Install.Requirements {
				err = errors.Join(err, fromTodaysIndex(filepath.Join(l.tree, f)))
			}
			return err
		}
	case len(p.Install.Ranges) > 0:
		ranges := filepath.Join(l.home, "ranges.txt")
		args, say = append(args, "-r", ranges), "installing the dependencies of "+filepath.Base(first(p.Manifests))+", which has no lock"
		before = func() error { return writeAnew(ranges, strings.Join(p.Install.Ranges, "\n")+"\n") }
	case installsItself(p):
		target := l.root
		if len(extras) > 0 {
			target += "[" + strings.Join(extras, ",") + "]"
		}
		args, say = append(args, target), "installing the project"
	default:
		manifest := filepath.Join(l.root, "pyproject.toml")
		args, say = flags(append(args, "-r", manifest), "--extra", extras), "installing the dependencies of pyproject.toml, which has no lock"
		for _, g := range groups {
			args = append(args, "--group", manifest+":"+g)
		}
	}
	s := step{kind: installing, tool: &uv, say: say, args: args, dir: l.root, env: l.upTo, blame: blame, before: before}
	if !p.Install.RequireHashes && !installsItself(p) {
		s.resolve = resolving(l, args)
	}
	return []step{s}
}

func flags(args []string, flag string, values []string) []string {
	for _, v := range values {
		args = append(args, flag, v)
	}
	return args
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}
