package python

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// uvSetting reads a setting where uv does: uv.toml, else [tool.uv] of the
// pyproject.toml beside the lock.
func uvSetting(in lockInput, key string) any {
	if text, ok := in.tree.read("uv.toml"); ok {
		if data, _, err := parseTOML(text); err == nil && data[key] != nil {
			return data[key]
		}
	}
	return dig(in.root, "tool", "uv", key)
}

// uvSourcesOf are the sources that hold for the project called name: its own,
// and in a workspace the root's below them.
func uvSourcesOf(in lockInput, name string, manifest map[string]any) map[string]any {
	out := map[string]any{}
	add := func(m map[string]any) {
		for distribution, s := range digTable(m, "tool", "uv", "sources") {
			out[normalizeName(distribution)] = s
		}
	}
	if slices.Contains(digStrings(in.lock, "manifest", "members"), name) {
		add(in.root)
	}
	add(manifest)
	return out
}

// uvSettings compares the settings of the resolver that the lock was made with.
func uvSettings(in lockInput) freshness {
	for _, s := range []struct{ setting, option, otherwise string }{
		{"resolution", "resolution-mode", "highest"},
		{"prerelease", "prerelease-mode", "if-necessary-or-explicit"},
		{"fork-strategy", "fork-strategy", "requires-python"},
	} {
		stated, _ := uvSetting(in, s.setting).(string)
		stated, locked := cmp.Or(stated, s.otherwise), cmp.Or(digString(in.lock, "options", s.option), s.otherwise)
		if stated != locked {
			return freshIf(false, differs(s.setting+" = "+locked, s.setting+" = "+stated))
		}
	}
	if result := uvExcludeNewer(in); !result.known || !result.fresh {
		return result
	}
	locked, stated := digTable(in.lock, "options", "exclude-newer-package"), digTable(map[string]any{"v": uvSetting(in, "exclude-newer-package")}, "v")
	return sameNames("exclude-newer-package", slices.Sorted(maps.Keys(locked)), slices.Sorted(maps.Keys(stated)))
}

