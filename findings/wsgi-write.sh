#!/bin/sh
# start_response gives back nothing to call, in granian, hypercorn and asgiref.
#
# PEP 3333 has it return write(), which older code uses for its body. These three return
# None, and the application fails with "'NoneType' object is not callable"; waitress and
# gunicorn have it.
# Seen with granian 2.8.9, Hypercorn 0.18.0, asgiref 3.13.0 behind uvicorn 0.54.0, waitress 3.0.2.
set -eu
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
python3 -m venv v && v/bin/pip install -q granian==2.8.9 hypercorn==0.18.0 asgiref==3.13.0 uvicorn==0.54.0 waitress==3.0.2
cat >app.py <<'APP'
from asgiref.wsgi import WsgiToAsgi


def app(environ, start_response):
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"written")
    return []


wrapped = WsgiToAsgi(app)
APP
v/bin/python - <<'PY'
import socket, subprocess, time


def free():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def ask(port, request):
    for _ in range(200):
        try:
            with socket.create_connection(("127.0.0.1", port), 10) as c:
                c.sendall(request)
                return b"".join(iter(lambda: c.recv(65536), b"")).decode("latin-1")
        except ConnectionRefusedError:
            time.sleep(0.1)
    raise SystemExit("the server does not listen")

commands = {
    "waitress": "waitress-serve --listen=127.0.0.1:{} app:app",
    "granian": "granian --interface wsgi --host 127.0.0.1 --port {} app:app",
    "hypercorn": "hypercorn -b 127.0.0.1:{} wsgi:app:app",
    "asgiref": "uvicorn --port {} app:wrapped",
}
seen = {}
for name, command in commands.items():
    port = free()
    server = subprocess.Popen(("v/bin/" + command.format(port)).split(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        seen[name] = ask(port, b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").split("\r\n")[0].split()[1]
    finally:
        server.terminate()
        server.wait()
print(seen)
assert seen == {"waitress": "200", "granian": "500", "hypercorn": "500", "asgiref": "500"}
PY
