package python

import (
	"path"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/shell"
	"github.com/slipway-dev/slipway/python/syntax"
	"github.com/slipway-dev/slipway/python/tree"
)

// pageCommand starts the page in file by the server of its framework.
func pageCommand(framework, file string) string {
	switch framework {
	case "gradio":
		return "GRADIO_SERVER_NAME=" + address + " GRADIO_SERVER_PORT=$PORT python " + file
	case "panel":
		return "panel serve " + file + " --address " + address + " --port $PORT --allow-websocket-origin '*'"
	case "chainlit":
		return "chainlit run " + file + " --host " + address + " --port $PORT --headless"
	}
	return "streamlit run " + file + " --server.port $PORT --server.address " + address + " --server.headless true"
}

// ownServer starts what brings a server of its own, or says what it lacks. ok
// is false when the project is of no such framework.
func (d *detection) ownServer(declared []string) (settled, ok bool) {
	for _, f := range []string{"panel", "chainlit"} {
		if slices.Contains(declared, f) {
			return d.page(f, f), true
		}
	}
	switch {
	case slices.Contains(declared, "functions-framework"):
		return d.functions(), true
	case slices.Contains(declared, "google-adk"):
		return d.agents(), true
	case slices.Contains(declared, "robyn"):
		return d.portedProgram("robyn", "robyn", "ROBYN_HOST="+address+" ROBYN_PORT=$PORT python "), true
	case slices.Contains(declared, "nicegui"):
		return d.niceGUI(), true
	case slices.Contains(declared, "reflex") && d.tree.Exists("rxconfig.py"):
		d.setFramework(candidate{framework: "reflex", file: "rxconfig.py", line: 1})
		d.problem(Problem{Code: "web.reflex", Message: "rxconfig.py belongs to a Reflex application, whose pages Node.js builds",
			File: d.configFile(), Remedy: "have Node.js on this machine: " + d.stating("processes.web", "reflex run --env prod --single-port --backend-host "+address+" --backend-port $PORT")})
		return true, true
	}
	return false, false
}

// functions serves a function of main.py: the one that functions-framework knows by its
// decorator, that the buildpacks are told by a variable, or that alone can be called with
// what a request or an event brings.
func (d *detection) functions() bool {
	m := d.module("main.py")
	if m == nil {
		return false
	}
	var able []syntax.Statement
	for i, st := range m.All {
		if !st.Starts("def") || len(st.Tokens) < 5 {
			continue
		}
		if i > 0 && m.All[i-1].Starts("@") {
			if by := syntax.LastPart(nameOf(m.All[i-1].Tokens[1:])); strings.HasPrefix(by, "http") || strings.HasPrefix(by, "cloud_event") {
				return d.function(st, "")
			}
			continue
		}
		if depth := st.Indent; depth == 0 && !strings.HasPrefix(st.Tokens[1].Text, "_") && st.Tokens[3].Kind == syntax.TokenName {
			able = append(able, st)
		}
	}
	target, kind := d.functionTarget()
	for _, st := range able {
		if st.Tokens[1].Text == target || target == "" && len(able) == 1 && (st.Tokens[4].Is(")") || st.Tokens[4].Is(":")) {
			return d.function(st, kind)
		}
	}
	return false
}

// function starts a function, of which kind says what calls it, "" for what its
// decorator or the framework's default says.
func (d *detection) function(st syntax.Statement, kind string) bool {
	d.setFramework(candidate{framework: "functions-framework", file: "main.py", line: st.Line})
	command := "functions-framework --target " + st.Tokens[1].Text + " --source main.py --host " + address + " --port $PORT"
	if kind != "" {
		command += " --signature-type " + kind
	}
	d.addProcess("web", Command(command), tree.Evidence{File: "main.py", Line: st.Line}, "web.functions_framework", Medium)
	return true
}

// functionTarget is the function, and what calls it, that Google's buildpacks are told
// by a variable of project.toml.
func (d *detection) functionTarget() (name, kind string) {
	text, _ := d.tree.Read("project.toml")
	data, _, err := manifest.ParseTOML(text)
	if err != nil {
		return "", ""
	}
	for _, entry := range append(manifest.DigList(data, "build", "env"), manifest.DigList(data, "io", "buildpacks", "build", "env")...) {
		switch value := manifest.DigString(entry, "value"); manifest.DigString(entry, "name") {
		case "GOOGLE_FUNCTION_TARGET":
			if shell.Identifier(value) {
				name = value
			}
		case "GOOGLE_FUNCTION_SIGNATURE_TYPE":
			if value == "http" || value == "event" || value == "cloudevent" {
				kind = value
			}
		}
	}
	return name, kind
}

func nameOf(tokens []syntax.Token) string {
	name, _ := syntax.Dotted(tokens)
	return name
}

