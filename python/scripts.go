package python

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/syntax"
	"github.com/slipway-dev/slipway/python/tree"
)

// script starts what is no importable application: Streamlit and Gradio pages,
// and programs that open their own socket. It reports whether it has settled
// the matter, by an answer or by a question.
func (d *detection) script(list []candidate) bool {
	declared, _ := d.declaredFrameworks()
	if len(list) > 0 && list[0].iface != Raw && list[0].score > 40 {
		command, at, ok := d.finishedBy(list[0])
		if !ok {
			return false
		}
		d.setFramework(list[0])
		d.addProcess("web", Command(command), at, "web.finishes", Medium, list[0].String())
		return true
	}
	switch {
	case slices.Contains(declared, "streamlit"):
		return d.page("streamlit", "streamlit")
	case slices.Contains(declared, "gradio"):
		return d.page("gradio", "gradio")
	}
	if settled, ok := d.ownServer(declared); ok {
		return settled
	}
	if len(list) > 0 && list[0].score > 40 {
		// an aiohttp program that takes its port is started as its author does, unless a server is stated
		chosen := list[0].framework == "aiohttp" && d.config != nil && d.config.Server != ""
		if m := d.module(list[0].file); chosen || m == nil || m.Guard == 0 || !d.takesPort(list[0].file) {
			return false
		}
	}
	if slices.Contains(declared, "dash") {
		return d.dashWithoutServer()
	}
	return d.program()
}

var pageNames = []string{"streamlit_app.py", "app.py", "main.py", "Home.py", "home.py", "Hello.py", "index.py", "demo.py"}

// page finds the one file that a page server runs.
func (d *detection) page(framework, imported string) bool {
	var files, every []string // every one, also what lies deep in a package
	for _, f := range d.sources() {
		if path.Base(path.Dir(f)) == "pages" {
			continue
		}
		m := d.module(f)
		if m == nil {
			continue
		}
		for _, name := range m.Modules {
			if name == imported {
				every = append(every, f)
				break
			}
		}
	}
	files = slices.DeleteFunc(slices.Clone(every), func(f string) bool { return strings.Count(f, "/") > 2 })
	chosen := ""
	for _, dir := range []string{".", "src", "app"} {
		for _, n := range pageNames {
			if f := path.Join(dir, n); chosen == "" && slices.Contains(files, f) {
				chosen = f
			}
		}
	}
	if top := d.notImported(files); chosen == "" && len(top) == 1 {
		chosen = top[0] // the others are parts of it
	}
	if named := slices.DeleteFunc(slices.Clone(files), func(f string) bool { return !slices.Contains(pageNames, path.Base(f)) }); chosen == "" && len(named) == 1 {
		chosen = named[0] // no other is called as pages are, wherever it lies
	}
	if framework == "gradio" && (chosen == "" || d.relative(chosen)) {
		if starts := d.starting(every); len(starts) == 1 {
			chosen = starts[0]
		}
	}
	if chosen == "" {
		named := d.namedPrograms()
		if only := slices.DeleteFunc(slices.Clone(files), func(f string) bool { _, stated := named[f]; return !stated }); len(only) == 1 {
			chosen = only[0]
		}
	}
	if chosen == "" && framework == "streamlit" {
		chosen = d.mainPage(files)
	}
	if chosen == "" && framework == "panel" && d.pagesOfPanel(files) {
		return true
	}
	if chosen == "" {
		if len(files) == 0 {
			return false
		}
		d.setFramework(candidate{framework: framework, file: files[0], line: 1})
		d.problem(Problem{Code: "app.ambiguous", Message: "several files could be the " + framework + " page: " + tree.ClipList(files),
			File: d.configFile(), Remedy: "say which one: " + d.stating("processes.web", pageCommand(framework, files[0]))})
		return true
	}
	line := d.lineOf(chosen, imported)
	var rivals []string
	for _, f := range files {
		if f != chosen && len(rivals) < 8 {
			rivals = append(rivals, f)
		}
	}
	d.setFramework(candidate{framework: framework, file: chosen, line: line})
	command := pageCommand(framework, chosen)
	name := ""
	if dir, full, ok := d.importable(chosen); ok && dir == "." && d.relative(chosen) && framework == "gradio" {
		name = full // it is a part of a package
		command = strings.TrimSuffix(command, chosen) + "-m " + name
	}
	if at, fixed := d.fixedLaunch(chosen); fixed && framework == "gradio" {
		line, command = at, cmp.Or(d.withPort(&overrules[0], chosen, name, at), command)
	}
	d.addProcess("web", Command(command), tree.Evidence{File: chosen, Line: line}, "web."+framework, Medium, rivals...)
	return true
}

