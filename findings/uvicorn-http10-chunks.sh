#!/bin/sh
# uvicorn with httptools sends chunks to a client of HTTP/1.0.
#
# An answer without a length is ended by closing for HTTP/1.0, which has no chunks. With
# h11 uvicorn does that; with httptools the client gets sizes and a zero in its text, as
# some old health checks and monitoring tools do.
# Seen with uvicorn 0.54.0, h11 0.16.0, httptools 0.9.0.
set -eu
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
python3 -m venv v && v/bin/pip install -q uvicorn==0.54.0 h11==0.16.0 httptools==0.9.0
cat >app.py <<'APP'
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"fine"})
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
        seen[parser] = ask(port, b"GET / HTTP/1.0\r\n\r\n").split("\r\n\r\n", 1)[1]
    finally:
        server.terminate()
        server.wait()
print(seen)
assert seen == {"httptools": "4\r\nfine\r\n0\r\n\r\n", "h11": "fine"}
PY
