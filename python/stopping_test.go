package python

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/python/program"
)

const flaskApp = "-- app.py --\nfrom flask import Flask\n\napp = Flask(__name__)\n"

// TestStops: what a process is sent, and how long it has, by the row of its program,
// however it is started.
func TestStops(t *testing.T) {
	sh := "#!/bin/sh\nset -e\n"
	for _, c := range []struct{ command, files, program, says string }{
		{"gunicorn app:app", "", "gunicorn", "TERM 10"},
		{"exec poetry run gunicorn app:app -k gthread", "", "gunicorn, worker gthread", "TERM 10"},
		{"gunicorn app:app", "-- gunicorn.conf.py --\nworker_class = 'uvicorn_worker.UvicornWorker'\n", "gunicorn, worker uvicorn_worker.UvicornWorker", "TERM 10"},
		{"uvicorn app:app --port $PORT", "", "uvicorn", "INT 10"},
		{"python -X dev -m uvicorn app:app", "", "uvicorn", "INT 10"},
		{"WEB_CONCURRENCY=2 uvicorn app:app", "", "uvicorn --workers 2", "INT 10"},
		{"uvicorn app:app --workers=3", "", "uvicorn --workers 2", "INT 10"},
		{"hypercorn app:app -w 4", "", "hypercorn --workers 2", "TERM 10"},
		{"hypercorn app:app -w 1", "", "hypercorn", "TERM 10"},
		{"waitress-serve app:app", "", "waitress", "INT 10"},
		{"python serve.py", "-- serve.py --\nfrom waitress import serve\nfrom app import app\nserve(app)\n", "waitress", "INT 10"},
		{"python -m shop", "-- shop/__init__.py --\n-- shop/__main__.py --\nimport bjoern\nbjoern.run(None, '', 1)\n", "bjoern", "INT 10"},
		{"shop-serve", "-- pyproject.toml --\n[project]\nname = 'shop'\nversion = '1'\n[project.scripts]\nshop-serve = 'shop.web:main'\n-- shop/__init__.py --\n-- shop/web.py --\nimport uvicorn\ndef main():\n    uvicorn.run('app:app')\n", "uvicorn.run()", "INT 10"},
		{"uwsgi --ini uwsgi.ini", "-- uwsgi.ini --\n[uwsgi]\nmaster = true\n", "uwsgi with a master", "TERM 10"},
		{"uwsgi --ini uwsgi.ini", "-- uwsgi.ini --\n[uwsgi]\n", "uwsgi without a master", "INT 10"},
		{"hypercorn wsgi:app:app", "", "hypercorn, WSGI", "TERM 10"},
		{"uwsgi --master --die-on-term --module app:app", "", "uwsgi with a master", "TERM 10"},
		{"mod_wsgi-express start-server", "", "Apache, mod_wsgi-express", "WINCH 10"},
		{"cd x && waitress-serve app:app", "", "waitress", "INT 10"},
		{"a && waitress-serve app:app", "", "waitress", "INT 10 behind"},
		{"cd x && exec waitress-serve app:app", "", "waitress", "INT 10"},
		{"cd x && gunicorn app:app", "", "gunicorn", "TERM 10"},
		{"bash start.sh", "-- start.sh --\n" + sh + "waitress-serve \\\n  app:app\n# that was it\n", "waitress", "INT 10 behind"},
		{"./start.sh", "-- start.sh --\n" + sh + "exec waitress-serve app:app\n", "waitress", "INT 10"},
		{"gunicorn app:app | tee log", "", "", "TERM 10"},
		{"./server", "", "", "TERM 10"},
		{"", "-- Procfile --\nworker: celery -A jobs worker\n", "celery worker", "TERM 30 QUIT"},
		{"", "-- Procfile --\nworker: celery -A jobs worker -P threads\n", "celery worker, pool threads", "TERM 30"},
		{"", "-- Procfile --\nworker: celery -A jobs beat\n", "celery beat", "TERM 10"},
		{"", "-- Procfile --\nworker: huey_consumer.py shop.huey\n", "huey", "INT 30"},
		{"", "-- Procfile --\nworker: python manage.py run_huey\n-- manage.py --\n", "huey", "INT 30"},
		{"", "-- Procfile --\nworker: python clock.py\n-- clock.py --\nfrom apscheduler.schedulers.blocking import BlockingScheduler\ns = BlockingScheduler()\n", "APScheduler, BlockingScheduler", "INT 30"},
		{"", "-- Procfile --\nworker: taskiq worker jobs:broker\n-- jobs.py --\nfrom taskiq_redis import RedisStreamBroker\nbroker = RedisStreamBroker()\n", "taskiq worker, RedisStreamBroker", "TERM 30"},
		{"", "-- Procfile --\nworker: taskiq scheduler jobs:scheduler\n", "taskiq scheduler", "INT 10"},
		{"", "-- Procfile --\nworker: arq jobs.WorkerSettings\n", "arq", "TERM 10"},
		{"", "-- Procfile --\nworker: ./work\n", "", "TERM 30"},
		{"", "-- Procfile --\nworker: cd x && huey_consumer shop.huey\n-- slipway.yaml --\nprocesses:\n  worker:\n    stop_signal: QUIT\n    grace_seconds: 90\n", "huey", "QUIT 90"},
	} {
		files := c.files
		if c.command != "" {
			files += "-- Procfile --\nweb: " + c.command + "\n"
		}
		name := "web"
		if c.command == "" {
			name = "worker"
		}
		p := detectKind(t, kind{files: "-- requirements.txt --\nflask==3.0.3\n" + files + flaskApp})
		stop := p.Stops[name]
		says := stop.Signal + " " + fmt.Sprint(stop.GraceSeconds)
		if stop.LastSignal != "" {
			says += " " + stop.LastSignal
		}
		if stop.Behind {
			says += " behind"
		}
		if stop.Program != c.program || says != c.says {
			t.Errorf("%q: %q %q, want %q %q", p.Processes[name], stop.Program, says, c.program, c.says)
		}
	}
}

