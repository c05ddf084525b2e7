package python

import (
	"path"
	"strings"

	"github.com/slipway-dev/slipway/python/syntax"
)

// overrule is a call by which programs open their socket, with what has to be put in
// the place of its host and port so that a program takes the ones that it is given
// although it states its own.
type overrule struct {
	imports string // the module that has the call
	target  string // the call, as it is found there
	method  string // by which an object of the program is told to listen; "" for a function
	call    string // f is the call as it was, a and k what the program gives it, h and p host and port
}

// overrules are tried in order; bottle's objects come before Flask's because what
// derives from neither is called the same.
var overrules = []overrule{
	{"gradio", "gradio.Blocks.launch", "launch", `f(*a, **{**k, "server_name": h, "server_port": p})`},
	{"nicegui", "nicegui.ui.run", "", `f(*a, **{**k, "host": h, "port": p, "reload": False, "show": False})`},
	{"aiohttp", "aiohttp.web.run_app", "", `f(*a, **{**k, "host": h, "port": p})`},
	{"tornado", "tornado.tcpserver.TCPServer.listen", "listen", `f(a[0], p, h)`},
	{"uvicorn", "uvicorn.run", "", `f(*a, **{**k, "host": h, "port": p, "reload": False})`},
	{"waitress", "waitress.serve", "", `f(*a, **{**k, "host": h, "port": p})`},
	{"bottle", "bottle.run", "run", `f(*a, **{**k, "host": h, "port": p, "reloader": False})`},
	{"flask", "flask.Flask.run", "run", `f(a[0], h, p, use_reloader=False)`},
	{"wsgiref", "wsgiref.simple_server.make_server", "", `f(h, p, *a[2:], **k)`},
	{"werkzeug", "werkzeug.serving.run_simple", "", `f(h, p, *a[2:], **{**k, "use_reloader": False})`},
}

// overruled is the entry for a call in a module, nil for none.
func overruled(m *syntax.Module, c syntax.Call) *overrule {
	full := m.Resolve(c.Callee)
	head, _, _ := strings.Cut(c.Callee, ".")
	_, imported := m.Imports[head]
	for i, o := range overrules {
		switch {
		case !importsAny(m, o.imports):
		case full == o.target:
			return &overrules[i]
		case o.method != "" && syntax.LastPart(c.Callee) == o.method && c.Callee != o.method && !imported:
			return &overrules[i]
		}
	}
	return nil
}

// command starts the program in file as Python would, or the module of that name, with
// the call replaced.
func (o *overrule) command(file, name string) string {
	module := o.imports
	if parts := strings.Split(o.target, "."); len(parts) > 2 && strings.ToLower(parts[1]) == parts[1] {
		module += "." + parts[1]
	}
	run := `sys.argv[0], sys.path[0] = "` + file + `", "` + path.Dir(file) + `"; runpy.run_path("` + file + `", run_name="__main__")`
	if name != "" {
		run = `runpy.run_module("` + name + `", run_name="__main__", alter_sys=True)`
	}
	return `python -c 'import os, runpy, sys, ` + module + `; h, p, f = os.environ.get("HOST", "127.0.0.1"), int(os.environ["PORT"]), ` + o.target + `; ` +
		o.target + ` = lambda *a, **k: ` + o.call + `; ` + run + `'`
}

// withPort starts a program, or the module of that name, that states its own port with the one that it is given,
// and says so.
func (d *detection) withPort(o *overrule, file, name string, line int) string {
	if strings.ContainsAny(file, `"'\`) {
		return ""
	}
	d.warn(Problem{Code: "web.port_overruled", Message: file + " listens on a port of its own; it is started with the one that it is given in its place",
		File: file, Line: line, Remedy: `write int(os.environ["PORT"]) for the port there`})
	return o.command(file, name)
}

// fixedLaunch is the call in file by which a page states its own port, nil for none.
func (d *detection) fixedLaunch(file string) (line int, stated bool) {
	m := d.module(file)
	if m == nil {
		return 0, false
	}
	for _, st := range m.All {
		for _, c := range syntax.Calls(st.Tokens) {
			if _, fixed := syntax.Keyword(c.Args, "server_port"); fixed && syntax.LastPart(c.Callee) == "launch" {
				return c.Line, true
			}
		}
	}
	return 0, false
}

// toldWhere has a program that takes the port that it is given on its author's platform
// alone, by a variable that says where it runs, take it here as well.
func (d *detection) toldWhere() {
	line, err := d.project.Processes["web"].Parse()
	if err != nil || line.Script || line.Dir != "" {
		return
	}
	words := line.Words()
	if len(words) < 2 || !strings.HasPrefix(path.Base(words[0]), "python") {
		return
	}
	file := path.Clean(words[1])
	m := d.module(file)
	if m == nil {
		return
	}
	for i, st := range m.All {
		equals := syntax.IndexOutside(st.Tokens, "==")
		if !st.Starts("if") || equals < 2 || len(st.Tokens) < equals+3 {
			continue
		}
		value, plain := syntax.Literal(st.Tokens[equals+1 : equals+2])
		variable := d.variableOf(file, st.Tokens[1:equals], 0)
		if !plain || variable == "" || !dottedName(value) || !st.Tokens[equals+2].Is(":") {
			continue
		}
		given, _ := d.listensAt(file, m.Block(i))
		j := i + 1 + len(m.Block(i))
		if !given || j >= len(m.All) || !m.All[j].Starts("else") {
			continue
		}
		if _, fixed := d.listensAt(file, m.Block(j)); !fixed {
			continue
		}
		if d.config != nil && d.config.Env[variable] != "" {
			return
		}
		d.project.Processes["web"] = Command(variable + "=${" + variable + ":-" + value + "} " + string(d.project.Processes["web"]))
		d.find(Finding{What: "web", Value: string(d.project.Processes["web"]), File: file, Line: st.Line, Rule: "web.told_where", Confidence: Medium})
		d.warn(Problem{Code: "web.told_where", Message: file + " takes the port that it is given only where " + variable + " is " + value + "; that is set unless you set another", File: file, Line: st.Line,
			Remedy: `write int(os.environ["PORT"]) for the port in both cases`})
		return
	}
}

// listensAt tells whether statements listen at the port of the variable PORT, or at one
// of their own.
func (d *detection) listensAt(file string, body []syntax.Statement) (given, fixed bool) {
	for _, st := range body {
		for _, c := range syntax.Calls(st.Tokens) {
			position, known := listening[syntax.LastPart(c.Callee)]
			port, stated := syntax.Keyword(c.Args, "port")
			if !stated && known && position >= 0 && position < len(c.Args) {
				port, stated = c.Args[position], true
			}
			if !known || !stated || len(port) == 0 {
				continue
			}
			given = given || d.variableOf(file, port, 0) == "PORT"
			fixed = fixed || len(port) == 1 && port[0].Kind == syntax.TokenNumber
		}
	}
	return given, fixed
}
