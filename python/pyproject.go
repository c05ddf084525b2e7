package python

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	toml "github.com/pelletier/go-toml/v2"
)

// pyproject is what pyproject.toml says. Its zero value is an absent file.
type pyproject struct {
	file  string // "" when there is none
	lines []string
	data  map[string]any
}

// readPyproject parses name in t. The error is a sentence with a line where
// the parser knows one; an absent file is no error.
func readPyproject(t tree, name string) (pyproject, *Problem) {
	text, ok := t.read(name)
	if !ok {
		return pyproject{}, nil
	}
	data, line, err := parseTOML(text)
	if err != nil {
		return pyproject{}, &Problem{
			Code: "pyproject.syntax", Message: name + " is not valid TOML: " + err.Error(),
			File: name, Line: line, Remedy: "correct that line of " + name,
		}
	}
	return pyproject{file: name, lines: strings.Split(text, "\n"), data: data}, nil
}

// parseTOML decodes text. line is where it went wrong, 0 when unknown.
func parseTOML(text string) (data map[string]any, line int, err error) {
	defer func() {
		if r := recover(); r != nil { // a parser's bug must not take detection down
			data, err = nil, fmt.Errorf("it cannot be read")
		}
	}()
	data = map[string]any{}
	if err := toml.Unmarshal([]byte(text), &data); err != nil {
		if decode, ok := err.(*toml.DecodeError); ok {
			line, _ = decode.Position()
		}
		if strings.Contains(text, "<<<<<<< ") {
			return nil, line, fmt.Errorf("it holds a merge conflict")
		}
		return nil, line, fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "toml: "))
	}
	return data, 0, nil
}

// dig returns the value under keys, nil when any is missing.
func dig(v any, keys ...string) any {
	for _, k := range keys {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[k]
	}
	return v
}

func digTable(v any, keys ...string) map[string]any {
	m, _ := dig(v, keys...).(map[string]any)
	return m
}

func digString(v any, keys ...string) string {
	s, _ := dig(v, keys...).(string)
	return s
}

func digList(v any, keys ...string) []any {
	l, _ := dig(v, keys...).([]any)
	return l
}

