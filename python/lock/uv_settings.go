package lock

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/python/manifest"
)

// UVSetting reads a setting where uv does: uv.toml, else [tool.uv] of the
// pyproject.toml beside the lock.
func UVSetting(in Input, key string) any {
	if text, ok := in.Tree.Read("uv.toml"); ok {
		if data, _, err := manifest.ParseTOML(text); err == nil && data[key] != nil {
			return data[key]
		}
	}
	return manifest.Dig(in.Root, "tool", "uv", key)
}

// uvSourcesOf are the sources that hold for the project called name: its own,
// and in a workspace the root's below them.
func uvSourcesOf(in Input, name string, project map[string]any) map[string]any {
	out := map[string]any{}
	add := func(m map[string]any) {
		for distribution, s := range manifest.DigTable(m, "tool", "uv", "sources") {
			out[manifest.Normalize(distribution)] = s
		}
	}
	if slices.Contains(manifest.DigStrings(in.Lock, "manifest", "members"), name) {
		add(in.Root)
	}
	add(project)
	return out
}

// uvSettings compares the settings of the resolver that the lock was made with.
func uvSettings(in Input) Freshness {
	for _, s := range []struct{ setting, option, otherwise string }{
		{"resolution", "resolution-mode", "highest"},
		{"prerelease", "prerelease-mode", "if-necessary-or-explicit"},
		{"fork-strategy", "fork-strategy", "requires-python"},
	} {
		stated, _ := UVSetting(in, s.setting).(string)
		stated, locked := cmp.Or(stated, s.otherwise), cmp.Or(manifest.DigString(in.Lock, "options", s.option), s.otherwise)
		if stated != locked {
			return freshIf(false, differs(s.setting+" = "+locked, s.setting+" = "+stated))
		}
	}
	if result := uvExcludeNewer(in); !result.Known || !result.Fresh {
		return result
	}
	locked, stated := manifest.DigTable(in.Lock, "options", "exclude-newer-package"), manifest.DigTable(map[string]any{"v": UVSetting(in, "exclude-newer-package")}, "v")
	return sameNames("exclude-newer-package", slices.Sorted(maps.Keys(locked)), slices.Sorted(maps.Keys(stated)))
}

// uvExcludeNewer compares the moment up to which packages were looked at. A
// day ends when it ends where the lock was made, and a span moves on.
func uvExcludeNewer(in Input) Freshness {
	stated, locked := textValue(UVSetting(in, "exclude-newer")), textValue(manifest.Dig(in.Lock, "options", "exclude-newer"))
	spanned := manifest.Dig(in.Lock, "options", "exclude-newer-span") != nil
	switch {
	case stated == "" && locked == "":
		return freshIf(true, "")
	case stated == "" && in.packages:
		return freshIf(true, "")
	case stated == "":
		return Freshness{Known: true, Beside: "setting", Reason: differs(setting("exclude-newer", cmp.Or(textValue(manifest.Dig(in.Lock, "options", "exclude-newer-span")), locked)), "none")}
	case locked == "":
		return freshIf(false, differs("no exclude-newer", setting("exclude-newer", stated)))
	}
	have, err := time.Parse(time.RFC3339, locked)
	if err != nil {
		return unknownFreshness("its exclude-newer cannot be read")
	}
	if want, err := time.Parse(time.RFC3339, stated); err == nil {
		return freshIf(!spanned && want.Equal(have), differs("exclude-newer = "+locked, stated))
	}
	if day, err := time.Parse(time.DateOnly, stated); err == nil {
		away := have.Sub(day.AddDate(0, 0, 1)).Abs()
		return freshIf(!spanned && away <= 14*time.Hour, differs("exclude-newer = "+locked, stated))
	}
	if !spanned {
		return freshIf(false, differs("exclude-newer = "+locked, stated))
	}
	return freshIf(true, "")
}

func setting(name, value string) string {
	if value == "" {
		return ""
	}
	return name + " = " + value
}

// textValue is a scalar of a TOML file as its author might write it.
func textValue(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case time.Time:
		return v.Format(time.RFC3339)
	case interface{ String() string }:
		return v.String()
	}
	return ""
}

