package python

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/program"
	"github.com/slipway-dev/slipway/python/shell"
	"github.com/slipway-dev/slipway/python/tree"
)

// Servers that Slipway installs when a project declares none.
const (
	gunicornPin = "gunicorn==23.0.0"
	uvicornPin  = "uvicorn[standard]==0.54.0"
)

// gunicornThreads is how many requests gunicorn answers at once where nobody says. Its
// default of one, without a thread, waits for each client's reading and for whatever the
// application waits for. It is less than the 15 connections of SQLAlchemy's default pool.
const gunicornThreads = 8

// olderPins are the last of each that run on older Pythons, by minor version.
var olderPins = map[string]map[int]string{
	"gunicorn": {6: "gunicorn==21.2.0"},
	"waitress": {6: "waitress==2.0.0", 7: "waitress==2.1.2", 8: "waitress==3.0.0"},
	"uvicorn":  {6: "uvicorn[standard]==0.16.0", 7: "uvicorn[standard]==0.22.0", 8: "uvicorn[standard]==0.33.0", 9: "uvicorn[standard]==0.34.0"},
}

// address is where every inferred server binds. A target that needs another
// interface sets HOST.
const address = "${HOST:-127.0.0.1}"

var serverInterfaces = map[string][]Interface{
	"gunicorn": {WSGI, Raw}, "waitress": {WSGI}, "uwsgi": {WSGI},
	"uvicorn": {ASGI}, "daphne": {ASGI}, "hypercorn": {ASGI, WSGI}, "granian": {ASGI, WSGI},
}

func serves(server string, iface Interface) bool {
	for _, i := range serverInterfaces[server] {
		if i == iface {
			return true
		}
	}
	return false
}

// chooseServer settles what serves an application. ok is false when slipway.yaml
// asks for one that cannot.
func (d *detection) chooseServer(iface Interface) (*Server, bool) {
	if d.config != nil && d.config.Server != "" {
		name, at := d.config.Server, d.stated("server")
		if !serves(name, iface) {
			d.problem(Problem{Code: "server.interface", Message: fmt.Sprintf("%s sets server: %s, which cannot serve an application of kind %s", at.Where(), name, strings.ToUpper(string(iface))),
				File: at.File, Line: at.Line, Remedy: "set server: " + map[Interface]string{WSGI: "gunicorn", ASGI: "uvicorn", Raw: "gunicorn"}[iface]})
			return nil, false
		}
		s := d.serverNamed(name)
		d.find(Finding{What: "server", Value: name, File: at.File, Line: at.Line, Rule: "server." + at.rule})
		return s, true
	}
	order := []string{"gunicorn", "waitress", "uwsgi", "granian", "hypercorn"}
	if iface == ASGI {
		order = []string{"uvicorn", "hypercorn", "daphne", "granian"}
	}
	var declared []string
	var first tree.Evidence
	for _, n := range order {
		if ev, ok := d.declaresServer(n); ok && serves(n, iface) {
			if len(declared) == 0 {
				first = ev
			}
			declared = append(declared, n)
		}
	}
	if len(declared) > 0 {
		d.find(Finding{What: "server", Value: declared[0], File: first.File, Line: first.Line, Rule: "server.dependency", Rivals: declared[1:]})
		return &Server{Name: declared[0]}, true
	}
	name := order[0]
	for _, n := range order { // one that something else brings, rather than one more
		if d.installs(n) && serves(n, iface) && d.production != nil {
			name = n
			break
		}
	}
	s := d.serverNamed(name)
	rule := "server.injected"
	if !s.Injected {
		rule = "server.locked"
	}
	d.find(Finding{What: "server", Value: cmp.Or(s.Requirement, s.Name), File: cmp.Or(d.firstManifest(), "."), Rule: rule, Confidence: Medium})
	return s, true
}

// statesServer says that somebody chose a server for ASGI.
func (d *detection) statesServer() bool {
	if d.config != nil && d.config.Server != "" {
		return true
	}
	for _, n := range []string{"uvicorn", "hypercorn", "daphne", "granian"} {
		if _, ok := d.declaresServer(n); ok {
			return true
		}
	}
	return false
}

// firstManifest names the file to which a dependency would be added.
func (d *detection) firstManifest() string {
	for _, n := range []string{d.manifests.main, d.pyproject.File, "Pipfile"} {
		if n != "" && d.tree.Exists(n) {
			return n
		}
	}
	return ""
}

// declaresServer knows the extras that bring a server along.
func (d *detection) declaresServer(name string) (tree.Evidence, bool) {
	if ev, ok := d.deps.Has(name); ok {
		return ev, true
	}
	if name == "uvicorn" {
		if ev, ok := d.deps.Has("uvicorn-worker"); ok {
			return ev, true
		}
		for _, bringer := range []string{"fastapi", "litestar"} {
			if dep, ok := d.deps.Get(bringer); ok && (slices.Contains(dep.Extras, "standard") || slices.Contains(dep.Extras, "all") || slices.Contains(dep.Extras, "full")) {
				return dep.Evidence, true
			}
		}
	}
	if name == "uvicorn" {
		if ev, ok := d.deps.Has("python-fasthtml"); ok { // it depends on it
			return ev, true
		}
	}
	if name == "hypercorn" {
		return d.deps.Has("quart") // Quart depends on it
	}
	return tree.Evidence{}, false
}

