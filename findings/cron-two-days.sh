#!/bin/sh
# "0 9 1 * mon" is another schedule for every second library.
#
# cron runs it on each Monday and on each first of a month. croniter, cronsim and pycron
# do so. APScheduler (from_crontab), Celery and crontab want both at once, which is two or
# three days a year, and none of them says that it differs.
# Seen with croniter 7.0.0, cronsim 2.8, pycron 3.3.0, APScheduler 3.11.3, Celery 5.7.0,
# crontab 1.0.5.
set -eu
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
python3 -m venv v && v/bin/pip install -q croniter==7.0.0 cronsim==2.8 pycron==3.3.0 apscheduler==3.11.3 celery==5.7.0 crontab==1.0.5
v/bin/python - <<'PY'
from datetime import datetime, timedelta, timezone

import pycron
from apscheduler.triggers.cron import CronTrigger
from celery.schedules import crontab as celery_crontab
from croniter import croniter
from cronsim import CronSim
from crontab import CronTab

expression = "0 9 1 * mon"
start = datetime(2027, 1, 1, tzinfo=timezone.utc)
hours = [start + timedelta(hours=h) for h in range(365 * 24)]


def taken(following):
    count, now = 0, start
    while (now := following(now)) and now.year == 2027:
        count += 1
    return count


schedule = celery_crontab(minute="0", hour="9", day_of_month="1", day_of_week="mon")
trigger, tab = CronTrigger.from_crontab(expression, timezone=timezone.utc), CronTab(expression)
seen = {
    "croniter": taken(lambda t: croniter(expression, t).get_next(datetime)),
    "cronsim": taken(lambda t: next(CronSim(expression, t))),
    "pycron": sum(pycron.is_now(expression, t) for t in hours),
    "APScheduler": taken(lambda t: trigger.get_next_fire_time(t, t + timedelta(seconds=1))),
    "Celery": sum(t.hour in schedule.hour and t.day in schedule.day_of_month and t.isoweekday() % 7 in schedule.day_of_week for t in hours),
    "crontab": taken(lambda t: t + timedelta(seconds=round(tab.next(t, default_utc=True)))),
}
print("days of 2027:", seen)
either = len({t.date() for t in hours if t.day == 1 or t.isoweekday() == 1})
both = len({t.date() for t in hours if t.day == 1 and t.isoweekday() == 1})
assert list(seen.values()) == [either] * 3 + [both] * 3, (either, both)
PY