func digStrings(v any, keys ...string) []string {
	var out []string
	for _, e := range digList(v, keys...) {
		if s, ok := e.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

func (p pyproject) has(keys ...string) bool { return dig(p.data, keys...) != nil }

// line returns the line, from 1, of needle inside table (as written between
// brackets, any of its sub-tables included); 0 when it is not found there.
func (p pyproject) line(table, needle string) int {
	inside, header := table == "", 0
	for i, l := range p.lines {
		trimmed := strings.TrimSpace(l)
		if strings.HasPrefix(trimmed, "[") && strings.Contains(trimmed, "]") && !strings.HasSuffix(trimmed, ",") && tableHeader(trimmed) != "" {
			name := tableHeader(trimmed)
			inside = table == "" || name == table || strings.HasPrefix(name, table+".")
			if inside && header == 0 {
				header = i + 1
			}
			if name == table+"."+needle {
				return i + 1
			}
			continue
		}
		if inside && needle != "" && strings.Contains(l, needle) && !strings.HasPrefix(trimmed, "#") {
			return i + 1
		}
	}
	return header
}

func tableHeader(line string) string {
	line, _, _ = strings.Cut(line, "#")
	line = strings.TrimSpace(line)
	if !strings.HasPrefix(line, "[") || !strings.HasSuffix(line, "]") {
		return ""
	}
	name := strings.Trim(line, "[]")
	if strings.ContainsAny(name, ",{}=") {
		return ""
	}
	return strings.ReplaceAll(strings.ReplaceAll(name, " ", ""), `"`, "")
}

// hasProject says whether there is a [project] table that names something.
func (p pyproject) hasProject() bool { return len(digTable(p.data, "project")) > 0 }

// hasPoetry says whether [tool.poetry] states dependencies.
// hasPDM tells whether PDM manages the project; tool.pdm.build and .version alone
// are settings of its build backend, which any manager may use.
func (p pyproject) hasPDM() bool {
	settings, _ := dig(p.data, "tool", "pdm").(map[string]any)
	for key := range settings {
		if key != "build" && key != "version" {
			return true
		}
	}
	return false
}

func (p pyproject) hasPoetry() bool {
	return p.has("tool", "poetry", "dependencies") || p.has("tool", "poetry", "group") || p.has("tool", "poetry", "dev-dependencies")
}

// toolOnly says that the file configures tools and states no project.
func (p pyproject) toolOnly() bool {
	return p.file != "" && !p.hasProject() && !p.hasPoetry() && !p.has("tool", "uv", "workspace") && !p.has("dependency-groups")
}

// dependencies collects what the file declares, whoever the manager is.
func (p pyproject) dependencies() Dependencies {
	deps := Dependencies{Groups: map[string][]Dependency{}, Extras: map[string][]Dependency{}, Files: map[string][]Dependency{}}
	if p.file == "" {
		return deps
	}
	deps.Production = p.requirements("project", digStrings(p.data, "project", "dependencies"))
	for name, list := range digTable(p.data, "project", "optional-dependencies") {
		deps.Extras[normalizeName(name)] = p.requirements("project", stringsOf(list))
	}
	for name := range digTable(p.data, "dependency-groups") {
		deps.Groups[normalizeName(name)] = p.requirements("dependency-groups", p.group(name, map[string]bool{}))
	}
	for name, list := range digTable(p.data, "tool", "pdm", "dev-dependencies") {
		key := normalizeName(name)
		deps.Groups[key] = append(deps.Groups[key], p.requirements("tool.pdm", stringsOf(list))...)
	}
	if list := digStrings(p.data, "tool", "uv", "dev-dependencies"); list != nil {
		deps.Groups["dev"] = append(deps.Groups["dev"], p.requirements("tool.uv", list)...)
	}
	p.addPoetry(&deps)
	return deps
}

func stringsOf(v any) []string {
	return digStrings(map[string]any{"l": v}, "l")
}

func (p pyproject) requirements(table string, list []string) []Dependency {
	var out []Dependency
	for _, text := range list {
		text = strings.TrimPrefix(strings.TrimPrefix(text, "-e "), "--editable ")
		dep, ok := parseRequirement(text)
		if !ok {
			continue
		}
		dep.File, dep.Line = p.file, p.line(table, text)
		out = append(out, dep)
	}
	return out
}

// group returns a PEP 735 group's requirements with its includes expanded.
func (p pyproject) group(name string, seen map[string]bool) []string {
	key := normalizeName(name)
	if seen[key] {
		return nil
	}
	seen[key] = true
	var out []string
	for other, list := range digTable(p.data, "dependency-groups") {
		if normalizeName(other) != key {
			continue
		}
		entries, _ := list.([]any)
		for _, e := range entries {
			if s, ok := e.(string); ok {
				out = append(out, s)
			} else if include := digString(e, "include-group"); include != "" {
				out = append(out, p.group(include, seen)...)
			}
		}
	}
	return out
}

func (p pyproject) addPoetry(deps *Dependencies) {
	optional := map[string]bool{}
	for extra, list := range digTable(p.data, "tool", "poetry", "extras") {
		names := stringsOf(list)
		all := p.poetryTable("tool.poetry.dependencies", digTable(p.data, "tool", "poetry", "dependencies"))
		for _, n := range names {
			optional[normalizeName(n)] = true
			if dep, ok := findDependency(all, n); ok {
				deps.Extras[normalizeName(extra)] = append(deps.Extras[normalizeName(extra)], dep)
			}
		}
	}
	for _, dep := range p.poetryTable("tool.poetry.dependencies", digTable(p.data, "tool", "poetry", "dependencies")) {
		if _, stated := findDependency(deps.Production, dep.Name); !optional[dep.Name] && !stated {
			deps.Production = append(deps.Production, dep)
		}
	}
	if dev := digTable(p.data, "tool", "poetry", "dev-dependencies"); dev != nil {
		deps.Groups["dev"] = append(deps.Groups["dev"], p.poetryTable("tool.poetry.dev-dependencies", dev)...)
	}
	for name, group := range digTable(p.data, "tool", "poetry", "group") {
		key := normalizeName(name)
		list := p.poetryTable("tool.poetry.group."+name+".dependencies", digTable(group, "dependencies"))
		if key == "main" {
			deps.Production = append(deps.Production, list...)
			continue
		}
		deps.Groups[key] = append(deps.Groups[key], list...)
	}
}

func (p pyproject) poetryTable(table string, entries map[string]any) []Dependency {
	var out []Dependency
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		if name == "python" {
			continue
		}
		dep := Dependency{Name: normalizeName(name)}
		dep.Evidence = Evidence{File: p.file, Line: p.line(table, name), Text: name}
		switch v := entries[name].(type) {
		case string:
			dep.Specifier = v
		case map[string]any:
			fillPoetry(&dep, v)
		case []any:
			if len(v) > 0 {
				if first, ok := v[0].(map[string]any); ok {
					fillPoetry(&dep, first)
					dep.Specifier = ""
				}
			}
		}
		out = append(out, dep)
	}
	return out
}

func fillPoetry(dep *Dependency, v map[string]any) {
	dep.Specifier, dep.Marker = digString(v, "version"), digString(v, "markers")
	dep.Extras = parseExtras(strings.Join(digStrings(v, "extras"), ","))
	for _, key := range []string{"git", "url", "path", "file"} {
		if s := digString(v, key); s != "" {
			dep.URL = s
			if key == "git" && !strings.HasPrefix(s, "git") {
				dep.URL = "git+" + s
			}
		}
	}
}
