package python

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/python/syntax"
)

// candidate is an application object that a server might import.
type candidate struct {
	file      string
	line      int
	dir       string // where to import from, relative to the service
	module    string
	object    string
	factory   bool
	arguments string // of a factory that needs some, as FLASK_APP has them
	framework string
	iface     Interface
	rule      string
	score     int
	origin    string // file and name of the object itself: two with one origin are the same
}

func (c candidate) target() string {
	if c.arguments != "" {
		return c.module + ":" + c.object + "(" + c.arguments + ")"
	}
	return c.module + ":" + c.object
}

func (c candidate) String() string {
	s := c.target()
	if c.factory && c.arguments == "" {
		s += "()"
	}
	return s + " (" + c.file + ":" + strconv.Itoa(c.line) + ")"
}

var entryStems = map[string]int{
	"wsgi": 28, "asgi": 28, "app": 8, "main": 8, "server": 8, "application": 8, "index": 8, "run": 8, "__init__": 8, "api": 6, "web": 6, "factory": 4,
}

var entryObjects = map[string]int{"app": 5, "application": 5, "api": 2, "server": 2, "asgi_app": 4, "wsgi_app": 4, "wsgi": 2, "asgi": 2}

var factoryNames = map[string]bool{"create_app": true, "make_app": true, "create_application": true, "get_app": true, "build_app": true, "app_factory": true, "get_application": true}

// made says what name stands for in a module, following imports within the
// project. kind is "assignment", "factory_call" or "import".
func (d *detection) made(file, name string, depth int) (c candidate, kind string, ok bool) {
	m := d.module(file)
	if m == nil || depth > 6 {
		return c, "", false
	}
	for _, a := range m.Assigns {
		if a.Name != name {
			continue
		}
		if next, k, found := d.value(file, m, a, depth); found {
			if c.framework != "" && next.framework == "" {
				next.framework = c.framework
			}
			next.file, next.line = file, a.Line
			if next.origin == "" {
				next.origin = file + ":" + name
			}
			c, kind, ok = next, k, true
		}
	}
	if ok {
		return c, kind, true
	}
	if c, ok := d.callableNamed(m, file, name); ok {
		return c, "assignment", true
	}
	if full, imported := m.Imports[name]; imported {
		if target, rest, found := d.locate(file, full); found && rest != "" && !strings.Contains(rest, ".") && (target != file || rest != name) {
			c, _, ok = d.made(target, rest, depth+1)
			c.file = file
			c.line = d.lineOf(file, "import")
			for i, l := range d.tree.Lines(file) {
				if strings.Contains(l, "import") && strings.Contains(l, rest) {
					c.line = i + 1
					break
				}
			}
			return c, "import", ok
		}
	}
	return c, "", false
}

// value says what an assignment's right side makes.
func (d *detection) value(file string, m *syntax.Module, a syntax.Assignment, depth int) (candidate, string, bool) {
	if a.Callee == "" {
		name, rest := syntax.Dotted(a.Value)
		if head, attr, ok := strings.Cut(name, "."); ok && len(rest) == 0 && attr == "server" {
			if c, _, found := d.made(file, head, depth+1); found && c.framework == "dash" {
				c.iface, c.origin = WSGI, ""
				return c, "assignment", true
			}
		}
		if name != "" && len(rest) == 0 && name != a.Name {
			if !strings.Contains(name, ".") {
				return d.made(file, name, depth+1)
			}
			full := name
			if head, _, _ := strings.Cut(name, "."); m.Imports[head] != head { // "import a.b" binds a
				full = m.Resolve(name)
			}
			if target, attr, found := d.locate(file, full); found && attr != "" && !strings.Contains(attr, ".") {
				return d.made(target, attr, depth+1)
			}
		}
		return candidate{}, "", false
	}
	full := m.Resolve(a.Callee)
	if mk, ok := d.maker(file, m, a.Callee, depth); ok {
		c := candidate{framework: mk.framework, iface: mk.iface}
		if mk.wraps {
			for _, arg := range syntax.Arguments(a.Value) {
				if name, _ := syntax.Dotted(arg); name != "" && name != a.Name {
					if inner, _, ok := d.made(file, name, depth+1); ok {
						c.framework = inner.framework
						break
					}
				}
			}
		}
		return c, "assignment", true
	}
	if syntax.LastPart(a.Callee) == "make_wsgi_app" {
		return candidate{framework: "pyramid", iface: WSGI}, "assignment", true
	}
	// a function of the project that makes one
	target, rest, found := file, a.Callee, true
	if _, local := m.Def(a.Callee); !local {
		target, rest, found = d.locate(file, full)
	}
	if found && rest != "" && !strings.Contains(rest, ".") {
		if c, ok := d.makes(target, rest, depth+1); ok {
			c.origin = ""
			return c, "factory_call", true
		}
	}
	return candidate{}, "", false
}

