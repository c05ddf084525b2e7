package python

import (
	"strings"

	"github.com/slipway-dev/slipway/python/manifest"
	"github.com/slipway-dev/slipway/python/syntax"
)

// callable says how a server calls a function or a method by its parameters:
// two are WSGI's, three of an async one ASGI's.
func callable(d syntax.Definition, method bool) Interface {
	params := d.Params
	if method && len(params) > 0 {
		params = params[1:]
	}
	switch {
	case !d.Async && len(params) == 2 && wsgiNames[params[1]]:
		return WSGI
	case d.Async && len(params) == 3 && params[0] == "scope":
		return ASGI
	}
	return ""
}

var wsgiNames = map[string]bool{"start_response": true, "startresponse": true, "start": true, "start_resp": true}

// callableNamed finds an application that is a function of a module, or an
// instance of a class of it that has such a __call__.
func (d *detection) callableNamed(m *syntax.Module, file, name string) (candidate, bool) {
	if def, ok := m.Def(name); ok {
		if iface := callable(def, false); iface != "" {
			return candidate{file: file, line: def.Line, iface: iface, origin: file + ":" + name}, true
		}
	}
	for _, a := range m.Assigns {
		if a.Name != name || a.Callee == "" || strings.Contains(a.Callee, ".") {
			continue
		}
		if call, ok := m.Calls[a.Callee]; ok {
			if iface := callable(call, true); iface != "" {
				return candidate{file: file, line: a.Line, iface: iface, origin: file + ":" + name}, true
			}
		}
	}
	return candidate{}, false
}

// importedApplication is an entry module that only imports its application
// from an installed package.
func (d *detection) importedApplication(m *syntax.Module, file, name string) (candidate, bool) {
	full, imported := m.Imports[name]
	if !imported || strings.HasPrefix(full, ".") || entryObjects[name] < 4 {
		return candidate{}, false
	}
	if _, _, own := d.locate(file, full); own {
		return candidate{}, false
	}
	head, rest, _ := strings.Cut(full, ".")
	if ownServers[head] || rest == "" || d.tree.IsDir(head) || d.tree.IsDir("src/"+head) || !d.installs(manifest.Normalize(head)) {
		return candidate{}, false
	}
	return candidate{file: file, line: d.lineOf(file, "import"), origin: full, framework: packageFramework[manifest.Normalize(head)]}, true
}

// packageFramework is what the applications of well-known packages are made of.
var packageFramework = map[string]string{
	"mlflow": "flask", "datasette": "", "sentry": "django", "flower": "tornado", "superset": "flask", "redash": "flask", "isso": "flask", "moto": "flask", "httpbin": "flask",
}

// nested says that a file belongs to a project of its own below the service's
// directory: it has manifests of its own.
func (d *detection) nested(file string) bool {
	parts := strings.Split(file, "/")
	for i := 1; i < len(parts); i++ {
		dir := strings.Join(parts[:i], "/")
		own, known := d.code.projects[dir]
		if !known {
			own = manifestOf(d.tree.At(dir)) != ""
			if d.code.projects == nil {
				d.code.projects = map[string]bool{}
			}
			d.code.projects[dir] = own
		}
		if own {
			return true
		}
	}
	return false
}

// ownServers are packages with an app of their own, which only their own server starts.
var ownServers = map[string]bool{"nicegui": true, "streamlit": true, "gradio": true, "chainlit": true, "panel": true, "reflex": true}
