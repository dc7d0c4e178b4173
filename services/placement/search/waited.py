"""Days that patients who are ready to step down have waited, by what for, payer and level (contract 3.3,
`ready-for-step`). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple

from shared.events.levels import RANK, Level


class WaitReason(NamedTuple):
    """What is waited for, who pays (empty: not known), and the level that the patients are at."""

    waiting_for: str
    payer: str
    level: Level


@dataclass(slots=True)
class Waited:
    """`patients`: who waits for it now; `days`: whole days waited for it so far, by all who are ready and still there;
    `longest`: the most days that one of them has waited for it in all."""

    patients: int = 0
    days: int = 0
    longest: int = 0


def waited(entries: Iterable[tuple[Mapping[str, Any], date]]) -> list[tuple[WaitReason, Waited]]:
    """The sums, the most days first. `entries`: the content of each list entry of kind `ready`, and the day that it is
    at its facility."""
    found: dict[WaitReason, Waited] = {}
    for content, today in entries:
        spent: dict[WaitReason, int] = {}
        for reason, days in _days(content["spans"], today):
            key = WaitReason(reason, str(content.get("payer", "")), Level(content["level"]))
            spent[key] = spent.get(key, 0) + days
        for key, days in spent.items():
            one = found.setdefault(key, Waited())
            one.days += days
            one.longest = max(one.longest, days)
            one.patients += key.waiting_for == content["waiting_for"]
    return sorted(found.items(), key=_most_days_first)


def _most_days_first(each: tuple[WaitReason, Waited]) -> tuple[int, str, str, int]:
    waits, told = each
    return -told.days, waits.waiting_for, waits.payer, RANK[waits.level]


def _days(spans: Iterable[Mapping[str, str]], today: date) -> Iterable[tuple[str, int]]:
    """What was waited for, and for how many days: each span lasts until the next one begins, the last one until
    today."""
    told = list(spans)
    begins = [date.fromisoformat(one["from"]) for one in told]
    ends = [*begins[1:], max(today, begins[-1])] if begins else []
    for one, since, until in zip(told, begins, ends, strict=True):
        yield one["waiting_for"], (until - since) // timedelta(days=1)
