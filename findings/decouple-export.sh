#!/bin/sh
# python-decouple and Starlette's Config take "export " for a part of the name.
#
# An .env file that a shell can source often says "export NAME=value". python-dotenv and
# django-environ drop the word; these two keep a setting called "export NAME", say
# nothing, and then report that NAME is missing.
# Seen with python-decouple 3.8, Starlette 1.10.0, python-dotenv 1.2.4, django-environ 0.14.0.
set -eu
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
python3 -m venv v && v/bin/pip install -q python-decouple==3.8 starlette==1.10.0 python-dotenv==1.2.4 django-environ==0.14.0
echo 'export QUEUE=mail' >.env
v/bin/python - <<'PY'
import os

import decouple
import environ
from dotenv import dotenv_values
from starlette.config import Config

assert dotenv_values(".env") == {"QUEUE": "mail"}
environ.Env.read_env(".env")
assert os.environ.pop("QUEUE") == "mail"
read = decouple.RepositoryEnv(".env").data
print("python-decouple:", read)
assert read == {"export QUEUE": "mail"}, read
try:
    decouple.Config(decouple.RepositoryEnv(".env"))("QUEUE")
    raise SystemExit("python-decouple finds it now")
except decouple.UndefinedValueError as e:
    print("python-decouple:", e)
read = Config(".env").file_values
print("Starlette:", read)
assert read == {"export QUEUE": "mail"}, read
PY
