package python

import (
	"strings"

	"github.com/slipway-dev/slipway/python/manifest"
)

// poetryRanges writes what Poetry's table asks for as requirements, for a project
// that no package can be built of. ok is false, and what says why, when Poetry alone
// can resolve it.
func (d *detection) poetryRanges(list []manifest.Dependency, tables ...string) (texts []string, what string, ok bool) {
	for _, dep := range list {
		_, several := d.poetryEntry(dep.Name, tables).([]any)
		if dep.URL != "" || several || manifest.Dig(d.poetryEntry(dep.Name, tables), "python") != nil {
			return nil, dep.Name, false
		}
		text, ok := requirementOf(dep)
		if !ok {
			return nil, dep.Name, false
		}
		texts = append(texts, text)
	}
	return texts, "", true
}

// poetryEntry is how a table of Poetry's states a dependency.
func (d *detection) poetryEntry(name string, tables []string) any {
	for entry, v := range manifest.DigTable(d.pyproject.Data, append([]string{"tool", "poetry"}, tables...)...) {
		if manifest.Normalize(entry) == name {
			return v
		}
	}
	return nil
}

// requirementOf writes a dependency as pip reads it: ^ and ~ become bounds.
func requirementOf(dep manifest.Dependency) (string, bool) {
	set, err := manifest.ParseSpecifiers(dep.Specifier)
	if err != nil || len(set) > 1 {
		return "", false
	}
	text := dep.Name
	if len(dep.Extras) > 0 {
		text += "[" + strings.Join(dep.Extras, ",") + "]"
	}
	for _, alternative := range set {
		var clauses []string
		for _, c := range alternative {
			switch {
			case c.Op == "===":
				clauses = append(clauses, c.Op+c.Text)
			case c.Wildcard:
				clauses = append(clauses, c.Op+c.Version.String()+".*")
			default:
				clauses = append(clauses, c.Op+c.Version.String())
			}
		}
		text += strings.Join(clauses, ",")
	}
	if dep.Marker != "" {
		text += " ; " + dep.Marker
	}
	return text, true
}

// settlePoetryTests writes the groups and extras that the tests need as packages:
// what installs an unlocked project of Poetry's doesn't know its groups.
func (d *detection) settlePoetryTests() {
	t := &d.project.Test
	if d.project.Manager != Pip || !d.pyproject.HasPoetry() || d.pyproject.HasProject() || len(d.project.Install.Requirements) > 0 {
		return
	}
	var groups []string
	for _, g := range t.Groups {
		tables := []string{"group", g, "dependencies"}
		if g == "dev" && manifest.Dig(d.pyproject.Data, "tool", "poetry", "dev-dependencies") != nil {
			tables = []string{"dev-dependencies"}
		}
		texts, _, ok := d.poetryRanges(d.deps.Groups[g], tables...)
		if !ok {
			groups = append(groups, g) // the installation says what is wrong with it
			continue
		}
		t.Packages = append(t.Packages, texts...)
	}
	t.Groups = append([]string{}, groups...)
}