// notImported are those files that no other of them imports.
func (d *detection) notImported(files []string) (out []string) {
	for _, f := range files {
		part := false
		for _, other := range files {
			part = part || other != f && d.reaches(other, f, map[string]bool{}) && !d.reaches(f, other, map[string]bool{})
		}
		if !part {
			out = append(out, f)
		}
	}
	return out
}

// relative tells whether a file imports relative to its package: it can't be run by its
// path.
func (d *detection) relative(file string) bool {
	m := d.module(file)
	if m == nil {
		return false
	}
	for _, name := range m.Imports {
		if strings.HasPrefix(name, ".") {
			return true
		}
	}
	return false
}

// starting are the programs that import one of the files and that no other such program
// imports.
func (d *detection) starting(files []string) []string {
	var programs []string
	for _, f := range d.sources() {
		if m := d.module(f); m == nil || m.Guard == 0 || slices.Contains(files, f) || strings.Count(f, "/") > 2 || strings.HasPrefix(path.Base(f), "test") {
			continue
		}
		for _, page := range files {
			if d.reaches(f, page, map[string]bool{}) {
				programs = append(programs, f)
				break
			}
		}
	}
	return d.notImported(programs)
}

// takesPort tells whether a program can be told its port.
func (d *detection) takesPort(file string) bool {
	if d.readsPort(file) > 0 {
		return true
	}
	_, ok := d.portOf(file)
	return ok
}

// dashWithoutServer serves a Dash application whose server has no name of its own. Of
// the servers, waitress takes what is an attribute of something.
func (d *detection) dashWithoutServer() bool {
	for _, f := range d.sources() {
		m := d.module(f)
		dir, name, ok := d.importable(f)
		if m == nil || !ok {
			continue
		}
		for _, a := range m.Assigns {
			if a.Callee == "" || makers[m.Resolve(a.Callee)].framework != "dash" {
				continue
			}
			c := candidate{framework: "dash", file: f, line: a.Line, dir: dir, module: name, object: a.Name + ".server", iface: WSGI}
			d.setFramework(c)
			d.setApplication(c)
			d.project.Server = d.serverNamed("waitress")
			d.find(Finding{What: "application", Value: c.target(), File: f, Line: a.Line, Rule: "app.dash.attribute", Confidence: Medium})
			d.find(Finding{What: "server", Value: cmp.Or(d.project.Server.Requirement, "waitress"), File: cmp.Or(d.firstManifest(), "."), Rule: "server.dash", Confidence: Medium})
			d.warn(Problem{Code: "app.dash_server", Message: f + " makes a Dash application and does not name its server, which only waitress can serve then", File: f, Line: a.Line,
				Remedy: "add the line: server = " + a.Name + ".server"})
			d.addProcess("web", d.serve("waitress", c), tree.Evidence{File: f, Line: a.Line}, "web.inferred", Medium)
			return true
		}
	}
	return false
}

