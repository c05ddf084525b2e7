package python

import (
	"strconv"

	"github.com/slipway-dev/slipway/python/tree"
)

// maker is something whose call makes an application object.
type maker struct {
	framework string
	iface     Interface
	wraps     bool // it wraps another application: the framework is that one's
}

// makers are the constructors of applications by their full names.
var makers = map[string]maker{
	"flask.Flask": {"flask", WSGI, false}, "flask.app.Flask": {"flask", WSGI, false}, "apiflask.APIFlask": {"flask", WSGI, false},
	"flask_openapi3.OpenAPI": {"flask", WSGI, false},
	"fastapi.FastAPI":        {"fastapi", ASGI, false}, "fastapi.applications.FastAPI": {"fastapi", ASGI, false},
	"starlette.applications.Starlette": {"starlette", ASGI, false},
	"litestar.Litestar":                {"litestar", ASGI, false}, "litestar.app.Litestar": {"litestar", ASGI, false},
	"sanic.Sanic": {"sanic", ASGI, false}, "quart.Quart": {"quart", ASGI, false},
	"falcon.App": {"falcon", WSGI, false}, "falcon.API": {"falcon", WSGI, false}, "falcon.asgi.App": {"falcon", ASGI, false},
	"bottle.Bottle": {"bottle", WSGI, false}, "bottle.default_app": {"bottle", WSGI, false}, "bottle.app": {"bottle", WSGI, false},
	"aiohttp.web.Application":  {"aiohttp", Raw, false},
	"dash.Dash":                {"dash", "", false},
	"fasthtml.common.FastHTML": {"fasthtml", ASGI, false}, "fasthtml.common.fast_app": {"fasthtml", ASGI, false}, "fasthtml.fastapp.fast_app": {"fasthtml", ASGI, false}, "fasthtml.core.FastHTML": {"fasthtml", ASGI, false},
	"robyn.Robyn":        {"robyn", Raw, false},
	"connexion.FlaskApp": {"flask", WSGI, false}, "connexion.AsyncApp": {"connexion", ASGI, false}, "connexion.App": {"connexion", "", false},
	"emmett.App": {"emmett", ASGI, false}, "esmerald.Esmerald": {"esmerald", ASGI, false}, "ravyn.Ravyn": {"ravyn", ASGI, false},
	"blacksheep.Application": {"blacksheep", ASGI, false}, "blacksheep.server.Application": {"blacksheep", ASGI, false},
	"django.core.wsgi.get_wsgi_application":               {"django", WSGI, false},
	"django.core.asgi.get_asgi_application":               {"django", ASGI, false},
	"channels.routing.ProtocolTypeRouter":                 {"django", ASGI, false},
	"asgiref.wsgi.WsgiToAsgi":                             {"", ASGI, true},
	"uvicorn.middleware.wsgi.WSGIMiddleware":              {"", ASGI, true},
	"a2wsgi.WSGIMiddleware":                               {"", ASGI, true},
	"a2wsgi.ASGIMiddleware":                               {"", WSGI, true},
	"socketio.ASGIApp":                                    {"", ASGI, true},
	"socketio.WSGIApp":                                    {"", WSGI, true},
	"werkzeug.middleware.proxy_fix.ProxyFix":              {"", WSGI, true},
	"werkzeug.middleware.dispatcher.DispatcherMiddleware": {"", WSGI, true},
	"whitenoise.WhiteNoise":                               {"", WSGI, true},
}

// isMaker tells whether a full name is one of makers.
func isMaker(name string) bool {
	_, ok := makers[name]
	return ok
}

