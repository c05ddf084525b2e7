package python

import (
	"regexp"
	"strings"
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
	for _, st := range m.all {
		for _, c := range calls(st.tokens) {
			position, known := listening[lastPart(c.callee)]
			if !known {
				continue
			}
			port, stated := keyword(c.args, "port")
			if !stated && position >= 0 && position < len(c.args) {
				port, stated = c.args[position], true
			}
			o := overruled(m, c)
			if !stated || len(port) == 0 {
				if o != nil && p.line == 0 { // the default of what is called
					p.line, p.fixed, p.overrule = c.line, true, o
				}
				continue
			}
			p.line = c.line
			if port[0].kind == tokenNumber && len(port) == 1 {
				p.fixed, p.overrule = true, o
				continue
			}
			if option := d.portOption(m, port); option != "" {
				return portSetting{behind: option, line: c.line}, true
			}
			variable := d.variableOf(file, port, 0)
			if variable == "" || variable == "PORT" {
				continue
			}
			p = portSetting{before: variable + "=$PORT ", line: c.line}
			for _, name := range []string{"host", "address"} {
				if host, stated := keyword(c.args, name); stated {
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
func (d *detection) portOption(m *module, value []token) string {
	name, rest := dotted(unwrapped(value))
	if lastPart(name) != "port" || name == "port" || len(rest) > 0 {
		return ""
	}
	parses := false
	for _, st := range m.all {
		for _, c := range calls(st.tokens) {
			switch lastPart(c.callee) {
			case "parse_command_line", "parse_args":
				parses = true
			}
		}
	}
	if !parses {
		return ""
	}
	for _, st := range m.all {
		for _, c := range calls(st.tokens) {
			for _, a := range c.args {
				text, plain := literal(a)
				switch {
				case plain && lastPart(c.callee) == "define" && text == "port":
					return " --port=$PORT"
				case plain && lastPart(c.callee) == "add_argument" && text == "--port":
					return " --port $PORT"
				}
			}
		}
	}
	return ""
}

// unwrapped is what int(...) or str(...) is called with.
func unwrapped(value []token) []token {
	if len(value) > 3 && (value[0].is("int") || value[0].is("str")) && value[1].is("(") && value[len(value)-1].is(")") {
		return value[2 : len(value)-1]
	}
	return value
}

// variableOf is the environment variable that an expression's value comes from: as
// it is read there, or where the name was made that stands there, also in another
// module of the project, and as a field of settings that pydantic reads.
func (d *detection) variableOf(file string, value []token, depth int) string {
	m := d.module(file)
	if m == nil || depth > 4 {
		return ""
	}
	value = unwrapped(value)
	for i, t := range value {
		if t.is("environ") && i+3 < len(value) && value[i+1].is("[") {
			if name, ok := literal(value[i+2 : i+3]); ok && variableName(name) {
				return name
			}
		}
	}
	for _, c := range calls(value) {
		if reads, _ := readsVariable(c.callee, m.imports["config"] == "decouple.config"); reads && len(c.args) > 0 {
			if name, ok := literal(c.args[0]); ok && variableName(name) {
				return name
			}
		}
	}
	name, rest := dotted(value)
	if name == "" || len(rest) > 0 {
		return ""
	}
	head, field, isField := strings.Cut(name, ".")
	if !isField {
		if a, ok := m.last(name); ok {
			return d.variableOf(file, a.value, depth+1)
		}
		if target, attr, ok := d.locate(file, m.imports[name]); ok && m.imports[name] != "" && attr != "" && target != file {
			return d.variableOf(target, []token{{kind: tokenName, text: attr}}, depth+1)
		}
		return ""
	}
	if strings.Contains(field, ".") {
		return ""
	}
	made, ok := m.last(head)
	where := file
	if full := m.imports[head]; !ok && full != "" {
		target, attr, found := d.locate(file, full)
		if !found {
			return ""
		}
		if attr == "" { // a module
			return d.variableOf(target, []token{{kind: tokenName, text: field}}, depth+1)
		}
		where = target
		if other := d.module(target); other != nil {
			made, ok = other.last(attr)
		}
	}
	if !ok || made.callee == "" {
		return ""
	}
	if lastPart(made.callee) == "Dynaconf" {
		return dynaconfVariable(made.value, field)
	}
	return d.settingsVariable(where, made.callee, field, depth)
}

// dynaconfVariable is the variable of a setting of Dynaconf's, which all have a prefix
// unless they are told otherwise.
func dynaconfVariable(made []token, setting string) string {
	prefix := "DYNACONF"
	for _, c := range calls(made) {
		if stated, ok := keyword(c.args, "envvar_prefix"); ok && lastPart(c.callee) == "Dynaconf" {
			text, plain := literal(stated)
			if !plain && !(len(stated) == 1 && stated[0].is("False")) {
				return ""
			}
			prefix = text
		}
	}
	if prefix == "" {
		return strings.ToUpper(setting)
	}
	return strings.ToUpper(prefix + "_" + setting)
}

var settingsPrefix = regexp.MustCompile(`env_prefix\s*=\s*["'](\w*)["']`)

// settingsVariable is the variable of a field of a class that derives from
// pydantic's BaseSettings.
func (d *detection) settingsVariable(file, class, field string, depth int) string {
	m := d.module(file)
	if m == nil || depth > 4 {
		return ""
	}
	bases, local := m.bases[class]
	if !local {
		if target, rest, ok := d.locate(file, m.imports[class]); ok && m.imports[class] != "" && rest != "" && target != file {
			return d.settingsVariable(target, rest, field, depth+1)
		}
		return ""
	}
	settings := false
	for _, b := range bases {
		settings = settings || lastPart(b) == "BaseSettings" || d.settingsVariable(file, b, field, depth+1) != ""
	}
	if !settings {
		return ""
	}
	prefix := ""
	if found := settingsPrefix.FindStringSubmatch(strings.Join(d.tree.lines(file), "\n")); found != nil {
		prefix = found[1]
	}
	return strings.ToUpper(prefix + field)
}
