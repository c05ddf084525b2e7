#!/bin/sh
# gunicorn drops the Date and Server headers of a WSGI application, and keeps an ASGI one's.
#
# Its own Date stands in the answer of a WSGI worker, so that an application which passes
# on a stored answer can't pass on its age. The ASGI worker of the same gunicorn sends
# what the application set.
# Seen with gunicorn 27.0.1.
set -eu
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
python3 -m venv v && v/bin/pip install -q gunicorn==27.0.1
cat >app.py <<'APP'
HEADERS = [("Date", "Mon, 01 Jan 2001 00:00:00 GMT"), ("Server", "mine"), ("Content-Length", "1")]


def wsgi(environ, start_response):
    start_response("200 OK", HEADERS)
    return [b"x"]


async def asgi(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(n.lower().encode(), v.encode()) for n, v in HEADERS]})
        await send({"type": "http.response.body", "body": b"x"})
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

seen = {}
for kind in ("sync", "asgi"):
    port = free()
    server = subprocess.Popen(["v/bin/gunicorn", "--no-control-socket", "-b", f"127.0.0.1:{port}", "-k", kind, "app:" + kind.replace("sync", "wsgi")], stderr=subprocess.DEVNULL)
    try:
        lines = ask(port, b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").lower().split("\r\n")
    finally:
        server.terminate()
        server.wait()
    seen[kind] = sorted(l for l in lines if l.startswith(("date:", "server:")))
    print(kind, seen[kind])
assert len(seen["sync"]) == 2 and "2001" not in seen["sync"][0] and seen["sync"][1] == "server: gunicorn", seen
assert seen["asgi"] == ["date: mon, 01 jan 2001 00:00:00 gmt", "server: mine"], seen
PY