// agents serves the directories that hold a root_agent.
func (d *detection) agents() bool {
	for _, f := range d.sources() {
		if path.Base(f) != "agent.py" || path.Dir(f) == "." {
			continue
		}
		if m := d.module(f); m != nil {
			if a, ok := m.Last("root_agent"); ok {
				at := tree.Evidence{File: f, Line: a.Line}
				d.setFramework(candidate{framework: "google-adk", file: f, line: a.Line})
				d.addProcess("web", Command("adk api_server --host "+address+" --port $PORT "+path.Dir(path.Dir(f))), at, "web.google_adk", Medium, "adk web")
				return true
			}
		}
	}
	return false
}

// portedProgram starts the one file that makes an application of the framework.
func (d *detection) portedProgram(framework, imported, command string) bool {
	for _, f := range d.sources() {
		m := d.module(f)
		if m == nil || !slices.Contains(m.Modules, imported) || strings.Count(f, "/") > 2 {
			continue
		}
		for _, st := range m.All {
			for _, c := range syntax.Calls(st.Tokens) {
				if syntax.LastPart(c.Callee) == "start" {
					d.setFramework(candidate{framework: framework, file: f, line: c.Line})
					d.addProcess("web", Command(command+f), tree.Evidence{File: f, Line: c.Line}, "web."+framework, Medium)
					return true
				}
			}
		}
	}
	return false
}

// niceGUI runs the file that calls ui.run, which is given its port where it doesn't
// take it from the environment: NiceGUI has no variable of its own.
func (d *detection) niceGUI() bool {
	for _, f := range d.sources() {
		m := d.module(f)
		if m == nil || !slices.Contains(m.Modules, "nicegui") {
			continue
		}
		for _, st := range m.All {
			for _, c := range syntax.Calls(st.Tokens) {
				if c.Callee != "ui.run" {
					continue
				}
				d.setFramework(candidate{framework: "nicegui", file: f, line: c.Line})
				if d.readsPort(f) > 0 {
					d.addProcess("web", Command("python "+f), tree.Evidence{File: f, Line: c.Line}, "web.nicegui", Medium)
					return true
				}
				for i := range overrules {
					if overrules[i].imports == "nicegui" {
						d.addProcess("web", Command(d.withPort(&overrules[i], f, "", c.Line)), tree.Evidence{File: f, Line: c.Line}, "web.nicegui", Medium)
					}
				}
				return true
			}
		}
	}
	return false
}

// sanicCommand serves by Sanic's own server, which is part of it. Its command has
// learnt the colon with 20.12, factories with 21.6, and to do without a manager of
// processes with 22.9.
func (d *detection) sanicCommand(c candidate) Command {
	prefix := ""
	if c.dir != "." && c.dir != "" {
		prefix = "PYTHONPATH=" + c.dir + " "
	}
	target := c.target()
	if d.holdsOlder("sanic", 20, 12) {
		target = strings.Replace(target, ":", ".", 1)
	}
	line := prefix + "sanic " + target + " --host " + address + " --port $PORT"
	if c.factory {
		line += " --factory"
	}
	if !d.holdsOlder("sanic", 22, 9) {
		line += " --single-process"
	}
	return Command(line)
}

// firstStart is a process that can start, to show in a remedy.
func (d *detection) firstStart(programs []string) (kind, command string) {
	for _, s := range d.suggestions() {
		if s.what == "web" && d.canStart(s.value) {
			return "web", s.value
		}
	}
	for _, p := range programs {
		file := strings.TrimPrefix(p, "python ")
		if file != p && d.tree.Exists(file) && d.readsPort(file) == 0 {
			return "worker", p // it serves no port that it could be told
		}
		return "web", p
	}
	for _, s := range d.suggestions() {
		if s.what == "worker" && d.canStart(s.value) {
			return "worker", s.value
		}
	}
	return "web", "gunicorn MODULE:OBJECT --bind " + address + ":$PORT"
}

// canStart says that nothing is known against a command of another platform.
func (d *detection) canStart(command string) bool {
	line, err := Command(command).Parse()
	if err != nil || line.Script || len(line.Args) == 0 || developmentTool(command) != "" {
		return false
	}
	words := line.Words()
	if _, missing := foreignTools[path.Base(words[0])]; missing {
		return false
	}
	if strings.Contains(words[0], "/") && (strings.HasPrefix(words[0], "/") || !d.tree.Exists(words[0])) {
		return false
	}
	_, c, ok := targetOf(line)
	if !ok {
		return true
	}
	for _, dir := range []string{c.dir, ".", "src"} {
		if _, rest, found := d.locateIn(dir, c.module); found && rest == "" {
			return true
		}
	}
	head, _, _ := strings.Cut(c.module, ".")
	return d.installs(manifest.Normalize(head))
}