// uvLists compares the requirements that settings add, and the environments.
func uvLists(in Input) Freshness {
	u := uvComparison{sources: uvSourcesOf(in, "", in.Root), pythons: uvPythons(in)}
	for _, l := range []struct{ setting, locked string }{
		{"constraint-dependencies", "constraints"}, {"override-dependencies", "overrides"}, {"build-constraint-dependencies", "build-constraints"},
	} {
		p := manifest.Pyproject{Data: in.Root}
		if result := u.compare(" ("+l.setting+")", p.Requirements("", manifest.StringsOf(UVSetting(in, l.setting))), manifest.DigList(in.Lock, "manifest", l.locked)); !result.Fresh {
			return result
		}
	}
	if result := sameNames("exclude-dependencies", manifest.DigStrings(in.Lock, "manifest", "excludes"), manifest.StringsOf(UVSetting(in, "exclude-dependencies"))); !result.Fresh {
		return result
	}
	var described []string
	for _, m := range manifest.DigList(map[string]any{"v": UVSetting(in, "dependency-metadata")}, "v") {
		described = append(described, manifest.DigString(m, "name"))
	}
	var noted []string
	for _, m := range manifest.DigList(in.Lock, "manifest", "dependency-metadata") {
		noted = append(noted, manifest.DigString(m, "name"))
	}
	if result := sameNames("dependency-metadata", noted, described); !result.Fresh {
		return result
	}
	for _, l := range []struct{ setting, locked string }{{"environments", "supported-markers"}, {"required-environments", "required-markers"}} {
		if result := sameEnvironments(in, l.setting, l.locked); !result.Known || !result.Fresh {
			return result
		}
	}
	if locked, stated := len(manifest.DigList(in.Lock, "conflicts")), len(manifest.DigList(in.Root, "tool", "uv", "conflicts")); locked != stated {
		return freshIf(false, differs(strconv.Itoa(locked)+" conflicts", strconv.Itoa(stated)))
	}
	return uvDefaultGroups(in)
}

func sameEnvironments(in Input, setting, key string) Freshness {
	stated := manifest.StringsOf(UVSetting(in, setting))
	if s, ok := UVSetting(in, setting).(string); ok {
		stated = []string{s}
	}
	locked := manifest.DigStrings(in.Lock, key)
	left := strings.Join(stated, " or ")
	if len(stated) != len(locked) {
		return freshIf(false, differs(setting+": "+cmp.Or(strings.Join(locked, " or "), "none"), cmp.Or(left, "none")))
	}
	if len(stated) == 0 {
		return freshIf(true, "")
	}
	same, known := manifest.SameMarker("("+strings.Join(stated, ") or (")+")", "("+strings.Join(locked, ") or (")+")", uvPythons(in))
	if !known {
		return unknownFreshness(setting + " is written in another way")
	}
	return freshIf(same, differs(setting+": "+strings.Join(locked, " or "), left))
}

// uvDefaultGroups: a lock notes default-groups since its revision 5.
func uvDefaultGroups(in Input) Freshness {
	entry, problem := uvRoot(Input{Lock: in.Lock, Manifest: in.Root})
	if revision, _ := manifest.Dig(in.Lock, "revision").(int64); revision < 5 || problem.Reason != "" {
		return freshIf(true, "")
	}
	text := func(v any) string {
		if v == nil {
			return "not stated"
		}
		if s, ok := v.(string); ok {
			return s
		}
		return "[" + strings.Join(manifest.StringsOf(v), ", ") + "]"
	}
	locked, stated := text(manifest.Dig(entry, "default-groups")), text(UVSetting(in, "default-groups"))
	return freshIf(locked == stated, differs("default-groups "+locked, stated))
}

