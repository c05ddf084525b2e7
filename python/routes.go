package python

import (
	"path"
	"regexp"
	"strconv"
	"strings"
)

// route is a path that the application surely answers to GET.
type route struct {
	path  string
	file  string
	line  int
	admin bool // Django's admin
}

func (r route) String() string { return r.path + " (" + r.file + ":" + strconv.Itoa(r.line) + ")" }

var plainRoute = regexp.MustCompile(`^[A-Za-z0-9_./-]*$`)

// routes collects literal routes whose whole path is known. A route of a
// blueprint or router counts only when the place where it is mounted was found.
func (d *detection) routes() []route {
	var out []route
	if d.project.Framework == "django" {
		return d.djangoRoutes()
	}
	mounts := d.mounts()
	for _, f := range d.sources() {
		m := d.module(f)
		if m == nil {
			continue
		}
		for _, st := range m.all {
			for _, c := range routeCalls(st) {
				r, owner, ok := routeOf(c)
				if !ok {
					continue
				}
				prefix, known := d.prefixOf(f, m, owner, mounts)
				if !known {
					continue
				}
				out = append(out, route{path: joinRoute(prefix, r), file: f, line: c.line})
			}
		}
	}
	return out
}

func routeCalls(st statement) []call {
	if st.starts("@") {
		return calls(st.tokens[1:])
	}
	return calls(st.tokens)
}

var getters = map[string]bool{
	"route": true, "get": true, "head": true, "add_get": true, "add_route": true, "add_url_rule": true, "add_api_route": true, "api_route": true, "Route": true, "GET": true,
}

// routeOf reads a call such as app.get("/health") or Route("/health", view).
func routeOf(c call) (routePath, owner string, ok bool) {
	last := lastPart(c.callee)
	if !getters[last] || len(c.args) == 0 {
		return "", "", false
	}
	owner = strings.TrimSuffix(strings.TrimSuffix(c.callee, last), ".")
	if owner == "" && last != "Route" {
		return "", "", false
	}
	text, isText := literal(c.args[0])
	if last == "GET" || !isText && len(c.args) > 1 {
		text, isText = keywordText(c.args, "path", text, isText)
	}
	if !isText || !plainRoute.MatchString(text) || last == "get" && !strings.HasPrefix(text, "/") {
		return "", "", false
	}
	if methods, stated := keyword(c.args, "methods"); stated {
		get := false
		for _, t := range methods {
			get = get || t.kind == tokenString && strings.EqualFold(t.text, "GET")
		}
		if !get {
			return "", "", false
		}
	}
	return text, owner, true
}

func keywordText(args [][]token, name, text string, ok bool) (string, bool) {
	if v, stated := keyword(args, name); stated {
		return literal(v)
	}
	return text, ok
}

// mount is where a router or blueprint hangs.
type mount struct {
	file, name string // of the router
	prefix     string
	known      bool
	mounted    string // file in which it is mounted
	onto       string // the name it is mounted on there
}

// mounts reads include_router, register_blueprint and Flask-like calls.
func (d *detection) mounts() []mount {
	var out []mount
	for _, f := range d.sources() {
		m := d.module(f)
		if m == nil {
			continue
		}
		for _, st := range m.all {
			for _, c := range calls(st.tokens) {
				last := lastPart(c.callee)
				if last != "include_router" && last != "register_blueprint" && last != "blueprint" || len(c.args) == 0 {
					continue
				}
				name, rest := dotted(c.args[0])
				if name == "" || len(rest) > 0 {
					continue
				}
				mt := mount{file: f, name: name, known: true, mounted: f, onto: strings.TrimSuffix(strings.TrimSuffix(c.callee, last), ".")}
				if _, local := m.last(name); !local {
					if target, attr, ok := d.locate(f, m.resolve(name)); ok && attr != "" && !strings.Contains(attr, ".") {
						mt.file, mt.name = target, attr
						if inner := d.module(target); inner != nil { // re-exported by a package
							if full, imported := inner.imports[attr]; imported {
								if next, a, ok := d.locate(target, full); ok && a != "" {
									mt.file, mt.name = next, a
								}
							}
						}
					}
				}
				for _, key := range []string{"prefix", "url_prefix"} {
					if v, stated := keyword(c.args, key); stated {
						mt.prefix, mt.known = literal(v)
						if !mt.known && len(v) == 1 && v[0].kind == tokenName {
							mt.prefix, mt.known = m.strings[v[0].text], m.strings[v[0].text] != ""
						}
					}
				}
				out = append(out, mt)
			}
		}
	}
	return out
}

