#!/bin/sh
# python-dotenv, and with it pydantic-settings, expands ${NAME} within single quotes.
#
# In a shell single quotes keep everything as it stands. Here they keep backslashes, and
# yet ${NAME} is replaced, by nothing where there is no such variable: a pattern or a
# template in a value is emptied. interpolate=False turns it off for the whole file;
# pydantic-settings has no such option.
# Seen with python-dotenv 1.2.4 and pydantic-settings 2.16.3.
set -eu
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
python3 -m venv v && v/bin/pip install -q python-dotenv==1.2.4 pydantic-settings==2.16.3
cat >.env <<'ENV'
SUBJECT='Order ${number} is on its way'
TABS='a\tb'
ENV
v/bin/python - <<'PY'
from dotenv import dotenv_values
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env", extra="ignore")
    subject: str


read = dotenv_values(".env")
print("python-dotenv:", read)
assert read == {"SUBJECT": "Order  is on its way", "TABS": r"a\tb"}, read
print("pydantic-settings:", repr(Settings().subject))
assert Settings().subject == "Order  is on its way"
assert dotenv_values(".env", interpolate=False)["SUBJECT"] == "Order ${number} is on its way"
PY
