#!/bin/sh
# sqlite:///app.db is /app.db for Tortoise ORM, and a file of this directory for the others.
#
# SQLAlchemy, Django's readers of URLs, peewee, yoyo and databases agree: three slashes are
# relative, four absolute. For Tortoise two are relative and three absolute, so that an
# application and its migration tool with one DATABASE_URL use two files, or the
# application fails because it may not write to /.
# Seen with tortoise-orm 1.1.9, SQLAlchemy 2.1.9, peewee 4.5.3, databases 0.9.0,
# dj-database-url 3.1.2 (with Django 5.2.8), yoyo-migrations 9.0.0.
set -eu
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
python3 -m venv v && v/bin/pip install -q tortoise-orm==1.1.9 sqlalchemy==2.1.9 peewee==4.5.3 databases==0.9.0 django==5.2.8 dj-database-url==3.1.2 yoyo-migrations==9.0.0
v/bin/python - <<'PY'
import os

import dj_database_url
from databases import DatabaseURL
from playhouse.db_url import parse
from sqlalchemy.engine import make_url
from tortoise.backends.base.config_generator import expand_db_url
from yoyo import get_backend

url = "sqlite:///app.db"
seen = {
    "SQLAlchemy": make_url(url).database,
    "dj-database-url": str(dj_database_url.parse(url)["NAME"]),
    "peewee": parse(url)["database"],
    "databases": DatabaseURL(url).database,
    "yoyo": get_backend(url).execute("pragma database_list").fetchall()[0][2],
    "Tortoise": expand_db_url(url)["credentials"]["file_path"],
}
print(seen)
here = os.path.realpath("app.db")
assert {os.path.realpath(seen.pop(name)) for name in list(seen)[:-1]} == {here}, here
assert seen == {"Tortoise": "/app.db"}
assert expand_db_url("sqlite://app.db")["credentials"]["file_path"] == "app.db"
PY
