package python

import (
	"path"
	"sort"
	"strings"
)

// pytestPin is used when tests are written for pytest and nothing declares it.
const pytestPin = "pytest>=8,<9"

// testFiles are the files that hold tests, by their names.
func (d *detection) testFiles() []string {
	var out []string
	for _, f := range d.tree.walk(true) {
		base := path.Base(f)
		if strings.HasPrefix(base, "test_") || strings.HasSuffix(base, "_test.py") || base == "tests.py" || base == "test.py" {
			out = append(out, f)
		}
	}
	return out
}

// detectTests settles how the tests run and what they need.
func (d *detection) detectTests() {
	t := &d.project.Test
	if d.config != nil && d.config.Test != nil {
		c := d.config.Test
		t.Groups, t.Extras = append(t.Groups, c.Groups...), append(t.Extras, c.Extras...)
		for _, f := range c.Requirements {
			if !d.tree.exists(f) {
				at := d.stated("test", "requirements")
				d.problem(Problem{Code: "test.requirements_missing", Message: at.name() + " names " + f + " under test.requirements, and there is no such file",
					File: at.File, Line: at.Line, Remedy: "correct test.requirements in " + at.name()})
				continue
			}
			t.Requirements = append(t.Requirements, d.tree.path(f))
		}
		if c.Skip {
			t.Skip = true
			at := d.stated("test", "skip")
			d.find(Finding{What: "test", Value: "skipped", File: at.File, Line: at.Line, Rule: "test." + at.rule + "_skip"})
			return
		}
		if c.Command != "" {
			t.Command, t.Runner = d.runnable(c.Command, d.stated("test", "command").Evidence), "custom"
			if strings.Contains(string(c.Command), "pytest") {
				t.Runner = "pytest"
			}
			at := d.stated("test", "command")
			d.find(Finding{What: "test", Value: string(t.Command), File: at.File, Line: at.Line, Rule: "test." + at.rule})
			d.testDependencies("")
			return
		}
	}
	files := d.testFiles()
	if len(files) == 0 {
		d.find(Finding{What: "test", Value: "none", File: ".", Rule: "test.none"})
		d.warn(Problem{Code: "test.none", Message: "there are no tests", File: d.configFile(),
			Remedy: "add tests/test_app.py, or state test: {command: ...} in " + d.configFile()})
		return
	}
	at, rule, pytest := d.pytestEvidence(files)
	dj := d.django()
	switch {
	case pytest && !(rule == "test.pytest_style" && dj.manage != "" && !d.declaresAnywhere("pytest-django")):
		t.Command, t.Runner = d.withSource("python -m pytest"), "pytest"
		d.find(Finding{What: "test", Value: string(t.Command), File: at.File, Line: at.Line, Rule: rule, Rivals: d.testRivals()})
		d.testDependencies("pytest")
		if dj.any() && !d.declaresAnywhere("pytest-django") && dj.manage != "" && rule != "test.pytest_config" {
			d.djangoTests(dj, files)
		}
	case dj.manage != "":
		d.djangoTests(dj, files)
		d.testDependencies("")
	default:
		command := "python -m unittest discover"
		if !d.tree.exists("tests/__init__.py") && strings.HasPrefix(files[0], "tests/") {
			command += " -s tests"
		} else if !d.tree.exists("test/__init__.py") && strings.HasPrefix(files[0], "test/") {
			command += " -s test"
		}
		t.Command, t.Runner = d.withSource(command), "unittest"
		d.find(Finding{What: "test", Value: string(t.Command), File: files[0], Line: 1, Rule: "test.unittest", Confidence: Medium, Rivals: d.testRivals()})
		d.testDependencies("")
	}
	if dj.any() {
		d.manifestStorage(dj)
	}
}

