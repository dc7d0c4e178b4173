"""Reads the stories: what a hospital says, and what stands after it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

STORIES = Path(__file__).with_name("stories.yml")
FIRST_DAY = datetime(2026, 3, 2)  # noqa: DTZ001 - local time of wherever the hospital is, as HL7 writes it
"""Day 1 of every story: a Monday of 31-day month, without a change of clocks in its first days."""
PLACES = ("ward", "other-ward", "residence", "day-program", "evening-program", "clinic", "emergency")
_LINE = re.compile(r"(?P<event>[A-Z]\d\d) (?P<day>\d+) (?P<clock>\d\d:\d\d)(?P<rest>(?: \S+)*)")
_VISIT = re.compile(r"(?P<visit>\S+) of (?P<patient>[^:\s]+): (?P<course>.+)")
_AWAY = re.compile(r"away (\d+ \d\d:\d\d)(?: to (\d+ \d\d:\d\d))?")
_KEYS = frozenset(
    {
        "patient", "visit", "class", "begun", "ended", "evn6", "expected", "leaves", "into", "with", "swap",
        "from", "to", "old-visit", "account", "old-account", "movement", "action", "changed", "moved", "historic",
        "attending",
    }
)  # fmt: skip


class Leave(NamedTuple):
    """A leave of absence; an open one has no end."""

    since: datetime
    until: datetime | None


class Stands(NamedTuple):
    """A visit as it stands: its patient, each place with since when, its leaves, and its end; an open one has none."""

    visit: str
    patient: str
    places: tuple[tuple[str, datetime], ...]
    leaves: tuple[Leave, ...] = ()
    ended: datetime | None = None

    def __str__(self) -> str:
        """As the stories write it."""
        away = [f"away {_told(each.since)}{f' to {_told(each.until)}' if each.until else ''}" for each in self.leaves]
        out = [f"out {_told(self.ended)}"] if self.ended else []
        course = " > ".join(f"{place} {_told(at)}" for place, at in self.places)
        return f"{self.visit} of {self.patient}: {', '.join([course, *away, *out])}"


@dataclass(frozen=True, slots=True)
class Say:
    """One message of a story: its event, when it happened (and was said), the place, and its other fields by key."""

    event: str
    at: datetime
    place: str = ""
    more: dict[str, str] = field(default_factory=dict)

    def time(self, key: str) -> datetime | None:
        """A field that is a time, written `DAY/HH:MM`."""
        return _at(self.more[key].replace("/", " ")) if key in self.more else None


@dataclass(frozen=True, slots=True)
class Story:
    """What is said, in the order said, and what stands after it; `of`: where the standard says so."""

    name: str
    of: str
    says: tuple[Say, ...]
    stands: tuple[Stands, ...]

    def visit(self, name: str) -> str:
        """A visit as `stands` names it: `v1/v2` for either of a visit that has two numbers."""
        return next((each.visit for each in self.stands if name in each.visit.split("/")), name)


@cache
def stories() -> tuple[Story, ...]:
    """Every story, in the order of the file. Raises ValueError for a line that is not one."""
    return tuple(_story(one) for one in yaml.safe_load(STORIES.read_text(encoding="utf-8")))


def _story(one: dict[str, Any]) -> Story:
    return Story(one["story"], one["of"], tuple(map(_say, one["says"])), tuple(map(_stands, one["stands"])))


def _say(line: str) -> Say:
    found = _LINE.fullmatch(line)
    if found is None:
        raise ValueError(f"no message: {line}")
    words = found["rest"].split()
    place = words.pop(0) if words and "=" not in words[0] else ""
    more = dict(word.split("=", 1) for word in words)
    if (place and place not in PLACES) or not more.keys() <= _KEYS:
        raise ValueError(f"no place or field: {line}")
    return Say(found["event"], _at(f"{found['day']} {found['clock']}"), place, more)


def _stands(line: str) -> Stands:
    found = _VISIT.fullmatch(line)
    if found is None:
        raise ValueError(f"no visit: {line}")
    course, *rest = found["course"].split(", ")
    places = tuple((place, _at(at)) for place, _, at in (each.partition(" ") for each in course.split(" > ")))
    leaves = tuple(
        Leave(_at(away[1]), _at(away[2]) if away[2] else None) for each in rest if (away := _AWAY.fullmatch(each))
    )
    ended = next((_at(each.removeprefix("out ")) for each in rest if each.startswith("out ")), None)
    return Stands(found["visit"], found["patient"], places, leaves, ended)


def _at(text: str) -> datetime:
    """`DAY HH:MM` as a time."""
    day, _, clock = text.partition(" ")
    hour, minute = map(int, clock.split(":"))
    return FIRST_DAY + timedelta(days=int(day) - 1, hours=hour, minutes=minute)


def _told(at: datetime) -> str:
    since = at - FIRST_DAY
    return f"{since.days + 1} {at:%H:%M}"
