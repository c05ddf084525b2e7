package python

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	slipway "github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/tree"
)

// detectApplication settles the framework, the processes, and what serves the
// web: slipway.yaml first, then the Procfile, then what the code says. It asks
// rather than guess between equals.
func (d *detection) detectApplication() {
	d.readProcfile()
	d.configuredProcesses()
	list := d.candidates()
	dj := d.django()
	if _, explicit := d.project.Processes["web"]; explicit {
		d.explicitWeb(list, dj)
		return
	}
	if d.broken("procfile.") {
		d.setFramework(candidate{})
		return
	}
	if c, ok := d.configuredApplication(list); ok {
		d.inferWeb(c, High, nil)
		return
	}
	if d.config != nil && d.config.Application != "" {
		return // it has been refused
	}
	if dj.any() {
		d.djangoWeb(dj)
		return
	}
	if c, ok := d.flaskApp(list); ok {
		d.inferWeb(c, High, list)
		return
	}
	if c, ok := d.fastapiEntrypoint(list); ok {
		d.inferWeb(c, High, list)
		return
	}
	if d.script(list) {
		return
	}
	d.bestCandidate(list)
}

// broken says that a problem with this prefix has been reported.
func (d *detection) broken(prefix string) bool {
	for _, p := range d.project.Problems {
		if strings.HasPrefix(p.Code, prefix) {
			return true
		}
	}
	return false
}

// configuredProcesses lets slipway.yaml and overrides override the Procfile.
func (d *detection) configuredProcesses() {
	if d.config == nil {
		return
	}
	if b := d.config.Build; b != nil {
		for i, c := range b.Commands {
			b.Commands[i] = d.runnable(c, d.stated("build", "commands").Evidence)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.config.Processes)) {
		var rivals []string
		if old, ok := d.procfile[name]; ok {
			rivals = append(rivals, old+" (Procfile)")
		}
		at := d.stated("processes", name, "command")
		if at.File != "" {
			for i, l := range d.tree.Lines(at.File) {
				if i+1 > at.Line && strings.HasPrefix(strings.TrimSpace(l), name+":") {
					at.Line = i + 1
					break
				}
			}
		}
		if c := d.config.Processes[name].Command; c != "" {
			d.addProcess(name, c, at.Evidence, processRule(name)+"."+at.rule, High, rivals...)
		}
	}
}

// configuredApplication reads application: of slipway.yaml.
func (d *detection) configuredApplication(list []candidate) (candidate, bool) {
	if d.config == nil || d.config.Application == "" {
		return candidate{}, false
	}
	at := d.stated("application")
	return d.statedApplication(d.config.Application, at.Evidence, at.rule, list)
}

// statedApplication finds module:object as somebody wrote it. What does not
// exist is refused with the likeliest that does.
func (d *detection) statedApplication(text string, at tree.Evidence, rule string, list []candidate) (candidate, bool) {
	module, object, _ := strings.Cut(text, ":")
	c := candidate{line: at.Line, rule: "app." + rule, module: module, dir: "."}
	if name, arguments, called := strings.Cut(object, "("); called {
		object, c.factory, c.arguments = name, true, strings.TrimSuffix(arguments, ")")
	}
	for _, dir := range []string{".", "src"} {
		if file, rest, ok := d.locateIn(dir, module); ok && rest == "" {
			c.file, c.dir = file, dir
			break
		}
	}
	if c.file == "" {
		d.problem(Problem{Code: "app.missing", Message: at.Where() + " names " + tree.Clip(text) + ", and there is no module " + tree.Clip(module),
			File: at.File, Line: at.Line, Remedy: d.instead(list)})
		return c, false
	}
	if object == "" {
		m := d.module(c.file)
		for _, n := range []string{"app", "application", "create_app", "make_app"} {
			if m == nil {
				break
			}
			if _, _, ok := d.made(c.file, n, 0); ok {
				object = n
				break
			}
			if _, ok := m.Def(n); ok {
				object, c.factory = n, true
				break
			}
		}
	}
	if object == "" {
		d.problem(Problem{Code: "app.missing", Message: at.Where() + " names " + tree.Clip(text) + ", and " + c.file + " has no app, application or create_app",
			File: at.File, Line: at.Line, Remedy: d.instead(list)})
		return c, false
	}
	c.object = object
	var found candidate
	var ok bool
	if c.factory {
		found, ok = d.makes(c.file, object, 0)
	} else {
		found, _, ok = d.made(c.file, object, 0)
		if m := d.module(c.file); m != nil && !ok {
			if _, isDef := m.Def(object); isDef {
				if found, ok = d.makes(c.file, object, 0); ok {
					c.factory = true
				}
			}
		}
	}
	if ok {
		c.framework, c.iface, c.origin = found.framework, found.iface, found.origin
	}
	return c, true
}

