package manifest

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// marker is an environment marker (PEP 508) as a tree.
type marker struct {
	op          string // "and", "or", "not", "" for a comparison
	parts       []marker
	name        string // the variable
	comparison  string
	value       string
	opaque      string // a comparison that is only known by its text
	versions    Specifiers
	unversioned bool
}

var markerToken = regexp.MustCompile(`\s*(\(|\)|'[^']*'|"[^"]*"|===|==|~=|!=|<=|>=|<|>|[A-Za-z_][A-Za-z0-9_.]*)`)

var markerVariables = map[string]bool{
	"python_version": true, "python_full_version": true, "os_name": true, "sys_platform": true, "platform_release": true, "platform_system": true,
	"platform_version": true, "platform_machine": true, "platform_python_implementation": true, "implementation_name": true,
	"implementation_version": true, "extra": true,
}

// parseMarker reads a marker; "" is one that always holds.
func parseMarker(text string) (marker, bool) {
	p := &markerParser{}
	for rest := strings.TrimSpace(text); rest != ""; {
		m := markerToken.FindStringSubmatchIndex(rest)
		if m == nil || m[0] != 0 || len(p.tokens) > 2000 {
			return marker{}, false
		}
		p.tokens = append(p.tokens, rest[m[2]:m[3]])
		rest = strings.TrimSpace(rest[m[1]:])
	}
	if len(p.tokens) == 0 {
		return marker{op: "and"}, true
	}
	out, ok := p.or(0)
	return out, ok && p.at == len(p.tokens)
}

type markerParser struct {
	tokens []string
	at     int
}

func (p *markerParser) peek() string {
	if p.at < len(p.tokens) {
		return p.tokens[p.at]
	}
	return ""
}

func (p *markerParser) take() string {
	t := p.peek()
	p.at++
	return t
}

func (p *markerParser) or(depth int) (marker, bool) {
	return p.list("or", depth, func() (marker, bool) { return p.list("and", depth, func() (marker, bool) { return p.term(depth) }) })
}

func (p *markerParser) list(op string, depth int, part func() (marker, bool)) (marker, bool) {
	if depth > 50 {
		return marker{}, false
	}
	out := marker{op: op}
	for {
		m, ok := part()
		if !ok {
			return marker{}, false
		}
		out.parts = append(out.parts, m)
		if p.peek() != op {
			break
		}
		p.at++
	}
	if len(out.parts) == 1 {
		return out.parts[0], true
	}
	return out, true
}

func (p *markerParser) term(depth int) (marker, bool) {
	if p.peek() == "not" { // never written by anybody, only by statedBySource
		p.at++
		m, ok := p.term(depth + 1)
		return marker{op: "not", parts: []marker{m}}, ok && depth < 50
	}
	if p.peek() == "(" {
		p.at++
		m, ok := p.or(depth + 1)
		return m, ok && p.take() == ")"
	}
	left, op := p.take(), p.take()
	if op == "not" {
		op += " " + p.take()
	}
	right := p.take()
	quoted := func(s string) bool { return len(s) > 1 && (s[0] == '\'' || s[0] == '"') }
	if quoted(left) && !quoted(right) {
		mirrored := map[string]string{"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!=", "~=": "", "===": "==="}[op]
		if mirrored == "" || left == "" {
			return marker{opaque: left + op + right}, markerVariables[right]
		}
		left, op, right = right, mirrored, left
	}
	if !markerVariables[left] || !quoted(right) || op == "" {
		return marker{}, false
	}
	return comparisonOf(left, op, right[1:len(right)-1])
}

func comparisonOf(name, op, value string) (marker, bool) {
	m := marker{name: name, comparison: op, value: value}
	if name == "platform_system" && (op == "==" || op == "!=") {
		if platform := map[string]string{"Linux": "linux", "Windows": "win32", "Darwin": "darwin"}[value]; platform != "" {
			m.name, m.value = "sys_platform", platform
		}
	}
	switch {
	case name == "extra":
		m.value = Normalize(value)
	case name == "python_version" || name == "python_full_version":
		if op == "in" || op == "not in" {
			for _, f := range strings.FieldsFunc(value, func(r rune) bool { return r == ' ' || r == ',' }) {
				v, ok := ParseVersion(f)
				if !ok {
					return marker{opaque: name + op + value}, true
				}
				m.versions = append(m.versions, []Clause{{Op: "==", Version: v}})
			}
			return m, true
		}
		set, err := ParseSpecifiers(op + value)
		if err != nil || op == "===" {
			return marker{opaque: name + op + value}, true
		}
		m.versions = set
		return m, true
	}
	if op != "==" && op != "!=" {
		return marker{opaque: name + " " + op + " " + value}, true
	}
	m.unversioned = true
	return m, true
}

