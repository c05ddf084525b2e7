package python

import (
	"path"
	"strings"
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
		if contains(declared, f) {
			return d.page(f, f), true
		}
	}
	switch {
	case contains(declared, "functions-framework"):
		return d.functions(), true
	case contains(declared, "google-adk"):
		return d.agents(), true
	case contains(declared, "robyn"):
		return d.portedProgram("robyn", "robyn", "ROBYN_HOST="+address+" ROBYN_PORT=$PORT python "), true
	case contains(declared, "nicegui"):
		return d.niceGUI(), true
	case contains(declared, "reflex") && d.tree.exists("rxconfig.py"):
		d.setFramework(candidate{framework: "reflex", file: "rxconfig.py", line: 1})
		d.problem(Problem{Code: "web.reflex", Message: "rxconfig.py belongs to a Reflex application, whose pages Node.js builds",
			File: d.configFile(), Remedy: "have Node.js on this machine: " + d.stating("processes.web", "reflex run --env prod --single-port --backend-host "+address+" --backend-port $PORT")})
		return true, true
	}
	return false, false
}

// functions serves a function of main.py that functions-framework knows by
// its decorator.
func (d *detection) functions() bool {
	m := d.module("main.py")
	if m == nil {
		return false
	}
	for i, st := range m.all {
		if !st.starts("@") || i+1 >= len(m.all) || !strings.HasPrefix(lastPart(nameOf(st.tokens[1:])), "http") && !strings.HasPrefix(lastPart(nameOf(st.tokens[1:])), "cloud_event") {
			continue
		}
		next := m.all[i+1]
		if !next.starts("def") || len(next.tokens) < 2 {
			continue
		}
		d.setFramework(candidate{framework: "functions-framework", file: "main.py", line: next.line})
		d.addProcess("web", Command("functions-framework --target "+next.tokens[1].text+" --source main.py --host "+address+" --port $PORT"),
			Evidence{File: "main.py", Line: next.line}, "web.functions_framework", Medium)
		return true
	}
	return false
}

func nameOf(tokens []token) string {
	name, _ := dotted(tokens)
	return name
}

// agents serves the directories that hold a root_agent.
func (d *detection) agents() bool {
	for _, f := range d.sources() {
		if path.Base(f) != "agent.py" || path.Dir(f) == "." {
			continue
		}
		if m := d.module(f); m != nil {
			if a, ok := m.last("root_agent"); ok {
				at := Evidence{File: f, Line: a.line}
				d.setFramework(candidate{framework: "google-adk", file: f, line: a.line})
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
		if m == nil || !contains(m.modules, imported) || strings.Count(f, "/") > 2 {
			continue
		}
		for _, st := range m.all {
			for _, c := range calls(st.tokens) {
				if lastPart(c.callee) == "start" {
					d.setFramework(candidate{framework: framework, file: f, line: c.line})
					d.addProcess("web", Command(command+f), Evidence{File: f, Line: c.line}, "web."+framework, Medium)
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
		if m == nil || !contains(m.modules, "nicegui") {
			continue
		}
		for _, st := range m.all {
			for _, c := range calls(st.tokens) {
				if c.callee != "ui.run" {
					continue
				}
				d.setFramework(candidate{framework: "nicegui", file: f, line: c.line})
				if d.readsPort(f) > 0 {
					d.addProcess("web", Command("python "+f), Evidence{File: f, Line: c.line}, "web.nicegui", Medium)
					return true
				}
				for i := range overrules {
					if overrules[i].imports == "nicegui" {
						d.addProcess("web", Command(d.withPort(&overrules[i], f, "", c.line)), Evidence{File: f, Line: c.line}, "web.nicegui", Medium)
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
		if file != p && d.tree.exists(file) && d.readsPort(file) == 0 {
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
	if strings.Contains(words[0], "/") && (strings.HasPrefix(words[0], "/") || !d.tree.exists(words[0])) {
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
	return d.installs(normalizeName(head))
}
