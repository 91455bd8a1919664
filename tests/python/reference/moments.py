"""Calendars and clocks: periods of a zone, ranges and lengths of time. Instants are microseconds since 1970 UTC."""

import re
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from .world import DAY, HOUR, MINUTE, SECOND

UNITS = ("minute", "hour", "day", "week", "month", "quarter", "year")
FIXED = {"second": SECOND, "minute": MINUTE, "hour": HOUR, "day": DAY, "week": 7 * DAY}
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def instant(text, zone="UTC"):
    """`2017-05-01`, `2017-05-01 10:00:00` in the zone, or RFC 3339."""
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone))
    return micros(moment)


def micros(moment):
    return (moment.astimezone(timezone.utc) - EPOCH) // timedelta(microseconds=1)


def local(time, zone):
    return (EPOCH + timedelta(microseconds=time)).astimezone(ZoneInfo(zone))


def first_moment(day, zone):
    """The first instant of a local date: where the clocks leave midnight out, the first one after it."""
    return micros(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)))


def day_of(time, unit, zone="UTC", week_start=0):
    """The first day of the period of a unit of a day or longer. `week_start`: 0 = Monday, 6 = Sunday."""
    day = local(time, zone).date()
    if unit == "day":
        return day
    if unit == "week":
        return day - timedelta(days=(day.weekday() - week_start) % 7)
    if unit == "month":
        return day.replace(day=1)
    if unit == "quarter":
        return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
    if unit == "year":
        return day.replace(month=1, day=1)
    raise ValueError(unit)


def bucket(time, unit, zone="UTC", week_start=0):
    """The period: a date, or an instant below a day."""
    if unit in ("minute", "hour"):
        # The wall clock is cut; the offset stays, so the hour that comes twice stays two.
        offset = local(time, zone).utcoffset() // timedelta(microseconds=1)
        return (time + offset) // FIXED[unit] * FIXED[unit] - offset
    return day_of(time, unit, zone, week_start)


def step(day, unit, n):
    """The day `n` periods later."""
    if unit == "day":
        return day + timedelta(days=n)
    if unit == "week":
        return day + timedelta(days=7 * n)
    months = {"month": 1, "quarter": 3, "year": 12}[unit] * n
    total = day.year * 12 + day.month - 1 + months
    return date(total // 12, total % 12 + 1, 1)


def index(day, unit):
    """Numbers the periods, so that differences count them."""
    if unit == "day":
        return day.toordinal()
    if unit == "week":
        return day.toordinal() // 7 if day.weekday() == 0 else (day.toordinal() + 7 - day.weekday()) // 7
    months = day.year * 12 + day.month - 1
    return months // {"month": 1, "quarter": 3, "year": 12}[unit]


def difference(first, second, unit):
    """How many periods the second day lies after the first; both begin a period."""
    if unit == "week":
        return (second - first).days // 7
    return index(second, unit) - index(first, unit)


def days(first, last, zone="UTC"):
    """A range of dates, the last one included."""
    return first_moment(date.fromisoformat(first), zone), first_moment(date.fromisoformat(last) + timedelta(days=1), zone)


ALL_TIME = (-(1 << 62), 1 << 62)
LENGTH = re.compile(r"(\d+) (calendar )?(\w+?)s?$")


def later(time, length, zone="UTC"):
    """The last instant inside a length that begins at `time`: fixed lengths by the watch, the others by the calendar."""
    n, calendar, unit = LENGTH.match(length).groups()
    n = int(n)
    if unit in FIXED and not calendar:
        return time + n * FIXED[unit]
    moment = local(time, zone)
    day = moment.date()
    if unit in ("day", "week"):
        day += timedelta(days=n * (7 if unit == "week" else 1))
    else:
        total = day.year * 12 + day.month - 1 + n * {"month": 1, "quarter": 3, "year": 12}[unit]
        year, month = total // 12, total % 12 + 1
        ends = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
        day = date(year, month, min(day.day, ends))
    return micros(datetime.combine(day, moment.time(), tzinfo=ZoneInfo(zone)))


def periods(first, end, unit, zone="UTC", week_start=0):
    """All periods of a unit of a day or longer that the range [first, end) touches."""
    day, found = day_of(first, unit, zone, week_start), []
    while first_moment(day, zone) < end:
        found.append(day)
        day = step(day, unit, 1)
    return found
