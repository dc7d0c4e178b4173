"""Stretches of one stay at one level, program and payer, each named by the fact that began it; no content of a bill.

Identity (contract 4): stay + root of the fact that began the stretch. What began it, where several facts fall on its
first day: the one that brought the stay to its level and program; else the one that ended the suspension; else, after
a day that doesn't count, the session that makes the day count; else the change of coverage.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date
from operator import attrgetter
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.placement.billing.days import FOREVER, SamePlace, blocks, counted
from services.placement.billing.model import UNKNOWN_PAYER, PeriodKey
from services.placement.billing.suspensions import suspended_days
from services.placement.continuum.model import CoverageFrom, Folded, Segment, StayState
from shared.events.levels import Level
from shared.events.stays import Coverage
from shared.values import value_object


class PayersFrom(NamedTuple):
    """From this day on these payers; `payer` is the first of them, `unknown` where there is none."""

    day: date
    payer: str
    coverage: tuple[Coverage, ...]
    root: str


@value_object
class BilledStretch:
    """[start, end) of one stay at one place and cover; `end` is days.FOREVER while open."""

    key: PeriodKey
    start: date
    end: date
    segment: Segment
    cover: PayersFrom

    @property
    def level(self) -> Level:
        """Of the segment, which has one: what has none is not billed. Raises ValueError."""
        if self.segment.level is None:
            raise ValueError("a stretch without a level is not billed")
        return self.segment.level


def covers(found: Sequence[CoverageFrom]) -> list[PayersFrom]:
    """The days on which coverage really changed, in order; before the first the payer is unknown (contract 4)."""
    changes = [PayersFrom(date.min, UNKNOWN_PAYER, (), "")]
    for told in found:
        coverage = tuple(sorted(told.coverage, key=attrgetter("order")))
        if changes[-1].day == told.day:
            changes.pop()
        if changes and coverage == changes[-1].coverage:
            continue
        payer = coverage[0].payer if coverage else UNKNOWN_PAYER
        changes.append(PayersFrom(told.day, payer, coverage, told.root or told.fact))
    return changes


def stretches(
    folded: Folded, stay: StayState, zone: ZoneInfo, covered: Sequence[PayersFrom], same_place: SamePlace
) -> list[BilledStretch]:
    """All stretches of a stay in order: they tile its counted days, without a hole and without a double.

    Raises ValueError where a suspension ends and no fact ends it: such a fold is broken.
    """
    away = suspended_days(stay, folded.stays, zone) if stay.suspended else []
    came = attendance(stay) if away else {}
    attended = sorted(came)
    kind, name = stay.key
    found: list[BilledStretch] = []
    for block in blocks(stay, zone, same_place):
        for start, end, resumed in counted(block, away, attended):
            root = block.root if start == block.start else came[start] if resumed is None else resumed.root
            found += _by_cover(PeriodKey(kind, name, root), start, end, block.segment, covered)
    return found


def attendance(stay: StayState) -> dict[date, str]:
    """The attended days, each with the root of its first session in the fold's order."""
    found: dict[date, str] = {}
    for session in stay.sessions:
        if session.attended and session.day not in found:
            found[session.day] = session.root or session.fact
    return found


def _by_cover(
    key: PeriodKey, start: date, end: date, segment: Segment, covered: Sequence[PayersFrom]
) -> list[BilledStretch]:
    """The days [start, end) in one place, split where coverage changes inside them."""
    at = bisect_right(covered, start, key=attrgetter("day")) - 1
    found: list[BilledStretch] = []
    while True:
        following = covered[at + 1].day if at + 1 < len(covered) else FOREVER
        stop = min(following, end)
        found.append(BilledStretch(key, start, stop, segment, covered[at]))
        if stop >= end:
            return found
        at, start, key = at + 1, stop, key._replace(root=covered[at + 1].root)
