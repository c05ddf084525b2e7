#!/bin/sh
# Tornado's WSGIContainer has no answer for HEAD where the application returns a body.
#
# Many WSGI applications leave it to the server to take the body off the answer to HEAD.
# Tornado finds the body too long for the answer that it has begun, raises HTTPOutputError,
# and closes the connection without having sent anything. GET of the same is answered.
# Seen with Tornado 6.6.1.
set -eu
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
python3 -m venv v && v/bin/pip install -q tornado==6.6.1
cat >app.py <<'APP'
import asyncio
import sys

from tornado.httpserver import HTTPServer
from tornado.wsgi import WSGIContainer


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"fine"]


async def main():
    HTTPServer(WSGIContainer(app)).listen(int(sys.argv[1]), "127.0.0.1")
    await asyncio.Event().wait()


asyncio.run(main())
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

port = free()
server = subprocess.Popen(["v/bin/python", "app.py", str(port)], stderr=subprocess.DEVNULL)
try:
    seen = {method: ask(port, f"{method} / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode()).split("\r\n")[0] for method in ("GET", "HEAD")}
finally:
    server.terminate()
    server.wait()
print(seen)
assert seen == {"GET": "HTTP/1.1 200 OK", "HEAD": ""}
PY
