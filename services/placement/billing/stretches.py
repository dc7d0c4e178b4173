"""The stretches of one stay at one level, program and payer, each with its identity; what they say is in content.py.

Identity (contract 4): stay + root of the fact that began the stretch. Where several facts fall on its first day, that
is the one that brought the stay to its level and program; else the one that ended the suspension; else, after a day
that does not count, the session that makes the day count; else the change of coverage.
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
    """The payers from a day on; `payer` is the first of them, `unknown` where there is none."""

    day: date
    payer: str
    coverage: tuple[Coverage, ...]
    root: str


@value_object
class BilledStretch:
    """The days [start, end) of one stay at one place with the same payers; `end` is days.FOREVER while it is open."""

    key: PeriodKey
    start: date
    end: date
    segment: Segment
    cover: PayersFrom

    @property
    def level(self) -> Level:
        """The segment's level. Raises ValueError where it has none, which does not happen: only levels are billed."""
        if self.segment.level is None:
            raise ValueError("a stretch without a level is not billed")
        return self.segment.level


def covers(found: Sequence[CoverageFrom]) -> list[PayersFrom]:
    """The payers from each day on which they changed, in order; before the first the payer is unknown (contract 4)."""
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
    """All stretches of a stay in order; together they have each of its counted days once.

    Raises ValueError where a suspension ends without a fact that ends it: such a fold contradicts itself.
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
    """Attended day → the root of its first session."""
    found: dict[date, str] = {}
    for session in stay.sessions:
        if session.attended and session.day not in found:
            found[session.day] = session.root or session.fact
    return found


def _by_cover(
    key: PeriodKey, start: date, end: date, segment: Segment, covered: Sequence[PayersFrom]
) -> list[BilledStretch]:
    """The days [start, end) at one place, split where the payers change within them. `key`: of the first part."""
    at = bisect_right(covered, start, key=attrgetter("day")) - 1
    found: list[BilledStretch] = []
    while True:
        following = covered[at + 1].day if at + 1 < len(covered) else FOREVER
        stop = min(following, end)
        found.append(BilledStretch(key, start, stop, segment, covered[at]))
        if stop >= end:
            return found
        at, start, key = at + 1, stop, key._replace(root=covered[at + 1].root)
