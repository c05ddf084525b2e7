package lock

import (
	"cmp"
	"path"
	"sort"
	"strings"

	"github.com/slipway-dev/slipway/python/manifest"
)

// uvComparison matches requirements of a project with what the lock noted.
type uvComparison struct {
	sources map[string]any      // [tool.uv.sources] that hold for the project
	pythons manifest.Specifiers // markers are compared within these
}

// uvRequirement is one requirement, with its versions as a set.
type uvRequirement struct {
	name   string // with its extras
	wants  string // as written, for sentences
	key    string // equal for two that admit the same: versions, or where it comes from
	marker string
}

func (r uvRequirement) String() string { return r.name + r.wants }

// compare matches requirements as sets. where ends the sentences.
func (u uvComparison) compare(where string, stated []manifest.Dependency, locked []any) Freshness {
	var want, have []uvRequirement
	for _, dep := range stated {
		want = append(want, u.statedBySource(dep)...)
	}
	for _, e := range locked {
		have = append(have, uvLocked(e))
	}
	unsure := ""
	left := unmatched(want, have, u.pythons, &unsure)
	right := unmatched(have, want, u.pythons, &unsure)
	if len(left)+len(right) == 0 {
		if unsure != "" {
			return unknownFreshness("the marker of " + unsure + where + " is written in another way")
		}
		return freshIf(true, "")
	}
	for _, w := range left {
		for _, h := range right {
			if w.name != h.name {
				continue
			}
			if sameKey(w.key, h.key) {
				return freshIf(false, differs(h.String()+"; "+cmp.Or(h.marker, "without a marker"), w.String()+"; "+cmp.Or(w.marker, "without a marker"))+where)
			}
			return freshIf(false, differs(h.String(), w.String())+where)
		}
	}
	if len(left) > 0 {
		return freshIf(false, differs("no "+left[0].name, left[0].String())+where)
	}
	return freshIf(false, differs(right[0].String(), "no "+right[0].name)+where)
}

// unmatched are the requirements of list for which others has none. unsure
// names one that may have one.
func unmatched(list, others []uvRequirement, pythons manifest.Specifiers, unsure *string) []uvRequirement {
	var out []uvRequirement
	for _, r := range list {
		found, maybe := false, false
		for _, o := range others {
			if r.name != o.name || !sameKey(r.key, o.key) {
				continue
			}
			same, known := manifest.SameMarker(r.marker, o.marker, pythons)
			found = found || same && known
			maybe = maybe || !known
		}
		if !found && maybe {
			*unsure = r.String()
		} else if !found {
			out = append(out, r)
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].name < out[j].name })
	return out
}

// sameKey lets a member of the workspace be wherever it is.
func sameKey(a, b string) bool {
	local := func(key string) bool {
		return strings.HasPrefix(key, "directory ") || strings.HasPrefix(key, "editable ") || strings.HasPrefix(key, "virtual ")
	}
	return a == b || a == "workspace" && local(b) || b == "workspace" && local(a)
}

// statedBySource is a requirement once for each of its sources: uv writes one
// for every marker that a source has.
func (u uvComparison) statedBySource(dep manifest.Dependency) []uvRequirement {
	var list []any
	for name, s := range u.sources {
		if l, ok := s.([]any); ok && manifest.Normalize(name) == dep.Name {
			list = l
		}
	}
	if len(list) == 0 {
		return []uvRequirement{u.stated(dep)}
	}
	var out []uvRequirement
	rest := dep.Marker
	for _, source := range list {
		one := u
		one.sources = map[string]any{dep.Name: source}
		part := dep
		if m := manifest.DigString(source, "marker"); m != "" {
			part.Marker = joinMarkers("("+m+")", bracketed(dep.Marker))
			rest = joinMarkers(bracketed(rest), "not ("+m+")")
		}
		out = append(out, one.stated(part))
	}
	if !strings.Contains(rest, "not (") {
		return out
	}
	dep.Marker = rest // where no source holds, the index does
	plain := u
	plain.sources = nil
	return append(out, plain.stated(dep))
}

func bracketed(marker string) string {
	if marker == "" {
		return ""
	}
	return "(" + marker + ")"
}

func (u uvComparison) stated(dep manifest.Dependency) uvRequirement {
	r := uvRequirement{name: WithExtras(dep.Name, dep.Extras), wants: dep.Specifier, key: manifest.VersionsKey(dep.Specifier), marker: dep.Marker}
	source := any(nil)
	for name, s := range u.sources {
		if manifest.Normalize(name) == dep.Name {
			source = s
		}
	}
	table, isTable := source.(map[string]any)
	member, _ := table["workspace"].(bool)
	switch {
	case member:
		r.wants, r.key = " of the workspace", "workspace"
	case dep.URL != "" || source != nil && !isTable || source != nil && manifest.DigString(table, "index") == "" && manifest.DigString(table, "path") == "":
		r.wants, r.key = " from its source", "source"
	case manifest.DigString(table, "path") != "":
		editable, _ := table["editable"].(bool)
		r.wants, r.key = " from "+manifest.DigString(table, "path"), localKey(manifest.DigString(table, "path"), editable)
	case manifest.DigString(table, "index") != "":
		r.key += " index"
	}
	return r
}

// localKey is equal for two ways to name a directory.
func localKey(dir string, editable bool) string {
	if editable {
		return "editable " + path.Clean(dir)
	}
	return "directory " + path.Clean(dir)
}

func uvLocked(e any) uvRequirement {
	specifier := manifest.DigString(e, "specifier")
	r := uvRequirement{
		name:  WithExtras(manifest.Normalize(manifest.DigString(e, "name")), manifest.ParseExtras(strings.Join(manifest.DigStrings(e, "extras"), ","))),
		wants: specifier, key: manifest.VersionsKey(specifier), marker: manifest.DigString(e, "marker"),
	}
	for _, kind := range []string{"git", "url", "path", "directory", "editable", "virtual"} {
		if value := manifest.DigString(e, kind); value != "" {
			r.wants, r.key = " from "+value, "source"
			if kind == "directory" || kind == "editable" || kind == "virtual" {
				r.key = kind + " " + path.Clean(value)
			}
		}
	}
	if manifest.DigString(e, "index") != "" {
		r.key += " index"
	}
	return r
}

// WithExtras is a distribution with its extras, as requirements have it.
func WithExtras(name string, extras []string) string {
	if len(extras) > 0 {
		name += "[" + strings.Join(extras, ",") + "]"
	}
	return name
}