// instead names the line to write.
func (d *detection) instead(list []candidate) string {
	if len(list) == 0 {
		return "correct it: it has to be module:object, as Python would import it"
	}
	return "write application: " + d.written(list[0]) + " in " + d.configFile()
}

func (d *detection) written(c candidate) string {
	if c.factory {
		return c.module + ":" + c.object + "()"
	}
	return c.module + ":" + c.object
}

// flaskApp reads FLASK_APP from .flaskenv.
func (d *detection) flaskApp(list []candidate) (candidate, bool) {
	for i, l := range d.tree.Lines(".flaskenv") {
		key, value, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(l), "export "), "=")
		if !ok || strings.TrimSpace(key) != "FLASK_APP" {
			continue
		}
		value = strings.TrimSpace(value)
		if n := len(value); n > 1 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
			value = value[1 : n-1]
		}
		module, object, _ := strings.Cut(value, ":")
		if strings.HasSuffix(module, ".py") || strings.Contains(module, "/") {
			module = strings.ReplaceAll(strings.TrimSuffix(path.Clean(module), ".py"), "/", ".")
			module = strings.TrimPrefix(module, "src.")
		}
		at := tree.Evidence{File: ".flaskenv", Line: i + 1}
		return d.statedApplication(strings.TrimSuffix(module+":"+object, ":"), at, "flask.flaskenv", list)
	}
	return candidate{}, false
}

// fastapiEntrypoint reads [tool.fastapi] entrypoint.
func (d *detection) fastapiEntrypoint(list []candidate) (candidate, bool) {
	text := manifest.DigString(d.pyproject.Data, "tool", "fastapi", "entrypoint")
	if text == "" {
		return candidate{}, false
	}
	return d.statedApplication(text, tree.Evidence{File: "pyproject.toml", Line: d.pyproject.Line("tool.fastapi", "entrypoint")}, "fastapi.entrypoint", list)
}

// bestCandidate takes the likeliest object, asks between equals, and says so
// when there is nothing to start.
func (d *detection) bestCandidate(list []candidate) {
	if len(list) == 0 {
		d.nothingToStart()
		return
	}
	equal := d.equals(list)
	if len(equal) > 0 {
		if c, s, ok := d.corroborated(append([]candidate{list[0]}, equal...)); ok {
			c.rule = "app.suggestion"
			d.inferWeb(c, Medium, list, s.String())
			return
		}
		if d.imported(list, equal) {
			return
		}
		d.setFramework(list[0])
		d.problem(Problem{Code: "app.ambiguous", Message: "several objects could be the application: " + inList(list[0], equal),
			File: d.configFile(), Remedy: "say which one: " + d.saying(list[0], equal)})
		return
	}
	d.inferWeb(list[0], Medium, list)
}

// saying is how one of several is chosen: by its name, or by the command that starts it
// where another one in another directory has the same.
func (d *detection) saying(one candidate, others []candidate) string {
	name := d.written(one)
	for _, o := range others {
		if d.written(o) != name {
			continue
		}
		command := "gunicorn --chdir %s %s --bind ${HOST:-127.0.0.1}:$PORT"
		if one.iface == ASGI {
			command = "uvicorn --app-dir %s %s --host ${HOST:-127.0.0.1} --port $PORT"
		}
		return d.stating("processes.web", fmt.Sprintf(command, path.Dir(one.file), name))
	}
	return d.stating("application", name)
}

