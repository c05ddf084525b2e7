package python

import (
	"path"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/python/manifest"
)

// TestRemedy says what has a module that the tests lack, and what to state so that
// they get it, as the end of a sentence.
func (p *Project) TestRemedy(module string) string {
	head, _, _ := strings.Cut(module, ".")
	return p.testRemedy(distributions(head))
}

// PluginRemedy is TestRemedy for a plugin of pytest.
func (p *Project) PluginRemedy(distribution string) string {
	return p.testRemedy([]string{distribution})
}

func (p *Project) testRemedy(names []string) string {
	for _, n := range names {
		if slices.Contains(normalized(p.Test.Without), n) {
			return "test.without leaves " + n + " out: take it out of there"
		}
	}
	t := p.Test
	for _, s := range p.sets {
		if !s.has(names...) {
			continue
		}
		groups, extras, files := slices.Clone(t.Groups), slices.Clone(t.Extras), slices.Clone(t.Requirements)
		what := "the file " + s.name
		switch s.kind {
		case "groups":
			groups, what = append(groups, s.name), "the group "+s.name
		case "extras":
			extras, what = append(extras, s.name), "the extra "+s.name
		default:
			files = append(files, s.name)
		}
		for i, f := range files {
			files[i] = strings.TrimPrefix(f, string(p.Root)+"/")
		}
		var keys []string
		for _, k := range []struct {
			key  string
			list []string
		}{{"groups", groups}, {"extras", extras}, {"requirements", files}} {
			if len(k.list) > 0 {
				keys = append(keys, "--set 'test."+k.key+"=["+strings.Join(unique(k.list), ", ")+"]'")
			}
		}
		return what + " has " + s.firstOf(names) + ": slipway service set SERVICE " + strings.Join(keys, " ") + " (or test: {...} in slipway.yaml)"
	}
	packages := []string{names[0]}
	if p.Config != nil && p.Config.Test != nil {
		packages = append(slices.Clone(p.Config.Test.Packages), names[0])
	}
	return "no dependency that the project states has it: slipway service set SERVICE --set 'test.packages=[" + strings.Join(packages, ", ") + "]' (or test: {...} in slipway.yaml), or declare it"
}

// firstOf is the first of the names that a set has.
func (s needSet) firstOf(names []string) string {
	for _, n := range names {
		if s.has(n) {
			return n
		}
	}
	return names[0]
}

// ExtrasInSetup tells whether an extra of the tests is stated by setup.py or
// setup.cfg, so that only the project's own build brings it.
func (p *Project) ExtrasInSetup() bool {
	for _, s := range p.sets {
		if s.kind == "extras" && slices.Contains(normalized(p.Test.Extras), s.name) && len(s.deps) > 0 && strings.HasPrefix(s.deps[0].File, "setup.") {
			return true
		}
	}
	return false
}

// OwnModule tells whether a module is the project's own, and from which directory
// it would be found.
func (p *Project) OwnModule(module string) (dir string, own bool) {
	head, _, _ := strings.Cut(module, ".")
	dir, own = p.modules[head]
	return dir, own
}

// SystemNeeds says what a distribution wants of the machine; "" for nothing known.
func SystemNeeds(distribution string) string { return systemNeeds[manifest.Normalize(distribution)] }

// needSet is one group, extra or requirements file.
type needSet struct {
	kind string // a key of test: groups, extras or requirements
	name string // a file is relative to the service's directory
	deps []manifest.Dependency
}

// rank is how likely a set is meant for tests, by its name.
func (s needSet) rank() int {
	if s.kind != "requirements" {
		if i := slices.Index(testSets, s.name); i >= 0 {
			return i
		}
		return len(testSets)
	}
	name := strings.TrimSuffix(strings.ToLower(s.name), ".txt")
	for i, word := range testSets {
		if strings.HasSuffix(name, word) || strings.HasPrefix(path.Base(name), word) {
			return i
		}
	}
	return len(testSets)
}

func (s needSet) has(names ...string) bool {
	for _, n := range names {
		if _, ok := manifest.FindDependency(s.deps, n); ok {
			return true
		}
	}
	return false
}
