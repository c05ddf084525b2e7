package node_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/slipway-dev/slipway"
	pythons "github.com/slipway-dev/slipway/python"
)

// celery has jobs that take until a file is there, over a broker of files.
const celery = `import os, time, uuid
from celery import Celery
from kombu.transport import filesystem
from kombu.utils.json import dumps
DATA = os.environ["SLIPWAY_DATA"]
BROKER = os.path.join(DATA, "broker")
os.makedirs(BROKER, exist_ok=True)
app = Celery("jobs", broker="filesystem://")
app.conf.update(task_ignore_result=True, task_acks_late=bool(os.environ.get("LATE")), worker_prefetch_multiplier=1,
    broker_transport_options={"data_folder_in": BROKER, "data_folder_out": BROKER, "control_folder": os.path.join(DATA, "control"), "polling_interval": 0.1})
def put(channel, queue, payload, **_):
    part = os.path.join(BROKER, str(uuid.uuid4()))
    with open(part, "w") as f: f.write(dumps(payload))
    os.rename(part, os.path.join(BROKER, "%d_%s.%s.msg" % (time.monotonic_ns() // 1000000, uuid.uuid4(), queue)))
filesystem.Channel._put = put
def note(text):
    with open(os.path.join(DATA, "jobs"), "a") as f: f.write(text + "\n")
@app.task
def long(job):
    note("begin " + job)
    while not os.path.exists(os.path.join(DATA, "go")): time.sleep(0.02)
    note("end " + job)
`

// TestCutJobs: a real Celery whose job takes longer than its grace is stopped for the
// next release. It is said which job that cut, and what to set; one that is acknowledged
// late is given back, and done by the next worker.
func TestCutJobs(t *testing.T) {
	venv := environmentWith(t, "celery==5.7.0")
	const command = "celery -A app worker --concurrency 1 --loglevel INFO"
	p, err := pythons.Detect(fstest.MapFS{"Procfile": {Data: []byte("worker: " + command + "\n")}, "app.py": {Data: []byte(celery)}}, pythons.Options{
		Interpreters: []pythons.Interpreter{{Version: "3.12.1", Path: "/usr/bin/python3"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	stop := p.Stops["worker"]
	if stop.GraceSeconds != 30 || stop.LastSignal != "QUIT" {
		t.Errorf("it would have %d s, and then %q", stop.GraceSeconds, stop.LastSignal)
	}
	for name, late := range map[string]string{"acknowledged early": "", "acknowledged late": "yes"} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			release := func(id int) slipway.Deployment {
				word := strings.Repeat("x", id)
				d := b.deployment(id, word, map[string]string{"LATE": late})
				artifact := filepath.Join(b.data, "artifacts", word)
				if err := os.RemoveAll(filepath.Join(artifact, "venv")); err != nil {
					t.Fatal(err)
				}
				if err := os.Symlink(venv, filepath.Join(artifact, "venv")); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(artifact, "source", "app.py"), []byte(celery), 0o600); err != nil {
					t.Fatal(err)
				}
				grace := stop.GraceSeconds
				if id == 1 {
					grace = 9
				}
				d.Manifest.Processes = []slipway.Process{{Name: "worker", Command: filepath.Join(venv, "bin", command), GraceSeconds: grace, StopSignal: stop.Signal, LastSignal: stop.LastSignal}}
				return d
			}
			did := func(what string) bool { return strings.Contains(b.inFile("jobs"), what+"\n") }
			b.must(release(1))
			put := exec.Command(filepath.Join(venv, "bin", "python"), "-c", "import app; app.long.delay('a')")
			put.Dir, put.Env = filepath.Join(b.data, "artifacts", "x", "source"), append(os.Environ(), "SLIPWAY_DATA="+b.inData(""))
			if out, err := put.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			b.eventually("the job is under way", func() bool { return did("begin a") })
			log, err := b.deploy(release(2))
			if err != nil {
				t.Fatalf("%v\n%s", err, log)
			}
			want := regexp.MustCompile(`^worker\.1 had not ended 4\.5s after SIGTERM, and ended by SIGQUIT, which cut app\.long\[[\w-]{36}\], unless it is given back to its queue then \(acknowledged late\)\. What takes longer than 4\.5s needs more: grace_seconds of worker in slipway\.yaml$`)
			if cut := b.observe().Cut; len(cut) != 1 || !want.MatchString(cut[0]) || !strings.Contains(log, cut[0]) {
				t.Errorf("it is said of it: %q\n%s", cut, log)
			}
			b.touch("go")
			if late != "" {
				b.eventually("the next worker has done it", func() bool { return did("end a") })
			} else if did("end a") {
				t.Error("it was done")
			}
			b.must(release(3))
			if cut := b.observe().Cut; len(cut) > 0 {
				t.Errorf("the next release is said to have cut: %q", cut)
			}
		})
	}
}

// inFile is what the service has written to a file of its data.
func (b *bench) inFile(name string) string {
	text, _ := os.ReadFile(b.inData(name))
	return string(text)
}
