package python

import (
	"cmp"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// uvFormat is the version of uv.lock that is known here; uv refuses any other
// than its own.
const uvFormat = 1

// uvFreshness compares what uv.lock noted of its projects and settings with
// those of now, as "uv sync --locked" does: by meaning and not by spelling. It
// can't know the settings of the machine that builds, so "fresh" means that
// the files give no reason for another lock.
//
// A project that has gone on by nothing but its own version asks for the same packages,
// and so does one whose lock was made where a configuration outside of it says until when
// packages count.
func uvFreshness(in lockInput) freshness {
	result := uvMatches(in)
	if result.beside == "" {
		return result
	}
	in.packages = true
	again := uvMatches(in)
	if again.known && !again.fresh {
		return again
	}
	if !again.fresh {
		result.beside = ""
	}
	return result
}

func uvMatches(in lockInput) freshness {
	if v, ok := dig(in.lock, "version").(int64); ok && v != uvFormat {
		return unknownFreshness("it is written in format " + strconv.Itoa(int(v)) + ", which is newer than what is known here")
	}
	if result := uvPython(in); !result.fresh {
		return result
	}
	unsure := freshness{}
	for _, part := range append([]func(lockInput) freshness{uvOwn, uvSettings, uvLists, uvSources}, uvLocal) {
		switch result := part(in); {
		case result.known && !result.fresh:
			return result
		case !result.known && unsure.reason == "":
			unsure = result
		}
	}
	if unsure.reason != "" {
		return unsure
	}
	return freshIf(true, "")
}

var openEnd = regexp.MustCompile(`^>=3\.\d+$`)

// uvLockPython is the version that uv wrote into the lock of a project that
// states none: with another interpreter it would call that lock stale.
func (d *detection) uvLockPython() []pythonWish {
	text := digString(d.lockData, "requires-python")
	if d.project.Manager != UV || d.project.Lock == nil || uvWorkspace(lockInput{lock: d.lockData}) || !openEnd.MatchString(text) || digString(d.pyproject.data, "project", "requires-python") != "" {
		return nil
	}
	return []pythonWish{d.parsePin(strings.TrimPrefix(text, ">="), Evidence{File: d.tree.relative(d.project.Lock.File), Line: lineWith(d.tree.lines(d.tree.relative(d.project.Lock.File)), "requires-python")}, "python.uv_lock")}
}

func lineWith(lines []string, text string) int {
	for i, l := range lines {
		if strings.Contains(l, text) {
			return i + 1
		}
	}
	return 1
}

// uvPython compares the ends of requires-python; what uv leaves out between
// them decides nothing.
func uvPython(in lockInput) freshness {
	stated, locked := digString(in.manifest, "project", "requires-python"), digString(in.lock, "requires-python")
	has, ok := releasesOnly(locked)
	if !ok || locked == "" {
		return unknownFreshness("its requires-python cannot be read")
	}
	if uvWorkspace(in) {
		return freshIf(true, "") // it is what the members have in common
	}
	if stated == "" { // then uv asks for the interpreter's own minor version, and uvLockPython follows
		return freshIf(openEnd.MatchString(locked), "the lock has requires-python "+locked+", the project asks for none")
	}
	asks, ok := releasesOnly(stated)
	if !ok {
		return unknownFreshness("requires-python cannot be read")
	}
	a, b := versionSet{has.bounds()}, versionSet{asks.bounds()}
	return freshIf(a.String() == b.String(), differs("requires-python "+locked, stated))
}

// differs is how every difference between a lock and a project is said.
func differs(lock, project string) string {
	return "the lock has " + lock + ", the project asks for " + project
}

// uvOwn compares the project's own entry.
func uvOwn(in lockInput) freshness {
	if digString(in.manifest, "project", "name") == "" && dig(in.manifest, "tool", "uv", "workspace") != nil {
		return freshIf(true, "") // a workspace without a project of its own has only members
	}
	entry, problem := uvRoot(in)
	if problem.reason != "" {
		return problem
	}
	return uvEntry(in, entry, in.manifest)
}

// uvEntry compares one project of the repository with its entry in the lock.
func uvEntry(in lockInput, entry any, manifest map[string]any) freshness {
	name := digString(entry, "name")
	dynamic := digStrings(manifest, "project", "dynamic")
	if locked, stated := digString(entry, "version"), digString(manifest, "project", "version"); locked != stated && !in.packages && !slices.Contains(dynamic, "version") {
		a, okA := parseVersion(locked)
		b, okB := parseVersion(stated)
		if !okA || !okB || a.compare(b) != 0 {
			return freshness{known: true, beside: "version", reason: differs(name+" "+cmp.Or(locked, "without a version"), name+" "+cmp.Or(stated, "without a version"))}
		}
	}
	if slices.Contains(dynamic, "version") && digString(entry, "version") != "" {
		return unknownFreshness("the version is dynamic")
	}
	if slices.Contains(dynamic, "dependencies") || slices.Contains(dynamic, "optional-dependencies") {
		return unknownFreshness("the dependencies are dynamic")
	}
	p := pyproject{file: "pyproject.toml", data: manifest}
	deps := p.dependencies()
	stated := append([]Dependency{}, p.requirements("", digStrings(manifest, "project", "dependencies"))...)
	for _, extra := range slices.Sorted(maps.Keys(deps.Extras)) {
		for _, dep := range deps.Extras[extra] {
			dep.Marker = joinMarkers(dep.Marker, "extra == '"+extra+"'")
			stated = append(stated, dep)
		}
	}
	if digList(entry, "metadata", "requires-dist") == nil && digList(entry, "dependencies") != nil {
		return unknownFreshness("it was written by a uv too old to note what it was made from")
	}
	u := uvComparison{sources: uvSourcesOf(in, name, manifest), pythons: uvPythons(in)}
	if result := u.compare("", stated, digList(entry, "metadata", "requires-dist")); !result.fresh {
		return result
	}
	if dig(entry, "metadata", "provides-extras") != nil {
		if result := sameNames("extras", digStrings(entry, "metadata", "provides-extras"), slices.Sorted(maps.Keys(digTable(manifest, "project", "optional-dependencies")))); !result.fresh {
			return result
		}
	}
	return u.groups(p, deps, entry)
}

// sameNames compares names without regard to their spelling and order.
func sameNames(what string, locked, stated []string) freshness {
	normal := func(list []string) string {
		var out []string
		for _, n := range list {
			out = append(out, normalizeName(n))
		}
		return cmp.Or(strings.Join(sortedUnique(out), ", "), "none")
	}
	return freshIf(normal(locked) == normal(stated), differs(what+": "+normal(locked), normal(stated)))
}

func (u uvComparison) groups(p pyproject, deps Dependencies, entry any) freshness {
	lists, names := map[string][]any{}, []string{}
	for g, list := range digTable(entry, "metadata", "requires-dev") {
		lists[normalizeName(g)], _ = list.([]any)
		names = append(names, g)
	}
	stated := slices.Sorted(maps.Keys(deps.Groups))
	if p.has("tool", "poetry") || p.has("tool", "pdm") { // other managers' groups, which uv doesn't know
		stated = slices.Sorted(maps.Keys(digTable(p.data, "dependency-groups")))
		if p.has("tool", "uv", "dev-dependencies") {
			stated = append(stated, "dev")
		}
	}
	if result := sameNames("dependency groups", names, stated); !result.fresh {
		return result
	}
	for _, g := range slices.Sorted(maps.Keys(lists)) {
		list := append([]Dependency{}, deps.Groups[g]...)
		for name, settings := range digTable(p.data, "tool", "uv", "dependency-groups") {
			if asks := digString(settings, "requires-python"); normalizeName(name) == g && asks != "" {
				for i := range list {
					list[i].Marker = joinMarkers(list[i].Marker, pythonMarker(asks))
				}
			}
		}
		if result := u.compare(" in group "+g, list, lists[g]); !result.fresh {
			return result
		}
	}
	return freshIf(true, "")
}

// pythonMarker writes requires-python as a marker.
func pythonMarker(specifier string) string {
	var out []string
	for _, clause := range strings.Split(specifier, ",") {
		if m := clausePattern.FindStringSubmatch(strings.TrimSpace(clause)); m != nil {
			out = append(out, "python_full_version "+m[1]+" '"+strings.TrimSpace(m[2])+"'")
		}
	}
	return strings.Join(out, " and ")
}

func joinMarkers(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	if strings.Contains(a, " or ") {
		a = "(" + a + ")"
	}
	return a + " and " + b
}

func uvWorkspace(in lockInput) bool { return len(digList(in.lock, "manifest", "members")) > 0 }

// uvPythons are the interpreters that the lock is for.
func uvPythons(in lockInput) specifiers {
	set, err := parseSpecifiers(digString(in.lock, "requires-python"))
	if err != nil {
		return nil
	}
	return set
}

// uvRoot finds the entry of the lock that stands for the manifest's project.
func uvRoot(in lockInput) (any, freshness) {
	name := normalizeName(digString(in.manifest, "project", "name"))
	if name == "" {
		return nil, unknownFreshness("pyproject.toml names no project")
	}
	var names []string
	for _, entry := range digList(in.lock, "package") {
		kind := lockSource(entry)
		if kind != "virtual" && kind != "editable" && kind != "path" {
			continue
		}
		if normalizeName(digString(entry, "name")) == name {
			return entry, freshness{}
		}
		names = append(names, digString(entry, "name"))
	}
	return nil, freshIf(false, differs("the project "+cmp.Or(strings.Join(names, ", "), "nothing"), name))
}

// workspaceLock looks above the service's directory for a uv workspace that
// has it as a member, and returns the lock's name.
func (d *detection) workspaceLock() (string, bool) {
	up := ""
	for dir := d.tree.dir; dir != "."; dir = path.Dir(dir) {
		up += "../"
		parent, problem := readPyproject(d.tree, up+"pyproject.toml")
		if problem != nil || !parent.has("tool", "uv", "workspace") || !d.tree.exists(up+"uv.lock") {
			continue
		}
		relative := strings.TrimPrefix(strings.TrimPrefix(d.tree.dir, path.Dir(dir)), "/")
		for _, pattern := range digStrings(parent.data, "tool", "uv", "workspace", "members") {
			if ok, err := path.Match(path.Clean(pattern), relative); ok && err == nil {
				return up + "uv.lock", true
			}
		}
	}
	return "", false
}
