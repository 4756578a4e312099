"""Writes calendars with python3-icalendar, as a tendering platform would.

The first argument is the folder. Each file says in its name what it is for.
"""
import datetime
import pathlib
import sys
from datetime import timedelta

import pytz
from icalendar import Calendar, Event, Timezone, TimezoneDaylight, TimezoneStandard, vRecur

folder = pathlib.Path(sys.argv[1])
# Of a zone of the standard library this version writes the short name alone, CST.
shanghai = pytz.timezone("Asia/Shanghai")
stamp = datetime.datetime(2026, 2, 1, tzinfo=datetime.timezone.utc)


def calendar():
    c = Calendar()
    c.add("prodid", "-//example.org//招标采购交易平台//ZH")
    c.add("version", "2.0")
    return c


def event(uid, summary, categories, start, **more):
    e = Event()
    e.add("uid", uid)
    e.add("summary", summary)
    e.add("dtstamp", stamp)
    if categories:
        e.add("categories", categories)
    e.add("dtstart", start)
    for name, value in more.items():
        e.add(name.replace("_", "-"), value)
    return e


def write(name, *components):
    c = calendar()
    for part in components:
        c.add_component(part)
    (folder / name).write_bytes(c.to_ical())


def at(month, day, hour, minute=0, zone=shanghai):
    return zone.localize(datetime.datetime(2026, month, day, hour, minute))


long = "某市轨道交通二十七号线二期工程车辆段及综合基地施工总承包第三标段（含铺轨、供电、信号；机电安装）, 公开招标 开标会"
write(
    "plain.ics",
    event("open-1@example.org", long, ["开标", "重要"], at(3, 2, 9, 30), dtend=at(3, 2, 11, 30),
          x_xunjian_systems="招标平台", x_xunjian_project="ZB-2026-017"),
    event("deadline-1@example.org", "投标截止; 逾期不受理\n请提前上传", ["投标截止", "系统:招标平台"],
          at(3, 2, 9, 30)),
    event("review-1@example.org", "评标", ["评标"], datetime.date(2026, 3, 3), dtend=datetime.date(2026, 3, 5)),
    event("gone@example.org", "流标", ["开标"], at(3, 6, 9, 30), duration=timedelta(hours=1), status="CANCELLED"),
    event("lunch@example.org", "午餐会", None, at(3, 6, 12, 0), duration=timedelta(hours=1)),
)

series = event("weekly@example.org", "每周例行开标", ["开标"], at(3, 2, 14, 0), duration=timedelta(minutes=90),
               rrule=vRecur({"freq": "weekly", "byday": ["MO", "TH"], "count": 6}),
               exdate=[at(3, 5, 14, 0), at(3, 12, 14, 0)])
moved = event("weekly@example.org", "每周例行开标（改期）", ["开标"], at(3, 10, 10, 0), duration=timedelta(minutes=90),
              recurrence_id=at(3, 9, 14, 0))
write("series.ics", series, moved)

# A zone that no database knows, with rules of its own.
zone = Timezone()
zone.add("tzid", "交易中心时间")
for kind, start, before, after, month, week in (
    (TimezoneStandard, datetime.datetime(1996, 10, 27, 3), 2, 1, 10, -1),
    (TimezoneDaylight, datetime.datetime(1981, 3, 29, 2), 1, 2, 3, -1),
):
    part = kind()
    part.add("tzname", "X%d" % after)
    part.add("dtstart", start)
    part.add("rrule", {"freq": "yearly", "bymonth": month, "byday": "%dsu" % week})
    part.add("tzoffsetfrom", timedelta(hours=before))
    part.add("tzoffsetto", timedelta(hours=after))
    zone.add_component(part)
own = event("own@example.org", "开标", ["开标"], datetime.datetime(2026, 3, 28, 9, 30), duration=timedelta(hours=1),
            rrule=vRecur({"freq": "daily", "count": 2}))
own["dtstart"].params["TZID"] = "交易中心时间"
write("zone.ics", zone, own)
