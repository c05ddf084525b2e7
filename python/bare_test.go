package python

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestBareApplications: an object of which it is certain that it answers nothing is told
// from all that might, for each framework.
func TestBareApplications(t *testing.T) {
	t.Parallel()
	venv := filepath.Join(t.TempDir(), "venv")
	python := filepath.Join(venv, "bin", "python")
	for _, args := range [][]string{
		{"python3", "-m", "venv", venv},
		{python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "fastapi==0.115.0", "quart==0.19.9", "sanic==24.12.0", "litestar==2.13.0", "sniffio==1.3.1", "aiohttp==3.11.11"},
	} {
		if out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	dir := unpack(t, `
-- fast.py --
from contextlib import asynccontextmanager
from fastapi import FastAPI
from starlette.applications import Starlette
async def home(*args): pass
@asynccontextmanager
async def life(app): yield
class Own(FastAPI): pass
bare, bare_titled, bare_starlette = FastAPI(), FastAPI(title="Shop", docs_url="/help", redoc_url=None), Starlette()
routed, hooked, told, caught, starting, own, other = FastAPI(), FastAPI(), FastAPI(lifespan=life), FastAPI(), Starlette(lifespan=life), Own(), FastAPI()
routed.websocket("/")(home)
hooked.middleware("http")(home)
caught.exception_handler(404)(home)
other.router.default = home
-- quarts.py --
from quart import Quart
async def home(): return ""
bare, routed, starting = Quart("bare"), Quart("routed"), Quart("starting")
routed.websocket("/")(home)
starting.before_serving(home)
-- sanics.py --
from sanic import Blueprint, Sanic
async def home(request): pass
bare, routed, grouped, starting = Sanic("bare"), Sanic("routed"), Sanic("grouped"), Sanic("starting")
routed.get("/")(home)
grouped.blueprint(Blueprint("group"))
starting.before_server_start(home)
-- stars.py --
from contextlib import asynccontextmanager
from litestar import Litestar, get
@get("/")
async def home() -> str: return ""
@asynccontextmanager
async def life(app): yield
bare, routed, told = Litestar(), Litestar([home]), Litestar(lifespan=[life])
-- clients.py --
from aiohttp import web
async def home(request): pass
bare, routed, starting = web.Application(), web.Application(), web.Application()
routed.router.add_get("/", home)
starting.on_startup.append(home)
`)
	for module, objects := range map[string]string{
		"fast": "bare bare_titled bare_starlette routed hooked told caught starting own other", "quarts": "bare routed starting",
		"sanics": "bare routed grouped starting", "stars": "bare routed told", "clients": "bare routed starting",
	} {
		for object := range strings.FieldsSeq(objects) {
			r := runImportCheck(t, python, dir, Application{Module: module, Object: object, Dir: "."})
			if r.Bare != strings.HasPrefix(object, "bare") || !r.OK {
				t.Errorf("%s:%s: %+v", module, object, r)
			}
		}
	}
}
