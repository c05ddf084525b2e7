#!/bin/sh
# What pycron doesn't know in a cron expression it takes for "never".
#
# Sunday as 7, a range of months by name, and a step from a start (5/20) are what cron
# and most libraries read. pycron raises nothing: is_now is false in every minute of the
# year, and a job with such a schedule isn't run. "fri-sun" loses its Sunday alone.
# Seen with pycron 3.3.0; croniter 7.0.0 fires for each of the four.
set -eu
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
python3 -m venv v && v/bin/pip install -q pycron==3.3.0 croniter==7.0.0
v/bin/python - <<'PY'
from datetime import datetime, timedelta

import pycron
from croniter import croniter

year = [datetime(2027, 1, 1) + timedelta(hours=h) for h in range(365 * 24)]
for expression in ["0 9 * * 7", "0 9 * feb-apr *", "5/20 * * * *"]:
    hours = [t.replace(minute=m) for t in year for m in (0, 5, 25)]
    fired = sum(pycron.is_now(expression, t) for t in hours)
    print(f"{expression}: pycron {fired} times, croniter first at {croniter(expression, year[0]).get_next(datetime)}")
    assert fired == 0
days = {t.strftime("%a") for t in year if pycron.is_now("0 9 * * fri-sun", t)}
print("0 9 * * fri-sun: pycron on", sorted(days))
assert days == {"Fri", "Sat"}, days
PY