// mountedElsewhere says that an application is a part of another, by
// other.mount("/path", name), and so has paths that are not its own.
func (d *detection) mountedElsewhere(m *module, name string) bool {
	if app := d.project.Application; app != nil && app.Object == name {
		return false
	}
	for _, st := range m.all {
		for _, c := range calls(st.tokens) {
			if lastPart(c.callee) != "mount" {
				continue
			}
			for _, a := range c.args {
				if len(a) > 2 && a[1].is("=") {
					a = a[2:]
				}
				if len(a) == 1 && a[0].is(name) {
					return true
				}
			}
		}
	}
	return false
}

// prefixOf says under which prefix the routes of owner lie. known is false
// when it cannot be told.
func (d *detection) prefixOf(file string, m *module, owner string, mounts []mount) (prefix string, known bool) {
	return d.prefixAt(file, m, owner, mounts, 0)
}

func (d *detection) prefixAt(file string, m *module, owner string, mounts []mount, depth int) (string, bool) {
	owner = strings.TrimSuffix(owner, ".router") // aiohttp: app.router.add_get
	if depth > 5 {
		return "", false
	}
	if owner == "" {
		return "", true // Starlette's Route in a list
	}
	a, ok := m.last(owner)
	if !ok {
		switch owner { // a parameter, or the object of a factory
		case "app", "application", "server", "self.app":
			return "", true
		}
		if full, imported := m.imports[owner]; imported {
			if target, attr, found := d.locate(file, full); found && attr != "" && target != file {
				if inner := d.module(target); inner != nil {
					return d.prefixAt(target, inner, attr, mounts, depth+1)
				}
			}
		}
		return "", false
	}
	full := m.resolve(a.callee)
	if _, isApp := makers[full]; isApp {
		return "", !d.mountedElsewhere(m, owner)
	}
	kind := lastPart(full)
	if kind != "APIRouter" && kind != "Blueprint" {
		_, _, made := d.made(file, owner, 0)
		return "", made
	}
	own := ""
	for _, key := range []string{"prefix", "url_prefix"} {
		if v, stated := keyword(arguments(a.value), key); stated {
			if own, ok = literal(v); !ok {
				return "", false
			}
		}
	}
	for _, mt := range mounts {
		if mt.file != file || mt.name != owner || !mt.known {
			continue
		}
		outer := d.module(mt.mounted)
		if outer == nil {
			continue
		}
		above, known := d.prefixAt(mt.mounted, outer, mt.onto, mounts, depth+1)
		if !known {
			continue
		}
		if kind == "Blueprint" && mt.prefix != "" {
			own = "" // register_blueprint's prefix replaces the blueprint's own
		}
		return strings.TrimSuffix(strings.TrimSuffix(above, "/")+strings.TrimSuffix(mt.prefix, "/")+own, "/"), true
	}
	return "", false
}

// djangoRoutes reads the root URL configuration and what it includes.
func (d *detection) djangoRoutes() []route {
	root := ""
	for _, f := range d.settingsModules() {
		if m := d.module(f); m != nil && m.strings["ROOT_URLCONF"] != "" {
			if target, rest, ok := d.locate(f, m.strings["ROOT_URLCONF"]); ok && rest == "" {
				root = target
				break
			}
		}
	}
	if dj := d.django(); root == "" {
		for _, f := range []string{dj.wsgi, dj.asgi} {
			if u := path.Join(path.Dir(f), "urls.py"); root == "" && f != "" && d.tree.exists(u) {
				root = u
			}
		}
	}
	if root == "" {
		return nil
	}
	return d.urlpatterns(root, "/", map[string]bool{}, 0)
}

func (d *detection) urlpatterns(file, prefix string, seen map[string]bool, depth int) []route {
	m := d.module(file)
	if m == nil || seen[file] || depth > 4 {
		return nil
	}
	seen[file] = true
	var out []route
	for _, st := range m.all {
		for _, c := range calls(st.tokens) {
			last := lastPart(c.callee)
			if last != "path" && last != "re_path" && last != "url" || len(c.args) < 2 {
				continue
			}
			text, ok := literal(c.args[0])
			if ok && last != "path" {
				text = strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(text, "^"), "$"), "?")
			}
			if !ok || !plainRoute.MatchString(text) {
				continue
			}
			full := joinRoute(prefix, text)
			view, rest := dotted(c.args[1])
			if lastPart(view) == "include" && len(rest) > 0 {
				inner := arguments(rest)
				if len(inner) == 0 {
					continue
				}
				name, isText := literal(inner[0])
				switch {
				case isText && strings.HasPrefix(name, "health_check"):
					out = append(out, route{path: full, file: file, line: c.line})
				case isText:
					if target, r, ok := d.locate(file, name); ok && r == "" {
						out = append(out, d.urlpatterns(target, full, seen, depth+1)...)
					}
				}
				continue
			}
			out = append(out, route{path: full, file: file, line: c.line, admin: strings.HasSuffix(view, "site.urls")})
		}
	}
	return out
}
