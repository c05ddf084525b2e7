package python

import (
	"cmp"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/shell"
	"github.com/slipway-dev/slipway/python/syntax"
	"github.com/slipway-dev/slipway/python/tree"
)

// entry is a function that a command of the project's own calls.
type entry struct {
	command, module, object string
	at                      tree.Evidence
}

var (
	setupScripts  = regexp.MustCompile(`(?s)console_scripts["']?\s*[:=]\s*\[?(.*?)(?:\]|\n\s*\n|\n\[|\z)`)
	setupScript   = regexp.MustCompile(`([A-Za-z0-9][\w.-]*)\s*=\s*([A-Za-z_][\w.]*):([A-Za-z_]\w*)`)
	readmeProgram = regexp.MustCompile("^[\\s>$`*-]*(?:(?:uv|poetry|pipenv|pdm) run )?(?:python[\\d.]*|streamlit run) ([\\w./-]+\\.py)\\b")
)

// entries are the commands that installing the project makes, and its packages that can
// be run, where these call a function that no such command calls.
func (d *detection) entries() []entry {
	var out []entry
	add := func(command, module, object string, at tree.Evidence) {
		for _, e := range out {
			if e.module == module && e.object == object {
				return
			}
		}
		out = append(out, entry{command, module, object, at})
	}
	if d.isPackage() {
		for _, table := range []string{"project.scripts", "tool.poetry.scripts"} {
			scripts := manifest.DigTable(d.pyproject.Data, strings.Split(table, ".")...)
			for _, name := range slices.Sorted(maps.Keys(scripts)) {
				text, _ := scripts[name].(string)
				if module, object, ok := strings.Cut(text, ":"); ok && dottedName(module) && shell.Identifier(object) {
					add(name, module, object, tree.Evidence{File: d.pyproject.File, Line: d.pyproject.Line(table, name)})
				}
			}
		}
		for _, file := range []string{"setup.cfg", "setup.py"} {
			text, _ := d.tree.Read(file)
			for _, m := range setupScript.FindAllStringSubmatch(group1(setupScripts, text), -1) {
				add(m[1], m[2], m[3], tree.Evidence{File: file, Line: d.lineOf(file, m[2]+":"+m[3])})
			}
		}
	}
	for _, f := range d.sources() {
		m := d.module(f)
		dir, name, ok := d.importable(f)
		if m == nil || !ok || path.Base(f) != "__main__.py" || name == "__main__" || strings.Count(f, "/") > 3 {
			continue
		}
		for _, st := range m.All {
			for _, c := range syntax.Calls(st.Tokens) {
				full, imported := m.Imports[c.Callee]
				if target, object, found := d.locate(f, full); imported && found && target != f && shell.Identifier(object) {
					if _, module, ok := d.importable(target); ok {
						command := "python -m " + strings.TrimSuffix(name, ".__main__")
						if dir != "." {
							command = "PYTHONPATH=" + dir + " " + command
						}
						add(command, module, object, tree.Evidence{File: f, Line: c.Line})
					}
				}
			}
		}
	}
	return out
}

// ownCommand takes the only command of the project's own that is seen to serve on a
// port that it is told.
func (d *detection) ownCommand() bool {
	var found []entry
	for _, e := range d.entries() {
		if command, ok := d.serving(e); ok {
			e.command = command
			found = append(found, e)
		}
	}
	if len(found) != 1 {
		return false
	}
	declared, _ := d.declaredFrameworks()
	d.setFramework(candidate{framework: cmp.Or(declared...), file: found[0].at.File, line: found[0].at.Line})
	d.addProcess("web", Command(found[0].command), found[0].at, "web.own_command", Medium)
	return true
}

// serving is the command of an entry with what tells it its port.
func (d *detection) serving(e entry) (string, bool) {
	file := ""
	for _, dir := range []string{".", "src"} {
		if f, rest, ok := d.locateIn(dir, e.module); ok && rest == "" {
			file = f
			break
		}
	}
	for range 3 { // where it was imported from
		m := d.module(file)
		if m == nil {
			return "", false
		}
		full, imported := m.Imports[e.object]
		if _, here := m.Def(e.object); here || !imported {
			break
		}
		target, rest, ok := d.locate(file, full)
		if !ok || !shell.Identifier(rest) {
			break
		}
		file, e.object = target, rest
	}
	m := d.module(file)
	if m == nil {
		return "", false
	}
	if arguments, ok := d.optionsOf(m, e.object); ok {
		return e.command + arguments, true
	}
	opens := false
	for _, st := range m.All {
		for _, c := range syntax.Calls(st.Tokens) {
			opens = opens || opensSocket(m, c)
		}
	}
	if port, told := d.portOf(file); opens && told {
		return port.before + e.command + port.behind, true
	}
	return e.command, opens && d.readsPort(file) > 0
}

// serverCalls open the socket that a program serves at.
var serverCalls = map[string]bool{"uvicorn.Server": true, "uvicorn.Config": true, "hypercorn.asyncio.serve": true, "granian.Granian": true, "cheroot.wsgi.Server": true, "gevent.pywsgi.WSGIServer": true}

func opensSocket(m *syntax.Module, c syntax.Call) bool {
	_, port := syntax.Keyword(c.Args, "port")
	return overruled(m, c) != nil || serverCalls[m.Resolve(c.Callee)] || port && slices.Contains([]string{"run", "run_server", "serve", "run_app", "create_server"}, syntax.LastPart(c.Callee))
}

