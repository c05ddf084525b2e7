package python

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/shell"
	"github.com/slipway-dev/slipway/python/stated"
	"github.com/slipway-dev/slipway/python/tree"
)

// testSets are names under which people keep what tests need, the likeliest first.
var testSets = []string{"test", "tests", "testing", "dev", "develop", "development"}

// statedNeeds takes what is stated of the tests' dependencies.
func (d *detection) statedNeeds(c *stated.TestConfig) {
	t := &d.project.Test
	t.Groups, t.Extras = append(t.Groups, c.Groups...), append(t.Extras, c.Extras...)
	t.Packages, t.Without = append(t.Packages, c.Packages...), append(t.Without, c.Without...)
	for _, f := range c.Requirements {
		if !d.tree.Exists(f) {
			at := d.stated("test", "requirements")
			d.problem(Problem{Code: "test.requirements_missing", Message: at.Where() + " names " + f + " under test.requirements, and there is no such file",
				File: at.File, Line: at.Line, Remedy: "correct test.requirements in " + at.Where()})
			continue
		}
		t.Requirements = append(t.Requirements, d.tree.Path(f))
	}
}

// testDependencies fills in what the tests need beyond production. What is stated
// counts: nothing is added to it but the runner. Else it is one set, that which has
// the runner where one has, or the likeliest; and then each that has something
// which the tests import, or which pytest is told to load.
func (d *detection) testDependencies(runner string, files []string) {
	t, c := &d.project.Test, d.testConfig()
	if len(c.Groups)+len(c.Extras)+len(c.Requirements) == 0 {
		if !d.chooseSet(runner, d.needSets(c)) {
			d.toxPackages(c.Requirements == nil)
		}
		d.addNeeded(files)
	}
	d.ensure(runner)
	t.Groups, t.Extras, t.Requirements = unique(t.Groups), unique(t.Extras), unique(t.Requirements)
	d.project.sets, d.project.modules = d.needSets(&stated.TestConfig{}), d.ownModules()
}

// ownModules are the names under which parts of the project may be imported, with
// the directory from which each is found, the shallow ones first.
func (d *detection) ownModules() map[string]string {
	own := map[string]string{}
	for _, f := range d.everyFile() {
		for at := strings.TrimSuffix(f, ".py"); at != "."; at = path.Dir(at) {
			if name := path.Base(at); shell.Identifier(name) && (own[name] == "" || len(path.Dir(at)) < len(own[name])) {
				own[name] = path.Dir(at)
			}
		}
	}
	return own
}

