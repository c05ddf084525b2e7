package lock

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/python/manifest"
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
func uvFreshness(in Input) Freshness {
	result := uvMatches(in)
	if result.Beside == "" {
		return result
	}
	in.packages = true
	again := uvMatches(in)
	if again.Known && !again.Fresh {
		return again
	}
	if !again.Fresh {
		result.Beside = ""
	}
	return result
}

func uvMatches(in Input) Freshness {
	if v, ok := manifest.Dig(in.Lock, "version").(int64); ok && v != uvFormat {
		return unknownFreshness("it is written in format " + strconv.Itoa(int(v)) + ", which is newer than what is known here")
	}
	if result := uvPython(in); !result.Fresh {
		return result
	}
	unsure := Freshness{}
	for _, part := range append([]func(Input) Freshness{uvOwn, uvSettings, uvLists, uvSources}, uvLocal) {
		switch result := part(in); {
		case result.Known && !result.Fresh:
			return result
		case !result.Known && unsure.Reason == "":
			unsure = result
		}
	}
	if unsure.Reason != "" {
		return unsure
	}
	return freshIf(true, "")
}

var openEnd = regexp.MustCompile(`^>=3\.\d+$`)

// UVOwnPython is the version of the Python that uv has made a lock with, when the lock may
// have its requires-python from that alone; "" otherwise.
func UVOwnPython(lock map[string]any) string {
	text := manifest.DigString(lock, "requires-python")
	if uvWorkspace(Input{Lock: lock}) || !openEnd.MatchString(text) {
		return ""
	}
	return strings.TrimPrefix(text, ">=")
}

// uvPython compares the ends of requires-python; what uv leaves out between
// them decides nothing.
func uvPython(in Input) Freshness {
	stated, locked := manifest.DigString(in.Manifest, "project", "requires-python"), manifest.DigString(in.Lock, "requires-python")
	has, ok := manifest.ReleasesOnly(locked)
	if !ok || locked == "" {
		return unknownFreshness("its requires-python cannot be read")
	}
	if uvWorkspace(in) {
		return freshIf(true, "") // it is what the members have in common
	}
	if stated == "" { // then uv asks for the interpreter's own minor version, and uvLockPython follows
		return freshIf(openEnd.MatchString(locked), "the lock has requires-python "+locked+", the project asks for none")
	}
	asks, ok := manifest.ReleasesOnly(stated)
	if !ok {
		return unknownFreshness("requires-python cannot be read")
	}
	a, b := manifest.VersionSet{has.Bounds()}, manifest.VersionSet{asks.Bounds()}
	return freshIf(a.String() == b.String(), differs("requires-python "+locked, stated))
}

// differs is how every difference between a lock and a project is said.
func differs(lock, project string) string {
	return "the lock has " + lock + ", the project asks for " + project
}

// uvOwn compares the project's own entry.
func uvOwn(in Input) Freshness {
	if manifest.DigString(in.Manifest, "project", "name") == "" && manifest.Dig(in.Manifest, "tool", "uv", "workspace") != nil {
		return freshIf(true, "") // a workspace without a project of its own has only members
	}
	entry, problem := uvRoot(in)
	if problem.Reason != "" {
		return problem
	}
	return uvEntry(in, entry, in.Manifest)
}

// uvEntry compares one project of the repository with its entry in the lock.
func uvEntry(in Input, entry any, project map[string]any) Freshness {
	name := manifest.DigString(entry, "name")
	dynamic := manifest.DigStrings(project, "project", "dynamic")
	if locked, stated := manifest.DigString(entry, "version"), manifest.DigString(project, "project", "version"); locked != stated && !in.packages && !slices.Contains(dynamic, "version") {
		a, okA := manifest.ParseVersion(locked)
		b, okB := manifest.ParseVersion(stated)
		if !okA || !okB || a.Compare(b) != 0 {
			return Freshness{Known: true, Beside: "version", Reason: differs(name+" "+cmp.Or(locked, "without a version"), name+" "+cmp.Or(stated, "without a version"))}
		}
	}
	if slices.Contains(dynamic, "version") && manifest.DigString(entry, "version") != "" {
		return unknownFreshness("the version is dynamic")
	}
	if slices.Contains(dynamic, "dependencies") || slices.Contains(dynamic, "optional-dependencies") {
		return unknownFreshness("the dependencies are dynamic")
	}
	p := manifest.Pyproject{File: "pyproject.toml", Data: project}
	deps := p.Dependencies()
	stated := append([]manifest.Dependency{}, p.Requirements("", manifest.DigStrings(project, "project", "dependencies"))...)
	for _, extra := range slices.Sorted(maps.Keys(deps.Extras)) {
		for _, dep := range deps.Extras[extra] {
			dep.Marker = joinMarkers(dep.Marker, "extra == '"+extra+"'")
			stated = append(stated, dep)
		}
	}
	if manifest.DigList(entry, "metadata", "requires-dist") == nil && manifest.DigList(entry, "dependencies") != nil {
		return unknownFreshness("it was written by a uv too old to note what it was made from")
	}
	u := uvComparison{sources: uvSourcesOf(in, name, project), pythons: uvPythons(in)}
	if result := u.compare("", stated, manifest.DigList(entry, "metadata", "requires-dist")); !result.Fresh {
		return result
	}
	if manifest.Dig(entry, "metadata", "provides-extras") != nil {
		if result := sameNames("extras", manifest.DigStrings(entry, "metadata", "provides-extras"), slices.Sorted(maps.Keys(manifest.DigTable(project, "project", "optional-dependencies")))); !result.Fresh {
			return result
		}
	}
	return u.groups(p, deps, entry)
}

