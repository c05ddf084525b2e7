#!/bin/sh
# croniter runs "0 9 */2 * 1" on odd days and on Mondays; others on odd Mondays.
#
# Where both days are stated, cron takes either, but a field that begins with a star,
# with a step or not, counts as not stated: both have to fit. cronsim holds to that,
# croniter looks for a bare star only.
# Seen with croniter 7.0.0 and cronsim 2.8.
set -eu
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
python3 -m venv v && v/bin/pip install -q croniter==7.0.0 cronsim==2.8
v/bin/python - <<'PY'
from datetime import datetime

from croniter import croniter
from cronsim import CronSim

expression, start = "0 9 */2 * 1", datetime(2027, 1, 1)


def days(following):
    found, now = [], start
    while (now := following(now)).year == 2027:
        found.append(now)
    return found


by_croniter = days(lambda t: croniter(expression, t).get_next(datetime))
by_cronsim = days(lambda t: next(CronSim(expression, t)))
print(f"croniter {len(by_croniter)} days, cronsim {len(by_cronsim)}")
assert all(t.day % 2 and t.isoweekday() == 1 for t in by_cronsim) and by_cronsim
assert all(t.day % 2 or t.isoweekday() == 1 for t in by_croniter) and len(by_croniter) > 7 * len(by_cronsim)
PY
