"""Episodes and facts in words from their JSON, alike on the pages and on the command line. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from shared.events.levels import SPOKEN
from shared.web.wording import day, measure, spoken
from shared.web.words import say, say_count

STATES: Mapping[str, str] = {
    "void": "nothing stands",
    "referred": "referred",
    "active": "in care",
    "on-leave": "on leave",
    "between": "between levels",
    "aftercare": "in aftercare",
    "closed": "closed",
}
"""The state of an episode → words."""
SHOWN = ("class", "reason", "kind", "date", "measure", "from_level", "to_level", "days_between", "days", "due_to")
"""Fields of a fact that are shown beside its name: codes, levels and dates."""


_UNITS = {
    "day": ("{count} day in all", "{count} days in all"),
    "session": ("{count} session in all", "{count} sessions in all"),
    "hour": ("{count} hour in all", "{count} hours in all"),
}


def details(value: Mapping[str, Any]) -> Iterator[str]:
    """What a fact says beside its name, as phrases: reason, kind, way of leaving, days. `value`: the fact as JSON."""
    disposition = value.get("disposition")
    if isinstance(disposition, dict) and disposition.get("kind") not in {None, "unknown"}:
        yield spoken(disposition["kind"])
    for name in SHOWN:
        told = value.get(name)
        if isinstance(told, str | int) and name != "date":
            yield _phrase(name, told)
    yield from _services(value.get("services"))
    if isinstance(first := value.get("start_date"), str):
        yield say("first day {day}", day=day(date.fromisoformat(first)))
    if isinstance(units := value.get("units"), int) and isinstance(unit := value.get("unit"), str):
        yield say_count(*_UNITS.get(unit, _UNITS["day"]), units)
    if isinstance(value.get("from"), str) and isinstance(value.get("to"), str):
        since, until = (day(date.fromisoformat(value[name][:10])) for name in ("from", "to"))
        yield say("{since} to {until}", since=since, until=until)


def _phrase(name: str, told: str | int) -> str:
    match name:
        case "from_level" | "to_level":
            text = "from {level}" if name == "from_level" else "to {level}"
            return say(text, level=say(SPOKEN.get(str(told), str(told))))
        case "days_between":
            return say_count("{count} day between", "{count} days between", int(told))
        case "days":
            return say_count("after {count} day", "after {count} days", int(told))
        case "measure":
            return measure(str(told))
        case "due_to":
            return say("until {day}", day=day(date.fromisoformat(str(told)[:10])))
    return spoken(str(told))


def _services(given: Any) -> Iterator[str]:
    """The kinds of services of a session, and how long they took in all."""
    if not isinstance(given, list) or not given:
        return
    yield ", ".join(dict.fromkeys(spoken(one["kind"]) for one in given if "kind" in one))
    if minutes := sum(int(one.get("minutes", 0)) for one in given):
        yield say("{hours} h", hours=f"{minutes / 60:g}") if minutes % 30 == 0 else say("{n} min", n=minutes)