// program looks for a script that serves on $PORT by itself.
func (d *detection) program() bool {
	type start struct {
		command, file string
		line          int
	}
	var ready, others, fixed []start
	named := d.namedPrograms()
	for _, f := range d.sources() {
		m := d.module(f)
		base := path.Base(f)
		_, stated := named[f]
		if m == nil || strings.Count(f, "/") > 3 || m.Guard == 0 && base != "__main__.py" && !stated || base == "manage.py" {
			continue
		}
		if port, _ := d.portOf(f); m.Guard == 0 && base != "__main__.py" && port.line == 0 {
			continue // nothing in it listens
		}
		e := start{"python " + f, f, max(1, m.Guard)}
		if base == "__main__.py" {
			dir, name, ok := d.importable(f)
			if !ok {
				continue
			}
			e.command = "python " + f
			if name != "__main__" {
				e.command = "python -m " + strings.TrimSuffix(name, ".__main__")
			}
			if dir != "." && name != "__main__" {
				e.command = "PYTHONPATH=" + dir + " " + e.command
			}
		}
		port, told := d.portOf(f)
		switch {
		case d.readsPort(f) > 0:
			ready = append(ready, e)
		case told:
			e.command, e.line = port.before+e.command+port.behind, port.line
			ready = append(ready, e)
		default:
			others = append(others, e)
			if port.fixed {
				e.line = port.line
				fixed = append(fixed, e)
			}
		}
	}
	if only := slices.DeleteFunc(slices.Clone(ready), func(e start) bool { _, stated := named[e.file]; return !stated }); len(ready) > 1 && len(only) == 1 {
		at := named[only[0].file]
		declared, _ := d.declaredFrameworks()
		d.setFramework(candidate{framework: cmp.Or(declared...), file: only[0].file, line: only[0].line})
		d.addProcess("web", Command(only[0].command), at, "web.named", Medium)
		return true
	}
	if len(ready) == 0 && d.ownCommand() {
		return true
	}
	if len(ready) == 1 {
		e := ready[0]
		declared, _ := d.declaredFrameworks()
		d.setFramework(candidate{framework: cmp.Or(declared...), file: e.file, line: e.line})
		d.addProcess("web", Command(e.command), tree.Evidence{File: e.file, Line: e.line}, "web.script", Medium)
		return true
	}
	if len(ready) == 0 && len(fixed) == 1 && len(d.project.Processes) == 0 {
		e := fixed[0]
		declared, _ := d.declaredFrameworks()
		d.setFramework(candidate{framework: cmp.Or(declared...), file: e.file, line: e.line})
		if port, _ := d.portOf(e.file); port.overrule != nil && path.Base(e.file) != "__main__.py" {
			if command := d.withPort(port.overrule, e.file, "", e.line); command != "" {
				d.addProcess("web", Command(command), tree.Evidence{File: e.file, Line: e.line}, "web.script", Medium)
				return true
			}
		}
		d.problem(Problem{Code: "web.fixed_port", Message: e.file + " listens on a port of its own, whatever it is told", File: e.file, Line: e.line,
			Remedy: "let it take the port that it is given: port=int(os.environ[\"PORT\"])"})
		return true
	}
	var names []string
	for _, e := range append(ready, others...) {
		names = append(names, e.command)
	}
	d.nothingToStart(names...)
	return true
}

// readsPort says where a program, or a module of the project that it imports,
// asks for the variable PORT; 0 when none does.
func (d *detection) readsPort(file string) int {
	look := func(f string) int {
		m := d.module(f)
		if m == nil {
			return 0
		}
		for _, st := range m.All {
			for i, t := range st.Tokens {
				if t.Kind == syntax.TokenString && t.Text == "PORT" && i > 0 && (st.Tokens[i-1].Is("(") || st.Tokens[i-1].Is("[")) {
					return t.Line
				}
			}
		}
		return 0
	}
	if line := look(file); line > 0 {
		return line
	}
	if m := d.module(file); m != nil {
		for _, name := range m.Imports {
			if target, _, ok := d.locate(file, name); ok && target != file {
				if look(target) > 0 {
					return 1
				}
			}
		}
	}
	return 0
}

// nothingToStart asks for a start command, with everything that might be one.
// A project whose other processes are stated needs no web process.
func (d *detection) nothingToStart(programs ...string) {
	d.setFramework(candidate{})
	if len(d.project.Processes) > 0 || d.suggestedCommand() {
		return
	}
	var seen []string
	for _, s := range d.suggestions() {
		if s.what == "web" || s.what == "worker" {
			seen = append(seen, s.String())
		}
	}
	for _, name := range slices.Sorted(maps.Keys(manifest.DigTable(d.pyproject.Data, "project", "scripts"))) {
		programs = append(programs, name)
	}
	kind, command := d.firstStart(programs)
	message := "nothing says how this service starts, and no application object was found"
	if of, at, with := d.factoryWithArguments(); with != "" && len(seen)+len(programs) == 0 {
		d.problem(Problem{Code: "app.arguments", Message: of + ", and nothing says what it gets", File: at.File, Line: at.Line, Remedy: "say it: " + d.stating("processes.web", with)})
		return
	}
	if all := append(seen, programs...); len(all) > 0 {
		message += "; candidates: " + tree.ClipList(all)
	}
	d.problem(Problem{Code: "web.none", Message: message, File: d.configFile(),
		Remedy: "say it, such as " + d.stating("processes."+kind, command) + "; processes.worker is for what serves no requests"})
}
