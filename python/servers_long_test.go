//go:build long

package python

import "strings"

// notes is how the applications of the proofs tell what they do.
const notes = `import atexit, os, time
def note(name, text=""):
    with open(os.path.join(os.environ["NOTES"], name), "w") as f: f.write(text)
def slowly(): note("slow", str(os.getpid()))
def done(): return "done %d" % os.getpid()
atexit.register(lambda: note("atexit-%d" % os.getpid()))
`

const shortGrace = "-- slipway.yaml --\nprocesses:\n  web:\n    grace_seconds: 5\n"

const wsgiApp = "-- notes.py --\n" + notes + `-- app.py --
import time
from flask import Flask, Response
from notes import done, note, slowly

app = Flask(__name__)

@app.get("/healthz")
def healthz():
    return "ok"

@app.get("/slow")
def slow():
    slowly()
    time.sleep(1.5)
    return done()

@app.get("/stream")
def stream():
    def pieces():
        note("stream")
        while True:
            yield "piece\n"
            time.sleep(0.1)
    return Response(pieces())
`

const asgiApp = "-- notes.py --\n" + notes + `-- app.py --
import asyncio
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route
from notes import done, note, slowly

async def healthz(request):
    return PlainTextResponse("ok")

async def slow(request):
    slowly()
    await asyncio.sleep(1.5)
    return PlainTextResponse(done())

async def stream(request):
    async def pieces():
        note("stream")
        while True:
            yield b"piece\n"
            await asyncio.sleep(0.1)
    return StreamingResponse(pieces())

app = Starlette(routes=[Route("/healthz", healthz), Route("/slow", slow), Route("/stream", stream)])
`

const aiohttpApp = "-- notes.py --\n" + notes + `-- app.py --
import asyncio, os
from aiohttp import web
from notes import done, note, slowly

async def healthz(request):
    return web.Response(text="ok")

async def slow(request):
    slowly()
    await asyncio.sleep(1.5)
    return web.Response(text=done())

async def stream(request):
    r = web.StreamResponse()
    await r.prepare(request)
    note("stream")
    while True:
        await r.write(b"piece\n")
        await asyncio.sleep(0.1)

app = web.Application()
app.add_routes([web.get("/healthz", healthz), web.get("/slow", slow), web.get("/stream", stream)])

if __name__ == "__main__":
    web.run_app(app, host="127.0.0.1", port=int(os.environ["PORT"]))
`

func procfile(line string) string { return "-- Procfile --\nweb: " + line + "\n" }

func requires(lines ...string) string {
	return "-- requirements.txt --\n" + strings.Join(lines, "\n") + "\n"
}

// writing has the application served by a few lines of its own file.
func writing(app, serve string) string {
	return app + "\nif __name__ == '__main__':\n    import os\n    " + strings.ReplaceAll(serve, "\n", "\n    ") + "\n"
}

