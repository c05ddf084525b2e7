package python

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/tree"
)

// Whatever an install builds from the tree can read any file of the tree: a
// build backend is a program, and a path dependency may include what lies beside
// it. So an environment with such a part is known by the whole tree, and the
// question here is only whether there is one. In doubt there is.

// localParts names what of the tree the install builds or copies, "" for
// nothing: for production, and for the tests, which may install any group.
func (d *detection) localParts() (production, tests string) {
	in, t := d.project.Install, d.project.Test
	for _, f := range in.Requirements {
		production = cmp.Or(production, localRequirements(d.tree, f))
	}
	production = cmp.Or(production, localDependencies(d.deps.Production), d.localSources(), d.localLocked(), d.localMetadata())
	for _, n := range in.Groups {
		production = cmp.Or(production, localDependencies(d.deps.Groups[manifest.Normalize(n)]))
	}
	for _, n := range in.Extras {
		production = cmp.Or(production, localDependencies(d.deps.Extras[manifest.Normalize(n)]))
	}
	tests = production
	if len(in.Requirements) > 0 && d.project.ExtrasInSetup() {
		tests = cmp.Or(tests, path.Join(d.tree.Dir, "."))
	}
	for _, f := range t.Requirements {
		tests = cmp.Or(tests, localRequirements(d.tree, f))
	}
	for _, p := range t.Packages {
		if isLocal(p) {
			tests = cmp.Or(tests, p)
		}
	}
	for _, all := range []map[string][]manifest.Dependency{d.deps.Groups, d.deps.Extras, d.deps.Files} {
		for _, name := range slices.Sorted(maps.Keys(all)) {
			tests = cmp.Or(tests, localDependencies(all[name]))
		}
	}
	return production, tests
}

// isLocal tells whether a reference points at this machine rather than at a
// network: a path, or a file: URL in any of its spellings.
func isLocal(reference string) bool {
	ref := strings.TrimSpace(reference)
	if _, url, ok := strings.Cut(ref, "@ "); ok {
		ref = strings.TrimSpace(url)
	}
	ref = strings.TrimPrefix(ref, "git+")
	return strings.HasPrefix(ref, "file:") || strings.HasPrefix(ref, ".") || strings.HasPrefix(ref, "/") || strings.HasPrefix(ref, "${") && !manifest.IsRemote(ref)
}

// localRequirements names a line of a requirements file, or of one that it
// includes, that installs from the tree. file is a name in the whole tree.
func localRequirements(t tree.Tree, file string) string {
	t.Dir = "."
	set := manifest.ReadRequirements(t, file)
	for _, r := range append(append([]manifest.Requirement{}, set.Requirements...), set.Constraints...) {
		if r.URL != "" && (isLocal(r.URL) || !manifest.IsRemote(r.URL)) || r.Editable && !manifest.IsRemote(r.URL) {
			return cmp.Or(r.URL, r.Name, r.File)
		}
	}
	for _, o := range set.Options {
		switch o.Name {
		case "-f", "--find-links", "-i", "--index-url", "--extra-index-url":
			if isLocal(o.Value) || !manifest.IsRemote(o.Value) {
				return o.Value
			}
		}
	}
	return ""
}

func localDependencies(list []manifest.Dependency) string {
	for _, dep := range list {
		if dep.URL != "" && (isLocal(dep.URL) || !manifest.IsRemote(dep.URL)) {
			return cmp.Or(dep.URL, dep.Name)
		}
	}
	return ""
}

// localSources names a source of uv's, Poetry's or PDM's that lies in the tree.
func (d *detection) localSources() string {
	for _, name := range slices.Sorted(maps.Keys(manifest.DigTable(d.pyproject.Data, "tool", "uv", "sources"))) {
		entries := manifest.DigList(d.pyproject.Data, "tool", "uv", "sources", name)
		if len(entries) == 0 {
			entries = []any{manifest.Dig(d.pyproject.Data, "tool", "uv", "sources", name)}
		}
		for _, e := range entries {
			if manifest.DigString(e, "path") != "" || manifest.Dig(e, "workspace") != nil || isLocal(manifest.DigString(e, "git")) || isLocal(manifest.DigString(e, "url")) {
				return name
			}
		}
	}
	for _, link := range manifest.DigStrings(d.pyproject.Data, "tool", "uv", "find-links") {
		if !manifest.IsRemote(link) || isLocal(link) {
			return link
		}
	}
	for _, at := range [][]string{{"tool", "uv", "index"}, {"tool", "pdm", "source"}, {"tool", "poetry", "source"}} {
		for _, index := range manifest.DigList(d.pyproject.Data, at...) {
			if url := manifest.DigString(index, "url"); url != "" && (!manifest.IsRemote(url) || isLocal(url)) {
				return url
			}
		}
	}
	return ""
}

// localLocked names a package other than the project that the lock takes from
// the tree.
func (d *detection) localLocked() string {
	own := manifest.Normalize(cmp.Or(manifest.DigString(d.pyproject.Data, "project", "name"), manifest.DigString(d.pyproject.Data, "tool", "poetry", "name")))
	for _, p := range d.locked {
		switch p.Source {
		case "path", "editable", "virtual":
			if p.Name != own {
				return p.Name
			}
		}
	}
	return ""
}

// localMetadata says that the dependencies themselves are found out by building
// the project: what its setup.py or its backend reads decides them.
func (d *detection) localMetadata() string {
	if !d.project.Install.Project || len(d.project.Install.Requirements) > 0 || d.project.Lock != nil {
		return ""
	}
	dynamic := manifest.DigStrings(d.pyproject.Data, "project", "dynamic")
	if slices.Contains(dynamic, "dependencies") || slices.Contains(dynamic, "optional-dependencies") || !d.pyproject.HasProject() {
		return path.Join(d.tree.Dir, ".")
	}
	return ""
}
