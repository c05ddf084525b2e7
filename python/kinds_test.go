package python

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/tools/txtar"
)

// kind is one small project, as a txtar, and what has to be found in it. An
// empty answer is not looked at.
type kind struct {
	name, files      string
	web, python      string
	problem, warning string // codes
	remedy           string // part of the remedy of that problem or warning
	finding          string // "rule value"
	nothing          bool   // no problem at all
	requirement      string // of the server
	withoutWarning   string
	withoutFinding   string // a rule
	interpreters     []Interpreter
}

func detectKind(t *testing.T, k kind) *Project {
	t.Helper()
	tree := fstest.MapFS{}
	for _, f := range txtar.Parse([]byte(k.files)).Files {
		tree[f.Name] = &fstest.MapFile{Data: f.Data}
	}
	have := k.interpreters
	if have == nil {
		have = defaultInterpreters()
	}
	p, err := Detect(tree, Options{Interpreters: have, Today: time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func checkKinds(t *testing.T, kinds []kind) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			p := detectKind(t, k)
			if got := string(p.Processes["web"]); k.web != "" && got != k.web {
				t.Errorf("web is %q, want %q; problems %v", got, k.web, p.Problems)
			}
			if k.python != "" && p.Python.Version != k.python {
				t.Errorf("python is %s (%s), want %s; problems %v", p.Python.Version, p.Python.Source, k.python, p.Problems)
			}
			if k.nothing && len(p.Problems) > 0 {
				t.Errorf("problems: %v", p.Problems)
			}
			for _, want := range []struct {
				code string
				in   []Problem
			}{{k.problem, p.Problems}, {k.warning, p.Warnings}} {
				found := want.code == ""
				for _, problem := range want.in {
					found = found || problem.Code == want.code && strings.Contains(problem.Remedy, k.remedy)
				}
				if !found {
					t.Errorf("no %s with the remedy %q in %v", want.code, k.remedy, want.in)
				}
			}
			for _, w := range p.Warnings {
				if k.withoutWarning != "" && strings.HasPrefix(w.Code, k.withoutWarning) {
					t.Errorf("warned: %s", w.Sentence())
				}
			}
			if k.requirement != "" && (p.Server == nil || p.Server.Requirement != k.requirement) {
				t.Errorf("server is %+v, want %s", p.Server, k.requirement)
			}
			found := k.finding == ""
			for _, f := range p.Findings {
				found = found || f.Rule+" "+f.Value == k.finding
				if f.Rule == k.withoutFinding {
					t.Errorf("found %s %s", f.Rule, f.Value)
				}
			}
			if !found {
				t.Errorf("no finding %q in %v", k.finding, p.Findings)
			}
		})
	}
}

const (
	wsgiWeb = " --bind ${HOST:-127.0.0.1}:$PORT --threads 8"
	asgiWeb = " --host ${HOST:-127.0.0.1} --port $PORT"
)