func serverProofs() []proof {
	flask, starlette := []string{"flask==3.1.3"}, []string{"starlette"}
	w, a := requires("flask==3.1.3")+shortGrace+wsgiApp, requires("starlette==1.0")+shortGrace+asgiApp
	port := ` --bind 127.0.0.1:$PORT`
	inferred := func(server, files string) string {
		return strings.Replace(files, "-- slipway.yaml --\n", "-- slipway.yaml --\nserver: "+server+"\n", 1)
	}
	return []proof{
		{program: "gunicorn, worker gthread", needs: flask, files: inferred("gunicorn", w), bare: "gunicorn --threads 4 app:app"},
		{program: "gunicorn", needs: flask, files: w + procfile("gunicorn -w 2 app:app"), bare: "gunicorn app:app"},
		{program: "gunicorn, worker gthread", needs: flask, files: w + procfile("gunicorn --threads 4 app:app"+port), bare: "gunicorn --threads 4 app:app"},
		{program: "gunicorn, worker asgi", needs: starlette, files: a + procfile("gunicorn -k asgi app:app"+port), bare: "gunicorn -k asgi app:app"},
		{program: "gunicorn, worker uvicorn_worker.UvicornWorker", needs: starlette, files: a + procfile("gunicorn -k uvicorn_worker.UvicornWorker app:app"+port), bare: "gunicorn -k uvicorn_worker.UvicornWorker app:app"},
		{program: "gunicorn, worker aiohttp.GunicornWebWorker", files: requires("aiohttp==3.14.5") + inferred("gunicorn", shortGrace) + aiohttpApp, bare: "gunicorn -k aiohttp.GunicornWebWorker app:app"},
		{program: "uvicorn", needs: starlette, files: inferred("uvicorn", a), bare: "uvicorn app:app"},
		{program: "uvicorn --workers 2", needs: starlette, files: a + procfile("uvicorn app:app --workers 2 --port $PORT"), bare: "uvicorn app:app --workers 2"},
		{program: "uvicorn.run()", needs: starlette, files: requires("starlette==1.0", "uvicorn==0.54.0") + shortGrace + writing(asgiApp, "import uvicorn\nuvicorn.run(app, port=int(os.environ['PORT']))") + procfile("python app.py")},
		{program: "fastapi run", files: requires("fastapi==0.165.0") + shortGrace + strings.NewReplacer("Starlette(routes=", "FastAPI(routes=", "from starlette.applications import Starlette", "from fastapi import FastAPI").Replace(asgiApp) + procfile("fastapi run app.py --port $PORT"), bare: "fastapi run app.py"},
		{program: "litestar run", files: requires("litestar==2.25.0") + shortGrace + litestarApp + procfile("litestar --app app:app run --port $PORT"), bare: "litestar --app app:app run"},
		{program: "hypercorn", needs: starlette, files: inferred("hypercorn", a)},
		{program: "hypercorn, WSGI", needs: flask, files: inferred("hypercorn", w)},
		{program: "hypercorn --workers 2", needs: starlette, files: a + procfile("hypercorn app:app --workers 2 --bind 127.0.0.1:$PORT")},
		{program: "granian", needs: starlette, files: inferred("granian", a), bare: "granian --interface asgi app:app"},
		{program: "granian", needs: flask, files: inferred("granian", w), bare: "granian --interface wsgi app:app"},
		{program: "daphne", needs: starlette, files: inferred("daphne", a)},
		{program: "waitress", needs: flask, files: inferred("waitress", w)},
		{program: "waitress", needs: flask, files: requires("flask==3.1.3", "waitress==3.0.2") + shortGrace + writing(wsgiApp, "import waitress\nwaitress.serve(app, host='127.0.0.1', port=os.environ['PORT'])") + procfile("python app.py")},
		{program: "uwsgi with a master", needs: flask, files: inferred("uwsgi", w)},
		{program: "uwsgi with a master", needs: flask, files: w + procfile("uwsgi --ini uwsgi.ini --http 127.0.0.1:$PORT") + "-- uwsgi.ini --\n[uwsgi]\nmaster = true\nmodule = app:app\n"},
		{program: "uwsgi with a master", needs: flask, files: w + procfile("uwsgi --http-socket 127.0.0.1:$PORT --master --die-on-term --module app:app")},
		{program: "uwsgi without a master", needs: flask, files: w + procfile("uwsgi --http-socket 127.0.0.1:$PORT --module app:app")},
		{program: "cheroot", needs: flask, files: requires("flask==3.1.3", "cheroot==11.1.2") + shortGrace + writing(wsgiApp, "from cheroot import wsgi\nwsgi.Server(('127.0.0.1', int(os.environ['PORT'])), app).safe_start()") + procfile("python app.py")},
		{program: "bjoern", needs: flask, files: requires("flask==3.1.3", "bjoern==3.2.2") + shortGrace + writing(wsgiApp, "import bjoern\nbjoern.run(app, '127.0.0.1', int(os.environ['PORT']))") + procfile("python app.py")},
		{program: "aiohttp", files: requires("aiohttp==3.14.5") + shortGrace + aiohttpApp + procfile("python app.py")},
		{program: "sanic", files: requires("sanic==25.12.1") + shortGrace + sanicApp},
		{program: "sanic", files: requires("sanic==25.12.1") + shortGrace + sanicApp + procfile("sanic app:app --port $PORT --workers 2")},
		{program: "tornado", files: requires("tornado==6.6.1") + shortGrace + tornadoApp + procfile("python app.py")},
		{program: "streamlit", files: requires("streamlit==1.67.0") + shortGrace + "-- app.py --\nimport streamlit as st\nst.write('ok')\n", bare: "streamlit run app.py --server.headless true"},
		{program: "robyn", files: requires("robyn==0.88.0") + shortGrace + robynApp, bare: "ROBYN_HOST=127.0.0.1 python app.py"},
		{program: "flask run", files: w + procfile("flask run --port $PORT"), bare: "flask run"},
		{program: "manage.py runserver", files: requires("django==5.2.19") + shortGrace + djangoSite + procfile("python manage.py runserver --noreload 127.0.0.1:$PORT")},
	}
}

