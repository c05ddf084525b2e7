package manifest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	toml "github.com/pelletier/go-toml/v2"
	"github.com/slipway-dev/slipway/python/tree"
)

// Pyproject is what pyproject.toml says. Its zero value is an absent file.
type Pyproject struct {
	File  string // "" when there is none
	lines []string
	Data  map[string]any
}

// ReadPyproject parses name in t. The error is a sentence with a line where
// the parser knows one; an absent file is no error.
func ReadPyproject(t tree.Tree, name string) (Pyproject, *tree.Problem) {
	text, ok := t.Read(name)
	if !ok {
		return Pyproject{}, nil
	}
	data, line, err := ParseTOML(text)
	if err != nil {
		return Pyproject{}, &tree.Problem{
			Code: "pyproject.syntax", Message: name + " is not valid TOML: " + err.Error(),
			File: name, Line: line, Remedy: "correct that line of " + name,
		}
	}
	return Pyproject{File: name, lines: strings.Split(text, "\n"), Data: data}, nil
}

// ParseTOML decodes text. line is where it went wrong, 0 when unknown.
func ParseTOML(text string) (data map[string]any, line int, err error) {
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

// Dig returns the value under keys, nil when any is missing.
func Dig(v any, keys ...string) any {
	for _, k := range keys {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[k]
	}
	return v
}

// DigTable is dig for a table; nil when there is none.
func DigTable(v any, keys ...string) map[string]any {
	m, _ := Dig(v, keys...).(map[string]any)
	return m
}

// DigString is dig for a text; "" when there is none.
func DigString(v any, keys ...string) string {
	s, _ := Dig(v, keys...).(string)
	return s
}

// DigList is dig for a list; nil when there is none.
func DigList(v any, keys ...string) []any {
	l, _ := Dig(v, keys...).([]any)
	return l
}

// DigStrings is dig for the texts of a list; what is no text in it is left out.
func DigStrings(v any, keys ...string) []string {
	var out []string
	for _, e := range DigList(v, keys...) {
		if s, ok := e.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// Has tells whether something stands below these keys.
func (p Pyproject) Has(keys ...string) bool { return Dig(p.Data, keys...) != nil }

// Line returns the line, from 1, of needle inside table (as written between
// brackets, any of its sub-tables included); 0 when it is not found there.
func (p Pyproject) Line(table, needle string) int {
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

// HasProject says whether there is a [project] table that names something.
func (p Pyproject) HasProject() bool { return len(DigTable(p.Data, "project")) > 0 }

// HasPDM tells whether PDM manages the project; tool.pdm.build and .version alone
// are settings of its build backend, which any manager may use.
func (p Pyproject) HasPDM() bool {
	settings, _ := Dig(p.Data, "tool", "pdm").(map[string]any)
	for key := range settings {
		if key != "build" && key != "version" {
			return true
		}
	}
	return false
}

// HasPoetry says whether [tool.poetry] states dependencies.
func (p Pyproject) HasPoetry() bool {
	return p.Has("tool", "poetry", "dependencies") || p.Has("tool", "poetry", "group") || p.Has("tool", "poetry", "dev-dependencies")
}

// toolOnly says that the file configures tools and states no project.
func (p Pyproject) toolOnly() bool {
	return p.File != "" && !p.HasProject() && !p.HasPoetry() && !p.Has("tool", "uv", "workspace") && !p.Has("dependency-groups")
}

// Dependencies collects what the file declares, whoever the manager is.
func (p Pyproject) Dependencies() Dependencies {
	deps := Dependencies{Groups: map[string][]Dependency{}, Extras: map[string][]Dependency{}, Files: map[string][]Dependency{}}
	if p.File == "" {
		return deps
	}
	deps.Production = p.Requirements("project", DigStrings(p.Data, "project", "dependencies"))
	for name, list := range DigTable(p.Data, "project", "optional-dependencies") {
		deps.Extras[Normalize(name)] = p.Requirements("project", StringsOf(list))
	}
	for name := range DigTable(p.Data, "dependency-groups") {
		deps.Groups[Normalize(name)] = p.Requirements("dependency-groups", p.group(name, map[string]bool{}))
	}
	for name, list := range DigTable(p.Data, "tool", "pdm", "dev-dependencies") {
		key := Normalize(name)
		deps.Groups[key] = append(deps.Groups[key], p.Requirements("tool.pdm", StringsOf(list))...)
	}
	if list := DigStrings(p.Data, "tool", "uv", "dev-dependencies"); list != nil {
		deps.Groups["dev"] = append(deps.Groups["dev"], p.Requirements("tool.uv", list)...)
	}
	p.addPoetry(&deps)
	return deps
}

// StringsOf is the texts of a list that was read as anything.
func StringsOf(v any) []string {
	return DigStrings(map[string]any{"l": v}, "l")
}

// Requirements reads a list of a table; what isn't one is left out.
func (p Pyproject) Requirements(table string, list []string) []Dependency {
	var out []Dependency
	for _, text := range list {
		text = strings.TrimPrefix(strings.TrimPrefix(text, "-e "), "--editable ")
		dep, ok := ParseRequirement(text)
		if !ok {
			continue
		}
		dep.File, dep.Line = p.File, p.Line(table, text)
		out = append(out, dep)
	}
	return out
}

// group returns a PEP 735 group's requirements with its includes expanded.
func (p Pyproject) group(name string, seen map[string]bool) []string {
	key := Normalize(name)
	if seen[key] {
		return nil
	}
	seen[key] = true
	var out []string
	for other, list := range DigTable(p.Data, "dependency-groups") {
		if Normalize(other) != key {
			continue
		}
		entries, _ := list.([]any)
		for _, e := range entries {
			if s, ok := e.(string); ok {
				out = append(out, s)
			} else if include := DigString(e, "include-group"); include != "" {
				out = append(out, p.group(include, seen)...)
			}
		}
	}
	return out
}

func (p Pyproject) addPoetry(deps *Dependencies) {
	optional := map[string]bool{}
	for extra, list := range DigTable(p.Data, "tool", "poetry", "extras") {
		names := StringsOf(list)
		all := p.poetryTable("tool.poetry.dependencies", DigTable(p.Data, "tool", "poetry", "dependencies"))
		for _, n := range names {
			optional[Normalize(n)] = true
			if dep, ok := FindDependency(all, n); ok {
				deps.Extras[Normalize(extra)] = append(deps.Extras[Normalize(extra)], dep)
			}
		}
	}
	for _, dep := range p.poetryTable("tool.poetry.dependencies", DigTable(p.Data, "tool", "poetry", "dependencies")) {
		if _, stated := FindDependency(deps.Production, dep.Name); !optional[dep.Name] && !stated {
			deps.Production = append(deps.Production, dep)
		}
	}
	if dev := DigTable(p.Data, "tool", "poetry", "dev-dependencies"); dev != nil {
		deps.Groups["dev"] = append(deps.Groups["dev"], p.poetryTable("tool.poetry.dev-dependencies", dev)...)
	}
	for name, group := range DigTable(p.Data, "tool", "poetry", "group") {
		key := Normalize(name)
		list := p.poetryTable("tool.poetry.group."+name+".dependencies", DigTable(group, "dependencies"))
		if key == "main" {
			deps.Production = append(deps.Production, list...)
			continue
		}
		deps.Groups[key] = append(deps.Groups[key], list...)
	}
}

func (p Pyproject) poetryTable(table string, entries map[string]any) []Dependency {
	var out []Dependency
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		if name == "python" {
			continue
		}
		dep := Dependency{Name: Normalize(name)}
		dep.Evidence = tree.Evidence{File: p.File, Line: p.Line(table, name), Text: name}
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
	dep.Specifier, dep.Marker = DigString(v, "version"), DigString(v, "markers")
	dep.Extras = ParseExtras(strings.Join(DigStrings(v, "extras"), ","))
	for _, key := range []string{"git", "url", "path", "file"} {
		if s := DigString(v, key); s != "" {
			dep.URL = s
			if key == "git" && !strings.HasPrefix(s, "git") {
				dep.URL = "git+" + s
			}
		}
	}
}

// PipfileDependencies collects what a Pipfile declares.
func PipfileDependencies(p Pyproject) Dependencies {
	deps := Dependencies{Groups: map[string][]Dependency{}, Extras: map[string][]Dependency{}, Files: map[string][]Dependency{}}
	deps.Production = p.poetryTable("packages", DigTable(p.Data, "packages"))
	if dev := DigTable(p.Data, "dev-packages"); dev != nil {
		deps.Groups["dev"] = p.poetryTable("dev-packages", dev)
	}
	for category, v := range p.Data {
		if table, ok := v.(map[string]any); ok && !PipfileSections[category] {
			deps.Groups[Normalize(category)] = p.poetryTable(category, table)
		}
	}
	for i := range deps.Production {
		if deps.Production[i].Specifier == "*" {
			deps.Production[i].Specifier = ""
		}
	}
	return deps
}

// PipfileSections are not package categories.
var PipfileSections = map[string]bool{
	"source": true, "packages": true, "dev-packages": true, "requires": true, "scripts": true,
	"pipfile": true, "pipenv": true, "default": true, "develop": true,
}
