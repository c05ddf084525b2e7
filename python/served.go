package python

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/python/shell"
	"github.com/slipway-dev/slipway/python/syntax"
	"github.com/slipway-dev/slipway/python/tree"
)

// What a repository's own scripts and settings start says more of where its
// application is, and of the directory from which it is imported, than where a file
// stands. scriptSays and fileSays are what the two add to a candidate's score:
// neither overrules an object that stands where none but an application stands.
const (
	scriptSays = 24
	fileSays   = 12
)

// served is module:object as something in the repository starts it.
type served struct {
	candidate
	weight int
	by     tree.Evidence
}

// takesText are the calls that take the application as text, "module:object".
var takesText = map[string]bool{"uvicorn.run": true, "uvicorn.Config": true, "uvicorn.main.run": true, "granian.Granian": true, "granian.server.Granian": true}

// servedObjects are the objects that scripts of the repository, gunicorn's settings
// and files of other platforms name, each once, the strongest first.
func (d *detection) servedObjects() []served {
	var out []served
	add := func(weight int, text string, factory bool, by tree.Evidence, dirs ...string) {
		module, object, stated := strings.Cut(text, ":")
		name, _, called := strings.Cut(object, "(")
		if !dottedName(module) || stated && !shell.Identifier(name) {
			return
		}
		s := served{candidate: candidate{module: module, object: cmp.Or(name, "application"), factory: factory || called}, weight: weight, by: by}
		for _, dir := range append(dirs, ".", "src") {
			file, rest, ok := d.locateIn(dir, module)
			if !ok || rest != "" {
				continue
			}
			for _, other := range out {
				if other.file == file && other.object == s.object {
					return
				}
			}
			s.file, s.dir = file, path.Join(".", dir)
			if own, _, ok := d.importable(file); ok && own != s.dir && d.importsFrom(file, own, s.dir) {
				return // it isn't started so: its own imports are not to be found from there
			}
			out = append(out, s)
			return
		}
	}
	for _, f := range d.sources() {
		m := d.module(f)
		if m == nil {
			continue
		}
		if path.Base(f) == "gunicorn.conf.py" {
			if a, ok := m.Last("wsgi_app"); ok {
				if text, plain := syntax.Literal(a.Value); plain {
					add(scriptSays, text, false, tree.Evidence{File: f, Line: a.Line}, path.Dir(f))
				}
			}
			continue
		}
		if !importsAny(m, "uvicorn", "granian") {
			continue
		}
		for _, st := range m.All {
			for _, c := range syntax.Calls(st.Tokens) {
				if !takesText[m.Resolve(c.Callee)] || len(c.Args) == 0 {
					continue
				}
				text, plain := syntax.Literal(c.Args[0])
				text, plain = syntax.KeywordText(c.Args, "app", text, plain)
				if text, plain = syntax.KeywordText(c.Args, "target", text, plain); !plain || !strings.Contains(text, ":") {
					continue
				}
				factory, _ := syntax.Keyword(c.Args, "factory")
				dirs := []string{path.Dir(f)}
				if own, _, ok := d.importable(f); ok {
					dirs = append(dirs, own)
				}
				add(scriptSays, text, len(factory) == 1 && factory[0].Is("True"), tree.Evidence{File: f, Line: c.Line}, dirs...)
			}
		}
	}
	for _, s := range d.suggestions() {
		if s.what != "web" {
			continue
		}
		line, err := Command(s.value).Parse()
		if err != nil {
			continue
		}
		if _, c, ok := targetOf(line); ok {
			add(fileSays, c.module+":"+c.object, c.factory, s.Evidence, c.dir)
		}
	}
	return out
}

func importsAny(m *syntax.Module, names ...string) bool {
	for _, n := range m.Modules {
		head, _, _ := strings.Cut(n, ".")
		if slices.Contains(names, head) {
			return true
		}
	}
	return false
}

// favourServed raises what is started in the repository, gives it the name by which
// that is imported, and adds what no rule has found.
func (d *detection) favourServed(list []candidate) []candidate {
	for _, s := range d.servedObjects() {
		known := false
		for i, c := range list {
			if c.file != s.file || c.object != s.object {
				continue
			}
			known = true
			for _, other := range list {
				if s.weight == fileSays && other.origin != c.origin && other.score >= c.score-8 {
					list[i].rule = "app.suggestion" // it has made the difference
				}
			}
			list[i].score += s.weight
			if s.weight == scriptSays {
				list[i].dir, list[i].module = s.dir, s.module
			}
		}
		if c, ok := d.servedCandidate(s); !known && ok {
			list = append(list, c)
		}
	}
	return list
}

// servedCandidate is an object that only its start has told of.
func (d *detection) servedCandidate(s served) (candidate, bool) {
	m := d.module(s.file)
	if m == nil || s.weight < scriptSays {
		return candidate{}, false
	}
	c := s.candidate
	made, _, ok := d.made(s.file, s.object, 0)
	if def, isDef := m.Def(s.object); isDef && !ok && def.Optional {
		made, ok = d.makes(s.file, s.object, 0)
		c.factory, c.line = true, def.Line
	}
	if !ok {
		return candidate{}, false
	}
	c.framework, c.iface, c.line = made.framework, made.iface, max(c.line, made.line)
	c.origin, c.rule = cmp.Or(made.origin, s.file+":"+s.object), "app."+cmp.Or(made.framework, "unknown")+".served"
	c.score = 80 + s.weight
	return c, true
}