func (d *detection) djangoTests(dj djangoFacts, files []string) {
	t := &d.project.Test
	t.Command, t.Runner = Command("python "+dj.manage+" test --no-input"), "django"
	d.find(Finding{What: "test", Value: string(t.Command), File: files[0], Line: 1, Rule: "test.django", Confidence: Medium, Rivals: d.testRivals()})
}

// withSource puts src on the path when the project is not installed.
func (d *detection) withSource(command string) Command {
	app := d.project.Application
	if app != nil && d.tree.below(app.Dir) != "." && !d.pyproject.has("build-system") && !strings.Contains(d.pyproject.textOf("tool", "pytest", "ini_options"), "pythonpath") {
		return Command("PYTHONPATH=" + d.tree.below(app.Dir) + " " + command)
	}
	return Command(command)
}

// textOf names the keys of a table, for a quick look.
func (p pyproject) textOf(keys ...string) string {
	return strings.Join(sortedKeys(digTable(p.data, keys...)), " ")
}

func (d *detection) testRivals() []string {
	var out []string
	for _, n := range []string{"tox.ini", "noxfile.py"} {
		if d.tree.exists(n) {
			out = append(out, n+" (makes environments of its own)")
		}
	}
	return out
}

func (d *detection) declaresAnywhere(name string) bool {
	_, production := d.deps.has(name)
	_, _, development := d.deps.dev(name)
	return production || development
}

// pytestEvidence says whether and why tests are meant for pytest.
func (d *detection) pytestEvidence(files []string) (Evidence, string, bool) {
	if d.pyproject.has("tool", "pytest") {
		return Evidence{File: "pyproject.toml", Line: d.pyproject.line("tool.pytest", "ini_options")}, "test.pytest_config", true
	}
	for _, f := range []struct{ name, section string }{{"pytest.ini", "[pytest]"}, {"setup.cfg", "[tool:pytest]"}, {"tox.ini", "[pytest]"}} {
		for i, l := range d.tree.lines(f.name) {
			if strings.TrimSpace(l) == f.section {
				return Evidence{File: f.name, Line: i + 1}, "test.pytest_config", true
			}
		}
	}
	if _, ev, ok := d.deps.dev("pytest"); ok {
		return ev, "test.pytest_dependency", true
	}
	if _, ev, ok := d.deps.dev("pytest-django"); ok {
		return ev, "test.pytest_dependency", true
	}
	if ev, ok := d.deps.has("pytest"); ok {
		return ev, "test.pytest_dependency", true
	}
	for _, f := range d.tree.walk(true) {
		if path.Base(f) == "conftest.py" {
			return Evidence{File: f, Line: 1}, "test.conftest", true
		}
	}
	for i, l := range d.tree.lines("tox.ini") {
		if strings.Contains(l, "pytest") {
			return Evidence{File: "tox.ini", Line: i + 1}, "test.tox", true
		}
	}
	for _, f := range files[:min(len(files), 50)] {
		m := d.module(f)
		if m == nil {
			continue
		}
		if contains(m.modules, "pytest") {
			return Evidence{File: f, Line: d.lineOf(f, "pytest")}, "test.pytest_import", true
		}
		for _, def := range m.defs {
			if strings.HasPrefix(def.name, "test_") {
				return Evidence{File: f, Line: def.line}, "test.pytest_style", true
			}
		}
	}
	return Evidence{}, "", false
}

// Names under which people keep what tests need, the likeliest first.
var testSets = []string{"test", "tests", "testing", "dev", "develop", "development"}

