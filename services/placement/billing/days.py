"""Which calendar days of a stay are billed, and at which place (contract 4, Days).

Days are those of the facility's zone, and ranges of them half-open, [start, end); an open end is FOREVER.
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
"""The end of what has no end yet."""
ONE_DAY = timedelta(days=1)
_INSTANT = timedelta(microseconds=1)

SamePlace = Callable[[Segment, Segment], bool]
"""Whether two segments are billed as one place."""


class Suspension(NamedTuple):
    """Days at whose end a stay was suspended. `root`: the root of the fact that ended the suspension; "" if none
    did."""

    start: date
    end: date
    root: str


Counted = tuple[date, date, Suspension | None]
"""Days [start, end) that count, and the suspension after which they resume; None where they follow none."""


@dataclass(slots=True)
class Block:
    """Days of a stay at one place. `root`: the root of the fact that brought the stay there."""

    start: date
    end: date
    segment: Segment
    root: str


def day_of(at: datetime, zone: ZoneInfo) -> date:
    """The day of an instant in this zone."""
    return at.astimezone(zone).date()


def last_day(at: datetime, zone: ZoneInfo) -> date:
    """The day of an end in this zone: an end at 00:00 is 24:00 of the day before (contract 3.6 rule 7)."""
    return (at.astimezone(UTC) - _INSTANT).astimezone(zone).date()


def blocks(stay: StayState, zone: ZoneInfo, same_place: SamePlace) -> list[Block]:
    """The days of a stay by place, in order; a day belongs to the place that was last in force on it (contract 4,
    Days).

    A place that is left on the day of arrival has no day, and the same place before and after it is one block. Segments
    without a level have no days. Suspensions are not looked at here.
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
    """Runs of segments with a level, each with the instant at which it ended, None if it has not; a stay may lose its
    level and gain one again."""
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
    """The day after the last counted one: the leaving day of a 24-hour level is not counted, unless it also began on
    that day; of other levels it is."""
    leaving = max(leaving, begins[0])
    level = next(
        segment.level for begin, segment in zip(reversed(begins), reversed(presence), strict=True) if begin <= leaving
    )
    return leaving if level in ROUND_THE_CLOCK and leaving > begins[0] else leaving + ONE_DAY


def counted(block: Block, away: Sequence[Suspension], attended: Sequence[date]) -> list[Counted]:
    """The parts of a block that count, in order.

    A day at whose end the stay was suspended counts only if it was attended (contract 4, Days). `away` and `attended`
    are in order.
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
    """[start, end) and the attended days `extra` after it as parts without gaps; only the first resumes."""
    for day in extra:
        if day > end:
            if start < end:
                yield start, end, resumed
            start, resumed = day, None
        end = day + ONE_DAY
    if start < end:
        yield start, end, resumed
