package python

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/stated"
	"github.com/slipway-dev/slipway/python/syntax"
	"github.com/slipway-dev/slipway/python/tree"
)

// pytestPin is used when tests are written for pytest and nothing declares it, and
// oldPytestPin with a Python for which it isn't made any more.
const (
	pytestPin    = "pytest>=8,<9"
	oldPytestPin = "pytest>=6,<8"
)

// detectTests settles how the tests run and what they need.
func (d *detection) detectTests() {
	t, c := &d.project.Test, d.testConfig()
	d.statedNeeds(c)
	if c.Skip {
		t.Skip = true
		at := d.stated("test", "skip")
		d.find(Finding{What: "test", Value: "skipped", File: at.File, Line: at.Line, Rule: "test." + at.rule + "_skip"})
		return
	}
	files := d.testFiles()
	t.Seen = d.seenTest(files)
	if c.Command != "" {
		at := d.stated("test", "command")
		d.statedTests(c.Command, at.Evidence, "test."+at.rule, files)
		return
	}
	if d.herokuTests(files) {
		return
	}
	if files = d.withTests(files); len(files) == 0 {
		d.withoutTests()
		return
	}
	at, rule, pytest := d.pytestEvidence(files)
	dj := d.django()
	runner := ""
	switch {
	case pytest && !(rule == "test.pytest_style" && dj.manage != "" && !d.declaresAnywhere("pytest-django")):
		runner = d.pytest(d.testDir(files, at, rule), at, rule)
		if dj.any() && !d.declaresAnywhere("pytest-django") && dj.manage != "" && rule != "test.pytest_config" {
			d.djangoTests(dj, files)
		}
	case dj.manage != "":
		d.djangoTests(dj, files)
	default:
		start, reached := d.discovers(files)
		if !reached { // pytest runs them as well, and needs no packages to find them
			runner = d.pytest(d.testDir(files, tree.Evidence{}, ""), tree.Evidence{File: files[0], Line: 1}, "test.scattered")
			break
		}
		command, dir := "python -m unittest discover", d.testDir(files, tree.Evidence{}, "")
		if start != dir && !strings.HasPrefix(start, dir+"/") {
			dir = "."
		}
		if start != dir {
			command += " -s " + below(dir, start)
		}
		t.Command, t.Runner = d.withSource(dir, command), "unittest"
		d.find(Finding{What: "test", Value: string(t.Command), File: files[0], Line: 1, Rule: "test.unittest", Confidence: Medium, Rivals: d.testRivals()})
	}
	d.testDependencies(runner, files)
	if dj.any() {
		d.manifestStorage(dj)
	}
}

// pytest has pytest run the tests, in dir.
func (d *detection) pytest(dir string, at tree.Evidence, rule string) (runner string) {
	t := &d.project.Test
	t.Command, t.Runner = d.withSource(dir, "python -m pytest"), "pytest"
	f := Finding{What: "test", Value: string(t.Command), File: at.File, Line: at.Line, Rule: rule, Rivals: d.testRivals()}
	if rule == "test.scattered" {
		f.Confidence = Medium
	}
	d.find(f)
	return "pytest"
}

// statedTests takes a command that somebody has stated.
func (d *detection) statedTests(c Command, at tree.Evidence, rule string, files []string) {
	t := &d.project.Test
	t.Command, t.Runner = d.runnable(c, at), "custom"
	runner := ""
	switch text := string(c) + " " + string(t.Command); {
	case strings.Contains(text, "pytest"):
		t.Runner, runner = "pytest", "pytest"
	case strings.Contains(text, "manage.py test"):
		t.Runner = "django"
	case strings.Contains(text, "-m unittest"):
		t.Runner = "unittest"
	}
	d.find(Finding{What: "test", Value: string(t.Command), File: at.File, Line: at.Line, Rule: rule})
	d.testDependencies(runner, d.withTests(files))
}

// testConfig is what is stated of the tests, never nil.
func (d *detection) testConfig() *stated.TestConfig {
	if d.config != nil && d.config.Test != nil {
		return d.config.Test
	}
	return &stated.TestConfig{}
}

// withoutTests says that there are none. Files that could hold some, as
// django-admin writes them, are named.
func (d *detection) withoutTests() {
	message := "there are no tests"
	if files := d.testFiles(); len(files) > 0 {
		message += ": " + tree.ClipList(files) + " has none in it"
	}
	d.find(Finding{What: "test", Value: "none", File: ".", Rule: "test.none"})
	d.warn(Problem{Code: "test.none", Message: message, File: d.configFile(),
		Remedy: "add tests/test_app.py, or state test: {command: ...} in " + d.configFile()})
}