// uvSources compares where packages come from with the indexes that the
// project names.
func uvSources(in Input) Freshness {
	known, closed := map[string]bool{}, false
	add := func(url any) {
		if s, ok := url.(string); ok && s != "" {
			known[withoutLogin(s)] = true
		}
	}
	for _, index := range append(manifest.DigList(map[string]any{"v": UVSetting(in, "index")}, "v"), manifest.DigList(in.Manifest, "tool", "uv", "index")...) {
		add(manifest.Dig(index, "url"))
		isDefault, _ := manifest.Dig(index, "default").(bool)
		closed = closed || isDefault
	}
	if url := UVSetting(in, "index-url"); url != nil {
		add(url)
		closed = true
	}
	for _, url := range append(manifest.StringsOf(UVSetting(in, "extra-index-url")), manifest.StringsOf(UVSetting(in, "find-links"))...) {
		add(url)
	}
	if !closed {
		return freshIf(true, "") // the default index is the machine's to say
	}
	for _, entry := range manifest.DigList(in.Lock, "package") {
		url := manifest.DigString(entry, "source", "registry")
		if strings.Contains(url, "://") && !known[withoutLogin(url)] {
			return freshIf(false, differs(manifest.DigString(entry, "name")+" from "+withoutLogin(url), "the indexes "+strings.Join(slices.Sorted(maps.Keys(known)), ", ")))
		}
	}
	return freshIf(true, "")
}

func withoutLogin(url string) string {
	scheme, rest, ok := strings.Cut(url, "://")
	host, file, _ := strings.Cut(rest, "/")
	if _, plain, login := strings.Cut(host, "@"); login && ok {
		return scheme + "://" + plain + "/" + file
	}
	return url
}

// uvLocal compares every project of the repository that the lock holds: the
// members of a workspace, and directories that sources name.
func uvLocal(in Input) Freshness {
	unsure := Freshness{}
	for _, entry := range manifest.DigList(in.Lock, "package") {
		for _, kind := range []string{"virtual", "editable", "directory"} {
			dir := manifest.DigString(entry, "source", kind)
			if dir == "" || path.IsAbs(dir) {
				continue
			}
			if result := uvPackaged(in, dir, kind); !result.Fresh {
				return result
			}
			p, problem := manifest.ReadPyproject(in.Tree, path.Join(dir, "pyproject.toml"))
			if problem != nil || !p.HasProject() {
				if p.File == "" && !in.Tree.Exists(path.Join(dir, "setup.py")) {
					return freshIf(false, differs("a project in "+dir, "none there"))
				}
				continue
			}
			if name := manifest.Normalize(manifest.DigString(p.Data, "project", "name")); name != manifest.Normalize(manifest.DigString(entry, "name")) {
				return freshIf(false, differs(manifest.DigString(entry, "name")+" in "+dir, name))
			}
			result := uvEntry(in, entry, p.Data)
			if result.Known && !result.Fresh {
				return result
			}
			if !result.Known {
				unsure = result
			}
		}
	}
	if unsure.Reason != "" {
		return unsure
	}
	return uvMembers(in)
}

// uvPackaged: a project of the workspace becomes a package, or stops being
// one, with its build-system or tool.uv.package.
func uvPackaged(in Input, dir, kind string) Freshness {
	if dir != "." || kind == "directory" {
		return freshIf(true, "")
	}
	isPackage := manifest.Dig(in.Root, "build-system") != nil
	if v, ok := manifest.Dig(in.Root, "tool", "uv", "package").(bool); ok {
		isPackage = v
	}
	words := map[bool]string{true: "a package (build-system or tool.uv.package)", false: "no package"}
	return freshIf(isPackage == (kind == "editable"), differs("the project as "+words[kind == "editable"], words[isPackage]))
}

// uvMembers compares the names of a workspace's members.
func uvMembers(in Input) Freshness {
	patterns := manifest.DigStrings(in.Root, "tool", "uv", "workspace", "members")
	if len(patterns) == 0 {
		return freshIf(true, "")
	}
	var names []string
	add := func(data map[string]any) {
		if n := manifest.DigString(data, "project", "name"); n != "" {
			names = append(names, n)
		}
	}
	add(in.Root)
	for _, pattern := range patterns {
		for _, f := range in.Tree.Glob(path.Join(pattern, "pyproject.toml")) {
			dir, excluded := path.Dir(f), false
			for _, not := range manifest.DigStrings(in.Root, "tool", "uv", "workspace", "exclude") {
				matches, _ := path.Match(path.Clean(not), dir)
				excluded = excluded || matches
			}
			if p, problem := manifest.ReadPyproject(in.Tree, f); problem == nil && !excluded {
				add(p.Data)
			}
		}
	}
	locked := manifest.DigStrings(in.Lock, "manifest", "members")
	if len(locked) == 0 && len(manifest.SortedUnique(names)) <= 1 {
		return freshIf(true, "")
	}
	return sameNames("the members", locked, names)
}
