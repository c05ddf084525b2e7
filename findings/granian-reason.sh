#!/bin/sh
# granian writes "<none>" as the reason of a status that it has no name for.
#
# What a WSGI application says beside the number is dropped: "299 Partly Done" becomes
# "299 <none>", "200 Fine" becomes "200 OK". The words are of no meaning to clients, but
# they stand in logs, and some health checks compare the line.
# Seen with granian 2.8.9.
set -eu
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
python3 -m venv v && v/bin/pip install -q granian==2.8.9
cat >app.py <<'APP'
def app(environ, start_response):
    start_response("200 Fine" if environ["PATH_INFO"] == "/fine" else "299 Partly Done", [("Content-Type", "text/plain")])
    return [b"x"]
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
server = subprocess.Popen(["v/bin/granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "app:app"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try:
    seen = [ask(port, f"GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode()).split("\r\n")[0] for path in ("/fine", "/partly")]
finally:
    server.terminate()
    server.wait()
print(seen)
assert seen == ["HTTP/1.1 200 OK", "HTTP/1.1 299 <none>"]
PY
