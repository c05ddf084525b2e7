package python

import (
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/python/syntax"
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
		for _, st := range m.All {
			for _, c := range routeCalls(st) {
				r, owner, ok := routeOf(c)
				if !ok {
					continue
				}
				prefix, known := d.prefixOf(f, m, owner, mounts)
				if !known {
					continue
				}
				out = append(out, route{path: joinRoute(prefix, r), file: f, line: c.Line})
			}
		}
	}
	return out
}

func routeCalls(st syntax.Statement) []syntax.Call {
	if st.Starts("@") {
		return syntax.Calls(st.Tokens[1:])
	}
	return syntax.Calls(st.Tokens)
}

var getters = map[string]bool{
	"route": true, "get": true, "head": true, "add_get": true, "add_route": true, "add_url_rule": true, "add_api_route": true, "api_route": true, "Route": true, "GET": true,
}

// routeOf reads a call such as app.get("/health") or Route("/health", view).
func routeOf(c syntax.Call) (routePath, owner string, ok bool) {
	last := syntax.LastPart(c.Callee)
	if !getters[last] || len(c.Args) == 0 {
		return "", "", false
	}
	owner = strings.TrimSuffix(strings.TrimSuffix(c.Callee, last), ".")
	if owner == "" && last != "Route" {
		return "", "", false
	}
	text, isText := syntax.Literal(c.Args[0])
	if last == "GET" || !isText && len(c.Args) > 1 {
		text, isText = syntax.KeywordText(c.Args, "path", text, isText)
	}
	if !isText || !plainRoute.MatchString(text) || last == "get" && !strings.HasPrefix(text, "/") {
		return "", "", false
	}
	if methods, stated := syntax.Keyword(c.Args, "methods"); stated {
		get := false
		for _, t := range methods {
			get = get || t.Kind == syntax.TokenString && strings.EqualFold(t.Text, "GET")
		}
		if !get {
			return "", "", false
		}
	}
	return text, owner, true
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
		for _, st := range m.All {
			for _, c := range syntax.Calls(st.Tokens) {
				last := syntax.LastPart(c.Callee)
				if last != "include_router" && last != "register_blueprint" && last != "blueprint" || len(c.Args) == 0 {
					continue
				}
				name, rest := syntax.Dotted(c.Args[0])
				if name == "" || len(rest) > 0 {
					continue
				}
				mt := mount{file: f, name: name, known: true, mounted: f, onto: strings.TrimSuffix(strings.TrimSuffix(c.Callee, last), ".")}
				if _, local := m.Last(name); !local {
					if target, attr, ok := d.locate(f, m.Resolve(name)); ok && attr != "" && !strings.Contains(attr, ".") {
						mt.file, mt.name = target, attr
						if inner := d.module(target); inner != nil { // re-exported by a package
							if full, imported := inner.Imports[attr]; imported {
								if next, a, ok := d.locate(target, full); ok && a != "" {
									mt.file, mt.name = next, a
								}
							}
						}
					}
				}
				for _, key := range []string{"prefix", "url_prefix"} {
					if v, stated := syntax.Keyword(c.Args, key); stated {
						mt.prefix, mt.known = syntax.Literal(v)
						if !mt.known && len(v) == 1 && v[0].Kind == syntax.TokenName {
							mt.prefix, mt.known = m.Strings[v[0].Text], m.Strings[v[0].Text] != ""
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
func (d *detection) mountedElsewhere(m *syntax.Module, name string) bool {
	if app := d.project.Application; app != nil && app.Object == name {
		return false
	}
	for _, st := range m.All {
		for _, c := range syntax.Calls(st.Tokens) {
			if syntax.LastPart(c.Callee) != "mount" {
				continue
			}
			for _, a := range c.Args {
				if len(a) > 2 && a[1].Is("=") {
					a = a[2:]
				}
				if len(a) == 1 && a[0].Is(name) {
					return true
				}
			}
		}
	}
	return false
}

// prefixOf says under which prefix the routes of owner lie. known is false
// when it cannot be told.
func (d *detection) prefixOf(file string, m *syntax.Module, owner string, mounts []mount) (prefix string, known bool) {
	return d.prefixAt(file, m, owner, mounts, 0)
}

func (d *detection) prefixAt(file string, m *syntax.Module, owner string, mounts []mount, depth int) (string, bool) {
	owner = strings.TrimSuffix(owner, ".router") // aiohttp: app.router.add_get
	if depth > 5 {
		return "", false
	}
	if owner == "" {
		return "", true // Starlette's Route in a list
	}
	a, ok := m.Last(owner)
	if !ok {
		switch owner { // a parameter, or the object of a factory
		case "app", "application", "server", "self.app":
			return "", true
		}
		if full, imported := m.Imports[owner]; imported {
			if target, attr, found := d.locate(file, full); found && attr != "" && target != file {
				if inner := d.module(target); inner != nil {
					return d.prefixAt(target, inner, attr, mounts, depth+1)
				}
			}
		}
		return "", false
	}
	full := m.Resolve(a.Callee)
	if _, isApp := makers[full]; isApp {
		return "", !d.mountedElsewhere(m, owner)
	}
	kind := syntax.LastPart(full)
	if kind != "APIRouter" && kind != "Blueprint" {
		_, _, made := d.made(file, owner, 0)
		return "", made
	}
	own := ""
	for _, key := range []string{"prefix", "url_prefix"} {
		if v, stated := syntax.Keyword(syntax.Arguments(a.Value), key); stated {
			if own, ok = syntax.Literal(v); !ok {
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
		if m := d.module(f); m != nil && m.Strings["ROOT_URLCONF"] != "" {
			if target, rest, ok := d.locate(f, m.Strings["ROOT_URLCONF"]); ok && rest == "" {
				root = target
				break
			}
		}
	}
	if dj := d.django(); root == "" {
		for _, f := range []string{dj.wsgi, dj.asgi} {
			if u := path.Join(path.Dir(f), "urls.py"); root == "" && f != "" && d.tree.Exists(u) {
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
	for _, st := range m.All {
		for _, c := range syntax.Calls(st.Tokens) {
			last := syntax.LastPart(c.Callee)
			if last != "path" && last != "re_path" && last != "url" || len(c.Args) < 2 {
				continue
			}
			text, ok := syntax.Literal(c.Args[0])
			if ok && last != "path" {
				text = strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(text, "^"), "$"), "?")
			}
			if !ok || !plainRoute.MatchString(text) {
				continue
			}
			full := joinRoute(prefix, text)
			view, rest := syntax.Dotted(c.Args[1])
			if syntax.LastPart(view) == "include" && len(rest) > 0 {
				inner := syntax.Arguments(rest)
				if len(inner) == 0 {
					continue
				}
				name, isText := syntax.Literal(inner[0])
				switch {
				case isText && strings.HasPrefix(name, "health_check"):
					out = append(out, route{path: full, file: file, line: c.Line})
				case isText:
					if target, r, ok := d.locate(file, name); ok && r == "" {
						out = append(out, d.urlpatterns(target, full, seen, depth+1)...)
					}
				}
				continue
			}
			out = append(out, route{path: full, file: file, line: c.Line, admin: strings.HasSuffix(view, "site.urls")})
		}
	}
	return out
}
