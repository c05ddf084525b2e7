package python

import (
	"maps"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/python/lock"
	"github.com/slipway-dev/slipway/python/manifest"
)

// setProduction works out which locked packages production installs: what
// groups and extras bring counts only when production asks for them. It
// leaves nil when the lock doesn't tell, and then everything counts.
func (d *detection) setProduction() {
	groups, extras := d.chosenSets()
	for _, g := range groups {
		d.addProduction(d.deps.Groups[manifest.Normalize(g)])
	}
	for _, e := range extras {
		d.addProduction(d.deps.Extras[manifest.Normalize(e)])
	}
	switch d.project.Manager {
	case UV:
		d.production = d.uvProduction(groups, extras)
	case Poetry, PDM:
		d.production = d.groupedProduction(groups, extras)
	case Pipenv:
		d.production = d.inGroups(append([]string{"default"}, groups...))
	}
}

// chosenSets are the groups and extras that production installs.
func (d *detection) chosenSets() (groups, extras []string) {
	groups, extras = append([]string{}, d.project.Install.Groups...), append([]string{}, d.project.Install.Extras...)
	if d.config != nil {
		groups, extras = append(groups, d.config.Groups...), append(extras, d.config.Extras...)
	}
	return groups, extras
}

func (d *detection) addProduction(list []manifest.Dependency) {
	for _, dep := range list {
		if !d.declares(dep.Name) {
			d.deps.Production = append(d.deps.Production, dep)
		}
	}
}

// edge is one package's wish for another.
type edge struct{ name, extra string }

func uvEdges(list []any) []edge {
	var out []edge
	for _, e := range list {
		name := manifest.Normalize(manifest.DigString(e, "name"))
		out = append(out, edge{name, ""})
		for _, extra := range manifest.DigStrings(e, "extra") {
			out = append(out, edge{name, manifest.Normalize(extra)})
		}
	}
	return out
}

// uvProduction follows the lock's graph from the project.
func (d *detection) uvProduction(groups, extras []string) map[string]bool {
	lock := d.lockData
	bring := map[edge][]edge{}
	name := manifest.Normalize(manifest.DigString(d.pyproject.Data, "project", "name"))
	for _, entry := range manifest.DigList(lock, "package") {
		own := manifest.Normalize(manifest.DigString(entry, "name"))
		bring[edge{own, ""}] = append(bring[edge{own, ""}], uvEdges(manifest.DigList(entry, "dependencies"))...)
		for extra, list := range manifest.DigTable(entry, "optional-dependencies") {
			l, _ := list.([]any)
			bring[edge{own, manifest.Normalize(extra)}] = uvEdges(l)
		}
		for group, list := range manifest.DigTable(entry, "dev-dependencies") {
			for _, g := range groups {
				if l, _ := list.([]any); own == name && manifest.Normalize(g) == manifest.Normalize(group) {
					bring[edge{own, ""}] = append(bring[edge{own, ""}], uvEdges(l)...)
				}
			}
		}
	}
	if _, ok := bring[edge{name, ""}]; !ok {
		return nil
	}
	start := []edge{{name, ""}}
	for _, e := range extras {
		start = append(start, edge{name, manifest.Normalize(e)})
	}
	return reached(start, bring)
}

func reached(start []edge, bring map[edge][]edge) map[string]bool {
	out, seen := map[string]bool{}, map[edge]bool{}
	for len(start) > 0 {
		e := start[len(start)-1]
		start = start[:len(start)-1]
		if seen[e] {
			continue
		}
		seen[e], out[e.name] = true, true
		start = append(start, bring[e]...)
	}
	return out
}

func (d *detection) inGroups(groups []string) map[string]bool {
	out := map[string]bool{}
	for _, p := range d.locked {
		for _, g := range groups {
			for _, has := range p.Groups {
				if manifest.Normalize(has) == manifest.Normalize(g) {
					out[p.Name] = true
				}
			}
		}
	}
	return out
}

// groupedProduction takes the groups that Poetry and PDM note with each
// package, and follows the graph in locks that are older.
func (d *detection) groupedProduction(groups, extras []string) map[string]bool {
	noted := false
	for _, p := range d.locked {
		noted = noted || len(p.Groups) > 0
	}
	if noted && d.project.Manager == PDM {
		return d.inGroups(append(append([]string{"default"}, groups...), extras...))
	}
	if noted {
		out := d.inGroups(append([]string{"main"}, groups...))
		for _, p := range d.locked {
			if p.Optional && !wantedBy(p.Marker, extras) {
				delete(out, p.Name)
			}
		}
		return out
	}
	bring := map[edge][]edge{}
	for _, entry := range manifest.DigList(d.lockData, "package") {
		own := edge{manifest.Normalize(manifest.DigString(entry, "name")), ""}
		for name := range manifest.DigTable(entry, "dependencies") {
			bring[own] = append(bring[own], edge{manifest.Normalize(name), ""})
		}
		for _, text := range manifest.DigStrings(entry, "dependencies") {
			if dep, ok := manifest.ParseRequirement(text); ok {
				bring[own] = append(bring[own], edge{dep.Name, ""})
			}
		}
	}
	var start []edge
	for _, dep := range d.deps.Production {
		start = append(start, edge{dep.Name, ""})
	}
	if len(bring) == 0 {
		return nil
	}
	return reached(start, bring)
}

// wantedBy says that a marker names one of the extras.
func wantedBy(marker string, extras []string) bool {
	for _, e := range extras {
		if strings.Contains(marker, `"`+manifest.Normalize(e)+`"`) || strings.Contains(marker, `"`+e+`"`) {
			return true
		}
	}
	return false
}

// outsideProduction says how a package that production doesn't install is
// there all the same, as the line of slipway.yaml that would bring it.
func (d *detection) outsideProduction(name string) (line string, dep manifest.Dependency, ok bool) {
	if d.installs(name) {
		return "", dep, false
	}
	for _, part := range []struct {
		key  string
		sets map[string][]manifest.Dependency
	}{{"extras", d.deps.Extras}, {"groups", d.deps.Groups}} {
		for _, set := range slices.Sorted(maps.Keys(part.sets)) {
			if dep, ok := manifest.FindDependency(part.sets[set], name); ok {
				return part.key + ": [" + set + "]", dep, true
			}
		}
	}
	return "", dep, false
}

// lockedRequirement holds a package to the version in the lock, else to what
// its declaration asks for.
func (d *detection) lockedRequirement(dep manifest.Dependency) string {
	for _, p := range d.locked {
		if p.Name == dep.Name && p.Version != "" {
			return dep.Name + "==" + p.Version
		}
	}
	if dep.URL != "" {
		return ""
	}
	return lock.WithExtras(dep.Name, dep.Extras) + dep.Specifier
}

// warned says that a warning with this code has been given.
func (d *detection) warned(code string) bool {
	for _, w := range d.project.Warnings {
		if w.Code == code {
			return true
		}
	}
	return false
}