// corroborated returns the only candidate that another platform's file names.
func (d *detection) corroborated(list []candidate) (candidate, suggestion, bool) {
	for _, s := range d.suggestions() {
		if s.what != "web" {
			continue
		}
		line, err := Command(s.value).Parse()
		if err != nil {
			continue
		}
		_, target, ok := targetOf(line)
		for _, c := range list {
			if ok && target.module == c.module && target.object == c.object {
				return c, s, true
			}
		}
	}
	return candidate{}, suggestion{}, false
}

// inferWeb makes the web process for an application.
func (d *detection) inferWeb(c candidate, sure Confidence, list []candidate, more ...string) {
	d.setFramework(c)
	if c.iface == "" {
		c.iface = interfaceOf[d.project.Framework]
	}
	if c.iface == "" && d.config != nil && d.config.Server != "" {
		c.iface = serverInterfaces[d.config.Server][0]
	}
	if c.iface == "" {
		_, wsgi := d.declaresServer("gunicorn")
		_, asgi := d.declaresServer("uvicorn")
		switch {
		case wsgi && !asgi:
			c.iface = WSGI
		case asgi:
			c.iface = ASGI
		default:
			d.problem(Problem{Code: "app.interface", Message: "it cannot be told from the code whether " + c.target() + " is WSGI or ASGI",
				File: d.configFile(), Remedy: d.stating("server", "gunicorn") + " for WSGI, server=uvicorn for ASGI"})
			return
		}
	}
	if c.framework == "sanic" && !d.statesServer() && !(c.factory && d.holdsOlder("sanic", 21, 6)) {
		d.setApplication(c)
		d.find(Finding{What: "application", Value: d.written(c), File: cmp.Or(c.file, d.configFile()), Line: c.line, Rule: c.rule, Confidence: sure})
		d.addProcess("web", d.sanicCommand(c), tree.Evidence{File: cmp.Or(c.file, d.configFile()), Line: c.line}, "web.sanic", sure)
		d.suggestWorkers()
		return
	}
	server, ok := d.chooseServer(c.iface)
	if !ok {
		return
	}
	if server.Name == "daphne" && c.factory {
		d.problem(Problem{Code: "server.factory", Message: "daphne cannot call a factory such as " + c.target(),
			File: c.file, Line: c.line, Remedy: "assign the application to a name: app = " + c.object + "()"})
		return
	}
	d.project.Server = server
	d.setApplication(c)
	rivals := append([]string{}, more...)
	for _, other := range list {
		if other.target() != c.target() && len(rivals) < 8 {
			rivals = append(rivals, other.String())
		}
	}
	for _, s := range d.suggestions() {
		if s.what == "web" && len(rivals) < 12 && !slices.Contains(rivals, s.String()) {
			rivals = append(rivals, s.String())
		}
	}
	command := d.serve(server.Name, c)
	d.find(Finding{What: "application", Value: d.written(c), File: cmp.Or(c.file, d.configFile()), Line: c.line, Rule: c.rule, Confidence: sure, Rivals: rivals})
	d.addProcess("web", command, tree.Evidence{File: cmp.Or(c.file, d.configFile()), Line: c.line}, "web.inferred", sure, rivals...)
	d.suggestWorkers()
}

func (d *detection) setApplication(c candidate) {
	app := d.applicationOf(c)
	d.project.Application = &app
}

func (d *detection) applicationOf(c candidate) Application {
	return Application{
		Module: c.module, Object: c.object, Factory: c.factory, Arguments: c.arguments, Interface: c.iface, Dir: slipway.SourcePath(d.tree.Path(cmp.Or(c.dir, "."))),
	}
}