func TestApplicationObjects(t *testing.T) {
	checkKinds(t, []kind{
		{name: "a function with two parameters", web: "gunicorn app:application" + wsgiWeb, nothing: true,
			files: "-- app.py --\ndef application(environ, start_response):\n    start_response('200 OK', [])\n    return []\n"},
		{name: "a coroutine with three", web: "uvicorn main:app" + asgiWeb, nothing: true,
			files: "-- requirements.txt --\nuvicorn==0.30.0\n-- main.py --\nasync def app(scope, receive, send):\n    pass\n"},
		{name: "an instance of a callable class", web: "gunicorn wsgi:application" + wsgiWeb, nothing: true,
			files: "-- wsgi.py --\nclass App:\n    def __call__(self, environ, start_response):\n        return []\n\napplication = App()\n"},
		{name: "the name of another module's object", web: "gunicorn wsgi:app" + wsgiWeb, nothing: true,
			files: "-- requirements.txt --\nflask==3.0.3\n-- wsgi.py --\nimport shop.web.main\n\napp = shop.web.main.app\n-- shop/__init__.py --\n-- shop/web/__init__.py --\n-- shop/web/main.py --\nfrom flask import Flask\n\napp = Flask(__name__)\n"},
		{name: "an object of an installed package", web: "gunicorn wsgi:app" + wsgiWeb, nothing: true,
			files: "-- requirements.txt --\nhttpbin==0.10.2\n-- wsgi.py --\nfrom httpbin import app\n"},
		{name: "a module called wsgi is no prefix", web: "gunicorn wsgi:app --log-file -", nothing: true, // the prefix is hypercorn's alone
			files: "-- requirements.txt --\nflask==3.0.3\ngunicorn==23.0.0\n-- Procfile --\nweb: gunicorn wsgi:app --log-file -\n-- wsgi.py --\nfrom shop import create_app\n\napp = create_app()\n-- shop/__init__.py --\nfrom flask import Flask\n\ndef create_app():\n    return Flask(__name__)\n"},
		{name: "workers that no dependency brings", web: "gunicorn app:app -k gevent", nothing: true, warning: "server.worker_missing", remedy: "add gevent",
			files: "-- requirements.txt --\nflask==3.0.3\ngunicorn==23.0.0\n-- Procfile --\nweb: gunicorn app:app -k gevent\n-- app.py --\nfrom flask import Flask\n\napp = Flask(__name__)\n"},
		{name: "workers that one brings", web: "gunicorn app:app -k gevent", nothing: true, withoutWarning: "server.worker_missing",
			files: "-- requirements.txt --\nflask==3.0.3\ngunicorn[gevent]==23.0.0\ngevent==25.9.1\n-- Procfile --\nweb: gunicorn app:app -k gevent\n-- app.py --\nfrom flask import Flask\n\napp = Flask(__name__)\n"},
		{name: "NiceGUI's own app is none to import", nothing: true, warning: "web.port_overruled",
			files: "-- requirements.txt --\nnicegui==2.5.0\n-- main.py --\nfrom nicegui import app, ui\n\napp.add_static_files('/assets', 'assets')\nui.run(port=8080)\n"},
		{name: "hypercorn's prefix", web: "hypercorn wsgi:shop:app --bind 0.0.0.0:$PORT", nothing: true,
			files: "-- requirements.txt --\nflask==3.0.3\nhypercorn==0.18.0\n-- Procfile --\nweb: hypercorn wsgi:shop:app --bind 0.0.0.0:$PORT\n-- shop.py --\nfrom flask import Flask\n\napp = Flask(__name__)\n"},
		{name: "__main__ is never imported", web: "python __main__.py",
			files: "-- requirements.txt --\nflask==3.0.3\n-- __main__.py --\nimport os\nfrom flask import Flask\n\napp = Flask(__name__)\n\nif __name__ == '__main__':\n    app.run(port=int(os.environ['PORT']))\n"},
		{name: "a source root two levels down", web: "PYTHONPATH=backend/src uvicorn shop.main:app" + asgiWeb, nothing: true,
			files: "-- requirements.txt --\nfastapi==0.115.0\nuvicorn==0.30.0\n-- backend/src/shop/__init__.py --\n-- backend/src/shop/main.py --\nfrom fastapi import FastAPI\n\nfrom shop.routes import router\n\napp = FastAPI()\n-- backend/src/shop/routes.py --\nrouter = None\n"},
		{name: "a source root that only its imports tell", web: "PYTHONPATH=services/api uvicorn shop.main:app" + asgiWeb, nothing: true,
			files: "-- requirements.txt --\nfastapi==0.115.0\nuvicorn==0.30.0\n-- services/api/shop/main.py --\nfrom fastapi import FastAPI\n\nfrom shop.routes import router\n\napp = FastAPI()\n-- services/api/shop/routes.py --\nrouter = None\n"},
		{name: "a second project below", web: "gunicorn app:app" + wsgiWeb, nothing: true,
			files: "-- requirements.txt --\nflask==3.0.3\ngunicorn==23.0.0\n-- app.py --\nfrom flask import Flask\n\napp = Flask(__name__)\n-- admin/requirements.txt --\nflask==3.0.3\n-- admin/app.py --\nfrom flask import Flask\n\napp = Flask(__name__)\n"},
		{name: "the only one of several directories that serves", web: "gunicorn app:app" + wsgiWeb, nothing: true, finding: "root.only_application backend",
			files: "-- backend/requirements.txt --\nflask==3.0.3\ngunicorn==23.0.0\n-- backend/app.py --\nfrom flask import Flask\n\napp = Flask(__name__)\n-- sdk/pyproject.toml --\n[project]\nname = \"sdk\"\nversion = \"1\"\n"},
		{name: "FastHTML", web: "uvicorn main:app" + asgiWeb, nothing: true,
			files: "-- requirements.txt --\npython-fasthtml==0.12.0\n-- main.py --\nfrom fasthtml.common import *\n\napp, rt = fast_app()\n\nserve()\n"},
		{name: "functions-framework", web: "functions-framework --target hello --source main.py" + asgiWeb, nothing: true,
			files: "-- requirements.txt --\nfunctions-framework==3.8.0\n-- main.py --\nimport functions_framework\n\n@functions_framework.http\ndef hello(request):\n    return 'x'\n"},
		{name: "the function that a buildpack is told", web: "functions-framework --target hello --source main.py" + asgiWeb, nothing: true,
			files: "-- requirements.txt --\nfunctions-framework==3.8.0\n-- project.toml --\n[[build.env]]\nname = \"GOOGLE_FUNCTION_TARGET\"\nvalue = \"hello\"\n-- main.py --\ndef greeting(name):\n    return 'x' + name\n\ndef hello(request):\n    return greeting('y')\n"},
		{name: "the only function", web: "functions-framework --target hello --source main.py" + asgiWeb, nothing: true,
			files: "-- requirements.txt --\nfunctions-framework==3.8.0\n-- main.py --\ndef hello(request):\n    return 'x'\n"},
		{name: "google-adk", web: "adk api_server" + asgiWeb + " agents", nothing: true,
			files: "-- requirements.txt --\ngoogle-adk==1.0.0\n-- agents/shop/__init__.py --\n-- agents/shop/agent.py --\nfrom google.adk.agents import Agent\n\nroot_agent = Agent(name='shop')\n"},
		{name: "Reflex says that it needs Node.js", problem: "web.reflex", remedy: "reflex run --env prod",
			files: "-- requirements.txt --\nreflex==0.7.0\n-- rxconfig.py --\nimport reflex as rx\n\nconfig = rx.Config(app_name='shop')\n-- shop/shop.py --\nimport reflex as rx\n\napp = rx.App()\n"},
		{name: "Panel", web: "panel serve app.py --address ${HOST:-127.0.0.1} --port $PORT --allow-websocket-origin '*'", nothing: true,
			files: "-- requirements.txt --\npanel==1.5.0\n-- app.py --\nimport panel as pn\n\npn.panel('x').servable()\n"},
		{name: "Chainlit", web: "chainlit run app.py" + asgiWeb + " --headless", nothing: true,
			files: "-- requirements.txt --\nchainlit==2.0.0\n-- app.py --\nimport chainlit as cl\n"},
		{name: "Robyn", web: "ROBYN_HOST=${HOST:-127.0.0.1} ROBYN_PORT=$PORT python app.py", nothing: true,
			files: "-- requirements.txt --\nrobyn==0.60.0\n-- app.py --\nfrom robyn import Robyn\n\napp = Robyn(__file__)\n\napp.start(port=8080)\n"},
		{name: "NiceGUI with a port of its own", warning: "web.port_overruled", remedy: `int(os.environ["PORT"])`, nothing: true,
			files: "-- requirements.txt --\nnicegui==2.0.0\n-- main.py --\nfrom nicegui import ui\n\nui.label('x')\nui.run()\n"},
		{name: "NiceGUI that reads PORT", web: "python main.py", nothing: true,
			files: "-- requirements.txt --\nnicegui==2.0.0\n-- main.py --\nimport os\nfrom nicegui import ui\n\nui.run(port=int(os.environ['PORT']))\n"},
		{name: "an image's ENTRYPOINT with its CMD", problem: "web.none", remedy: "python serve.py --all",
			files: "-- requirements.txt --\nrequests==2.32.0\n-- serve.py --\nimport requests\n-- Dockerfile --\nFROM python:3.12\nENTRYPOINT [\"tini\", \"--\", \"python\", \"serve.py\"]\nCMD [\"--all\"]\n"},
		{name: "an image's entry script", problem: "web.none", remedy: "python serve.py",
			files: "-- requirements.txt --\nrequests==2.32.0\n-- serve.py --\nimport requests\n-- entry.sh --\nexec \"$@\"\n-- Dockerfile --\nFROM python:3.12\nENTRYPOINT [\"/entry.sh\"]\nCMD [\"python\", \"serve.py\"]\n"},
		{name: "a suggestion that could not start", problem: "web.none", remedy: "worker: python job.py",
			files: "-- requirements.txt --\nrequests==2.32.0\n-- job.py --\nimport requests\n\nif __name__ == '__main__':\n    pass\n-- Dockerfile --\nFROM python:3.12\nCMD [\"/app/run-server\"]\n"},
		{name: "Django with packages for wsgi", web: "gunicorn shop.wsgi:application" + wsgiWeb, nothing: true,
			files: "-- requirements.txt --\ndjango==5.1\n-- manage.py --\nimport os\nfrom django.core.management import execute_from_command_line\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n-- shop/__init__.py --\n-- shop/settings.py --\nDEBUG = False\n-- shop/wsgi/__init__.py --\nfrom django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n"},
	})
}

