#!/bin/sh
# Dynaconf makes a number of whatever in the environment could be one in TOML.
#
# A version 1.10 becomes 1.1. The short id of a commit, such as 4821e07, is a power of ten,
# and one such as 5e10412 is infinity; a name that is "inf" or "nan" is no name any more.
# Nothing is said, and str() of it doesn't give back what was set; quotes within the value
# ('"1.10"') keep it.
# Seen with dynaconf 3.3.5.
set -eu
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
python3 -m venv v && v/bin/pip install -q dynaconf==3.3.5
DYNACONF_RELEASE=1.10 DYNACONF_COMMIT=4821e07 DYNACONF_OTHER_COMMIT=5e10412 DYNACONF_TEAM=nan DYNACONF_KEPT='"1.10"' v/bin/python - <<'PY'
import math

from dynaconf import Dynaconf

s = Dynaconf()
print([s.RELEASE, s.COMMIT, s.OTHER_COMMIT, s.TEAM, s.KEPT])
assert [s.RELEASE, s.COMMIT, s.OTHER_COMMIT, s.KEPT] == [1.1, 4821e7, math.inf, "1.10"] and math.isnan(s.TEAM)
PY