// serverNamed is a server with what has to be installed for it.
func (d *detection) serverNamed(name string) *Server {
	s := &Server{Name: name}
	if _, ok := d.declaresServer(name); ok || d.installs(name) {
		return s
	}
	s.Injected = true
	if line, dep, ok := d.outsideProduction(name); ok && d.lockedRequirement(dep) != "" {
		s.Requirement = d.lockedRequirement(dep)
		d.warn(Problem{Code: "server.not_in_production", Message: name + " is only in " + strings.NewReplacer("extras: [", "the extra ", "groups: [", "the group ", "]", "").Replace(line) + ", which production does not install; Slipway installs " + s.Requirement + " beside it",
			File: dep.File, Line: dep.Line, Remedy: "put \"" + line + "\" in " + d.configFile() + ", or move " + name + " to the dependencies"})
		return s
	}
	switch name {
	case "gunicorn":
		s.Requirement = gunicornPin
	case "uvicorn":
		s.Requirement = uvicornPin
	default:
		s.Requirement = map[string]string{"hypercorn": "hypercorn==0.18.0", "waitress": "waitress==3.0.2"}[name]
		if s.Requirement == "" {
			s.Requirement = name
		}
	}
	if v, ok := manifest.ParseVersion(d.project.Python.Version); ok && v.At(0) == 3 && olderPins[name][v.At(1)] != "" {
		s.Requirement = olderPins[name][v.At(1)]
	}
	return s
}

// serve is the command by which server serves c.
func (d *detection) serve(server string, c candidate) Command {
	target, call := c.target(), c.target()
	if c.factory && c.arguments == "" {
		call += "()"
	}
	if strings.ContainsAny(call, "()") {
		call = "'" + strings.ReplaceAll(call, "'", `"`) + "'"
	}
	dir, prefix := d.workDir(), ""
	if from := below(dir, cmp.Or(c.dir, ".")); from != "." {
		if d.hidden(dir, c) {
			dir = c.dir
		} else {
			prefix = "PYTHONPATH=" + from + " "
		}
	}
	iface := string(c.iface)
	var line string
	switch server {
	case "uvicorn":
		line = "uvicorn " + target + " --host " + address + " --port $PORT"
		if c.factory {
			line += " --factory"
		}
	case "hypercorn":
		if c.iface == WSGI {
			target = "wsgi:" + target
		}
		line = "hypercorn " + quoteCall(target, c.factory) + " --bind " + address + ":$PORT --graceful-timeout " + strconv.Itoa(max(d.statedGrace("web", program.GraceOf(program.Server))-program.Reserve, 1))
	case "daphne":
		line = "daphne --proxy-headers -b " + address + " -p $PORT " + target
	case "granian":
		line = "granian --interface " + iface + " --host " + address + " --port $PORT " + target
		if c.factory {
			line += " --factory"
		}
	case "waitress":
		line = "waitress-serve --listen=" + address + ":$PORT " + d.waitressBelieves()
		if c.factory {
			line += "--call "
		}
		line += target
	case "uwsgi":
		line = "uwsgi --http-socket " + address + ":$PORT --master --need-app --module " + quoteCall(target, c.factory)
	default:
		line = "gunicorn " + call + " --bind " + address + ":$PORT"
		if c.iface == Raw {
			line += " --worker-class aiohttp.GunicornWebWorker"
		}
		if _, ok := d.deps.Has("flask-socketio"); ok { // sessions live in one process
			line += " --workers 1 --threads 100"
		} else if c.iface == WSGI && !d.tree.Exists(path.Join(dir, "gunicorn.conf.py")) { // which has the word, and would lose it
			line += fmt.Sprintf(" --threads %d", gunicornThreads)
		}
	}
	return within(dir, prefix+line)
}

// hidden says that something else is imported under the name of an application's module
// where a server runs in dir: that is where servers look first. A directory that is no
// package hides nothing, as Python prefers any module or package to it.
func (d *detection) hidden(dir string, c candidate) bool {
	head, _, _ := strings.Cut(c.module, ".")
	return path.Join(dir, head) != path.Join(c.dir, head) && (d.tree.Exists(path.Join(dir, head)+".py") || d.tree.Exists(path.Join(dir, head, "__init__.py")))
}

