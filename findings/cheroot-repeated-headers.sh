#!/bin/sh
# cheroot keeps the last of two headers of one name, also of a list that isn't on its own list.
#
# X-Tag: a, then X-Tag: b, is one list "a, b" in HTTP. waitress and gunicorn join the two.
# cheroot joins the names that it knows (Accept, Via and others) and overwrites every
# other, so that trace and baggage headers which a proxy adds to lose their first half.
# Seen with cheroot 11.1.2, waitress 3.0.2, gunicorn 27.0.1.
set -eu
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
python3 -m venv v && v/bin/pip install -q cheroot==11.1.2 waitress==3.0.2 gunicorn==27.0.1
cat >app.py <<'APP'
def app(environ, start_response):
    body = (environ["HTTP_BAGGAGE"] + "|" + environ["HTTP_ACCEPT"]).encode()
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
    "cheroot": "python -m cheroot --bind 127.0.0.1:{} app:app",
    "waitress": "waitress-serve --listen=127.0.0.1:{} app:app",
    "gunicorn": "gunicorn --no-control-socket -b 127.0.0.1:{} app:app",
}
request = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nBaggage: tenant=7\r\nBaggage: region=eu\r\nAccept: text/html\r\nAccept: text/plain\r\n\r\n"
seen = {}
for name, command in commands.items():
    port = free()
    server = subprocess.Popen(("v/bin/" + command.format(port)).split(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        seen[name] = ask(port, request).split("\r\n\r\n")[1].replace(", ", ",")
    finally:
        server.terminate()
        server.wait()
print(seen)
both = "tenant=7,region=eu|text/html,text/plain"
assert seen == {"cheroot": "region=eu|text/html,text/plain", "waitress": both, "gunicorn": both}
PY
