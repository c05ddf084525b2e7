#!/bin/sh
# hypercorn answers 500 where a WSGI application returns no body.
#
# An empty list is a valid answer, and the usual one with 204, 304 and redirects without a
# text. hypercorn sends the head of the answer with the first piece of the body; where no
# piece comes it sends the end without a beginning, and that ends in 500. [b""] works.
# Seen with Hypercorn 0.18.0.
set -eu
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
python3 -m venv v && v/bin/pip install -q hypercorn==0.18.0
cat >app.py <<'APP'
def app(environ, start_response):
    start_response("204 No Content", [])
    return [b""] if environ["PATH_INFO"] == "/piece" else []
APP
v/bin/python - <<'PY'
import socket, subprocess, sys, time


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
server = subprocess.Popen(["v/bin/hypercorn", "-b", f"127.0.0.1:{port}", "wsgi:app:app"], stderr=subprocess.DEVNULL)
try:
    seen = {path: ask(port, f"GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode()).split("\r\n")[0].split()[1] for path in ("/piece", "/nothing")}
finally:
    server.terminate()
    server.wait()
print(seen)
assert seen == {"/piece": "204", "/nothing": "500"}
PY
