"""FHIR's dateTime, date and instant as the instants in which they begin and end."""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,12}))?)?"
    r"\s*(Z|[+-]\d\d:?\d\d)?)?)?)?",
    re.ASCII,
)
_YEARS = range(1800, 9900)


def span(text: str, zone: tzinfo) -> tuple[datetime, datetime]:
    """When what a dateTime names begins and ends: an instant twice, a day, a month or a year with its two ends in the
    zone; so is a time without an offset. Raises ValueError, without the text, for what is none."""
    found = _DATE.fullmatch(text.strip())
    if not found or int(found[1]) not in _YEARS:
        raise ValueError("not a time")
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    if hour is not None:
        clock = timedelta(hours=int(hour), minutes=int(minute), seconds=int(second or 0))
        if int(hour) > 24 or int(minute) > 59 or int(second or 0) > 60 or clock > timedelta(days=1):
            raise ValueError("not a time")
        at = _aware(_day(year, month, day) + clock, _offset(offset) if offset else zone)
        at += timedelta(microseconds=int((fraction or "0")[:6].ljust(6, "0")))
        return at, at
    start, end = _day(year, month or "01", day or "01"), _day(year, month or "12", day or "01")
    if day is None:
        end = end.replace(day=calendar.monthrange(end.year, end.month)[1])
    return _aware(start, zone), _aware(end + timedelta(days=1), zone)


def _day(year: str, month: str, day: str) -> datetime:
    return datetime(int(year), int(month), int(day))  # noqa: DTZ001 - the zone comes with _aware


def _offset(text: str) -> tzinfo:
    if text == "Z":
        return UTC
    delta = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    if delta > timedelta(hours=15):
        raise ValueError("not a time")
    return timezone(-delta if text[0] == "-" else delta)


def _aware(naive: datetime, zone: tzinfo) -> datetime:
    """The time at the zone's offset then: two times of one ZoneInfo would compare by wall clock, not by instant."""
    return naive.replace(tzinfo=timezone(zone.utcoffset(naive.replace(tzinfo=zone)) or timedelta()))