// testDependencies fills in what the tests need beyond production: one group,
// extra or file, that which has the runner where one has, else the likeliest.
func (d *detection) testDependencies(runner string) {
	t := &d.project.Test
	if len(t.Groups)+len(t.Extras)+len(t.Requirements) > 0 {
		return // slipway.yaml has said
	}
	files := sortedKeys(d.deps.Files)
	rank := func(f string) int {
		name := strings.TrimSuffix(strings.ToLower(f), ".txt")
		for i, s := range testSets {
			if strings.HasSuffix(name, s) || strings.HasPrefix(path.Base(name), s) {
				return i
			}
		}
		return len(testSets)
	}
	sort.SliceStable(files, func(a, b int) bool { return rank(files[a]) < rank(files[b]) })
	for _, needRunner := range []bool{true, false} {
		fits := func(deps []Dependency) bool {
			_, has := findDependency(deps, runner)
			return !needRunner || runner == "" || has
		}
		for _, name := range testSets {
			if deps, ok := d.deps.Groups[name]; ok && fits(deps) {
				t.Groups = append(t.Groups, name)
				d.ensure(runner, deps)
				return
			}
		}
		for _, name := range testSets {
			if deps, ok := d.deps.Extras[name]; ok && fits(deps) {
				t.Extras = append(t.Extras, name)
				d.ensure(runner, deps)
				return
			}
		}
		for _, f := range files {
			if deps := d.deps.Files[f]; (rank(f) < len(testSets) || runner != "" && needRunner) && fits(deps) {
				t.Requirements = append(t.Requirements, d.tree.path(f))
				d.ensure(runner, deps)
				return
			}
		}
		if needRunner && runner != "" {
			for _, sets := range []struct {
				list *[]string
				from map[string][]Dependency
			}{{&t.Groups, d.deps.Groups}, {&t.Extras, d.deps.Extras}} {
				for _, name := range sortedKeys(sets.from) {
					if fits(sets.from[name]) {
						*sets.list = append(*sets.list, name)
						return
					}
				}
			}
		}
	}
	d.toxPackages()
	d.ensure(runner, nil)
}

// ensure adds the runner itself when nothing brings it.
func (d *detection) ensure(runner string, chosen []Dependency) {
	if runner != "pytest" {
		return
	}
	for _, deps := range [][]Dependency{chosen, d.deps.Production} {
		for _, dep := range deps {
			if strings.HasPrefix(dep.Name, "pytest") { // every plugin depends on it
				return
			}
		}
	}
	for _, p := range d.project.Test.Packages {
		if strings.HasPrefix(normalizeName(p), "pytest") {
			return
		}
	}
	d.project.Test.Packages = append(d.project.Test.Packages, pytestPin)
}

// toxPackages takes the deps of [testenv], when they are plain requirements.
func (d *detection) toxPackages() {
	section, inDeps := "", false
	for _, l := range d.tree.lines("tox.ini") {
		trimmed := strings.TrimSpace(l)
		if strings.HasPrefix(trimmed, "[") {
			section, inDeps = trimmed, false
			continue
		}
		if section != "[testenv]" || trimmed == "" || strings.HasPrefix(trimmed, "#") {
			continue
		}
		if key, value, ok := strings.Cut(l, "="); ok && !strings.HasPrefix(l, " ") && !strings.HasPrefix(l, "\t") {
			inDeps = strings.TrimSpace(key) == "deps"
			trimmed = strings.TrimSpace(value)
		}
		if !inDeps || trimmed == "" || strings.ContainsAny(trimmed, "{}:") {
			continue
		}
		if file, ok := strings.CutPrefix(trimmed, "-r"); ok {
			if file = strings.TrimSpace(file); d.tree.exists(file) && file != d.manifests.main {
				d.project.Test.Requirements = append(d.project.Test.Requirements, d.tree.path(file))
			}
		} else if _, ok := parseRequirement(trimmed); ok {
			d.project.Test.Packages = append(d.project.Test.Packages, trimmed)
		}
	}
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
		for _, st := range m.all {
			for _, t := range st.tokens {
				if t.kind == tokenString && strings.Contains(t.text, "Manifest") && strings.Contains(t.text, "Storage") {
					d.project.Test.Before = append(d.project.Test.Before, Command("python "+dj.manage+" collectstatic --no-input"))
					d.find(Finding{What: "test.before", Value: "collectstatic", File: file, Line: t.line, Rule: "test.collectstatic"})
					return
				}
			}
		}
	}
}