func unique(list []string) []string {
	out := []string{}
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// needSets lists the sets of the kinds of which nothing is stated, the likeliest
// first: groups, extras and files by their names, then the others.
func (d *detection) needSets(c *stated.TestConfig) []needSet {
	var out []needSet
	for _, part := range []struct {
		kind   string
		stated []string
		sets   map[string][]manifest.Dependency
	}{{"groups", c.Groups, d.deps.Groups}, {"extras", c.Extras, d.deps.Extras}, {"requirements", c.Requirements, d.deps.Files}} {
		if part.stated != nil {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(part.sets)) {
			out = append(out, needSet{part.kind, name, d.expanded(part.sets[name])})
		}
	}
	kinds := []string{"groups", "extras", "requirements"}
	sort.SliceStable(out, func(a, b int) bool {
		likely, also := out[a].rank() < len(testSets), out[b].rank() < len(testSets)
		if likely != also {
			return likely
		}
		if ka, kb := slices.Index(kinds, out[a].kind), slices.Index(kinds, out[b].kind); ka != kb {
			return ka < kb
		}
		return out[a].rank() < out[b].rank()
	})
	return out
}

// expanded adds what the project's own extras bring where one is asked for, as by
// "-e .[test]" or "shop[test]".
func (d *detection) expanded(deps []manifest.Dependency) []manifest.Dependency {
	out, seen := slices.Clone(deps), map[string]bool{}
	for i := 0; i < len(out); i++ {
		own := out[i].Name != "" && out[i].Name == manifest.Normalize(d.project.Name)
		if target, _, _ := strings.Cut(strings.TrimPrefix(out[i].URL, "file:"), "["); !own && (target == "" || path.Clean(target) != ".") {
			continue
		}
		for _, extra := range append(ownExtras(out[i].URL), out[i].Extras...) {
			if !seen[extra] {
				seen[extra] = true
				out = append(out, d.deps.Extras[extra]...)
			}
		}
	}
	return out
}

var extrasOfPath = regexp.MustCompile(`\[([^\]]*)\]\s*$`)

// ownExtras are those of a path such as .[test,dev].
func ownExtras(reference string) []string {
	if m := extrasOfPath.FindStringSubmatch(reference); m != nil {
		return manifest.ParseExtras(m[1])
	}
	return nil
}

// takeSet gives a set to the tests.
func (d *detection) takeSet(s needSet) {
	t := &d.project.Test
	switch s.kind {
	case "groups":
		t.Groups = append(t.Groups, s.name)
	case "extras":
		t.Extras = append(t.Extras, s.name)
	default:
		t.Requirements = append(t.Requirements, d.tree.Path(s.name))
	}
}

// chooseSet takes the set that has the runner, or else the likeliest.
func (d *detection) chooseSet(runner string, sets []needSet) bool {
	if runner != "" {
		for _, s := range sets {
			if s.has(runner) {
				d.takeSet(s)
				return true
			}
		}
	}
	if len(sets) > 0 && sets[0].rank() < len(testSets) {
		d.takeSet(sets[0])
		return true
	}
	return false
}

// taken tells whether a set is among those that the tests get.
func (d *detection) taken(s needSet) bool {
	t := d.project.Test
	switch s.kind {
	case "groups":
		return slices.Contains(normalized(t.Groups), s.name) || slices.Contains(normalized(d.project.Install.Groups), s.name)
	case "extras":
		return slices.Contains(normalized(t.Extras), s.name) || slices.Contains(normalized(d.project.Install.Extras), s.name)
	}
	return slices.Contains(t.Requirements, d.tree.Path(s.name))
}

func normalized(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = manifest.Normalize(s)
	}
	return out
}

// brings tells whether the tests get one of the distributions.
func (d *detection) brings(names ...string) bool {
	for _, n := range names {
		if d.installs(n) || d.broughtBy(n) || slices.Contains(d.project.Test.packageNames(), n) {
			return true
		}
	}
	for _, s := range d.needSets(&stated.TestConfig{}) {
		if d.taken(s) && s.has(names...) {
			return true
		}
	}
	return false
}

func (t Test) packageNames() []string {
	var out []string
	for _, p := range t.Packages {
		if dep, ok := manifest.ParseRequirement(p); ok {
			out = append(out, dep.Name)
		}
	}
	return out
}

// addNeeded takes each further set that has what the tests ask for and nothing
// that they get brings.
func (d *detection) addNeeded(files []string) {
	sets := d.needSets(d.testConfig())
	for _, need := range d.testNeeds(files) {
		if d.brings(need.names...) {
			continue
		}
		for _, s := range sets {
			if !d.taken(s) && s.has(need.names...) {
				d.takeSet(s)
				d.find(Finding{What: "test.dependencies", Value: s.name, File: need.File, Line: need.Line, Rule: "test.needed." + s.kind, Confidence: Medium})
				break
			}
		}
	}
}

// testNeed is something that tests ask for, by the distributions that have it.
type testNeed struct {
	names []string
	tree.Evidence
}