func (d *detection) djangoTests(dj djangoFacts, files []string) {
	t := &d.project.Test
	t.Command, t.Runner = within(path.Dir(dj.manage), "python manage.py test --no-input"), "django"
	d.find(Finding{What: "test", Value: string(t.Command), File: files[0], Line: 1, Rule: "test.django", Confidence: Medium, Rivals: d.testRivals()})
}

// testDir is where tests run that nobody has written a command for: in the
// application's directory when they lie there, unless it is a file beside the
// manifests that says how.
func (d *detection) testDir(files []string, at tree.Evidence, rule string) string {
	dir := d.workDir()
	if dir == "." || rule == "test.pytest_config" && path.Dir(at.File) == "." {
		return "."
	}
	for _, f := range files {
		if !strings.HasPrefix(f, dir+"/") {
			return "."
		}
	}
	return dir
}

// withSource runs a command in dir, with src on the path when the project is not
// installed.
func (d *detection) withSource(dir, command string) Command {
	app := d.project.Application
	if app != nil && below(dir, d.tree.Below(app.Dir)) != "." && !d.pyproject.Has("build-system") && !strings.Contains(keysOf(d.pyproject, "tool", "pytest", "ini_options"), "pythonpath") {
		command = "PYTHONPATH=" + below(dir, d.tree.Below(app.Dir)) + " " + command
	}
	return within(dir, command)
}

// keysOf names the keys of a table, for a quick look.
func keysOf(p manifest.Pyproject, keys ...string) string {
	return strings.Join(slices.Sorted(maps.Keys(manifest.DigTable(p.Data, keys...))), " ")
}

func (d *detection) testRivals() []string {
	var out []string
	for _, n := range []string{"tox.ini", "noxfile.py"} {
		if d.tree.Exists(n) {
			out = append(out, n+" (makes environments of its own)")
		}
	}
	return out
}

func (d *detection) declaresAnywhere(name string) bool {
	_, production := d.deps.Has(name)
	_, _, development := d.deps.Dev(name)
	return production || development
}

// pytestEvidence says whether and why tests are meant for pytest.
func (d *detection) pytestEvidence(files []string) (tree.Evidence, string, bool) {
	if d.pyproject.Has("tool", "pytest") {
		return tree.Evidence{File: "pyproject.toml", Line: d.pyproject.Line("tool.pytest", "ini_options")}, "test.pytest_config", true
	}
	for _, dir := range manifest.SortedUnique([]string{".", d.workDir()}) {
		for _, f := range slices.Concat(pytestFiles, []struct{ name, section string }{{"pyproject.toml", "[tool.pytest.ini_options]"}}) {
			name := path.Join(dir, f.name)
			for i, l := range d.tree.Lines(name) {
				if strings.TrimSpace(l) == f.section {
					return tree.Evidence{File: name, Line: i + 1}, "test.pytest_config", true
				}
			}
		}
	}
	if _, ev, ok := d.deps.Dev("pytest"); ok {
		return ev, "test.pytest_dependency", true
	}
	if _, ev, ok := d.deps.Dev("pytest-django"); ok {
		return ev, "test.pytest_dependency", true
	}
	if ev, ok := d.deps.Has("pytest"); ok {
		return ev, "test.pytest_dependency", true
	}
	for _, f := range d.everyFile() {
		if path.Base(f) == "conftest.py" {
			return tree.Evidence{File: f, Line: 1}, "test.conftest", true
		}
	}
	for i, l := range d.tree.Lines("tox.ini") {
		if strings.Contains(l, "pytest") {
			return tree.Evidence{File: "tox.ini", Line: i + 1}, "test.tox", true
		}
	}
	for _, f := range files[:min(len(files), 50)] {
		m := d.module(f)
		if m == nil {
			continue
		}
		if slices.Contains(m.Modules, "pytest") {
			return tree.Evidence{File: f, Line: d.lineOf(f, "pytest")}, "test.pytest_import", true
		}
		for _, def := range m.Defs {
			if strings.HasPrefix(def.Name, "test_") {
				return tree.Evidence{File: f, Line: def.Line}, "test.pytest_style", true
			}
		}
	}
	return tree.Evidence{}, "", false
}

// manifestStorage collects static files first when the storage refuses to
// name a file that it has not seen.
func (d *detection) manifestStorage(dj djangoFacts) {
	if dj.manage == "" {
		return
	}
	for _, file := range d.settingsModules() {
		m := d.module(file)
		if m == nil {
			continue
		}
		for _, st := range m.All {
			for _, t := range st.Tokens {
				if t.Kind == syntax.TokenString && strings.Contains(t.Text, "Manifest") && strings.Contains(t.Text, "Storage") {
					d.project.Test.Before = append(d.project.Test.Before, within(path.Dir(dj.manage), "python manage.py collectstatic --no-input"))
					d.find(Finding{What: "test.before", Value: "collectstatic", File: file, Line: t.Line, Rule: "test.collectstatic"})
					return
				}
			}
		}
	}
}
