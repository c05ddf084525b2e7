// Package manifest reads what a project declares: pyproject.toml, requirements files,
// setup.py and setup.cfg, Pipfile and YAML, with versions, ranges and markers as PEP 440 and
// PEP 508 have them. It chooses none of them.
package manifest

import (
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/slipway-dev/slipway/python/tree"
)

// Dependency is one declared requirement.
type Dependency struct {
	Name      string   // normalised per PEP 503
	Extras    []string // normalised and sorted
	Specifier string   // ">=2,<3", as written without spaces; Poetry's ^ and ~ are kept
	Marker    string   // text after ";"
	URL       string   // direct reference: git+https://..., file:..., or a path
	tree.Evidence
}

// Dependencies are the declared requirements of a project, never the
// transitive ones.
type Dependencies struct {
	Production []Dependency
	// Groups are PEP 735 groups, Poetry groups (other than main), PDM
	// dev-dependencies, and Pipfile dev-packages and uv dev-dependencies as "dev".
	Groups map[string][]Dependency
	// Extras are optional dependencies by extra.
	Extras map[string][]Dependency
	// Files are requirement files that production does not install, such as
	// requirements-dev.txt, with everything they include except production.
	Files map[string][]Dependency
}

// Has says whether production declares the distribution name.
func (d Dependencies) Has(name string) (tree.Evidence, bool) {
	dep, ok := d.Get(name)
	return dep.Evidence, ok
}

// Get returns the first production requirement on name.
func (d Dependencies) Get(name string) (Dependency, bool) {
	return FindDependency(d.Production, name)
}

// HasAny returns the first of names that production declares.
func (d Dependencies) HasAny(names ...string) (string, tree.Evidence, bool) {
	for _, n := range names {
		if ev, ok := d.Has(n); ok {
			return n, ev, true
		}
	}
	return "", tree.Evidence{}, false
}

// Dev looks for name outside production. where is "group:test", "extra:dev"
// or "file:requirements-dev.txt".
func (d Dependencies) Dev(name string) (where string, ev tree.Evidence, ok bool) {
	for _, part := range []struct {
		kind string
		sets map[string][]Dependency
	}{{"group:", d.Groups}, {"extra:", d.Extras}, {"file:", d.Files}} {
		for _, key := range slices.Sorted(maps.Keys(part.sets)) {
			if dep, ok := FindDependency(part.sets[key], name); ok {
				return part.kind + key, dep.Evidence, true
			}
		}
	}
	return "", tree.Evidence{}, false
}

// FindDependency returns the first that has the name, however that is spelt.
func FindDependency(deps []Dependency, name string) (Dependency, bool) {
	name = Normalize(name)
	for _, dep := range deps {
		if dep.Name == name {
			return dep, true
		}
	}
	return Dependency{}, false
}

// Normalize is PEP 503: lower case, runs of "-", "_" and "." become "-".
func Normalize(name string) string {
	var b strings.Builder
	gap := false
	for _, r := range strings.ToLower(strings.TrimSpace(name)) {
		if r == '-' || r == '_' || r == '.' {
			gap = true
			continue
		}
		if gap && b.Len() > 0 {
			b.WriteByte('-')
		}
		gap = false
		b.WriteRune(r)
	}
	return b.String()
}

// SortedUnique sorts a list and has each once; nil for an empty one.
func SortedUnique(list []string) []string {
	seen := map[string]bool{}
	var out []string
	for _, s := range list {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	sort.Strings(out)
	return out
}