// frameworkOf maps distributions to frameworks, the ones that say most first.
var frameworkOf = []struct{ distribution, framework string }{
	{"django", "django"}, {"fastapi", "fastapi"}, {"fastapi-slim", "fastapi"}, {"flask", "flask"}, {"litestar", "litestar"},
	{"starlette", "starlette"}, {"quart", "quart"}, {"sanic", "sanic"}, {"falcon", "falcon"}, {"bottle", "bottle"}, {"pyramid", "pyramid"},
	{"streamlit", "streamlit"}, {"gradio", "gradio"}, {"dash", "dash"}, {"python-fasthtml", "fasthtml"}, {"robyn", "robyn"}, {"nicegui", "nicegui"}, {"panel", "panel"}, {"chainlit", "chainlit"}, {"reflex", "reflex"},
	{"functions-framework", "functions-framework"}, {"google-adk", "google-adk"}, {"aiohttp", "aiohttp"}, {"tornado", "tornado"},
	{"djangorestframework", "django"}, {"wagtail", "django"}, {"channels", "django"}, {"flask-restful", "flask"}, {"flask-restx", "flask"},
	{"flask-sqlalchemy", "flask"}, {"apiflask", "flask"}, {"flask-openapi3", "flask"}, {"fastapi-users", "fastapi"}, {"sqlmodel", ""},
}

// interfaceOf says how a framework's applications are called, "" when both ways.
var interfaceOf = map[string]Interface{
	"flask": WSGI, "bottle": WSGI, "pyramid": WSGI, "dash": WSGI,
	"fastapi": ASGI, "starlette": ASGI, "litestar": ASGI, "sanic": ASGI, "quart": ASGI, "aiohttp": Raw, "tornado": Raw, "fasthtml": ASGI, "robyn": Raw,
}

// declaredFrameworks are the frameworks that production states, with where.
func (d *detection) declaredFrameworks() (names []string, where map[string]tree.Evidence) {
	where = map[string]tree.Evidence{}
	for _, f := range frameworkOf {
		if f.framework == "" {
			continue
		}
		if ev, ok := d.deps.Has(f.distribution); ok {
			if _, known := where[f.framework]; !known {
				names = append(names, f.framework)
				where[f.framework] = ev
			}
		}
	}
	return names, where
}

// installs says that production gets a distribution, declared or not. What
// only a group or an extra brings doesn't count.
func (d *detection) installs(name string) bool {
	if _, ok := d.deps.Has(name); ok {
		return true
	}
	for _, p := range d.locked {
		if p.Name == name && (d.production == nil || d.production[name]) {
			return true
		}
	}
	return false
}

// setFramework states which framework the service uses, by what slipway.yaml
// says, the object that was found, or the declared dependencies.
func (d *detection) setFramework(found candidate) {
	declared, where := d.declaredFrameworks()
	var rivals []string
	switch {
	case d.config != nil && d.config.Framework != "":
		d.project.Framework = d.config.Framework
		at := d.stated("framework")
		d.find(Finding{What: "framework", Value: d.config.Framework, File: at.File, Line: at.Line, Rule: "framework." + at.rule})
		return
	case found.framework != "":
		d.project.Framework = found.framework
	case len(declared) > 0:
		d.project.Framework = declared[0]
	default:
		return
	}
	for _, f := range declared {
		if f != d.project.Framework {
			rivals = append(rivals, f+" ("+where[f].File+":"+strconv.Itoa(where[f].Line)+")")
		}
	}
	if ev, ok := where[d.project.Framework]; ok {
		d.find(Finding{What: "framework", Value: d.project.Framework, File: ev.File, Line: ev.Line, Rule: "framework.dependency", Rivals: rivals})
		return
	}
	d.find(Finding{What: "framework", Value: d.project.Framework, File: found.file, Line: found.line, Rule: "framework.import", Confidence: Medium, Rivals: rivals})
	if len(d.deps.Production) > 0 && !d.installs(d.project.Framework) && !d.halted && !d.bringsCopy(d.project.Framework) {
		if d.takeExtra(d.project.Framework, tree.Evidence{File: found.file, Line: found.line}) {
			return
		}
		d.warn(Problem{Code: "framework.undeclared", Message: found.file + " uses " + d.project.Framework + ", and no dependency names it",
			File: found.file, Line: found.line, Remedy: "add " + d.project.Framework + " to the dependencies"})
	}
}
