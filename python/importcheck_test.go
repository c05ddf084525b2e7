package python

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/python/tree"
	"golang.org/x/tools/txtar"
)

// runImportCheck imports app in dir as a builder does, with the result on
// file descriptor 3.
func runImportCheck(t *testing.T, python, dir string, app Application) ImportResult {
	t.Helper()
	code, args, ok := (&Project{Application: &app}).ImportCheck()
	if !ok {
		t.Fatal("nothing to import")
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	cmd := exec.CommandContext(t.Context(), python, append([]string{"-c", code}, args...)...)
	cmd.Dir = dir
	cmd.ExtraFiles = []*os.File{write}
	output, runErr := cmd.CombinedOutput()
	write.Close()
	data := make([]byte, 64<<10)
	n, _ := read.Read(data)
	r, err := ReadImportResult(data[:n])
	if err != nil {
		t.Fatalf("%v (%v)\n%s", err, runErr, output)
	}
	if r.OK != (runErr == nil) {
		t.Errorf("ok is %v and the exit %v", r.OK, runErr)
	}
	return r
}

// objects imitates what frameworks make, in every form a server calls.
const objects = `
-- plain.py --
import functools, sys
print("noise on stdout"); print("noise on stderr", file=sys.stderr)
def wsgi(environ, start_response): return []
def wsgi_many(*args): return []
async def asgi(scope, receive, send): pass
def asgi_plain(scope, receive, send): return asgi(scope, receive, send)
def asgi_twice(scope):
    async def instance(receive, send): pass
    return instance
class Wsgi:
    def __call__(self, environ, start_response): return []
class Asgi:
    async def __call__(self, scope, receive, send): pass
class AsgiTwice:
    def __init__(self, scope): pass
    async def __call__(self, receive, send): pass
class AsgiAwaited:
    def __init__(self, scope, receive, send): pass
    def __await__(self): yield
class WsgiClass:
    def __init__(self, environ, start_response): pass
    def __iter__(self): return iter([])
wsgi_object, asgi_object = Wsgi(), Asgi()
partial = functools.partial(asgi)
number = 3
def make_wsgi(config=None): return Wsgi()
def make_asgi(): return Asgi()
async def make_async(): return Asgi()
def make_nothing(): pass
def make_broken(): raise ValueError("no DATABASE_URL")
-- syntax.py --
x = (
-- leaves.py --
import sys
sys.exit(4)
-- missing.py --
import not_installed_anywhere
-- package/__init__.py --
-- package/inner.py --
from plain import wsgi as app
`

func unpack(t *testing.T, archive string) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range txtar.Parse([]byte(archive)).Files {
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestImportCheck(t *testing.T) {
	dir := unpack(t, objects)
	for _, c := range []struct {
		module, object string
		want           Interface
	}{
		{"plain", "wsgi", WSGI}, {"plain", "wsgi_many", WSGI}, {"plain", "wsgi_object", WSGI}, {"plain", "WsgiClass", WSGI}, {"plain", "make_wsgi()", WSGI},
		{"plain", "asgi", ASGI}, {"plain", "asgi_plain", ASGI}, {"plain", "asgi_twice", ASGI}, {"plain", "asgi_object", ASGI}, {"plain", "AsgiTwice", ASGI},
		{"plain", "AsgiAwaited", ASGI}, {"plain", "partial", ASGI}, {"plain", "make_asgi()", ASGI}, {"package.inner", "app", WSGI},
	} {
		object, factory := strings.CutSuffix(c.object, "()")
		r := runImportCheck(t, "python3", dir, Application{Module: c.module, Object: object, Factory: factory})
		if !r.OK || r.Interface != c.want {
			t.Errorf("%s:%s: %+v, want %s", c.module, c.object, r, c.want)
		}
	}
	for _, c := range []struct{ module, object, kind, line string }{
		{"plain", "gone", "AttributeError", ""}, {"plain", "number", "NotCallable", ""}, {"plain", "make_nothing()", "NotCallable", ""},
		{"plain", "make_async()", "TypeError", ""}, {"plain", "make_broken()", "ValueError", "plain.py:30"},
		{"syntax", "x", "SyntaxError", "syntax.py:1"}, {"leaves", "app", "SystemExit", "leaves.py:2"},
		{"missing", "app", "ModuleNotFoundError", "missing.py:1"}, {"nowhere", "app", "ModuleNotFoundError", ""},
	} {
		object, factory := strings.CutSuffix(c.object, "()")
		app := Application{Module: c.module, Object: object, Factory: factory}
		r := runImportCheck(t, "python3", dir, app)
		if r.OK || r.ErrorType != c.kind || c.line != "" && r.Line != c.line {
			t.Errorf("%s:%s: %+v, want %s at %q", c.module, c.object, r, c.kind, c.line)
		}
		if p := (&Project{Application: &app}).Judge(r); p == nil || p.Remedy == "" || p.File == "" {
			t.Errorf("%s:%s is judged %+v", c.module, c.object, p)
		}
	}
}

// Uvicorn imports where its loop runs already, and others don't.
func TestImportWithinALoop(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "life.py"), []byte("import asyncio\n\n\nasync def tick():\n    pass\n\nasyncio.create_task(tick())\n\n\nasync def app(scope, receive, send):\n    pass\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	app := Application{Module: "life", Object: "app"}
	r := runImportCheck(t, "python3", dir, app)
	if !r.OK || !r.WithinLoop || r.Interface != ASGI {
		t.Fatalf("%+v", r)
	}
	if p := (&Project{Application: &app, Server: &Server{Name: "uvicorn"}}).Judge(r); p != nil {
		t.Errorf("uvicorn can't serve it: %s", p.Sentence())
	}
	if p := (&Project{Application: &app, Server: &Server{Name: "hypercorn"}}).Judge(r); p == nil || !strings.Contains(p.Remedy, "server=uvicorn") {
		t.Errorf("hypercorn is judged %+v", p)
	}
}

// TestImportCheckFrameworks imports real applications of real frameworks, and
// holds what detection says of their code to what they are.
func TestImportCheckFrameworks(t *testing.T) {
	venv := filepath.Join(t.TempDir(), "venv")
	python := filepath.Join(venv, "bin", "python")
	for _, args := range [][]string{
		{"python3", "-m", "venv", venv},
		{python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "flask==3.0.3", "fastapi==0.115.0", "django==5.0.6", "asgiref"},
	} {
		if out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	dir := unpack(t, `
-- requirements.txt --
flask==3.0.3
-- flask_app.py --
from flask import Flask
def create_app(config=None):
    return Flask(__name__)
app = create_app()
-- parts.py --
from flask import Blueprint, Flask
app = Flask(__name__)
@app.get("/")
def home(): return ""
part = Blueprint("part", __name__)
hooked = Flask(__name__)
hooked.before_request(home)
mounted = Flask(__name__)
mounted.wsgi_app = app.wsgi_app
-- kinds.py --
from flask import Flask
class Own(Flask):
    def wsgi_app(self, environ, start_response): return []
own = Own(__name__)
files = Flask(__name__, static_folder="shop", static_url_path="")
-- empty.py --
from flask import Flask
from parts import app as whole, part
app = Flask(__name__)
number = 3
def create_app(config=None): return app
def make_app(config, name): return app
-- alone.py --
from flask import Flask
app = Flask(__name__)
def create_app(config): return app
-- named.py --
from parts import app
def create_app(name, debug=True): return app if (name, debug) == ("prod", False) else None
-- fast_app.py --
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
app = FastAPI()
@app.get("/")
def home(): return ""
wrapped = CORSMiddleware(app, allow_origins=["*"])
-- both.py --
from asgiref.wsgi import WsgiToAsgi
from flask_app import app
asgi_app = WsgiToAsgi(app)
-- shop/__init__.py --
-- shop/settings.py --
SECRET_KEY = "x"
ROOT_URLCONF = "shop.urls"
-- shop/urls.py --
urlpatterns = []
-- shop/wsgi.py --
import os
from django.core.wsgi import get_wsgi_application
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
application = get_wsgi_application()
-- shop/asgi.py --
import os
from django.core.asgi import get_asgi_application
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
application = get_asgi_application()
-- unset.py --
from django.core.wsgi import get_wsgi_application
application = get_wsgi_application()
`)
	tree, err := tree.Open(os.DirFS(dir), ".")
	if err != nil {
		t.Fatal(err)
	}
	d := &detection{tree: tree, project: newProject()}
	for _, c := range []struct {
		module, object string
		factory        bool
		want           Interface
	}{
		{"flask_app", "app", false, WSGI}, {"flask_app", "create_app", true, WSGI}, {"fast_app", "app", false, ASGI}, {"both", "asgi_app", false, ASGI},
		{"shop.wsgi", "application", false, WSGI}, {"shop.asgi", "application", false, ASGI},
	} {
		r := runImportCheck(t, python, dir, Application{Module: c.module, Object: c.object, Factory: c.factory})
		if !r.OK || r.Interface != c.want {
			t.Errorf("%s:%s: %+v, want %s", c.module, c.object, r, c.want)
		}
		file := strings.ReplaceAll(c.module, ".", "/") + ".py"
		var found candidate
		if c.factory {
			found, _ = d.makes(file, c.object, 0)
		} else {
			found, _, _ = d.made(file, c.object, 0)
		}
		if found.iface != r.Interface {
			t.Errorf("%s:%s: the code reads as %q and imports as %q", c.module, c.object, found.iface, r.Interface)
		}
	}
	for _, c := range []struct{ module, object, says string }{
		{"empty", "app", "empty:app has no routes once it is imported: something that a server doesn't call adds them; state what is to be served: slipway service set SERVICE --set application=empty:whole; there are also empty:create_app(), parts:hooked, parts:mounted and empty:make_app(config, name)"},
		{"empty", "gone", "--set application=empty:whole"},
		{"empty", "number", "--set application=empty:whole"},
		{"alone", "app", "'processes.web=gunicorn \"alone:create_app(config)\" --bind $HOST:$PORT', with a value for what it takes"},
		{"parts", "app", ""}, {"parts", "hooked", ""}, {"parts", "mounted", ""}, {"kinds", "own", ""}, {"kinds", "files", ""}, {"fast_app", "app", ""},
	} {
		r := runImportCheck(t, python, dir, Application{Module: c.module, Object: c.object})
		p := &Project{Application: &Application{Module: c.module, Object: c.object, Dir: "."}, Findings: []Finding{{What: "application", Confidence: Medium}}}
		problem := p.Judge(r)
		if c.says == "" && problem != nil || c.says != "" && (problem == nil || !strings.Contains(problem.Sentence(), c.says)) {
			t.Errorf("%s:%s is judged %+v by %+v, want %s", c.module, c.object, problem, r, c.says)
		}
		p.Findings[0].Confidence = High
		if problem := p.Judge(r); problem != nil && r.Bare {
			t.Errorf("what is stated is served: %+v", problem)
		}
	}
	if r := runImportCheck(t, python, dir, Application{Module: "named", Object: "create_app", Factory: true, Arguments: `"prod", debug=False`}); !r.OK || r.Interface != WSGI {
		t.Errorf("a factory with arguments: %+v", r)
	}
	if r := runImportCheck(t, python, dir, Application{Module: "fast_app", Object: "wrapped"}); r.Interface != ASGI {
		t.Errorf("middleware: %+v", r)
	}
	if r := runImportCheck(t, python, dir, Application{Module: "unset", Object: "application"}); r.ErrorType != "ImproperlyConfigured" || r.Line != "unset.py:2" {
		t.Errorf("no settings: %+v", r)
	}
}

func TestJudgeInterface(t *testing.T) {
	p := &Project{Application: &Application{Module: "main", Object: "app", Interface: WSGI}, Server: &Server{Name: "gunicorn"}, Processes: map[string]Command{"web": "gunicorn main:app"}}
	if got := p.Judge(ImportResult{OK: true, Interface: ASGI}); got == nil || got.Code != "server.interface" || !strings.Contains(got.Remedy, "server: uvicorn") {
		t.Errorf("an ASGI object under gunicorn: %+v", got)
	}
	p.Processes["web"] = "gunicorn -k uvicorn.workers.UvicornWorker main:app"
	if got := p.Judge(ImportResult{OK: true, Interface: ASGI}); got != nil {
		t.Errorf("an ASGI object under gunicorn with an ASGI worker: %+v", got)
	}
	p.Application.Interface = ""
	p.Server.Name = "hypercorn"
	if got := p.Judge(ImportResult{OK: true, Interface: ASGI}); got != nil || p.Application.Interface != ASGI {
		t.Errorf("an unknown interface is learnt: %+v, %q", got, p.Application.Interface)
	}
}