// maker says what calling callee makes: a framework's own class, or a class of
// the project that derives from one.
func (d *detection) maker(file string, m *syntax.Module, callee string, depth int) (maker, bool) {
	full := m.Resolve(callee)
	if mk, ok := makers[full]; ok {
		return mk, true
	}
	if depth > 6 {
		return maker{}, false
	}
	if mk, ok := makers[d.copiedFrom(file)+"."+callee]; ok {
		return mk, true
	}
	if bases, local := m.Bases[callee]; local {
		for _, b := range bases {
			if b == callee {
				continue
			}
			if mk, ok := d.maker(file, m, b, depth+1); ok {
				return mk, true
			}
		}
		return maker{}, false
	}
	if target, rest, ok := d.locate(file, full); ok && rest != "" && (target != file || rest != callee) {
		if other := d.module(target); other != nil {
			return d.maker(target, other, rest, depth+1)
		}
	}
	for _, star := range m.Stars {
		if target, rest, ok := d.locate(file, star); ok && rest == "" && target != file && full == callee {
			if mk, ok := d.maker(target, d.module(target), callee, depth+1); ok {
				return mk, true
			}
		}
	}
	return maker{}, false
}

// makes says what a function of the project returns, by the constructors
// called in it, or in functions of the project that it calls.
func (d *detection) makes(file, name string, depth int) (candidate, bool) {
	m := d.module(file)
	if m == nil || depth > 6 {
		return candidate{}, false
	}
	def, ok := m.Def(name)
	if !ok {
		if full, imported := m.Imports[name]; imported {
			if target, rest, found := d.locate(file, full); found && rest != "" && (target != file || rest != name) {
				return d.makes(target, rest, depth+1)
			}
		}
		return candidate{}, false
	}
	if def.Async {
		return candidate{}, false
	}
	if mk, ok := d.annotated(file, m, def); ok {
		return candidate{file: file, line: def.Line, framework: mk.framework, iface: mk.iface}, true
	}
	var later []string
	for _, st := range def.Body {
		for _, c := range syntax.Calls(st.Tokens) {
			if mk, ok := d.maker(file, m, c.Callee, depth); ok && !mk.wraps {
				return candidate{file: file, line: def.Line, framework: mk.framework, iface: mk.iface}, true
			}
			if syntax.LastPart(c.Callee) == "make_wsgi_app" {
				return candidate{file: file, line: def.Line, framework: "pyramid", iface: WSGI}, true
			}
			later = append(later, c.Callee)
		}
	}
	for _, callee := range later {
		target, rest, found := file, callee, true
		if _, local := m.Def(callee); !local {
			target, rest, found = d.locate(file, m.Resolve(callee))
		}
		if found && rest != "" && rest != name && !strings.Contains(rest, ".") {
			if c, ok := d.makes(target, rest, depth+2); ok {
				c.file, c.line = file, def.Line
				return c, true
			}
		}
	}
	return candidate{}, false
}