// optionsOf are the words that tell a command of click's or typer's its host and port:
// object is the command, or the group or application that it is one of.
func (d *detection) optionsOf(m *syntax.Module, object string) (arguments string, ok bool) {
	type command struct{ name, arguments string }
	var serving []command
	siblings, callback := 0, false
	for i := 0; i < len(m.All); i++ {
		first := i
		for i < len(m.All) && m.All[i].Starts("@") {
			i++
		}
		if first == i || i == len(m.All) || !m.All[i].Starts("def") && !m.All[i].Starts("async", "def") {
			continue
		}
		def := syntax.ParseDefinition(m.All[i], m.Block(i))
		name, of, alone, host, port := "", false, false, false, false
		for _, st := range m.All[first:i] {
			for _, c := range syntax.Calls(st.Tokens[1:]) {
				head, last, attribute := strings.Cut(c.Callee, ".")
				switch {
				case m.Resolve(c.Callee) == "click.command":
					alone = def.Name == object
				case attribute && head == object && last == "callback":
					callback = true
				case attribute && head == object && last == "command":
					of, name = true, strings.ReplaceAll(def.Name, "_", "-")
					text, plain := "", false
					if len(c.Args) > 0 {
						text, plain = syntax.Literal(c.Args[0])
					}
					if text, plain = syntax.KeywordText(c.Args, "name", text, plain); plain && text != "" {
						name = text
					}
				case syntax.LastPart(c.Callee) == "option":
					for _, a := range c.Args {
						text, _ := syntax.Literal(a)
						host, port = host || text == "--host", port || text == "--port"
					}
				}
			}
		}
		if importsAny(m, "typer") {
			host, port = host || slices.Contains(def.Params, "host"), port || slices.Contains(def.Params, "port")
		}
		if of {
			siblings++
		}
		opens := false
		for _, st := range def.Body {
			for _, c := range syntax.Calls(st.Tokens) {
				opens = opens || opensSocket(m, c)
			}
		}
		if !port || !opens || !of && !alone {
			continue
		}
		words := ""
		if host {
			words = " --host " + address
		}
		serving = append(serving, command{name, words + " --port $PORT"})
	}
	if len(serving) != 1 {
		return "", false
	}
	c := serving[0]
	if c.name != "" && (siblings > 1 || callback || !importsAny(m, "typer")) { // typer's only command has no name
		c.arguments = " " + c.name + c.arguments
	}
	return c.arguments, true
}

// namedPrograms are the files that other platforms' files, or else the project's own
// words, start with Python or Streamlit, with where.
func (d *detection) namedPrograms() map[string]tree.Evidence {
	out := map[string]tree.Evidence{}
	add := func(file string, at tree.Evidence) {
		file = d.inTree(file)
		if _, known := out[file]; !known && file != "" && path.Base(file) != "setup.py" && path.Base(file) != "manage.py" {
			out[file] = at
		}
	}
	for _, s := range d.suggestions() {
		line, err := Command(s.value).Parse()
		if err != nil || s.what != "web" {
			continue
		}
		words := line.Words()
		for len(words) > 1 && strings.HasPrefix(words[1], "-") && words[1] != "-m" && words[1] != "-c" { // python -u app.py
			words = append(words[:1], words[2:]...)
		}
		switch {
		case len(words) < 2 || !strings.HasPrefix(path.Base(words[0]), "python"):
		case words[1] == "-m" && len(words) > 2 && dottedName(words[2]):
			for _, name := range []string{words[2], words[2] + ".__main__"} {
				if f, rest, ok := d.locateIn(path.Join(".", line.Dir), name); ok && rest == "" {
					add(f, s.Evidence)
				}
			}
		default:
			add(path.Join(line.Dir, words[1]), s.Evidence)
		}
	}
	if len(out) > 0 {
		return out
	}
	for _, name := range d.tree.List(".") {
		if !strings.HasPrefix(strings.ToLower(name), "readme") {
			continue
		}
		for i, l := range d.tree.Lines(name) {
			if m := readmeProgram.FindStringSubmatch(l); m != nil {
				add(m[1], tree.Evidence{File: name, Line: i + 1, Text: strings.TrimSpace(l)})
			}
		}
	}
	return out
}

// inTree is a file of the tree by the name that it has in an image, whose working
// directory is anywhere; "" when there is none of that name.
func (d *detection) inTree(name string) string {
	name = path.Clean(name)
	if !path.IsAbs(name) {
		if d.tree.Exists(name) {
			return name
		}
		return ""
	}
	for rest := strings.TrimPrefix(name, "/"); rest != ""; {
		if d.tree.Exists(rest) {
			return rest
		}
		_, rest, _ = strings.Cut(rest, "/")
	}
	return ""
}

// suggestedCommand takes the only command that other platforms' files start, where it
// is told its port by the variable.
func (d *detection) suggestedCommand() bool {
	var found []suggestion
	for _, s := range d.suggestions() {
		s.value = outOfImage(s.value)
		if s.what != "web" || !d.canStart(s.value) || len(found) > 0 && found[0].value == s.value {
			continue
		}
		found = append(found, s)
	}
	if len(found) != 1 {
		return false
	}
	s := found[0]
	s.value = string(d.atPort(Command(s.value), s.Evidence))
	if !strings.Contains(s.value, "$PORT") && !strings.Contains(s.value, "${PORT") {
		return false
	}
	d.addProcess("web", Command(s.value), s.Evidence, "web.suggested", Medium)
	d.explicitWeb(d.candidates(), d.django()) // it is a command that somebody wrote
	return true
}

// outOfImage is a command whose server is named by its place in an image: the environment
// has it under its name.
func outOfImage(command string) string {
	first, rest, _ := strings.Cut(command, " ")
	if _, server := listeners[path.Base(first)]; server && path.IsAbs(first) {
		return strings.TrimSpace(path.Base(first) + " " + rest)
	}
	return command
}