// waitressBelieves has waitress take the client's address and the name that was asked
// for from what the edge writes, as uvicorn does unasked. It knows how since 1.3: a
// release of which nobody says that it is later is not told.
func (d *detection) waitressBelieves() string {
	held := ""
	if s := d.project.Server; s != nil && s.Name == "waitress" && s.Injected {
		_, held, _ = strings.Cut(s.Requirement, "==")
	}
	if dep, ok := d.deps.Get("waitress"); ok {
		held, _ = dep.Pinned()
	}
	for _, p := range d.locked {
		if p.Name == "waitress" {
			held = p.Version
		}
	}
	if v, ok := manifest.ParseVersion(held); !ok || v.At(0) < 1 || v.At(0) == 1 && v.At(1) < 3 {
		return ""
	}
	return "--trusted-proxy=127.0.0.1 '--trusted-proxy-headers=x-forwarded-for x-forwarded-host x-forwarded-proto x-forwarded-port' "
}

func quoteCall(target string, factory bool) string {
	if factory {
		return "'" + target + "()'"
	}
	return target
}

// serverPrograms maps programs to servers.
var serverPrograms = map[string]string{
	"gunicorn": "gunicorn", "uvicorn": "uvicorn", "hypercorn": "hypercorn", "daphne": "daphne", "granian": "granian",
	"waitress-serve": "waitress", "waitress": "waitress", "uwsgi": "uwsgi",
}

// targetOf reads what a server's command line serves: the server, the module
// and object, and the directory to import from.
func targetOf(line shell.Line) (server string, c candidate, ok bool) {
	words := line.Words()
	if len(words) == 0 {
		return "", c, false
	}
	server, words = serverPrograms[path.Base(words[0])], words[1:]
	if program := path.Base(line.Words()[0]); server == "" && strings.HasPrefix(program, "python") && len(words) > 1 && words[0] == "-m" {
		server, words = serverPrograms[words[1]], words[2:]
	}
	if server == "" {
		return "", c, false
	}
	c.dir = path.Join(".", line.Dir)
	for i, w := range words {
		name, value, has := strings.Cut(w, "=")
		if !has && i+1 < len(words) {
			value = words[i+1]
		}
		switch name {
		case "--chdir", "--app-dir", "--pythonpath", "--working-dir":
			c.dir = path.Join(line.Dir, value)
		case "--factory", "--call":
			c.factory = true
		case "--module", "-w", "--wsgi":
			if server == "uwsgi" || name == "-w" && server != "gunicorn" {
				c.module = value
			}
		}
	}
	for i := 0; i < len(words) && c.module == ""; i++ {
		w := words[i]
		if strings.HasPrefix(w, "-") || strings.Contains(w, "://") {
			continue
		}
		if _, rest, prefixed := strings.Cut(w, "sgi:"); prefixed && server == "hypercorn" && strings.Contains(rest, ":") {
			w = rest // wsgi:module:object, asgi:module:object
		}
		module, _, isTarget := strings.Cut(w, ":")
		previous := ""
		if i > 0 {
			previous = words[i-1]
		}
		takesValue := strings.HasPrefix(previous, "-") && !strings.Contains(previous, "=") && !switches[previous]
		if dottedName(module) && (isTarget && !takesValue || !takesValue && strings.IndexByte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_", w[0]) >= 0) {
			c.module = w
		}
	}
	module, object, _ := strings.Cut(c.module, ":")
	if name, rest, called := strings.Cut(object, "("); called {
		object, c.factory = name, true
		c.arguments = strings.TrimSuffix(rest, ")")
	}
	c.module, c.object = module, cmp.Or(object, "application")
	return server, c, dottedName(module) && shell.Identifier(c.object)
}

// switches take no value, so that what follows one may be the application.
var switches = map[string]bool{
	"--factory": true, "--call": true, "--reload": true, "--preload": true, "--proxy-headers": true, "--no-access-log": true, "--ws": false,
	"--no-server-header": true, "--master": true, "--need-app": true, "--die-on-term": true, "--access-log": true, "--daemon": true, "-R": true, "--capture-output": true,
}

func dottedName(s string) bool {
	for _, part := range strings.Split(s, ".") {
		if !shell.Identifier(part) {
			return false
		}
	}
	return true
}

// workerPackages are what gunicorn's classes of workers are part of, or import, by the
// beginnings of their names.
var workerPackages = [][2]string{{"gevent", "gevent"}, {"eventlet", "eventlet"}, {"tornado", "tornado"}, {"uvicorn_worker.", "uvicorn-worker"}, {"uvicorn.workers.", "uvicorn"}}

// workerPackage is what the stated class of gunicorn's workers needs and production
// doesn't install, "" for nothing.
func (d *detection) workerPackage() string {
	at := d.evidenceOf("server.worker")
	for _, w := range workerPackages {
		if !strings.HasPrefix(at.Text, w[0]) {
			continue
		}
		if d.installs(w[1]) {
			return ""
		}
		d.warn(Problem{Code: "server.worker_missing", Message: at.Where() + " asks for workers of " + w[1] + ", which no dependency names; Slipway installs it",
			File: at.File, Line: at.Line, Remedy: "add " + w[1] + " to the dependencies"})
		return w[1]
	}
	return ""
}