// candidates searches the project for application objects, the likeliest first.
func (d *detection) candidates() []candidate {
	var out []candidate
	for _, file := range d.sources() {
		if strings.Count(file, "/") > 4 {
			continue
		}
		dir, name, ok := d.importable(file)
		m := d.module(file)
		if !ok || m == nil {
			continue
		}
		stem := strings.TrimSuffix(path.Base(file), ".py")
		if stem == "__main__" {
			continue // it is run, never imported
		}
		place := max(0, 6-2*strings.Count(strings.TrimPrefix(file, "src/"), "/"))
		if stem == "__init__" {
			place = min(6, place+2)
		}
		push := func(c candidate, base int, rule string) {
			c.dir, c.module = dir, name
			c.score = base + entryStems[stem] + entryObjects[c.object] + place
			c.rule = "app." + cmp.Or(c.framework, "unknown") + "." + rule
			if c.iface == Raw {
				c.score -= 20
			}
			if c.framework == "django" && stem == "wsgi" {
				c.score++ // before its twin
			}
			if inner(file) {
				c.score -= 70
			}
			if d.nested(file) {
				c.score -= 12 // the project here comes before one below it
			}
			out = append(out, c)
		}
		for _, def := range m.Defs {
			if iface := callable(def, false); iface != "" && entryObjects[def.Name] > 0 {
				push(candidate{file: file, line: def.Line, object: def.Name, iface: iface, origin: file + ":" + def.Name}, 88, "callable")
			}
		}
		seen := map[string]bool{}
		names := make([]string, 0, len(m.Assigns))
		for _, a := range m.Assigns {
			names = append(names, a.Name)
		}
		for _, local := range slices.Sorted(maps.Keys(m.Imports)) {
			if entryStems[stem] > 0 && entryObjects[local] > 0 {
				names = append(names, local)
			}
		}
		for _, n := range names {
			if seen[n] || strings.HasPrefix(n, "_") {
				continue
			}
			seen[n] = true
			c, kind, ok := d.made(file, n, 0)
			if !ok && entryStems[stem] > 0 {
				c, ok = d.importedApplication(m, file, n)
				kind = "import"
			}
			if !ok || c.framework == "dash" && c.iface == "" {
				continue
			}
			c.object = n
			push(c, map[string]int{"assignment": 100, "factory_call": 92, "import": 60}[kind], kind)
		}
		for _, def := range m.Defs {
			_, told := d.annotated(file, m, def)
			if !def.Optional || !factoryNames[def.Name] && !(told && entryObjects[def.Name] > 0) {
				continue
			}
			if c, ok := d.makes(file, def.Name, 0); ok {
				c.object, c.factory, c.origin = def.Name, true, file+":"+def.Name
				c.line = def.Line
				push(c, 50, "factory")
			}
		}
	}
	out = d.favourServed(out)
	d.favourDeclared(out)
	sort.SliceStable(out, func(a, b int) bool { return out[a].score > out[b].score })
	return out
}

// inner tells whether a file is a part that others are meant to use: a private
// module, or one of a command line.
func inner(file string) bool {
	for _, part := range strings.Split(strings.TrimSuffix(file, ".py"), "/") {
		if part == "cli" || part == "commands" || strings.HasPrefix(part, "_") && !strings.HasPrefix(part, "__") {
			return true
		}
	}
	return false
}

// twin tells whether c is the other door of the same Django project: where nothing
// says otherwise, wsgi.py is served.
func (c candidate) twin(of candidate) bool {
	return c.framework == "django" && of.framework == "django" && path.Dir(c.file) == path.Dir(of.file) &&
		path.Base(of.file) == "wsgi.py" && path.Base(c.file) == "asgi.py"
}

// favourDeclared ranks objects of frameworks that nobody declares last.
func (d *detection) favourDeclared(list []candidate) {
	declared, _ := d.declaredFrameworks()
	if len(declared) == 0 {
		return
	}
	for i := range list {
		if f := list[i].framework; f != "" && !slices.Contains(declared, f) && !d.installs(f) {
			list[i].score -= 40
		}
	}
}

// equals are the candidates that are as good as the first and another object.
func (d *detection) equals(list []candidate) []candidate {
	var out []candidate
	for _, c := range list[1:] {
		if c.score <= list[0].score-8 || c.origin == list[0].origin || c.twin(list[0]) {
			continue
		}
		if d.reaches(list[0].file, c.file, map[string]bool{}) && c.file != list[0].file {
			continue // a part of the first
		}
		if c.file == list[0].file && entryObjects[c.object] < entryObjects[list[0].object] {
			continue
		}
		out = append(out, c)
	}
	return out
}
