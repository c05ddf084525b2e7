package python

import (
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/slipway-dev/slipway/python/lock"
	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/shell"
	"github.com/slipway-dev/slipway/python/tree"
)

// manifests is every file in the service's directory that may state its
// dependencies, before anyone has decided which of them counts.
type manifests struct {
	locks        []string // of lock.Kinds, in that order
	requirements []string // requirements.txt and its relatives, in directories too
	main         string   // the requirements file that production uses
	pipfile      bool
	setup        string // setup.py or setup.cfg, when it describes a package
	conda, pixi  string
	python       bool // there is some .py file
}

func (m manifests) any() bool {
	return len(m.locks) > 0 || m.main != "" || m.pipfile || m.setup != "" || m.conda != "" || m.pixi != ""
}

// collectManifests looks at one directory.
func collectManifests(t tree.Tree) manifests {
	var m manifests
	for _, k := range lock.Kinds {
		if t.Exists(k.File) {
			m.locks = append(m.locks, k.File)
		}
	}
	for _, pattern := range []string{"*requirements*.txt", "requirements/*.txt", "*requirements/*.txt"} {
		m.requirements = append(m.requirements, t.Glob(pattern)...)
	}
	m.requirements = manifest.SortedUnique(append(m.requirements, endless(t)...))
	if t.Exists("requirements.txt") {
		m.main = "requirements.txt"
	}
	m.pipfile = t.Exists("Pipfile")
	m.setup = setupFile(t)
	for _, n := range []string{"environment.yml", "environment.yaml", "conda.yml", "conda-lock.yml"} {
		if m.conda == "" && t.Exists(n) {
			m.conda = n
		}
	}
	for _, n := range []string{"pixi.lock", "pixi.toml"} {
		if m.pixi == "" && t.Exists(n) {
			m.pixi = n
		}
	}
	m.python = len(t.Walk(false)) > 0
	return m
}

// setupFile tells a package's setup.py or setup.cfg from one that only
// configures tools.
func setupFile(t tree.Tree) string {
	if text, ok := t.Read("setup.py"); ok && strings.Contains(text, "setup(") {
		return "setup.py"
	}
	if text, ok := t.Read("setup.cfg"); ok && (strings.Contains(text, "[metadata]") || strings.Contains(text, "[options]")) {
		return "setup.cfg"
	}
	return ""
}

// productionRequirements are names for what production installs when there is
// no requirements.txt, the likeliest first.
var productionRequirements = [][]string{
	{"requirements/production.txt", "requirements/prod.txt", "requirements/deploy.txt", "requirements-production.txt", "requirements-prod.txt"},
	{"requirements/main.txt", "requirements/requirements.txt"},
	{"requirements/base.txt", "requirements/common.txt"},
}

var developmentWords = map[string]bool{
	"dev": true, "develop": true, "development": true, "test": true, "tests": true, "testing": true, "lint": true,
	"docs": true, "doc": true, "ci": true, "local": true, "debug": true, "style": true, "typing": true, "mypy": true, "build": true,
}

// forDevelopment says that a requirements file's name speaks of development.
func forDevelopment(file string) bool {
	base := strings.TrimSuffix(path.Base(file), ".txt")
	for _, word := range strings.FieldsFunc(strings.ToLower(base), func(r rune) bool { return r == '-' || r == '_' || r == '.' }) {
		if developmentWords[word] {
			return true
		}
	}
	return false
}

// misspeltRequirements are names that people meant to be requirements.txt.
var misspeltRequirements = []string{
	"requirement.txt", "requirments.txt", "requirements.text", "requirements", "requirements.txt.txt", "Requirements.txt", "requirement",
	"requirements.tx", "requiremnts.txt", "requiremets.txt", "requirements.pip", "REQUIREMENTS.txt", "reqs.txt", "requirements.in.txt", "requirmets.txt", "requirements.md",
}

// notServices are directories that hold Python for other purposes.
var notServices = map[string]bool{
	"docs": true, "doc": true, "tests": true, "test": true, "examples": true, "example": true, "scripts": true, "script": true,
	"requirements": true, "ci": true, "infra": true, "e2e": true, "tools": true, "benchmarks": true, "terraform": true, "samples": true,
	"migrations": true, "alembic": true, "notebooks": true, "deploy": true, "docker": true, "ops": true, "bin": true,
}

