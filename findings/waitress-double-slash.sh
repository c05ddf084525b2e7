#!/bin/sh
# waitress takes a slash from the front of a path that begins with two.
#
# GET //media/a.png reaches the application as /media/a.png; gunicorn and granian hand on
# what was asked for. What signs or redirects by the path sees another one than the client.
# Seen with waitress 3.0.2 and gunicorn 27.0.1.
set -eu
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
python3 -m venv v && v/bin/pip install -q waitress==3.0.2 gunicorn==27.0.1
cat >app.py <<'APP'
def app(environ, start_response):
    body = environ["PATH_INFO"].encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
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
    "gunicorn": "gunicorn --no-control-socket -b 127.0.0.1:{} app:app",
}
seen = {}
for name, command in commands.items():
    port = free()
    server = subprocess.Popen(("v/bin/" + command.format(port)).split(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        seen[name] = [ask(port, f"GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode()).split("\r\n\r\n")[1] for path in ("//media/a.png", "/media//a.png")]
    finally:
        server.terminate()
        server.wait()
print(seen)
assert seen == {"waitress": ["/media/a.png", "/media//a.png"], "gunicorn": ["//media/a.png", "/media//a.png"]}
PY
