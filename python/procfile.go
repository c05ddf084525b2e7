package python

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/python/shell"
	"github.com/slipway-dev/slipway/python/syntax"
	"github.com/slipway-dev/slipway/python/tree"
)

// procfileLine is one process of a Procfile.
type procfileLine struct {
	name, command string
	line          int
}

var procfilePattern = regexp.MustCompile(`^([A-Za-z0-9_-]+)\s*:\s*(.*)$`)

// readProcfile takes the processes of a Procfile, and its release command.
func (d *detection) readProcfile() {
	lines := d.tree.Lines("Procfile")
	seen := map[string]int{}
	for i, text := range lines {
		text = strings.TrimSpace(text)
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		m := procfilePattern.FindStringSubmatch(text)
		if m == nil {
			d.problem(Problem{Code: "procfile.syntax", Message: "Procfile has a line that is not \"name: command\": " + tree.Clip(text),
				File: "Procfile", Line: i + 1, Remedy: "write it as web: gunicorn app:app"})
			continue
		}
		l := procfileLine{strings.ToLower(m[1]), strings.TrimSpace(m[2]), i + 1}
		if first, twice := seen[l.name]; twice {
			d.problem(Problem{Code: "procfile.duplicate", Message: fmt.Sprintf("Procfile states %s on line %d and again", l.name, first),
				File: "Procfile", Line: l.line, Remedy: "delete one of the two lines"})
			continue
		}
		seen[l.name] = l.line
		d.procfileProcess(l)
	}
}

func (d *detection) procfileProcess(l procfileLine) {
	at := tree.Evidence{File: "Procfile", Line: l.line, Text: l.command}
	if d.outranked(l.name) {
		d.procfile[l.name] = l.command // what is wrong with it is of no interest then
		return
	}
	if _, err := Command(l.command).Parse(); err != nil {
		d.problem(Problem{Code: "procfile.command", Message: "Procfile, " + l.name + ": " + err.Error(),
			File: "Procfile", Line: l.line, Remedy: "correct that line"})
		return
	}
	l.command = string(d.runnable(Command(l.command), at))
	if l.name == "release" {
		d.project.ReleaseCommand = Command(l.command)
		d.checkTools("release", d.project.ReleaseCommand, at)
		d.find(Finding{What: "release", Value: string(d.project.ReleaseCommand), File: at.File, Line: at.Line, Rule: "release.procfile"})
		return
	}
	if tool := developmentTool(l.command); l.name == "web" && tool != "" {
		d.problem(Problem{Code: "procfile.development", Message: "Procfile starts web with " + tool + ", which is for a developer's machine",
			File: "Procfile", Line: l.line, Remedy: "write the server itself: web: gunicorn app:app, or delete the line to have it inferred"})
		return
	}
	d.addProcess(l.name, Command(l.command), at, processRule(l.name)+".procfile", High)
}

func processRule(name string) string {
	if name == "web" {
		return "web"
	}
	return "process"
}

// outranked says that slipway.yaml or an override states what the Procfile does.
func (d *detection) outranked(name string) bool {
	if d.config == nil {
		return false
	}
	if name == "release" {
		return d.config.ReleaseCommand != ""
	}
	return d.config.Processes[name].Command != ""
}

// addProcess records a process and looks at its command.
func (d *detection) addProcess(name string, c Command, at tree.Evidence, rule string, sure Confidence, rivals ...string) {
	c = d.runnable(c, at)
	if name == "web" {
		c = d.atPort(c, at)
	}
	d.project.Processes[name] = c
	d.find(Finding{What: name, Value: string(c), File: at.File, Line: at.Line, Rule: rule, Confidence: sure, Rivals: rivals})
	d.checkCommand(name, c, at)
}

// developmentTool names a program that only a developer has.
func developmentTool(command string) string {
	line, err := Command(command).Parse()
	if err != nil || len(line.Args) == 0 {
		return ""
	}
	switch w := line.Words(); w[0] {
	case "make", "just", "task", "npm", "yarn", "docker", "docker-compose", "honcho", "foreman", "invoke", "tox", "nox", "hatch":
		return strings.Join(w[:min(2, len(w))], " ")
	}
	return ""
}

var (
	fixedBind   = regexp.MustCompile(`(?:^|\s)(?:--bind|-b|--listen|--http|--http-socket|--server\.port|--port|-p)[= ]\s*(?:[\w.\[\]:*-]*:)?(\d{2,5})(?:\s|$)`)
	fixedSocket = regexp.MustCompile(`(?:--bind|-b|--uds|--unix-socket|--fd|-u)[= ]\s*(unix:\S+|/\S+\.sock\S*)`)
)