// chooseRoot settles the directory that holds the service: what slipway.yaml
// says, else the given one, else the only sub-directory that is a Python project.
func (d *detection) chooseRoot() {
	if d.config != nil && d.config.Root != "" && path.Clean(d.config.Root) != "." {
		root, at := path.Clean(strings.Trim(d.config.Root, "/")), d.stated("root")
		if root == ".." || strings.HasPrefix(root, "../") || !d.tree.IsDir(root) {
			d.problem(Problem{Code: "root.missing", Message: at.Where() + " sets root: " + d.config.Root + ", and there is no such directory",
				File: at.File, Line: at.Line, Remedy: "correct root: in " + at.Where()})
			d.halted = true
			return
		}
		d.find(Finding{What: "root", Value: root, File: at.File, Line: at.Line, Rule: "root." + at.rule})
		d.tree = d.tree.At(root)
		return
	}
	found, bare := d.bareWorkspace()
	if !bare {
		if rootIsService(d.tree) {
			return
		}
		found = d.serviceDirectories()
	}
	switch len(found) {
	case 0:
	case 1:
		dir := path.Dir(found[0])
		d.find(Finding{What: "root", Value: dir, File: found[0], Line: 1, Rule: "root.only_subdirectory", Confidence: Medium})
		d.tree = d.tree.At(dir)
	default:
		var dirs []string
		for _, f := range found {
			dirs = append(dirs, path.Dir(f))
		}
		if only, ok := d.onlyServed(dirs); ok {
			d.find(Finding{What: "root", Value: only, File: path.Join(only, manifestOf(d.tree.At(only))), Line: 1, Rule: "root.only_application", Confidence: Medium, Rivals: dirs})
			d.tree = d.tree.At(only)
			return
		}
		d.problem(Problem{Code: "root.ambiguous", Message: "several directories hold a Python project: " + strings.Join(dirs, ", "),
			File: d.configFile(), Remedy: "say which one this service is: " + d.stating("root", dirs[0])})
		d.halted = true
	}
}

// bareWorkspace lists the members of a uv workspace whose root is no project:
// what is installed there is nothing.
func (d *detection) bareWorkspace() (members []string, bare bool) {
	p, problem := manifest.ReadPyproject(d.tree, "pyproject.toml")
	if problem != nil || p.HasProject() || !p.Has("tool", "uv", "workspace") || p.Has("dependency-groups") && d.tree.Exists("app.py") {
		return nil, false
	}
	for _, pattern := range manifest.DigStrings(p.Data, "tool", "uv", "workspace", "members") {
		for _, f := range d.tree.Glob(path.Join(pattern, "pyproject.toml")) {
			if !slices.Contains(members, f) {
				members = append(members, f)
			}
		}
	}
	return members, len(members) > 0
}

// maxServed bounds in how many directories an application is looked for.
const maxServed = 8

// onlyServed is the one of several projects that has something to serve.
func (d *detection) onlyServed(dirs []string) (only string, ok bool) {
	if len(dirs) > maxServed {
		return "", false
	}
	for _, dir := range dirs {
		p, err := Detect(d.tree.Fsys, Options{Path: d.tree.Path(dir), Interpreters: d.opts.Interpreters})
		if err != nil || p.Processes["web"] == "" {
			continue
		}
		if only != "" {
			return "", false
		}
		only = dir
	}
	return only, only != ""
}

// rootIsService says that the directory itself is a project, or holds code
// that no sub-directory explains better.
func rootIsService(t tree.Tree) bool {
	m := collectManifests(t)
	if m.any() {
		return true
	}
	if p, problem := manifest.ReadPyproject(t, "pyproject.toml"); problem != nil || p.HasProject() || p.HasPoetry() {
		return true
	}
	if chooseProductionFile(m).file != "" {
		return true
	}
	for _, n := range t.List(".") {
		if strings.HasSuffix(n, ".py") && !toolScript[n] {
			return true
		}
	}
	return false
}

// toolScript are .py files that say nothing about a service.
var toolScript = map[string]bool{"conftest.py": true, "noxfile.py": true, "tasks.py": true, "fabfile.py": true, "dodo.py": true, "setup.py": true, "version.py": true}

