package python

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/python/syntax"
	"github.com/slipway-dev/slipway/python/tree"
)

// routing are the methods by which an application of Flask gets what it answers.
var routing = map[string]bool{"register_blueprint": true, "add_url_rule": true, "route": true, "get": true, "post": true, "put": true, "delete": true, "patch": true}

// finishedBy is the only program that gives an object its routes, in a function that a
// server which imports the object never calls, and that opens a socket itself: it is
// started in the object's place, at the port that it is given.
func (d *detection) finishedBy(c candidate) (command string, at tree.Evidence, ok bool) {
	if c.framework != "flask" || c.factory || c.file == "" {
		return "", at, false
	}
	reached := map[string]bool{}
	d.reaches(c.file, "", reached)
	var elsewhere []string
	for _, f := range d.sources() {
		m := d.module(f)
		if m == nil {
			continue
		}
		own := f == c.file
		for _, full := range m.Imports {
			target, rest, found := d.locate(f, full)
			own = own || found && target == c.file && rest == c.object
		}
		for _, st := range slices.Concat(m.All, m.Decorate) {
			for _, call := range syntax.Calls(st.Tokens) {
				head, method, dotted := strings.Cut(call.Callee, ".")
				switch {
				case !dotted || !routing[method]:
				case own && head == c.object && (st.Indent == 0 || method != "register_blueprint" && method != "add_url_rule"):
					return "", at, false
				case method != "register_blueprint":
				case reached[f]:
					return "", at, false // it may be called there
				case !slices.Contains(elsewhere, f):
					elsewhere = append(elsewhere, f)
				}
			}
		}
	}
	for _, f := range d.sources() {
		m := d.module(f)
		if m == nil || m.Guard == 0 || reached[f] || strings.Contains(f, "/") || path.Base(f) == "manage.py" || strings.ContainsAny(f, `"'\`) {
			continue
		}
		if !slices.ContainsFunc(elsewhere, func(to string) bool { return d.reaches(f, to, map[string]bool{}) }) {
			continue
		}
		if ok { // more than one
			return "", at, false
		}
		command, ok = d.listeningBy(f)
		at = tree.Evidence{File: f, Line: m.Guard}
	}
	return command, at, ok && command != ""
}

// listeningBy is the command of a program that opens its socket in what it imports.
func (d *detection) listeningBy(program string) (string, bool) {
	if d.takesPort(program) {
		port, _ := d.portOf(program)
		return port.before + "python " + program + port.behind, true
	}
	within := map[string]bool{}
	d.reaches(program, "", within)
	for _, f := range slices.Sorted(maps.Keys(within)) {
		m := d.module(f)
		if m == nil {
			continue
		}
		for _, st := range m.All {
			for _, c := range syntax.Calls(st.Tokens) {
				if o := overruled(m, c); o != nil && d.installs(o.imports) {
					return d.withPort(o, program, "", c.Line), true
				}
			}
		}
	}
	return "", false
}
