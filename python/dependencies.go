package python

import (
	"cmp"
	"maps"
	"slices"
	"sort"
	"strings"
)

// Evidence is where something is written.
type Evidence struct {
	File string // relative to the service's directory
	Line int
	Text string // the line, or the requirement in it
}

// name says in a sentence where it stands. Only what the service's owners said
// stands in no file.
func (e Evidence) name() string { return cmp.Or(e.File, anOverride) }

// Dependency is one declared requirement.
type Dependency struct {
	Name      string   // normalised per PEP 503
	Extras    []string // normalised and sorted
	Specifier string   // ">=2,<3", as written without spaces; Poetry's ^ and ~ are kept
	Marker    string   // text after ";"
	URL       string   // direct reference: git+https://..., file:..., or a path
	Evidence
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

// has says whether production declares the distribution name.
func (d Dependencies) has(name string) (Evidence, bool) {
	dep, ok := d.get(name)
	return dep.Evidence, ok
}

// get returns the first production requirement on name.
func (d Dependencies) get(name string) (Dependency, bool) {
	return findDependency(d.Production, name)
}

// hasAny returns the first of names that production declares.
func (d Dependencies) hasAny(names ...string) (string, Evidence, bool) {
	for _, n := range names {
		if ev, ok := d.has(n); ok {
			return n, ev, true
		}
	}
	return "", Evidence{}, false
}

// dev looks for name outside production. where is "group:test", "extra:dev"
// or "file:requirements-dev.txt".
func (d Dependencies) dev(name string) (where string, ev Evidence, ok bool) {
	for _, part := range []struct {
		kind string
		sets map[string][]Dependency
	}{{"group:", d.Groups}, {"extra:", d.Extras}, {"file:", d.Files}} {
		for _, key := range slices.Sorted(maps.Keys(part.sets)) {
			if dep, ok := findDependency(part.sets[key], name); ok {
				return part.kind + key, dep.Evidence, true
			}
		}
	}
	return "", Evidence{}, false
}

func findDependency(deps []Dependency, name string) (Dependency, bool) {
	name = normalizeName(name)
	for _, dep := range deps {
		if dep.Name == name {
			return dep, true
		}
	}
	return Dependency{}, false
}

// normalizeName is PEP 503: lower case, runs of "-", "_" and "." become "-".
func normalizeName(name string) string {
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

func sortedUnique(list []string) []string {
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
