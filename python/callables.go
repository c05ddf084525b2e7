package python

import "strings"

// callable says how a server calls a function or a method by its parameters:
// two are WSGI's, three of an async one ASGI's.
func (d definition) callable(method bool) Interface {
	params := d.params
	if method && len(params) > 0 {
		params = params[1:]
	}
	switch {
	case !d.async && len(params) == 2 && wsgiNames[params[1]]:
		return WSGI
	case d.async && len(params) == 3 && params[0] == "scope":
		return ASGI
	}
	return ""
}

var wsgiNames = map[string]bool{"start_response": true, "startresponse": true, "start": true, "start_resp": true}

// callableNamed finds an application that is a function of a module, or an
// instance of a class of it that has such a __call__.
func (d *detection) callableNamed(m *module, file, name string) (candidate, bool) {
	if def, ok := m.def(name); ok {
		if iface := def.callable(false); iface != "" {
			return candidate{file: file, line: def.line, iface: iface, origin: file + ":" + name}, true
		}
	}
	for _, a := range m.assigns {
		if a.name != name || a.callee == "" || strings.Contains(a.callee, ".") {
			continue
		}
		if call, ok := m.calls[a.callee]; ok {
			if iface := call.callable(true); iface != "" {
				return candidate{file: file, line: a.line, iface: iface, origin: file + ":" + name}, true
			}
		}
	}
	return candidate{}, false
}

// importedApplication is an entry module that only imports its application
// from an installed package.
func (d *detection) importedApplication(m *module, file, name string) (candidate, bool) {
	full, imported := m.imports[name]
	if !imported || strings.HasPrefix(full, ".") || entryObjects[name] < 4 {
		return candidate{}, false
	}
	if _, _, own := d.locate(file, full); own {
		return candidate{}, false
	}
	head, rest, _ := strings.Cut(full, ".")
	if ownServers[head] || rest == "" || d.tree.isDir(head) || d.tree.isDir("src/"+head) || !d.installs(normalizeName(head)) {
		return candidate{}, false
	}
	return candidate{file: file, line: d.lineOf(file, "import"), origin: full, framework: packageFramework[normalizeName(head)]}, true
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
			own = manifestOf(d.tree.at(dir)) != ""
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
