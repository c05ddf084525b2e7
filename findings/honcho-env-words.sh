#!/bin/sh
# honcho joins the words of an unquoted value in .env.
#
# honcho reads each line of .env with shlex, which ends a token at a space, at a quote
# and at "#", and puts the tokens together with nothing between them. A sentence loses
# its spaces, JSON its quotes, and a URL all from "#" on, without a warning. python-dotenv
# reads the same three lines as they stand.
# Seen with honcho 2.0.0 and python-dotenv 1.2.4.
set -eu
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
python3 -m venv v && v/bin/pip install -q honcho==2.0.0 python-dotenv==1.2.4
cat >.env <<'ENV'
GREETING=hello big world
LIMITS={"jobs": 2, "queue": "mail"}
HELP=https://docs.example/start#install
ENV
v/bin/python - <<'PY'
from dotenv import dotenv_values
from honcho.environ import parse

honcho, dotenv = dict(parse(open(".env").read())), dict(dotenv_values(".env"))
for name in dotenv:
    print(f"{name}: honcho {honcho[name]!r}, python-dotenv {dotenv[name]!r}")
assert honcho == {"GREETING": "hellobigworld", "LIMITS": "{jobs:2,queue:mail}", "HELP": "https://docs.example/start"}, honcho
assert dotenv["GREETING"] == "hello big world" and dotenv["LIMITS"] == '{"jobs": 2, "queue": "mail"}', dotenv
PY
