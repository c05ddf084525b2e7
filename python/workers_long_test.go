//go:build long

package python

import (
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/postgrestest"
	"github.com/slipway-dev/slipway/python/program"
)

// redis runs a server for the test; each proof has a database of its own.
func redis(t *testing.T) (next func() string) {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatalf("redis-server is missing: %v (Debian: apt-get install redis-server)", err)
	}
	port := freePort(t)
	cmd := exec.Command(program, "--port", fmt.Sprint(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--databases", "64", "--dir", t.TempDir())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = conn.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("redis-server does not answer")
		}
	}
	databases := 0
	return func() string {
		databases++
		return fmt.Sprintf("redis://127.0.0.1:%d/%d", port, databases-1)
	}
}

// web is there for the projects to have a web process: of one that has none Slipway
// proposes no worker.
const web = "-- app.py --\nfrom flask import Flask\napp = Flask(__name__)\n"

// task is what each worker's task does: it notes that it begun, takes its time, and
// notes that it is done. Begun again it is done at once.
const task = "-- work.py --\n" + `import asyncio, os, time
def at(name): return os.path.join(os.environ["NOTES"], name)
def begin():
    again = os.path.exists(at("begun"))
    open(at("begun"), "a").close()
    return again
def finish(): open(at("done"), "a").close()
def work(seconds):
    if not begin(): time.sleep(float(seconds))
    finish()
async def awork(seconds):
    if not begin(): await asyncio.sleep(float(seconds))
    finish()
`

