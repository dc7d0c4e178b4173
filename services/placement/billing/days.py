"""Which calendar days of a stay count, and at which place; knows days and nothing of payers, bills or versions.

Everything is half-open [start, end) in the facility's own zone; an open end is `FOREVER`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.placement.continuum.model import Segment, StayState
from shared.events.levels import ROUND_THE_CLOCK

FOREVER = date.max
ONE_DAY = timedelta(days=1)
_INSTANT = timedelta(microseconds=1)

SamePlace = Callable[[Segment, Segment], bool]


class Suspension(NamedTuple):
    """Days on which a stay was suspended at the day's end; `root` is of the fact that lifted it, "" if none did."""

    start: date
    end: date
    root: str


Counted = tuple[date, date, Suspension | None]
"""Days [start, end) that count, and the suspension that they resume from."""


@dataclass(slots=True)
class Block:
    """Days of a stay in one place; `root` is the root of the fact that brought the stay there."""

    start: date
    end: date
    segment: Segment
    root: str


def day_of(at: datetime, zone: ZoneInfo) -> date:
    """The facility's calendar day of an instant."""
    return at.astimezone(zone).date()


def last_day(at: datetime, zone: ZoneInfo) -> date:
    """The day on which an end falls: local 00:00 is 24:00 of the day before (contract 3.6 rule 7)."""
    return (at.astimezone(UTC) - _INSTANT).astimezone(zone).date()


def blocks(stay: StayState, zone: ZoneInfo, same_place: SamePlace) -> list[Block]:
    """The counted days of a stay by place, in order, each day in the one last in force on it (contract 4, Days).

    A place without days gives none: a same-day transfer leaves the day to the second place, and what lies on both
    sides of it is one block. A stretch without a level (contract 3.6, A07) is no presence.
    """
    found: list[Block] = []
    for block in _presence_days(stay, zone):
        while found and found[-1].start >= found[-1].end and not same_place(found[-1].segment, block.segment):
            found.pop()
        if found and found[-1].end == block.start and same_place(found[-1].segment, block.segment):
            found[-1].end = block.end
        else:
            found.append(block)
    return [block for block in found if block.start < block.end]


def _presence_days(stay: StayState, zone: ZoneInfo) -> list[Block]:
    found: list[Block] = []
    for presence, until in _presences(stay):
        begins = [day_of(segment.since, zone) for segment in presence]
        end = FOREVER if until is None else _day_after(presence, begins, last_day(until, zone))
        for begin, following, segment in zip(begins, [*begins[1:], end], presence, strict=True):
            found.append(Block(begin, max(begin, min(following, end)), segment, segment.root))
        for earlier in found[: -len(presence)]:
            earlier.end = max(earlier.start, min(earlier.end, begins[0]))
    return found


def _presences(stay: StayState) -> list[tuple[list[Segment], datetime | None]]:
    """Runs of segments with a level, each with the instant it ended: a stay may lose its level and gain one again."""
    found: list[tuple[list[Segment], datetime | None]] = []
    run: list[Segment] = []
    for segment in stay.segments:
        if segment.level is not None:
            run.append(segment)
        elif run:
            found.append((run, segment.since))
            run = []
    if run:
        found.append((run, stay.ended.at if stay.ended else None))
    return found


def _day_after(presence: Sequence[Segment], begins: Sequence[date], leaving: date) -> date:
    """The day after the last counted one: a 24-hour level's leaving day isn't counted unless it also began then."""
    leaving = max(leaving, begins[0])
    level = next(
        segment.level for begin, segment in zip(reversed(begins), reversed(presence), strict=True) if begin <= leaving
    )
    return leaving if level in ROUND_THE_CLOCK and leaving > begins[0] else leaving + ONE_DAY


def counted(block: Block, away: Sequence[Suspension], attended: Sequence[date]) -> list[Counted]:
    """The counted stretches of a block, with the suspension that each one resumes from, where it does.

    `attended` is in order. A day suspended at its end counts only if it was attended (contract 4, Days).
    """
    at = block.start
    found: list[Counted] = []
    resumed: Suspension | None = None
    for gap in away:
        if gap.end <= at or gap.start >= block.end:
            continue
        start, end = max(at, gap.start), min(gap.end, block.end)
        found += _joined(at, start, _within(attended, start, end), resumed)
        at, resumed = min(gap.end, block.end), gap
    if at < block.end:
        found.append((at, block.end, resumed if resumed and resumed.end == at else None))
    return found


def _within(days: Sequence[date], start: date, end: date) -> Sequence[date]:
    return days[bisect_left(days, start) : bisect_left(days, end)]


def _joined(start: date, end: date, extra: Sequence[date], resumed: Suspension | None) -> Iterable[Counted]:
    for day in extra:
        if day > end:
            if start < end:
                yield start, end, resumed
            start, resumed = day, None
        end = day + ONE_DAY
    if start < end:
        yield start, end, resumed
