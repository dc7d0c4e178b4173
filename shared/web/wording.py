"""Codes, days, times and ids in words, in the language that is spoken now, for pages; each service has a table for its
own codes besides. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta, tzinfo
from functools import lru_cache

from babel import Locale
from babel.dates import format_date

from shared.web.codes import CODES
from shared.web.words import locale, say, say_again, say_count

SOON = timedelta(days=2)
"""What is due within this time is shown as urgent."""


def spoken(code: str) -> str:
    """A code of the published language in words: `left-message` → `left a message`. One that has no words, such as a
    site's own, is shown without its dashes."""
    return say(CODES[code]) if code in CODES else code.replace("-", " ").replace("_", " ")


RECORDS_ABOUT: Mapping[str, str] = {
    "PSY": "about mental health",
    "SUD": "about substance use",
    "PART2": "about substance use, from a program under 42 CFR Part 2",
}
"""Label of the consent gate → what a record with it is about."""
MEASURES = {"fuh": "after hospitalization", "fui": "after withdrawal or residential care", "fum": "after emergency"}
"""Kind of a measure of follow-up (HEDIS) → after what it asks for one."""


CODE_SYSTEMS: Mapping[str, str] = {
    "I10": "ICD-10", "I10C": "ICD-10-CM", "I9": "ICD-9", "I9C": "ICD-9-CM", "SCT": "SNOMED CT", "RXNORM": "RxNorm",
}  # fmt: skip
"""A code system as messages name it (HL7 table 0396) → its name, which is the same in every language."""


def code_system(name: str) -> str:
    """A code system by its name for people; one that is not known as the message named it."""
    return CODE_SYSTEMS.get(name.upper(), name)


def language_of(code: str) -> str:
    """A language, by its code, in the words of the one that is spoken now."""
    return str(locale().languages.get(code.lower(), code))


def measure(name: str, *, short: bool = False) -> str:
    """A measure as people say it: `FUH-7` → `7-day follow-up after hospitalization`; `short`: `7-day follow-up`."""
    kind, _, days = name.lower().partition("-")
    if kind not in MEASURES or not days:
        return name.replace("-", " ")
    if short:
        return say("{days}-day follow-up", days=days)
    return say("{days}-day follow-up {after}", days=days, after=say(MEASURES[kind]))


def capital(text: str) -> str:
    """The same words with a capital at their beginning."""
    return text[:1].upper() + text[1:]


def plainly(text: str, names: Mapping[str, str] | None = None) -> str:
    """A finished English sentence of the rules, such as a refusal, without codes and in the language that is spoken
    now: days are written as pages write them, codes and `names` (id → title) in words."""
    return say_again(text, lambda value: _plain_value(value, names or {}))


def _plain_value(value: str, names: Mapping[str, str]) -> str:
    if value in names:
        return names[value]
    if _ISO_DAY.fullmatch(value):
        return day(date.fromisoformat(value))
    return ", ".join(spoken(each) if each in CODES else say_again(each) for each in value.split(", "))


_ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def tail(identifier: str) -> str:
    """The last four characters of an id: enough to tell rows apart, too few to look anybody up."""
    return f"…{identifier[-4:]}"


def days_left(day: date, today: date) -> str:
    """A last day as seen from today: `3 days left`, `today`, `1 day overdue`."""
    days = (day - today).days
    if days == 0:
        return say("today")
    return _left_in_days(days) if days > 0 else _overdue_in_days(-days)


def time_left(at: datetime, now: datetime) -> str:
    """An instant as seen from now: `5 hours left`, `3 days overdue`; in whole hours below 48 hours, else in days."""
    seconds = (at - now).total_seconds()
    hours = max(1, round(abs(seconds) / 3600))
    if hours >= 48:
        days = round(hours / 24)
        return _left_in_days(days) if seconds > 0 else _overdue_in_days(days)
    if seconds > 0:
        return say_count("{count} hour left", "{count} hours left", hours)
    return say_count("{count} hour overdue", "{count} hours overdue", hours)


def time_to_go(at: datetime, now: datetime) -> str:
    """How far away a coming instant is, in the same units: `5 hours to go`."""
    hours = max(1, round((at - now).total_seconds() / 3600))
    if hours >= 48:
        return say_count("{count} day to go", "{count} days to go", round(hours / 24))
    return say_count("{count} hour to go", "{count} hours to go", hours)


def _left_in_days(days: int) -> str:
    return say_count("{count} day left", "{count} days left", days)


def _overdue_in_days(days: int) -> str:
    return say_count("{count} day overdue", "{count} days overdue", days)


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
    return _written(value, "EEE d MMM", locale())


def dated(value: date, today: date) -> str:
    """The same with the year where that is not today's: `Sat 22 Nov 2025`."""
    return day(value) if value.year == today.year else _written(value, "EEE d MMM y", locale())


@lru_cache(maxsize=4096)
def _written(value: date, pattern: str, spoken_now: Locale) -> str:
    return format_date(value, pattern, locale=spoken_now)


def moment(at: datetime, zone: tzinfo) -> str:
    """An instant in a facility's zone, with the zone's name: `Sun 22 Nov, 14:05 EST`."""
    local = at.astimezone(zone)
    return f"{day(local.date())}, {local:%H:%M} {local:%Z}"


def listed(parts: list[str]) -> str:
    """Several words as one text: `Mon, Wed or Fri`."""
    return say("{first} or {last}", first=", ".join(parts[:-1]), last=parts[-1]) if len(parts) > 1 else "".join(parts)
