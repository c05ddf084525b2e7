#!/bin/sh
# django-environ keeps the blanks around a value, and drops a line with blanks around "=".
#
# "LEVEL=debug  " is "debug  ", and "QUEUE = mail" is no setting at all: a warning goes to
# the log, and the default is used. python-dotenv, honcho, python-decouple and Starlette
# read debug and mail.
# Seen with django-environ 0.14.0.
set -eu
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
python3 -m venv v && v/bin/pip install -q django-environ==0.14.0
printf 'LEVEL=debug  \nTOPIC=\tnews\nQUEUE = mail\n' >.env
v/bin/python - <<'PY'
import environ

env = environ.Env()
env.read_env(".env")
seen = [env("LEVEL"), env("TOPIC"), env("QUEUE", default="none")]
print(seen)
assert seen == ["debug  ", "\tnews", "none"], seen
PY
