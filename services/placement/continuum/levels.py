"""What all stays of an episode together mean: its level at each instant, which stays are suspended, and which days lie
inside a 24-hour stay."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.placement.continuum.model import LevelChange, Segment, Span, StayKey, StayState
from services.placement.continuum.order import midnight
from shared.events.levels import RANK, ROUND_THE_CLOCK, Level
from shared.values import replace

FOREVER = datetime.max.replace(tzinfo=UTC)
"""The end of what has no end yet."""


class LevelStretch(NamedTuple):
    """A time [since, until) of one stay at one level; `until` is FOREVER while it goes on.

    `rank` 0 is the most intensive level; `begun` is when the stay began.
    """

    since: datetime
    until: datetime
    level: Level
    rank: int
    begun: datetime
    stay: StayKey
    segment: Segment


def stretches(stay: StayState) -> list[LevelStretch]:
    """The stretches of a stay at a level, in order, without those of no length."""
    end = stay.ended.at if stay.ended else FOREVER
    begun, ends = stay.segments[0].since, [segment.since for segment in stay.segments[1:]]
    return [
        LevelStretch(segment.since, until, segment.level, RANK[segment.level], begun, stay.key, segment)
        for segment, until in zip(stay.segments, [*ends, end], strict=True)
        if segment.level is not None and segment.since < until
    ]


def stretches_of(stays: Iterable[StayState]) -> list[LevelStretch]:
    """The stretches of these stays at a level, stay by stay."""
    return [stretch for stay in stays for stretch in stretches(stay)]


def levels_of(found: Sequence[LevelStretch]) -> tuple[LevelChange, ...]:
    """Every change of the episode's level, or of the stay whose level it is, by time (contract 3.6 rule 4). `found`:
    the stretches of all its stays.

    That stay is the most intensive open one; of two at the same level the one that began first.
    """
    changes: list[LevelChange] = []
    holder: tuple[Level | None, StayKey | None] = (None, None)
    for at in sorted({edge for one in found for edge in (one.since, one.until)} - {FOREVER}):
        top = min((one for one in found if one.since <= at < one.until), key=_intensity, default=None)
        now = (top.level, top.stay) if top else (None, None)
        if now != holder:
            holder = now
            changes.append(LevelChange(at, *now))
    return tuple(changes)


def _intensity(one: LevelStretch) -> tuple[int, datetime, StayKey]:
    return (one.rank, one.begun, one.stay)


def with_suspensions(stays: Iterable[StayState], found: Sequence[LevelStretch]) -> list[StayState]:
    """The stays, each with the times in which a more intensive 24-hour stay was open (contract 3.6 rule 4). `found`:
    the stretches of these stays."""
    spans: dict[StayKey, list[tuple[datetime, datetime]]] = defaultdict(list)
    for other in (one for one in found if one.level in ROUND_THE_CLOCK):
        for mine in found:
            shared = mine.since < other.until and other.since < mine.until
            if shared and other.rank < mine.rank and other.stay != mine.stay:
                spans[mine.stay].append((max(mine.since, other.since), min(mine.until, other.until)))
    return [_suspended(stay, spans.get(stay.key, ())) for stay in stays]


def _suspended(stay: StayState, spans: Iterable[tuple[datetime, datetime]]) -> StayState:
    merged = tuple(Span(since, None if until == FOREVER else until) for since, until in _joined(sorted(spans)))
    return stay if merged == stay.suspended else replace(stay, suspended=merged)


def _joined(spans: list[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """The same times with touching and overlapping ones as one; `spans` are by their beginnings."""
    joined: list[tuple[datetime, datetime]] = []
    for since, until in spans:
        if joined and since <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], until))
        else:
            joined.append((since, until))
    return joined


class RoundTheClock(NamedTuple):
    """A time [since, until) in which one stay was at a 24-hour level, or at several in turn; `fact` began it."""

    since: datetime
    until: datetime
    stay: StayKey
    fact: str


def round_the_clock(stretches: Iterable[LevelStretch]) -> list[RoundTheClock]:
    """The 24-hour ones among these stretches, which come stay by stay; a move between two 24-hour levels does not break
    a stretch."""
    found: list[RoundTheClock] = []
    for one in stretches:
        if one.level not in ROUND_THE_CLOCK:
            continue
        if found and found[-1].stay == one.stay and found[-1].until == one.since:
            found[-1] = found[-1]._replace(until=one.until)
        else:
            found.append(RoundTheClock(one.since, one.until, one.stay, one.segment.fact))
    return found


def inside(day: date, zone: ZoneInfo, stay: StayKey, over: Iterable[RoundTheClock]) -> list[RoundTheClock]:
    """The stretches in `over` of other stays than `stay` inside which the whole day, in this zone, lies (contract 3.6
    rule 10).

    The leaving day is not inside. An end at 00:00 makes the day before it the leaving day.
    """
    opens, closes = midnight(day, zone), midnight(date.fromordinal(day.toordinal() + 1), zone)
    return [one for one in over if one.stay != stay and one.since <= opens and one.until > closes]