// uvExcludeNewer compares the moment up to which packages were looked at. A
// day ends when it ends where the lock was made, and a span moves on.
func uvExcludeNewer(in lockInput) freshness {
	stated, locked := textValue(uvSetting(in, "exclude-newer")), textValue(dig(in.lock, "options", "exclude-newer"))
	spanned := dig(in.lock, "options", "exclude-newer-span") != nil
	switch {
	case stated == "" && locked == "":
		return freshIf(true, "")
	case stated == "" && in.packages:
		return freshIf(true, "")
	case stated == "":
		return freshness{known: true, beside: "setting", reason: differs(setting("exclude-newer", cmp.Or(textValue(dig(in.lock, "options", "exclude-newer-span")), locked)), "none")}
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
func uvLists(in lockInput) freshness {
	u := uvComparison{sources: uvSourcesOf(in, "", in.root), pythons: uvPythons(in)}
	for _, l := range []struct{ setting, locked string }{
		{"constraint-dependencies", "constraints"}, {"override-dependencies", "overrides"}, {"build-constraint-dependencies", "build-constraints"},
	} {
		p := pyproject{data: in.root}
		if result := u.compare(" ("+l.setting+")", p.requirements("", stringsOf(uvSetting(in, l.setting))), digList(in.lock, "manifest", l.locked)); !result.fresh {
			return result
		}
	}
	if result := sameNames("exclude-dependencies", digStrings(in.lock, "manifest", "excludes"), stringsOf(uvSetting(in, "exclude-dependencies"))); !result.fresh {
		return result
	}
	var described []string
	for _, m := range digList(map[string]any{"v": uvSetting(in, "dependency-metadata")}, "v") {
		described = append(described, digString(m, "name"))
	}
	var noted []string
	for _, m := range digList(in.lock, "manifest", "dependency-metadata") {
		noted = append(noted, digString(m, "name"))
	}
	if result := sameNames("dependency-metadata", noted, described); !result.fresh {
		return result
	}
	for _, l := range []struct{ setting, locked string }{{"environments", "supported-markers"}, {"required-environments", "required-markers"}} {
		if result := sameEnvironments(in, l.setting, l.locked); !result.known || !result.fresh {
			return result
		}
	}
	if locked, stated := len(digList(in.lock, "conflicts")), len(digList(in.root, "tool", "uv", "conflicts")); locked != stated {
		return freshIf(false, differs(strconv.Itoa(locked)+" conflicts", strconv.Itoa(stated)))
	}
	return uvDefaultGroups(in)
}

func sameEnvironments(in lockInput, setting, key string) freshness {
	stated := stringsOf(uvSetting(in, setting))
	if s, ok := uvSetting(in, setting).(string); ok {
		stated = []string{s}
	}
	locked := digStrings(in.lock, key)
	left := strings.Join(stated, " or ")
	if len(stated) != len(locked) {
		return freshIf(false, differs(setting+": "+cmp.Or(strings.Join(locked, " or "), "none"), cmp.Or(left, "none")))
	}
	if len(stated) == 0 {
		return freshIf(true, "")
	}
	same, known := sameMarker("("+strings.Join(stated, ") or (")+")", "("+strings.Join(locked, ") or (")+")", uvPythons(in))
	if !known {
		return unknownFreshness(setting + " is written in another way")
	}
	return freshIf(same, differs(setting+": "+strings.Join(locked, " or "), left))
}

// uvDefaultGroups: a lock notes default-groups since its revision 5.
func uvDefaultGroups(in lockInput) freshness {
	entry, problem := uvRoot(lockInput{lock: in.lock, manifest: in.root})
	if revision, _ := dig(in.lock, "revision").(int64); revision < 5 || problem.reason != "" {
		return freshIf(true, "")
	}
	text := func(v any) string {
		if v == nil {
			return "not stated"
		}
		if s, ok := v.(string); ok {
			return s
		}
		return "[" + strings.Join(stringsOf(v), ", ") + "]"
	}
	locked, stated := text(dig(entry, "default-groups")), text(uvSetting(in, "default-groups"))
	return freshIf(locked == stated, differs("default-groups "+locked, stated))
}

// uvSources compares where packages come from with the indexes that the
// project names.
func uvSources(in lockInput) freshness {
	known, closed := map[string]bool{}, false
	add := func(url any) {
		if s, ok := url.(string); ok && s != "" {
			known[withoutLogin(s)] = true
		}
	}
	for _, index := range append(digList(map[string]any{"v": uvSetting(in, "index")}, "v"), digList(in.manifest, "tool", "uv", "index")...) {
		add(dig(index, "url"))
		isDefault, _ := dig(index, "default").(bool)
		closed = closed || isDefault
	}
	if url := uvSetting(in, "index-url"); url != nil {
		add(url)
		closed = true
	}
	for _, url := range append(stringsOf(uvSetting(in, "extra-index-url")), stringsOf(uvSetting(in, "find-links"))...) {
		add(url)
	}
	if !closed {
		return freshIf(true, "") // the default index is the machine's to say
	}
	for _, entry := range digList(in.lock, "package") {
		url := digString(entry, "source", "registry")
		if strings.Contains(url, "://") && !known[withoutLogin(url)] {
			return freshIf(false, differs(digString(entry, "name")+" from "+withoutLogin(url), "the indexes "+strings.Join(slices.Sorted(maps.Keys(known)), ", ")))
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
func uvLocal(in lockInput) freshness {
	unsure := freshness{}
	for _, entry := range digList(in.lock, "package") {
		for _, kind := range []string{"virtual", "editable", "directory"} {
			dir := digString(entry, "source", kind)
			if dir == "" || path.IsAbs(dir) {
				continue
			}
			if result := uvPackaged(in, dir, kind); !result.fresh {
				return result
			}
			p, problem := readPyproject(in.tree, path.Join(dir, "pyproject.toml"))
			if problem != nil || !p.hasProject() {
				if p.file == "" && !in.tree.exists(path.Join(dir, "setup.py")) {
					return freshIf(false, differs("a project in "+dir, "none there"))
				}
				continue
			}
			if name := normalizeName(digString(p.data, "project", "name")); name != normalizeName(digString(entry, "name")) {
				return freshIf(false, differs(digString(entry, "name")+" in "+dir, name))
			}
			result := uvEntry(in, entry, p.data)
			if result.known && !result.fresh {
				return result
			}
			if !result.known {
				unsure = result
			}
		}
	}
	if unsure.reason != "" {
		return unsure
	}
	return uvMembers(in)
}

// uvPackaged: a project of the workspace becomes a package, or stops being
// one, with its build-system or tool.uv.package.
func uvPackaged(in lockInput, dir, kind string) freshness {
	if dir != "." || kind == "directory" {
		return freshIf(true, "")
	}
	isPackage := dig(in.root, "build-system") != nil
	if v, ok := dig(in.root, "tool", "uv", "package").(bool); ok {
		isPackage = v
	}
	words := map[bool]string{true: "a package (build-system or tool.uv.package)", false: "no package"}
	return freshIf(isPackage == (kind == "editable"), differs("the project as "+words[kind == "editable"], words[isPackage]))
}

// uvMembers compares the names of a workspace's members.
func uvMembers(in lockInput) freshness {
	patterns := digStrings(in.root, "tool", "uv", "workspace", "members")
	if len(patterns) == 0 {
		return freshIf(true, "")
	}
	var names []string
	add := func(data map[string]any) {
		if n := digString(data, "project", "name"); n != "" {
			names = append(names, n)
		}
	}
	add(in.root)
	for _, pattern := range patterns {
		for _, f := range in.tree.glob(path.Join(pattern, "pyproject.toml")) {
			dir, excluded := path.Dir(f), false
			for _, not := range digStrings(in.root, "tool", "uv", "workspace", "exclude") {
				matches, _ := path.Match(path.Clean(not), dir)
				excluded = excluded || matches
			}
			if p, problem := readPyproject(in.tree, f); problem == nil && !excluded {
				add(p.data)
			}
		}
	}
	locked := digStrings(in.lock, "manifest", "members")
	if len(locked) == 0 && len(sortedUnique(names)) <= 1 {
		return freshIf(true, "")
	}
	return sameNames("the members", locked, names)
}
