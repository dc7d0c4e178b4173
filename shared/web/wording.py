"""Codes, days and ids as people say them, for pages; each service has a table of its own for what is its own. Pure."""

from __future__ import annotations

from datetime import date, datetime, timedelta, tzinfo

from shared.events.levels import SPOKEN

SOON = timedelta(days=2)
"""What has to be done by then is urgent."""
_SPOKEN = {
    **SPOKEN,
    "npi": "NPI",
    "in-person": "in person",
    "no-show": "did not come",
}


def spoken(code: str) -> str:
    """A code of the published language as words: `left-message` → `left message`."""
    return _SPOKEN.get(code, code.replace("-", " ").replace("_", " "))


def tail(identifier: str) -> str:
    """The last four characters of an id: enough to tell rows apart, too few to look anybody up."""
    return f"…{identifier[-4:]}"


def days_left(day: date, today: date) -> str:
    """How far a last day is from today."""
    days = (day - today).days
    if days == 0:
        return "today"
    many = "1 day" if abs(days) == 1 else f"{abs(days)} days"
    return f"{many} left" if days > 0 else f"{many} overdue"


def time_left(at: datetime, now: datetime) -> str:
    """How far an instant is from now, in hours where it is less than two days."""
    seconds = (at - now).total_seconds()
    hours = max(1, round(abs(seconds) / 3600))
    many = ("1 hour" if hours == 1 else f"{hours} hours") if hours < 48 else f"{round(hours / 24)} days"
    return f"{many} left" if seconds > 0 else f"{many} overdue"


def day(value: date) -> str:
    """A day: `Sun 22 Nov`."""
    return f"{value:%a} {value.day} {value:%b}"


def moment(at: datetime, zone: tzinfo) -> str:
    """An instant in a facility's zone, which is named: `Sun 22 Nov, 14:05 EST`."""
    local = at.astimezone(zone)
    return f"{day(local)}, {local:%H:%M} {local:%Z}"