// TestStopsOfOwnLimits: what the program is told about open streams leaves it time to
// end, follows a stated grace, and leaves what the project says itself.
func TestStopsOfOwnLimits(t *testing.T) {
	for _, c := range []struct{ files, says string }{
		{"-- Procfile --\nweb: uvicorn app:app --port $PORT\n", "map[UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN:8] map[]"},
		{"-- Procfile --\nweb: gunicorn app:app\n-- slipway.yaml --\nprocesses:\n  web:\n    grace_seconds: 60\n", "map[] map[GUNICORN_CMD_ARGS:--graceful-timeout 58]"},
		{"-- Procfile --\nweb: gunicorn app:app\n-- slipway.yaml --\nprocesses:\n  web:\n    grace_seconds: 1\n", "map[] map[GUNICORN_CMD_ARGS:--graceful-timeout 1]"},
		{"-- Procfile --\nweb: gunicorn app:app\n-- gunicorn.conf.py --\ngraceful_timeout = 3\n", "map[] map[]"},
		{"-- Procfile --\nweb: gunicorn app:app -c conf/g.py\n-- conf/g.py --\ngraceful_timeout = 3\n", "map[] map[]"},
	} {
		stop := detectKind(t, kind{files: "-- requirements.txt --\nflask==3.0.3\n" + c.files + flaskApp}).Stops["web"]
		if got := fmt.Sprint(stop.Env, stop.Options); got != c.says {
			t.Errorf("%q: %s", c.files, got)
		}
	}
}

// TestWarnedOfWhatNoSignalSaves: at registration, with what helps.
func TestWarnedOfWhatNoSignalSaves(t *testing.T) {
	web := func(line string, more string) string {
		return "-- requirements.txt --\nflask==3.0.3\n-- Procfile --\nweb: " + line + "\n" + more + flaskApp
	}
	checkKinds(t, []kind{
		{name: "hypercorn with two workers", warning: "stop.cuts", remedy: "instances: 2", files: web("hypercorn app:app --workers 2 --bind :$PORT", "")},
		{name: "hypercorn with one", withoutWarning: "stop.", files: web("hypercorn app:app --workers 1 --bind :$PORT", "")},
		{name: "daphne", warning: "stop.cuts", remedy: "uvicorn", files: web("daphne app:app -p $PORT", "")},
		{name: "uwsgi without a master", warning: "stop.cuts", remedy: "--master", files: web("uwsgi --http-socket :$PORT --module app:app", "")},
		{name: "uwsgi with a master", withoutWarning: "stop.", files: web("uwsgi uwsgi.ini", "-- uwsgi.ini --\n[uwsgi]\nmaster = 1\n")},
		{name: "tornado", warning: "stop.cuts", remedy: "SIGINT", files: web("python serve.py", "-- serve.py --\nimport tornado.ioloop\ntornado.ioloop.IOLoop.current().start()\n")},
		{name: "flask run", warning: "web.development_server", files: web("flask run --port $PORT", "")},
		{name: "Flask's own run", warning: "web.development_server", files: web("python serve.py", "-- serve.py --\nfrom flask import Flask\napp = Flask(__name__)\nif __name__ == '__main__':\n    app.run()\n")},
		{name: "http.server", warning: "web.development_server", files: web("python -m http.server $PORT", "")},
		{name: "taskiq's streams", warning: "stop.cuts", remedy: "taskiq 0.13", files: "-- requirements.txt --\nflask==3.0.3\ntaskiq==0.12.6\n-- Procfile --\nworker: taskiq worker jobs:broker\n-- jobs.py --\nfrom taskiq_redis import RedisStreamBroker\nbroker = RedisStreamBroker()\n" + flaskApp},
		{name: "taskiq's streams since 0.13", withoutWarning: "stop.", files: "-- requirements.txt --\nflask==3.0.3\ntaskiq==0.13.0\n-- Procfile --\nworker: taskiq worker jobs:broker\n-- jobs.py --\nfrom taskiq_redis import RedisStreamBroker\nbroker = RedisStreamBroker()\n" + flaskApp},
		{name: "taskiq's streams before", withoutWarning: "stop.", files: "-- requirements.txt --\nflask==3.0.3\ntaskiq==0.12.4\n-- Procfile --\nworker: taskiq worker jobs:broker\n-- jobs.py --\nfrom taskiq_redis import RedisStreamBroker\nbroker = RedisStreamBroker()\n" + flaskApp},
		{name: "taskiq's streams, whichever is newest", withoutWarning: "stop.", files: "-- requirements.txt --\nflask==3.0.3\ntaskiq\n-- Procfile --\nworker: taskiq worker jobs:broker\n-- jobs.py --\nfrom taskiq_redis import RedisStreamBroker\nbroker = RedisStreamBroker()\n" + flaskApp},
	})
}

// TestServersAreDocumented holds the table of docs/servers.md to the rows: it is made
// of them, in their order.
func TestServersAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/servers.md")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, p := range program.All() {
		want = append(want, p.Line())
	}
	var got []string
	table, _, _ := strings.Cut(string(text), "\n## What the edge costs") // behind which are others
	for _, l := range strings.Split(table, "\n") {
		if strings.HasPrefix(l, "| ") && !strings.HasPrefix(l, "| program ") {
			got = append(got, l)
		}
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("docs/servers.md has another table than Programs makes; the rows make:\n%s", strings.Join(want, "\n"))
	}
}