// testNeeds are what test files import at their margin, and the plugins that
// pytest's configuration and its tests' fixtures are of.
func (d *detection) testNeeds(files []string) []testNeed {
	var out []testNeed
	seen := map[string]bool{}
	add := func(at tree.Evidence, names ...string) {
		if !seen[names[0]] {
			seen[names[0]] = true
			out = append(out, testNeed{names, at})
		}
	}
	addopts := d.pytestOption("addopts")
	for _, p := range pluginOptions {
		if p.asks != nil && p.asks.MatchString(addopts) || p.option != "" && d.pytestOption(p.option) != "" {
			add(tree.Evidence{File: d.pytestConfig()}, p.plugin)
		}
	}
	for _, f := range d.testModules(files) {
		for _, imported := range d.startImports(f) {
			head, _, _ := strings.Cut(imported.name, ".")
			if _, _, own := d.locate(f, imported.name); own || d.tree.Exists(head+".py") {
				continue
			}
			add(imported.Evidence, distributions(head)...)
		}
		m := d.module(f)
		if m == nil {
			continue
		}
		for _, def := range m.Defs {
			for _, p := range def.Params {
				if plugin := pluginFixtures[p]; plugin != "" && strings.HasPrefix(def.Name, "test") {
					add(tree.Evidence{File: f, Line: def.Line}, plugin)
				}
			}
		}
	}
	return out
}

// testModules are the test files, every conftest.py and what lies beside them, as
// far as they are looked into.
func (d *detection) testModules(files []string) []string {
	out := slices.Clone(files[:min(len(files), maxTestFiles)])
	dirs := map[string]bool{}
	for _, f := range files {
		for _, part := range strings.Split(path.Dir(f), "/") {
			if part == "tests" || part == "test" {
				dirs[path.Dir(f)] = true
			}
		}
	}
	for _, f := range d.everyFile() {
		if (path.Base(f) == "conftest.py" || dirs[path.Dir(f)]) && !slices.Contains(out, f) && len(out) < 2*maxTestFiles {
			out = append(out, f)
		}
	}
	return out
}

func (d *detection) pytestConfig() string {
	for _, f := range pytestFiles {
		for _, l := range d.tree.Lines(f.name) {
			if strings.TrimSpace(l) == f.section {
				return f.name
			}
		}
	}
	return "pyproject.toml"
}

// ensure adds the runner itself when nothing brings it, at the version of the lock
// where it has one.
func (d *detection) ensure(runner string) {
	if runner != "pytest" {
		return
	}
	named := append(d.project.Test.packageNames(), namesOf(d.deps.Production)...)
	for _, s := range d.needSets(&stated.TestConfig{}) {
		if d.taken(s) {
			named = append(named, namesOf(s.deps)...)
		}
	}
	for _, n := range named {
		if strings.HasPrefix(n, "pytest") { // every plugin depends on it
			return
		}
	}
	pin := pytestPin
	if v, ok := manifest.ParseVersion(d.project.Python.Version); ok && v.At(0) == 3 && v.At(1) < 8 {
		pin = oldPytestPin
	}
	for _, p := range d.locked {
		if p.Name == "pytest" && p.Version != "" {
			pin = "pytest==" + p.Version
		}
	}
	d.project.Test.Packages = append(d.project.Test.Packages, pin)
}

// namesOf are the distributions of a list.
func namesOf(deps []manifest.Dependency) []string {
	var out []string
	for _, dep := range deps {
		out = append(out, dep.Name)
	}
	return out
}

// toxPackages takes the deps of [testenv], when they are plain requirements.
func (d *detection) toxPackages(withFiles bool) {
	section, inDeps := "", false
	for _, l := range d.tree.Lines("tox.ini") {
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
			if file = strings.TrimSpace(file); withFiles && d.tree.Exists(file) && file != d.manifests.main {
				d.project.Test.Requirements = append(d.project.Test.Requirements, d.tree.Path(file))
			}
		} else if _, ok := manifest.ParseRequirement(trimmed); ok {
			d.project.Test.Packages = append(d.project.Test.Packages, trimmed)
		}
	}
}