// checkCommand warns of what starts and then does not do what a deploy needs.
func (d *detection) checkCommand(name string, c Command, at tree.Evidence) {
	line, err := c.Parse()
	if err != nil {
		return
	}
	text := string(c)
	if line.Script && hidesProcess(text) {
		d.warn(Problem{Code: "command.shell", Message: name + " starts through a shell, which stays in front of the program and does not pass on SIGTERM: " + tree.Clip(text),
			File: at.File, Line: at.Line, Remedy: "put exec before the last command, or write the program alone"})
	}
	if script := d.frontScript(line); !line.Script && script != "" {
		d.warn(Problem{Code: "command.shell", Message: name + " starts through " + script + ", a shell that stays in front of the program and does not pass on SIGTERM",
			File: script, Remedy: "put exec before the last command of " + script})
	}
	d.checkTools(name, c, at)
	if name != "web" {
		return
	}
	if what := developmentServer(line.Words(), text); what != "" {
		d.warn(Problem{Code: "web.development_server", Message: "web is a development server (" + what + "): slow, and not meant to face users",
			File: at.File, Line: at.Line, Remedy: "use gunicorn or uvicorn; delete the line to have Slipway choose"})
	}
	if m := fixedSocket.FindStringSubmatch(text); m != nil {
		d.warn(Problem{Code: "web.socket", Message: "web listens on " + tree.Clip(m[1]) + " and not on $PORT", File: at.File, Line: at.Line, Remedy: "bind ${HOST:-127.0.0.1}:$PORT"})
	} else if m := fixedBind.FindStringSubmatch(text); m != nil {
		d.warn(Problem{Code: "web.fixed_port", Message: "web listens on port " + m[1] + " and not on $PORT", File: at.File, Line: at.Line, Remedy: "write $PORT in place of " + m[1]})
	} else if w := line.Words(); len(w) > 0 && slices.Contains([]string{"uvicorn", "hypercorn", "daphne", "granian", "waitress-serve", "streamlit"}, path.Base(w[0])) && !strings.Contains(text, "PORT") && !strings.Contains(text, "--config") {
		d.warn(Problem{Code: "web.no_port", Message: path.Base(w[0]) + " is not told to listen on $PORT and takes its own default", File: at.File, Line: at.Line, Remedy: "add the option that sets the port to $PORT"})
	}
}

// hidesProcess says that a script's last command is not exec'd.
func hidesProcess(script string) bool {
	at := strings.LastIndexAny(script, "|&;\n")
	last := strings.TrimSpace(script[at+1:])
	return !strings.HasPrefix(last, "exec ")
}

func developmentServer(words []string, text string) string {
	joined := " " + strings.Join(words, " ") + " "
	switch {
	case strings.Contains(joined, " flask run ") || strings.HasPrefix(joined, " flask --app") && strings.Contains(joined, " run "):
		return "flask run"
	case strings.Contains(joined, " runserver ") || strings.Contains(joined, " runserver_plus "):
		return "manage.py runserver"
	case strings.Contains(joined, " --reload ") && (strings.Contains(text, "uvicorn") || strings.Contains(text, "gunicorn")):
		return "--reload"
	case strings.Contains(joined, " fastapi dev "):
		return "fastapi dev"
	case strings.Contains(joined, " sanic ") && (strings.Contains(joined, " --dev ") || strings.Contains(joined, " --debug ")):
		return "sanic --dev"
	}
	return ""
}

// settingsOf is the file of settings that words of gunicorn's name, or that it takes by
// itself.
func (d *detection) settingsOf(words []string) string {
	file := "gunicorn.conf.py"
	for i, w := range words {
		if (w == "-c" || w == "--config") && i+1 < len(words) {
			file = strings.TrimPrefix(words[i+1], "file:")
		}
		if v, ok := strings.CutPrefix(w, "--config="); ok {
			file = strings.TrimPrefix(v, "file:")
		}
	}
	return file
}

// gunicornBind is the fixed address that gunicorn's own config file binds, "" for none.
func (d *detection) gunicornBind(c Command) (file string, at int, value string) {
	line, err := c.Parse()
	if err != nil {
		return "", 0, ""
	}
	file = path.Join(line.Dir, d.settingsOf(line.Words()))
	if !d.tree.Exists(file) {
		return "", 0, ""
	}
	m := d.module(file)
	if m == nil {
		return "", 0, ""
	}
	a, ok := m.Last("bind")
	if !ok {
		return "", 0, ""
	}
	for _, t := range a.Value {
		if t.Kind == syntax.TokenName || t.Kind == syntax.TokenString && !t.Plain || t.Kind == syntax.TokenString && strings.Contains(t.Text, "PORT") {
			return "", 0, "" // computed, perhaps from PORT
		}
		if t.Kind == syntax.TokenString {
			value = t.Text
		}
	}
	return file, a.Line, cmp.Or(tree.Clip(value), "a fixed address")
}

// gunicornWorker returns the worker class a gunicorn command or its config
// file states, "" for the default one.
func (d *detection) gunicornWorker(line shell.Line) string {
	words, file := line.Words(), path.Join(line.Dir, "gunicorn.conf.py")
	for i, w := range words {
		if (w == "-k" || w == "--worker-class") && i+1 < len(words) {
			return words[i+1]
		}
		for _, prefix := range []string{"--worker-class=", "-k"} {
			if v, ok := strings.CutPrefix(w, prefix); ok && v != "" {
				return v
			}
		}
		if (w == "-c" || w == "--config") && i+1 < len(words) {
			file = path.Join(line.Dir, strings.TrimPrefix(words[i+1], "file:"))
		}
	}
	if m := d.module(file); m != nil {
		if a, ok := m.Last("worker_class"); ok {
			if s, ok := syntax.Literal(a.Value); ok {
				return s
			}
			return "computed"
		}
	}
	return ""
}