const litestarApp = "-- notes.py --\n" + notes + `-- app.py --
import asyncio
from litestar import Litestar, get
from litestar.response import Stream
from notes import done, note, slowly

@get("/healthz")
async def healthz() -> str:
    return "ok"

@get("/slow")
async def slow() -> str:
    slowly()
    await asyncio.sleep(1.5)
    return done()

@get("/stream")
async def stream() -> Stream:
    async def pieces():
        note("stream")
        while True:
            yield b"piece\n"
            await asyncio.sleep(0.1)
    return Stream(pieces())

app = Litestar([healthz, slow, stream])
`

const sanicApp = "-- notes.py --\n" + notes + `-- app.py --
import asyncio
from sanic import Sanic, text
from notes import done, note, slowly

app = Sanic("proof")

@app.get("/healthz")
async def healthz(request):
    return text("ok")

@app.get("/slow")
async def slow(request):
    slowly()
    await asyncio.sleep(1.5)
    return text(done())

@app.get("/stream")
async def stream(request):
    r = await request.respond()
    note("stream")
    while True:
        await r.send("piece\n")
        await asyncio.sleep(0.1)
`

const tornadoApp = "-- notes.py --\n" + notes + `-- app.py --
import asyncio, os
import tornado.web
from notes import done, note, slowly

class Health(tornado.web.RequestHandler):
    def get(self):
        self.write("ok")

class Slow(tornado.web.RequestHandler):
    async def get(self):
        slowly()
        await asyncio.sleep(1.5)
        self.write(done())

class Stream(tornado.web.RequestHandler):
    async def get(self):
        note("stream")
        while True:
            self.write("piece\n")
            await self.flush()
            await asyncio.sleep(0.1)

async def main():
    app = tornado.web.Application([("/healthz", Health), ("/slow", Slow), ("/stream", Stream)])
    app.listen(int(os.environ["PORT"]), "127.0.0.1")
    await asyncio.Event().wait()

if __name__ == "__main__":
    asyncio.run(main())
`

const robynApp = "-- notes.py --\n" + notes + `-- app.py --
import asyncio
from robyn import Robyn, StreamingResponse
from notes import done, note, slowly

app = Robyn(__file__)

@app.get("/healthz")
async def healthz():
    return "ok"

@app.get("/slow")
async def slow():
    slowly()
    await asyncio.sleep(1.5)
    return done()

@app.get("/stream")
async def stream():
    async def pieces():
        note("stream")
        while True:
            yield "piece\n"
            await asyncio.sleep(0.1)
    return StreamingResponse(pieces())

if __name__ == "__main__":
    app.start()
`

const djangoSite = "-- notes.py --\n" + notes + `-- manage.py --
import os, sys, time
from django.conf import settings
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path
from notes import done, note, slowly

settings.configure(DEBUG=True, SECRET_KEY="x", ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"])

def healthz(request):
    return HttpResponse("ok")

def slow(request):
    slowly()
    time.sleep(1.5)
    return HttpResponse(done())

def stream(request):
    def pieces():
        note("stream")
        while True:
            yield "piece\n"
            time.sleep(0.1)
    return StreamingHttpResponse(pieces())

urlpatterns = [path("healthz", healthz), path("slow", slow), path("stream", stream)]

if __name__ == "__main__":
    from django.core.management import execute_from_command_line
    execute_from_command_line(sys.argv)
`
