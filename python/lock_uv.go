package python

import (
	"path"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

// uvFreshness compares what uv.lock noted of the project with the project. A
// marker that uv may merely have written another way is no proof of staleness.
func uvFreshness(in lockInput) freshness {
	if stated, locked := digString(in.manifest, "project", "requires-python"), digString(in.lock, "requires-python"); stated != "" &&
		!uvWorkspace(in) && canonicalSpecifier(stated) != canonicalSpecifier(locked) {
		return freshIf(false, "requires-python is "+stated+" but the lock was made for "+locked)
	}
	entry, problem := uvRoot(in)
	if problem.reason != "" {
		return problem
	}
	sources := digTable(in.manifest, "tool", "uv", "sources")
	if dynamic := digStrings(in.manifest, "project", "dynamic"); contains(dynamic, "dependencies") || contains(dynamic, "optional-dependencies") {
		return unknownFreshness("the dependencies are dynamic")
	}
	p := pyproject{file: "pyproject.toml", data: in.manifest}
	deps := p.dependencies()
	stated := append([]Dependency{}, p.requirements("", digStrings(in.manifest, "project", "dependencies"))...)
	for _, extra := range sortedKeys(deps.Extras) {
		for _, dep := range deps.Extras[extra] {
			dep.Marker = joinMarkers(dep.Marker, "extra == '"+extra+"'")
			stated = append(stated, dep)
		}
	}
	if digList(entry, "metadata", "requires-dist") == nil && digList(entry, "dependencies") != nil {
		return unknownFreshness("it was written by a uv too old to note what it was made from")
	}
	if result := compareUV("", stated, digList(entry, "metadata", "requires-dist"), sources); !result.fresh {
		return result
	}
	return uvGroups(deps, entry, sources)
}

func uvGroups(deps Dependencies, entry any, sources map[string]any) freshness {
	locked := digTable(entry, "metadata", "requires-dev")
	groups := map[string]bool{}
	for g := range deps.Groups {
		groups[g] = true
	}
	lists := map[string][]any{}
	for g, list := range locked {
		groups[normalizeName(g)] = true
		lists[normalizeName(g)], _ = list.([]any)
	}
	for _, g := range sortedKeys(groups) {
		if result := compareUV(" in group "+g, deps.Groups[g], lists[g], sources); !result.fresh {
			return result
		}
	}
	return freshIf(true, "")
}

func uvWorkspace(in lockInput) bool { return len(digList(in.lock, "manifest", "members")) > 0 }

// uvRoot finds the entry of the lock that stands for the manifest's project.
func uvRoot(in lockInput) (any, freshness) {
	name := normalizeName(digString(in.manifest, "project", "name"))
	if name == "" {
		return nil, unknownFreshness("pyproject.toml names no project")
	}
	for _, entry := range digList(in.lock, "package") {
		kind := lockSource(entry)
		if (kind == "virtual" || kind == "editable" || kind == "path") && normalizeName(digString(entry, "name")) == name {
			return entry, freshness{}
		}
	}
	return nil, freshIf(false, "it does not hold the project "+name)
}

type uvRequirement struct{ core, marker string }

// compareUV matches requirements as multisets. where ends the sentences.
func compareUV(where string, stated []Dependency, locked []any, sources map[string]any) freshness {
	var want, have []uvRequirement
	for _, dep := range stated {
		want = append(want, uvStated(dep, sources))
	}
	for _, e := range locked {
		have = append(have, uvLocked(e))
	}
	order := func(list []uvRequirement) {
		sort.Slice(list, func(i, j int) bool {
			return list[i].core < list[j].core || list[i].core == list[j].core && list[i].marker < list[j].marker
		})
	}
	want, have = uniqueUV(want), uniqueUV(have)
	order(want)
	order(have)
	for i := 0; i < len(want) || i < len(have); i++ {
		switch {
		case i >= len(have) || i < len(want) && want[i].core < have[i].core:
			return freshIf(false, "pyproject.toml asks for "+want[i].core+where+", the lock does not")
		case i >= len(want) || want[i].core > have[i].core:
			return freshIf(false, "the lock was made with "+have[i].core+where+", which pyproject.toml does not ask for")
		case want[i].marker == have[i].marker:
		case (want[i].marker == "") != (have[i].marker == ""):
			return freshIf(false, "the marker of "+want[i].core+where+" has changed")
		default:
			return unknownFreshness("the marker of " + want[i].core + where + " is written in another way")
		}
	}
	return freshIf(true, "")
}

func uniqueUV(list []uvRequirement) []uvRequirement {
	seen := map[uvRequirement]bool{}
	out := list[:0]
	for _, r := range list {
		if !seen[r] {
			seen[r] = true
			out = append(out, r)
		}
	}
	return out
}

func uvStated(dep Dependency, sources map[string]any) uvRequirement {
	core := uvName(dep.Name, dep.Extras)
	source := any(nil)
	for name, s := range sources {
		if normalizeName(name) == dep.Name {
			source = s
		}
	}
	table, _ := source.(map[string]any)
	switch {
	case dep.URL != "":
		core += " @ url"
	case source != nil && table["index"] == nil:
		core += " @ url"
	default:
		core += canonicalSpecifier(dep.Specifier)
	}
	return uvRequirement{core, canonicalMarker(dep.Marker)}
}

func uvLocked(e any) uvRequirement {
	core := uvName(normalizeName(digString(e, "name")), parseExtras(strings.Join(digStrings(e, "extras"), ",")))
	remote := false
	for _, key := range []string{"git", "url", "path", "directory", "editable", "virtual"} {
		remote = remote || dig(e, key) != nil
	}
	if remote {
		core += " @ url"
	} else {
		core += canonicalSpecifier(digString(e, "specifier"))
	}
	return uvRequirement{core, canonicalMarker(digString(e, "marker"))}
}

func uvName(name string, extras []string) string {
	if len(extras) > 0 {
		name += "[" + strings.Join(extras, ",") + "]"
	}
	return name
}

func joinMarkers(a, b string) string {
	if a == "" {
		return b
	}
	if strings.Contains(a, " or ") {
		a = "(" + a + ")"
	}
	return a + " and " + b
}

var pythonVersionMarker = regexp.MustCompile(`python_version (<|>=|==|<=|>|!=) '(\d+)\.(\d+)'`)

// canonicalMarker writes a conjunction the way uv does: single quotes,
// python_full_version, terms in order. What it does not understand it keeps.
func canonicalMarker(m string) string {
	m = strings.ReplaceAll(m, `"`, `'`)
	m = regexp.MustCompile(`\s*(===|==|~=|!=|<=|>=|<|>)\s*`).ReplaceAllString(m, " $1 ")
	m = strings.Join(strings.Fields(m), " ")
	m = pythonVersionMarker.ReplaceAllStringFunc(m, func(s string) string {
		p := pythonVersionMarker.FindStringSubmatch(s)
		minor, _ := atoi(p[3])
		next := p[2] + "." + strconv.Itoa(minor+1)
		switch p[1] {
		case "<=":
			return "python_full_version < '" + next + "'"
		case ">":
			return "python_full_version >= '" + next + "'"
		case "==", "!=":
			return "python_full_version " + p[1] + " '" + p[2] + "." + p[3] + ".*'"
		}
		return "python_full_version " + p[1] + " '" + p[2] + "." + p[3] + "'"
	})
	if strings.Contains(m, " or ") {
		return m
	}
	return strings.Join(sortedUnique(strings.Split(strings.NewReplacer("(", "", ")", "").Replace(m), " and ")), " and ")
}

func contains(list []string, s string) bool {
	for _, e := range list {
		if e == s {
			return true
		}
	}
	return false
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