// serviceDirectories returns one manifest for each sub-directory, at most two
// deep, that is a Python project.
func (d *detection) serviceDirectories() []string {
	var found []string
	var look func(dir string, depth int)
	look = func(dir string, depth int) {
		for _, n := range d.tree.List(dir) {
			name, isDir := strings.CutSuffix(n, "/")
			if !isDir || tree.SkippedDirs[name] || notServices[name] || strings.HasPrefix(name, ".") {
				continue
			}
			full := path.Join(dir, name)
			if f := manifestOf(d.tree.At(full)); f != "" {
				found = append(found, path.Join(full, f))
			} else if depth > 1 {
				look(full, depth-1)
			}
		}
	}
	look(".", 2)
	sort.Strings(found)
	return found
}

func manifestOf(t tree.Tree) string {
	for _, k := range lock.Kinds {
		if t.Exists(k.File) {
			return k.File
		}
	}
	if p, problem := manifest.ReadPyproject(t, "pyproject.toml"); problem != nil || p.HasProject() || p.HasPoetry() {
		return "pyproject.toml"
	}
	for _, n := range []string{"requirements.txt", "Pipfile", "manage.py"} {
		if t.Exists(n) {
			return n
		}
	}
	if c := chooseProductionFile(collectManifests(t)); c.file != "" {
		return c.file
	}
	return setupFile(t)
}

// stating is how something is stated: by a command, which needs no commit, or in the
// file of the project. The value is as YAML has it.
func (d *detection) stating(key, value string) string {
	text := key + ": " + value
	if head, rest, nested := strings.Cut(key, "."); nested {
		text = head + ": {" + rest + ": " + value + "}"
	}
	return "slipway service set SERVICE --set " + shell.Quote([]string{key + "=" + value}) + " (or \"" + text + "\" in " + d.configFile() + ")"
}

// configFile is the name of the file to change when Slipway needs telling.
func (d *detection) configFile() string {
	name := "slipway.yaml"
	if d.config != nil && d.config.File != "" {
		name = path.Base(d.config.File)
	}
	if below := strings.TrimPrefix(strings.TrimPrefix(d.tree.Dir, d.home), "/"); d.tree.Dir != d.home && below != "." {
		name = strings.Repeat("../", strings.Count(below, "/")+1) + name
	}
	return name
}

// configLine is the line of a top-level key of slipway.yaml, 0 when unknown.
func (d *detection) configLine(key string) int {
	if d.config == nil {
		return 0
	}
	for i, l := range d.tree.Lines(d.configFile()) {
		if strings.HasPrefix(l, key+":") {
			return i + 1
		}
	}
	return 0
}

// refuseTemplate recognises a repository that makes projects and is none.
func (d *detection) refuseTemplate() bool {
	file, line := "", 0
	for _, n := range d.tree.List(".") {
		if strings.Contains(n, "{{") {
			file = strings.TrimSuffix(n, "/")
		}
	}
	for _, n := range []string{"Procfile", "pyproject.toml", "requirements.txt"} {
		for i, l := range d.tree.Lines(n) {
			if at := strings.Index(l, "{{"); file == "" && at >= 0 && strings.Contains(l[at:], "}}") && !strings.HasPrefix(strings.TrimSpace(l), "#") &&
				(n == "Procfile" || strings.Contains(l[at:], "cookiecutter") || strings.Contains(l[at:], "project_")) {
				file, line = n, i+1
			}
		}
	}
	if file == "" {
		return false
	}
	d.problem(Problem{Code: "project.template", Message: "this repository is a template for projects: " + file + " has a place to fill in",
		File: file, Line: line, Remedy: "make a project from the template and register that"})
	return true
}

// warnStray warns of environments in the repository, which are never used.
func (d *detection) warnStray() {
	for _, n := range []string{".venv", "venv", "env", ".heroku/python", "virtualenv"} {
		if d.tree.Exists(path.Join(n, "pyvenv.cfg")) || d.tree.IsDir(path.Join(n, "lib")) && d.tree.IsDir(path.Join(n, "bin")) || n == ".heroku/python" && d.tree.IsDir(n) {
			d.warn(Problem{Code: "project.stray_venv", Message: "the repository holds a Python environment in " + n + "; Slipway makes its own and never uses it",
				File: n, Remedy: "git rm -r --cached " + n + " && echo " + n + "/ >> .gitignore"})
		}
	}
}
