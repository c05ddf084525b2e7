#!/bin/sh
# honcho can't set a variable to nothing: "NAME=" in .env leaves the one of the shell.
#
# A line of .env has to have three tokens for honcho; "PROXY=" has two and is passed
# over. The process gets what the shell has by that name, so that a proxy, say, can't be
# turned off for an application. Quotes (PROXY="") do set it.
# Seen with honcho 2.0.0.
set -eu
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
python3 -m venv v && v/bin/pip install -q honcho==2.0.0
show='import os; print(repr(os.environ.get("PROXY")))'
echo 'PROXY=' >.env
bare=$(PROXY=http://old.example v/bin/honcho run "$dir/v/bin/python" -c "$show")
echo 'PROXY=""' >.env
quoted=$(PROXY=http://old.example v/bin/honcho run "$dir/v/bin/python" -c "$show")
echo "PROXY= gives $bare, PROXY=\"\" gives $quoted"
[ "$bare" = "'http://old.example'" ] && [ "$quoted" = "''" ]