// world is one environment in which markers are compared.
type world struct {
	python Version
	values map[string]string
	truths map[string]bool // opaque comparisons and extras
}

func (m marker) holds(w world) bool {
	switch {
	case m.op == "and":
		return !slices.ContainsFunc(m.parts, func(p marker) bool { return !p.holds(w) })
	case m.op == "not":
		return !m.parts[0].holds(w)
	case m.op == "or":
		return slices.ContainsFunc(m.parts, func(p marker) bool { return p.holds(w) })
	case m.opaque != "":
		return w.truths[m.opaque]
	case m.name == "extra":
		return w.truths["extra "+m.value] == (m.comparison == "==")
	case m.unversioned:
		return (w.values[m.name] == m.value) == (m.comparison == "==")
	}
	v := w.python
	if m.name == "python_version" {
		v.Release = v.Release[:2]
	}
	return m.versions.Contains(v) == (m.comparison != "not in")
}

// each calls f for every comparison in m.
func (m marker) each(f func(marker)) {
	if m.op == "" {
		f(m)
	}
	for _, p := range m.parts {
		p.each(f)
	}
}

// maxWorlds bounds how many environments two markers are compared in.
const maxWorlds = 40000

// SameMarker says whether two markers hold in the same environments of the
// Pythons that pythons admits. known is false when that cannot be told.
func SameMarker(a, b string, pythons Specifiers) (same, known bool) {
	if a == b {
		return true, true
	}
	x, okX := parseMarker(a)
	y, okY := parseMarker(b)
	if !okX || !okY {
		return false, false
	}
	worlds, sure, ok := worldsOf(x, y, pythons)
	if !ok {
		return false, false
	}
	for _, w := range worlds {
		if x.holds(w) != y.holds(w) {
			return false, sure
		}
	}
	return true, true
}

func worldsOf(x, y marker, pythons Specifiers) (worlds []world, sure, ok bool) {
	sure = true
	points := map[string]Version{}
	add := func(major, minor, patch int) {
		v := Version{Release: []int{major, minor, max(patch, 0)}, Post: -1, Dev: -1}
		if pythons.Contains(v) {
			points[fmt.Sprint(v.Release)] = v
		}
	}
	for minor := 6; minor < 24; minor++ {
		add(3, minor, 0)
		add(3, minor, 99)
	}
	add(2, 7, 18)
	add(4, 0, 0)
	values, truths := map[string][]string{}, map[string]bool{}
	look := func(m marker) {
		switch {
		case m.opaque != "":
			truths[m.opaque], sure = true, false
		case m.name == "extra":
			truths["extra "+m.value] = true
		case m.unversioned:
			if !slices.Contains(values[m.name], m.value) {
				values[m.name] = append(values[m.name], m.value)
			}
		}
		for _, list := range m.versions {
			for _, c := range list {
				for patch := c.Version.At(2) - 1; patch <= c.Version.At(2)+1; patch++ {
					add(c.Version.At(0), c.Version.At(1), patch)
				}
			}
		}
	}
	x.each(look)
	y.each(look)
	for _, key := range slices.Sorted(maps.Keys(points)) {
		worlds = append(worlds, world{python: points[key], values: map[string]string{}, truths: map[string]bool{}})
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		worlds = branch(worlds, append(values[name], "\x00"), func(w *world, v string) { w.values[name] = v })
	}
	for _, name := range slices.Sorted(maps.Keys(truths)) {
		worlds = branch(worlds, []string{"", "x"}, func(w *world, v string) { w.truths[name] = v != "" })
	}
	worlds = slices.DeleteFunc(worlds, impossible)
	return worlds, sure, len(worlds) <= maxWorlds
}

func branch(worlds []world, values []string, set func(*world, string)) []world {
	if len(worlds)*len(values) > maxWorlds {
		return make([]world, maxWorlds+1)
	}
	var out []world
	for _, w := range worlds {
		for _, v := range values {
			n := world{python: w.python, values: map[string]string{}, truths: map[string]bool{}}
			for k, v := range w.values {
				n.values[k] = v
			}
			for k, v := range w.truths {
				n.truths[k] = v
			}
			set(&n, v)
			out = append(out, n)
		}
	}
	return out
}

// impossible are pairs that no platform has.
func impossible(w world) bool {
	os, platform := w.values["os_name"], w.values["sys_platform"]
	return os == "nt" && (platform == "linux" || platform == "darwin") || os == "posix" && platform == "win32"
}