func TestWorkersThatTheCodeHas(t *testing.T) {
	const flask = "-- app.py --\nfrom flask import Flask\n\napp = Flask(__name__)\n"
	checkKinds(t, []kind{
		{name: "Celery", finding: "worker.suggestion celery -A jobs worker", files: "-- requirements.txt --\nflask==3.0.3\ncelery==5.4.0\n-- jobs.py --\nfrom celery import Celery\n\nqueue = Celery('x')\n" + flask},
		{name: "Celery in a tasks.py", finding: "worker.suggestion celery -A tasks worker", files: "-- requirements.txt --\nflask==3.0.3\ncelery==5.4.0\n-- tasks.py --\nfrom celery import Celery\n\nqueue = Celery('x')\n" + flask},
		{name: "Celery in a package's tasks.py", finding: "worker.suggestion celery -A shop.tasks worker", files: "-- requirements.txt --\nflask==3.0.3\ncelery==5.4.0\n-- shop/__init__.py --\n-- shop/tasks.py --\nimport celery\n\nqueue = celery.Celery('x')\n" + flask},
		{name: "a tasks.py of Invoke's", withoutFinding: "worker.suggestion", files: "-- requirements.txt --\nflask==3.0.3\ncelery==5.4.0\ninvoke==2.2.0\n-- tasks.py --\nfrom celery import Celery\nfrom invoke import task\n\nqueue = Celery('x')\n\n\n@task\ndef start(c):\n    c.run('celery -A x worker')\n" + flask},
		{name: "Celery's beat", finding: "scheduler.suggestion celery -A jobs beat", files: "-- requirements.txt --\nflask==3.0.3\ncelery==5.4.0\n-- jobs.py --\nfrom celery import Celery\n\nqueue = Celery('x')\nqueue.conf.beat_schedule = {}\n" + flask},
		{name: "the beat beside a stated worker", finding: "scheduler.suggestion celery -A jobs beat", files: "-- Procfile --\nweb: gunicorn app:app\nworker: celery -A jobs worker\n-- requirements.txt --\nflask==3.0.3\ngunicorn==23.0.0\ncelery==5.4.0\n-- jobs.py --\nfrom celery import Celery\nfrom celery.schedules import crontab\n\nqueue = Celery('x')\n" + flask},
		{name: "dramatiq", finding: "worker.suggestion dramatiq jobs", files: "-- requirements.txt --\nflask==3.0.3\ndramatiq==1.17.0\n-- jobs.py --\nimport dramatiq\n\n@dramatiq.actor\ndef work():\n    pass\n" + flask},
		{name: "Huey", finding: "worker.suggestion huey_consumer jobs.queue", files: "-- requirements.txt --\nflask==3.0.3\nhuey==2.5.0\n-- jobs.py --\nfrom huey import SqliteHuey\n\nqueue = SqliteHuey()\n" + flask},
		{name: "arq", finding: "worker.suggestion arq jobs.WorkerSettings", files: "-- requirements.txt --\nflask==3.0.3\narq==0.26\n-- jobs.py --\nclass WorkerSettings:\n    functions = []\n" + flask},
		{name: "taskiq", finding: "worker.suggestion taskiq worker jobs:broker", files: "-- requirements.txt --\nflask==3.0.3\ntaskiq-redis==1.0\n-- jobs.py --\nfrom taskiq_redis import ListQueueBroker\n\nbroker = ListQueueBroker('redis://x')\n" + flask},
		{name: "saq", finding: "worker.suggestion saq jobs.settings", files: "-- requirements.txt --\nflask==3.0.3\nsaq==0.20\n-- jobs.py --\nfrom saq import Queue\n\nsettings = {'queue': Queue.from_url('x')}\n" + flask},
		{name: "procrastinate", finding: "worker.suggestion procrastinate --app=jobs.queue worker", files: "-- requirements.txt --\nflask==3.0.3\nprocrastinate==2.0\n-- jobs.py --\nimport procrastinate\n\nqueue = procrastinate.App(connector=None)\n" + flask},
		{name: "APScheduler", finding: "scheduler.suggestion python clock.py", files: "-- requirements.txt --\nflask==3.0.3\napscheduler==3.10\n-- clock.py --\nfrom apscheduler.schedulers.blocking import BlockingScheduler\n\nclock = BlockingScheduler()\n" + flask},
		{name: "a worker of which no module is known", warning: "worker.unnamed", remedy: "worker: dramatiq MODULE", files: "-- requirements.txt --\nflask==3.0.3\ndramatiq==1.17.0\n" + flask},
		{name: "one that is stated", withoutWarning: "worker.", files: "-- requirements.txt --\nflask==3.0.3\ndramatiq==1.17.0\n-- Procfile --\nweb: gunicorn app:app\nworker: dramatiq elsewhere\n" + flask},
		{name: "rq", finding: "worker.suggestion rq worker", files: "-- requirements.txt --\nflask==3.0.3\nrq==2.0\n" + flask},
	})
}
