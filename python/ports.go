package python

import (
	"regexp"
	"strings"

	"github.com/slipway-dev/slipway/python/syntax"
)

// portSetting is how a program is told its port when that isn't by PORT: by a
// variable of its own, which goes before its command, or by an option behind it.
// line is where it starts to listen, fixed when the port there is a number.
type portSetting struct {
	before, behind string
	line           int
	fixed          bool
	overrule       *overrule // by which a fixed one is replaced, nil where there is no way
}

// listening are the calls by which programs open their socket, and which of their
// arguments is the port where it isn't named.
var listening = map[string]int{
	"run": -1, "run_app": -1, "run_server": -1, "run_simple": 1, "serve": -1, "listen": 0, "bind": -1, "start_server": -1, "make_server": 1, "TCPSite": 2, "launch": -1, "create_server": -1,
}

// portOf finds out how the program in file is told its port.
func (d *detection) portOf(file string) (p portSetting, ok bool) {
	m := d.module(file)
	if m == nil {
		return p, false
	}
	for _, st := range m.All {
		for _, c := range syntax.Calls(st.Tokens) {
			position, known := listening[syntax.LastPart(c.Callee)]
			if !known {
				continue
			}
			port, stated := syntax.Keyword(c.Args, "port")
			if !stated && position >= 0 && position < len(c.Args) {
				port, stated = c.Args[position], true
			}
			o := overruled(m, c)
			if !stated || len(port) == 0 {
				if o != nil && p.line == 0 { // the default of what is called
					p.line, p.fixed, p.overrule = c.Line, true, o
				}
				continue
			}
			p.line = c.Line
			if port[0].Kind == syntax.TokenNumber && len(port) == 1 {
				p.fixed, p.overrule = true, o
				continue
			}
			if option := d.portOption(m, port); option != "" {
				return portSetting{behind: option, line: c.Line}, true
			}
			variable := d.variableOf(file, port, 0)
			if variable == "" || variable == "PORT" {
				continue
			}
			p = portSetting{before: variable + "=$PORT ", line: c.Line}
			for _, name := range []string{"host", "address"} {
				if host, stated := syntax.Keyword(c.Args, name); stated {
					if v := d.variableOf(file, host, 0); v != "" && v != "HOST" {
						p.before = v + "=" + address + " " + p.before
					}
				}
			}
			return p, true
		}
	}
	return p, false
}

// portOption is the option of a program's command line that a value comes from:
// options.port of Tornado, args.port of argparse.
func (d *detection) portOption(m *syntax.Module, value []syntax.Token) string {
	name, rest := syntax.Dotted(unwrapped(value))
	if syntax.LastPart(name) != "port" || name == "port" || len(rest) > 0 {
		return ""
	}
	parses := false
	for _, st := range m.All {
		for _, c := range syntax.Calls(st.Tokens) {
			switch syntax.LastPart(c.Callee) {
			case "parse_command_line", "parse_args":
				parses = true
			}
		}
	}
	if !parses {
		return ""
	}
	for _, st := range m.All {
		for _, c := range syntax.Calls(st.Tokens) {
			for _, a := range c.Args {
				text, plain := syntax.Literal(a)
				switch {
				case plain && syntax.LastPart(c.Callee) == "define" && text == "port":
					return " --port=$PORT"
				case plain && syntax.LastPart(c.Callee) == "add_argument" && text == "--port":
					return " --port $PORT"
				}
			}
		}
	}
	return ""
}

// unwrapped is what int(...) or str(...) is called with.
func unwrapped(value []syntax.Token) []syntax.Token {
	if len(value) > 3 && (value[0].Is("int") || value[0].Is("str")) && value[1].Is("(") && value[len(value)-1].Is(")") {
		return value[2 : len(value)-1]
	}
	return value
}

// variableOf is the environment variable that an expression's value comes from: as
// it is read there, or where the name was made that stands there, also in another
// module of the project, and as a field of settings that pydantic reads.
func (d *detection) variableOf(file string, value []syntax.Token, depth int) string {
	m := d.module(file)
	if m == nil || depth > 4 {
		return ""
	}
	value = unwrapped(value)
	for i, t := range value {
		if t.Is("environ") && i+3 < len(value) && value[i+1].Is("[") {
			if name, ok := syntax.Literal(value[i+2 : i+3]); ok && syntax.VariableName(name) {
				return name
			}
		}
	}
	for _, c := range syntax.Calls(value) {
		if reads, _ := syntax.ReadsVariable(c.Callee, m.Imports["config"] == "decouple.config"); reads && len(c.Args) > 0 {
			if name, ok := syntax.Literal(c.Args[0]); ok && syntax.VariableName(name) {
				return name
			}
		}
	}
	name, rest := syntax.Dotted(value)
	if name == "" || len(rest) > 0 {
		return ""
	}
	head, field, isField := strings.Cut(name, ".")
	if !isField {
		if a, ok := m.Last(name); ok {
			return d.variableOf(file, a.Value, depth+1)
		}
		if target, attr, ok := d.locate(file, m.Imports[name]); ok && m.Imports[name] != "" && attr != "" && target != file {
			return d.variableOf(target, []syntax.Token{{Kind: syntax.TokenName, Text: attr}}, depth+1)
		}
		return ""
	}
	if strings.Contains(field, ".") {
		return ""
	}
	made, ok := m.Last(head)
	where := file
	if full := m.Imports[head]; !ok && full != "" {
		target, attr, found := d.locate(file, full)
		if !found {
			return ""
		}
		if attr == "" { // a module
			return d.variableOf(target, []syntax.Token{{Kind: syntax.TokenName, Text: field}}, depth+1)
		}
		where = target
		if other := d.module(target); other != nil {
			made, ok = other.Last(attr)
		}
	}
	if !ok || made.Callee == "" {
		return ""
	}
	if syntax.LastPart(made.Callee) == "Dynaconf" {
		return syntax.DynaconfVariable(made.Value, field)
	}
	return d.settingsVariable(where, made.Callee, field, depth)
}

var settingsPrefix = regexp.MustCompile(`env_prefix\s*=\s*["'](\w*)["']`)

// settingsVariable is the variable of a field of a class that derives from
// pydantic's BaseSettings.
func (d *detection) settingsVariable(file, class, field string, depth int) string {
	m := d.module(file)
	if m == nil || depth > 4 {
		return ""
	}
	bases, local := m.Bases[class]
	if !local {
		if target, rest, ok := d.locate(file, m.Imports[class]); ok && m.Imports[class] != "" && rest != "" && target != file {
			return d.settingsVariable(target, rest, field, depth+1)
		}
		return ""
	}
	settings := false
	for _, b := range bases {
		settings = settings || syntax.LastPart(b) == "BaseSettings" || d.settingsVariable(file, b, field, depth+1) != ""
	}
	if !settings {
		return ""
	}
	prefix := ""
	if found := settingsPrefix.FindStringSubmatch(strings.Join(d.tree.Lines(file), "\n")); found != nil {
		prefix = found[1]
	}
	return strings.ToUpper(prefix + field)
}
