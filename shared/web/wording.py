"""Codes, days, times and ids in words, for pages; each service has a table for its own codes besides. Pure."""

from __future__ import annotations

from datetime import date, datetime, timedelta, tzinfo

from shared.events.levels import SPOKEN
from shared.web.words import say, say_count

SOON = timedelta(days=2)
"""What is due within this time is shown as urgent."""
_SPOKEN = {
    **SPOKEN,
    "npi": "NPI",
    "in-person": "in person",
    "no-show": "did not come",
}


def spoken(code: str) -> str:
    """A code of the published language in words: `left-message` → `left message`."""
    return _SPOKEN.get(code, code.replace("-", " ").replace("_", " "))


def tail(identifier: str) -> str:
    """The last four characters of an id: enough to tell rows apart, too few to look anybody up."""
    return f"…{identifier[-4:]}"


def days_left(day: date, today: date) -> str:
    """A last day as seen from today: `3 days left`, `today`, `1 day overdue`."""
    days = (day - today).days
    if days == 0:
        return "today"
    many = "1 day" if abs(days) == 1 else f"{abs(days)} days"
    return f"{many} left" if days > 0 else f"{many} overdue"


def time_left(at: datetime, now: datetime) -> str:
    """An instant as seen from now: `5 hours left`, `3 days overdue`; in whole hours below 48 hours, else in days."""
    seconds = (at - now).total_seconds()
    hours = max(1, round(abs(seconds) / 3600))
    many = ("1 hour" if hours == 1 else f"{hours} hours") if hours < 48 else f"{round(hours / 24)} days"
    return f"{many} left" if seconds > 0 else f"{many} overdue"


def since(at: datetime, now: datetime) -> str:
    """How long ago an instant was: `5 hours ago`, `3 days ago`; in whole hours below 48 hours, else in days."""
    hours = max(0, int((now - at).total_seconds() // 3600))
    if hours < 1:
        return say("within the hour")
    if hours < 48:
        return say_count("{count} hour ago", "{count} hours ago", hours)
    return say_count("{count} day ago", "{count} days ago", hours // 24)


def day(value: date) -> str:
    """A day in words: `Sun 22 Nov`."""
    return f"{value:%a} {value.day} {value:%b}"


def dated(value: date, today: date) -> str:
    """The same with the year where that is not today's: `Sat 22 Nov 2025`."""
    return day(value) if value.year == today.year else f"{day(value)} {value.year}"


def moment(at: datetime, zone: tzinfo) -> str:
    """An instant in a facility's zone, with the zone's name: `Sun 22 Nov, 14:05 EST`."""
    local = at.astimezone(zone)
    return f"{day(local)}, {local:%H:%M} {local:%Z}"
