package python

import (
	"fmt"
	"path"
	"strings"

	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/shell"
	"github.com/slipway-dev/slipway/python/tree"
)

// explicitWeb learns what it can from a start command that somebody wrote.
func (d *detection) explicitWeb(list []candidate, dj djangoFacts) {
	command := d.project.Processes["web"]
	at := d.evidenceOf("web")
	line, err := command.Parse()
	if err != nil {
		d.setFramework(firstCandidate(list, dj))
		return
	}
	name, c, ok := targetOf(line)
	if !ok || line.Script {
		d.setFramework(firstCandidate(list, dj))
		d.suggestWorkers()
		return
	}
	d.project.Server = d.serverNamed(name)
	if d.project.Server.Injected && !d.warned("server.not_in_production") {
		d.warn(Problem{Code: "server.injected", Message: at.Where() + " starts " + name + ", and no dependency names it; Slipway installs " + d.project.Server.Requirement,
			File: at.File, Line: at.Line, Remedy: "add " + name + " to the dependencies"})
	}
	d.explicitTarget(name, c, line, at, list, dj)
	d.suggestWorkers()
}

func firstCandidate(list []candidate, dj djangoFacts) candidate {
	if dj.any() {
		return candidate{framework: "django", file: dj.manage, line: 1}
	}
	if len(list) > 0 {
		return list[0]
	}
	return candidate{}
}

func (d *detection) evidenceOf(what string) tree.Evidence {
	for _, f := range d.project.Findings {
		if f.What == what {
			return tree.Evidence{File: d.tree.Relative(f.File), Line: f.Line, Text: f.Value}
		}
	}
	return tree.Evidence{}
}

// explicitTarget checks module:object of a stated command.
func (d *detection) explicitTarget(server string, c candidate, line shell.Line, at tree.Evidence, list []candidate, dj djangoFacts) {
	for _, dir := range []string{c.dir, ".", "src"} {
		if file, rest, ok := d.locateIn(dir, c.module); ok && rest == "" {
			c.file, c.dir = file, dir
			break
		}
	}
	if c.file == "" {
		head, _, _ := strings.Cut(c.module, ".")
		if !d.installs(manifest.Normalize(head)) && !d.tree.IsDir(path.Join(c.dir, head)) && !d.tree.IsDir(head) && !d.tree.IsDir("src/"+head) && len(list) > 0 {
			d.problem(Problem{Code: "web.missing_module", Message: fmt.Sprintf("%s starts %s, and there is no module %s", at.Where(), c.target(), c.module),
				File: at.File, Line: at.Line, Remedy: "write " + list[0].target() + " in its place"})
		}
		d.setFramework(firstCandidate(list, dj))
		return
	}
	if c.factory {
		if found, ok := d.makes(c.file, c.object, 0); ok {
			c.framework, c.iface = found.framework, found.iface
		}
	} else if found, _, ok := d.made(c.file, c.object, 0); ok {
		c.framework, c.iface, c.line = found.framework, found.iface, found.line
	}
	if c.framework == "" && dj.any() && (dj.has(c.file) || strings.HasSuffix(c.file, "wsgi.py")) {
		c.framework = "django"
	}
	d.setFramework(c)
	d.setApplication(c)
	worker := ""
	if server == "gunicorn" {
		worker = d.gunicornWorker(line)
	}
	if worker != "" {
		d.find(Finding{What: "server.worker", Value: worker, File: at.File, Line: at.Line, Rule: "server.worker"})
	}
	asgiWorker := strings.Contains(worker, "uvicorn") || strings.Contains(worker, "asgi") || strings.Contains(worker, "aiohttp") || strings.Contains(worker, "hypercorn") || strings.Contains(worker, "sanic") || worker == "computed"
	if c.iface == ASGI && (server == "waitress" || server == "uwsgi" || server == "gunicorn" && !asgiWorker) {
		d.problem(Problem{Code: "server.interface", Message: fmt.Sprintf("%s serves %s with %s, a WSGI server, and the object is ASGI (%s)", at.Where(), c.target(), server, c.framework),
			File: at.File, Line: at.Line, Remedy: "write uvicorn " + c.target() + " --host " + address + " --port $PORT"})
	}
	if c.iface == WSGI && (server == "uvicorn" && !strings.Contains(string(d.project.Processes["web"]), "wsgi") || server == "daphne") {
		d.problem(Problem{Code: "server.interface", Message: fmt.Sprintf("%s serves %s with %s, an ASGI server, and the object is WSGI (%s)", at.Where(), c.target(), server, c.framework),
			File: at.File, Line: at.Line, Remedy: "write gunicorn " + c.target() + " --bind " + address + ":$PORT"})
	}
}