func workerProofs(t *testing.T) []proof {
	url := redis(t)
	t.Cleanup(postgrestest.Stop)
	database := postgrestest.URL(t)
	celery := func(command, more string) string {
		return web + requires("celery[redis]==5.7.0") + task + "-- Procfile --\nworker: " + command + "\n-- jobs.py --\nfrom celery import Celery\nfrom work import work\n\napp = Celery('jobs', broker='" + url() + "')\napp.conf.task_ignore_result = True\n" + more + "\n@app.task\ndef job(seconds):\n    work(seconds)\n"
	}
	late := "app.conf.task_acks_late = True\napp.conf.worker_prefetch_multiplier = 1\n"
	send := "import sys, jobs\njobs.job.delay(sys.argv[1])\n"
	arq, saq, rq := url(), url(), url()
	stream, list := url(), url()
	taskiq := func(broker, url string) string {
		return web + requires("taskiq==0.13.0", "taskiq-redis==1.2.4") + task + "-- jobs.py --\nfrom taskiq import TaskiqScheduler\nfrom taskiq.schedule_sources import LabelScheduleSource\nfrom taskiq_redis import " + broker + "\nfrom work import awork\n\nbroker = " + broker + "(url='" + url + "')\nscheduler = TaskiqScheduler(broker, sources=[LabelScheduleSource(broker)])\n\n@broker.task\nasync def job(seconds):\n    await awork(seconds)\n"
	}
	sendTaskiq := "import asyncio, sys, jobs\nasync def main():\n    await jobs.broker.startup()\n    await jobs.job.kiq(sys.argv[1])\n    await jobs.broker.shutdown()\nasyncio.run(main())\n"
	return []proof{
		{program: "celery worker", process: "worker", enqueue: send, overdue: program.GivenBack, files: celery("celery -A jobs worker", late)},
		{program: "celery worker, pool solo", process: "worker", enqueue: send, files: celery("celery -A jobs worker -P solo", "")},
		{program: "celery worker, pool threads", process: "worker", enqueue: send, files: celery("celery -A jobs worker --pool=threads", "")},
		{program: "celery worker, pool gevent", process: "worker", enqueue: send, files: celery("celery -A jobs worker -P gevent", "")},
		{program: "celery beat", process: "scheduler", ready: "beat: Starting", files: strings.Replace(celery("celery -A jobs beat -l info", ""), "worker: ", "scheduler: ", 1)},
		{program: "celery flower", process: "flower", ready: "Visit me", files: strings.Replace(celery("celery -A jobs flower --port=$PORT", ""), "worker: ", "flower: ", 1)},
		{program: "rq worker", process: "worker", enqueue: "import sys, redis, rq, work\nrq.Queue(connection=redis.Redis.from_url('" + rq + "')).enqueue(work.work, sys.argv[1])\n", files: web + requires("rq==3.0.0") + task + "-- Procfile --\nworker: rq worker --url " + rq + "\n"},
		{program: "rq worker", process: "worker", enqueue: "import sys, redis, rq, work\nrq.Queue(connection=redis.Redis.from_url('" + rq + "')).enqueue(work.work, sys.argv[1])\n", files: web + requires("rq==3.0.0") + task + "-- Procfile --\nworker: rq worker-pool -n 1 --url " + rq + "\n"},
		{program: "huey", process: "worker", enqueue: "import sys, jobs\njobs.job(sys.argv[1])\n", files: web + requires("huey==3.5.4") + task + "-- jobs.py --\nfrom huey import RedisHuey\nfrom work import work\n\nqueue = RedisHuey(url='" + url() + "')\n\n@queue.task()\ndef job(seconds):\n    work(seconds)\n"},
		{program: "dramatiq", process: "worker", enqueue: "import sys, jobs\njobs.job.send(sys.argv[1])\n", files: web + requires("dramatiq[redis]==2.2.1") + task + "-- jobs.py --\nimport dramatiq\nfrom dramatiq.brokers.redis import RedisBroker\nfrom work import work\n\ndramatiq.set_broker(RedisBroker(url='" + url() + "'))\n\n@dramatiq.actor\ndef job(seconds):\n    work(seconds)\n"},
		{program: "arq", process: "worker", enqueue: "import asyncio, sys, arq, jobs\nasync def main():\n    pool = await arq.create_pool(jobs.WorkerSettings.redis_settings)\n    await pool.enqueue_job('job', sys.argv[1])\nasyncio.run(main())\n", files: web + requires("arq==0.28.0") + task + "-- jobs.py --\nfrom arq.connections import RedisSettings\nfrom work import awork\n\nasync def job(ctx, seconds):\n    await awork(seconds)\n\nclass WorkerSettings:\n    functions = [job]\n    redis_settings = RedisSettings.from_dsn('" + arq + "')\n"},
		{program: "saq", process: "worker", enqueue: "import asyncio, sys, jobs\nasync def main():\n    await jobs.queue.connect()\n    await jobs.queue.enqueue('job', seconds=sys.argv[1], timeout=60)\n    await jobs.queue.disconnect()\nasyncio.run(main())\n", files: web + requires("saq==0.26.4") + task + "-- jobs.py --\nfrom saq import Queue\nfrom work import awork\n\nasync def job(ctx, *, seconds):\n    await awork(seconds)\n\nqueue = Queue.from_url('" + saq + "')\nsettings = {'queue': queue, 'functions': [job]}\n"},
		{program: "taskiq worker", process: "worker", enqueue: sendTaskiq, files: taskiq("ListQueueBroker", list)},
		{program: "taskiq worker, RedisStreamBroker", process: "worker", enqueue: sendTaskiq, files: taskiq("RedisStreamBroker", stream)},
		{program: "taskiq scheduler", process: "scheduler", ready: "Startup completed", files: taskiq("ListQueueBroker", url())},
		{program: "procrastinate", process: "worker", enqueue: "import sys, time, jobs\nwith jobs.app.replace_connector(jobs.sync) as app:\n    with app.open():\n        for left in range(300, -1, -1):\n            try:\n                jobs.job.defer(seconds=sys.argv[1]); break\n            except Exception:\n                if not left: raise\n                time.sleep(0.1)\n", files: web + requires("procrastinate==3.10.0") + task + "-- jobs.py --\nimport procrastinate\nfrom work import awork\n\nURL = '" + database + "'\nsync = procrastinate.SyncPsycopgConnector(conninfo=URL)\napp = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=URL))\n\n@app.task\nasync def job(seconds):\n    await awork(seconds)\n\nif __name__ == '__main__':\n    pass\n" + "-- Procfile --\nworker: sh -c 'procrastinate --app=jobs.app schema --apply && exec procrastinate --app=jobs.app worker'\n"},
		{program: "APScheduler, BlockingScheduler", process: "scheduler", enqueue: "import work, os\n", files: web + requires("apscheduler==3.11.3") + task + "-- clock.py --\nfrom datetime import datetime\nfrom apscheduler.schedulers.blocking import BlockingScheduler\nfrom work import work\n\nscheduler = BlockingScheduler()\nscheduler.add_job(work, args=[2])\nscheduler.start()\n"},
		{program: "django-q2, qcluster", process: "worker", enqueue: djangoEnqueue("from django_q.tasks import async_task\nasync_task('work.work', sys.argv[1])\n"), files: djangoWorker("django-q2==1.11.1", "\"django_q\"", "Q_CLUSTER = {'name': 'q', 'workers': 1, 'timeout': 60, 'retry': 90, 'orm': 'default'}", "qcluster", "")},
		{program: "django-tasks-db, db_worker", process: "worker", enqueue: djangoEnqueue("import jobs\njobs.job.enqueue(sys.argv[1])\n"), files: djangoWorker("django-tasks-db==0.13.0", "\"django_tasks\", \"django_tasks_db\"", "TASKS = {'default': {'BACKEND': 'django_tasks_db.DatabaseBackend'}}", "db_worker", "-- jobs.py --\nfrom django_tasks import task\nfrom work import work\n\n@task()\ndef job(seconds):\n    work(seconds)\n")},
	}
}

// djangoWorker migrates its database first; its worker is exec'd.
func djangoWorker(requirement, apps, more, command, jobs string) string {
	return requires("django==5.2.19", requirement) + task + jobs + "-- conf.py --\nimport os\nSECRET_KEY = 'x'\nUSE_TZ = True\nDATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': os.path.join(os.path.dirname(__file__), 'db.sqlite3'), 'OPTIONS': {'timeout': 20}}}\nINSTALLED_APPS = [" + apps + "]\n" + more + "\n" +
		"-- manage.py --\nimport os, sys\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'conf')\nfrom django.core.management import execute_from_command_line\nexecute_from_command_line(sys.argv)\n" +
		"-- start.sh --\n#!/bin/sh\npython manage.py migrate -v 0\nexec python manage.py " + command + "\n-- Procfile --\nworker: ./start.sh\n"
}

func djangoEnqueue(text string) string {
	return "import os, sys, time\nos.environ['DJANGO_SETTINGS_MODULE'] = 'conf'\nimport django\ndjango.setup()\nfrom django.db import connection\nfor _ in range(600):\n    if len(connection.introspection.table_names()) > 2: break\n    time.sleep(0.1)\ntime.sleep(1)\n" + text
}
