#!/bin/sh
# uvicorn's two parsers disagree on the path of a request in absolute form.
#
# "GET http://shop.example/cart HTTP/1.1" is valid, and sent by clients that take a server
# for a proxy. With httptools scope["path"] is /cart; with h11, which is what uvicorn uses
# where httptools isn't installed, it is the whole URL, and no route matches. gunicorn's
# WSGI workers give /cart.
# Seen with uvicorn 0.54.0, h11 0.16.0, httptools 0.9.0.
set -eu
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
python3 -m venv v && v/bin/pip install -q uvicorn==0.54.0 h11==0.16.0 httptools==0.9.0
cat >app.py <<'APP'
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": scope["path"].encode()})
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
for parser in ("httptools", "h11"):
    port = free()
    server = subprocess.Popen(["v/bin/uvicorn", "--http", parser, "--port", str(port), "app:app"], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        answer = ask(port, b"GET http://shop.example/cart HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n")
    finally:
        server.terminate()
        server.wait()
    seen[parser] = answer.split("\r\n\r\n")[1].split("\r\n")[1]  # the first chunk
print(seen)
assert seen == {"httptools": "/cart", "h11": "http://shop.example/cart"}
PY
