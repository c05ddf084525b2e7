#!/bin/sh
# A comment behind a quoted value brings the quotes into it, in three of five readers.
#
# COLOR="blue" # of the header
# python-dotenv and honcho give blue. python-decouple, Starlette's Config and
# django-environ look for quotes at both ends of the line only, and give all of it: the
# quotes, the sign and the comment.
# Seen with python-dotenv 1.2.4, honcho 2.0.0, python-decouple 3.8, Starlette 1.10.0,
# django-environ 0.14.0.
set -eu
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
python3 -m venv v && v/bin/pip install -q python-dotenv==1.2.4 honcho==2.0.0 python-decouple==3.8 starlette==1.10.0 django-environ==0.14.0
echo 'COLOR="blue" # of the header' >.env
v/bin/python - <<'PY'
import os

import decouple
import environ
from dotenv import dotenv_values
from honcho.environ import parse
from starlette.config import Config

environ.Env.read_env(".env")
seen = {
    "python-dotenv": dotenv_values(".env")["COLOR"],
    "honcho": parse(open(".env").read())["COLOR"],
    "python-decouple": decouple.RepositoryEnv(".env")["COLOR"],
    "Starlette": Config(".env").file_values["COLOR"],
    "django-environ": os.environ["COLOR"],
}
for reader, value in seen.items():
    print(f"{reader}: {value!r}")
whole = '"blue" # of the header'
assert list(seen.values()) == ["blue", "blue", whole, whole, whole]
PY
