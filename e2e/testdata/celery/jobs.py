"""A Celery application over a broker of files, which tells what it does in a journal."""

import atexit
import os
import time
import uuid

from celery import Celery
from celery.signals import beat_init, before_task_publish
from kombu.transport import filesystem
from kombu.utils.json import dumps

DATA = os.environ.get("SLIPWAY_DATA", ".")  # outlives releases: both see the same messages
RELEASE = os.environ.get("SLIPWAY_RELEASE", "0")
BROKER = os.path.join(DATA, "broker")
HOLD = os.path.join(DATA, "hold")  # a long task ends when this is gone

os.makedirs(BROKER, exist_ok=True)

app = Celery("jobs", broker="filesystem://")
app.conf.update(
    broker_transport_options={
        "data_folder_in": BROKER,
        "data_folder_out": BROKER,
        "control_folder": os.path.join(DATA, "control"),
        "polling_interval": 0.1,
    },
    task_ignore_result=True,
    worker_hijack_root_logger=False,
    beat_schedule={"tick": {"task": "jobs.tick", "schedule": 0.5}},
)


def note(*words):
    line = " ".join(str(w) for w in (words[0], RELEASE, os.getpid()) + words[1:]) + "\n"
    with open(os.path.join(DATA, "journal"), "a") as f:
        f.write(line)


def put(channel, queue, payload, **_):
    """Writes a message whole: a worker dies of one that kombu's own has only begun."""
    part = os.path.join(BROKER, str(uuid.uuid4()))
    with open(part, "w") as f:
        f.write(dumps(payload))
    os.rename(part, os.path.join(BROKER, f"{time.monotonic_ns() // 1000000}_{uuid.uuid4()}.{queue}.msg"))


filesystem.Channel._put = put


@app.task
def long(job):
    note("begin", job)
    began = time.monotonic()
    while os.path.exists(HOLD) and time.monotonic() - began < 120:
        time.sleep(0.05)
    note("end", job)


@app.task
def tick():
    pass


@beat_init.connect
def beat_begins(**_):
    with open(os.path.join(DATA, "journal"), "a+") as f:
        f.seek(0)
        for pid in [words.split()[2] for words in f if words.startswith("beat ")]:
            if os.path.exists("/proc/" + pid):
                note("doubled", pid)
    note("beat")
    atexit.register(note, "beaten")


@before_task_publish.connect
def published(sender=None, **_):
    if sender == "jobs.tick":
        note("tick")


def web(environ, start_response):
    path = environ["PATH_INFO"]
    if path.startswith("/put/"):
        long.delay(path[len("/put/"):])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{RELEASE} {os.getpid()}".encode()]