// sameNames compares names without regard to their spelling and order.
func sameNames(what string, locked, stated []string) Freshness {
	normal := func(list []string) string {
		var out []string
		for _, n := range list {
			out = append(out, manifest.Normalize(n))
		}
		return cmp.Or(strings.Join(manifest.SortedUnique(out), ", "), "none")
	}
	return freshIf(normal(locked) == normal(stated), differs(what+": "+normal(locked), normal(stated)))
}

func (u uvComparison) groups(p manifest.Pyproject, deps manifest.Dependencies, entry any) Freshness {
	lists, names := map[string][]any{}, []string{}
	for g, list := range manifest.DigTable(entry, "metadata", "requires-dev") {
		lists[manifest.Normalize(g)], _ = list.([]any)
		names = append(names, g)
	}
	stated := slices.Sorted(maps.Keys(deps.Groups))
	if p.Has("tool", "poetry") || p.Has("tool", "pdm") { // other managers' groups, which uv doesn't know
		stated = slices.Sorted(maps.Keys(manifest.DigTable(p.Data, "dependency-groups")))
		if p.Has("tool", "uv", "dev-dependencies") {
			stated = append(stated, "dev")
		}
	}
	if result := sameNames("dependency groups", names, stated); !result.Fresh {
		return result
	}
	for _, g := range slices.Sorted(maps.Keys(lists)) {
		list := append([]manifest.Dependency{}, deps.Groups[g]...)
		for name, settings := range manifest.DigTable(p.Data, "tool", "uv", "dependency-groups") {
			if asks := manifest.DigString(settings, "requires-python"); manifest.Normalize(name) == g && asks != "" {
				for i := range list {
					list[i].Marker = joinMarkers(list[i].Marker, pythonMarker(asks))
				}
			}
		}
		if result := u.compare(" in group "+g, list, lists[g]); !result.Fresh {
			return result
		}
	}
	return freshIf(true, "")
}

// pythonMarker writes requires-python as a marker.
func pythonMarker(specifier string) string {
	var out []string
	for _, clause := range strings.Split(specifier, ",") {
		if m := manifest.ClausePattern.FindStringSubmatch(strings.TrimSpace(clause)); m != nil {
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

func uvWorkspace(in Input) bool { return len(manifest.DigList(in.Lock, "manifest", "members")) > 0 }

// uvPythons are the interpreters that the lock is for.
func uvPythons(in Input) manifest.Specifiers {
	set, err := manifest.ParseSpecifiers(manifest.DigString(in.Lock, "requires-python"))
	if err != nil {
		return nil
	}
	return set
}

// uvRoot finds the entry of the lock that stands for the manifest's project.
func uvRoot(in Input) (any, Freshness) {
	name := manifest.Normalize(manifest.DigString(in.Manifest, "project", "name"))
	if name == "" {
		return nil, unknownFreshness("pyproject.toml names no project")
	}
	var names []string
	for _, entry := range manifest.DigList(in.Lock, "package") {
		kind := lockSource(entry)
		if kind != "virtual" && kind != "editable" && kind != "path" {
			continue
		}
		if manifest.Normalize(manifest.DigString(entry, "name")) == name {
			return entry, Freshness{}
		}
		names = append(names, manifest.DigString(entry, "name"))
	}
	return nil, freshIf(false, differs("the project "+cmp.Or(strings.Join(names, ", "), "nothing"), name))
}
