"""The stretches of one stay at one level, program and payer, each with its identity; what they say is in content.py.

Identity (contract 4): stay + root of the fact that began the stretch. Where several facts fall on its first day, that
is the one that brought the stay to its level and program; else the one that ended the suspension; else, after a day
that does not count, the session that makes the day count; else the change of coverage.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.placement.billing.days import FOREVER, Block, SamePlace, Suspension, blocks, counted
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
        coverage = tuple(sorted(told.coverage, key=lambda one: one.order))
        if changes[-1].day == told.day:
            changes.pop()
        if changes and coverage == changes[-1].coverage:
            continue
        payer = coverage[0].payer if coverage else UNKNOWN_PAYER
        changes.append(PayersFrom(told.day, payer, coverage, told.root or told.fact))
    return changes


def stretches(
    folded: Folded, stay: StayState, zone: ZoneInfo, covered: Sequence[PayersFrom], same_place: SamePlace
) -> Iterable[BilledStretch]:
    """All stretches of a stay in order; together they have each of its counted days once.

    Raises ValueError where a suspension ends without a fact that ends it: such a fold contradicts itself.
    """
    away = suspended_days(stay, folded.stays, zone)
    came = attendance(stay)
    attended = sorted(came)
    for block in blocks(stay, zone, same_place):
        for start, end, resumed in counted(block, away, attended):
            key = PeriodKey(stay.kind, stay.id, _began(block, start, resumed, came))
            yield from _by_cover(BilledStretch(key, start, end, block.segment, covered[0]), covered)


def attendance(stay: StayState) -> dict[date, str]:
    """Attended day → the root of its first session."""
    found: dict[date, str] = {}
    for session in stay.sessions:
        if session.attended and session.day not in found:
            found[session.day] = session.root or session.fact
    return found


def _began(block: Block, start: date, resumed: Suspension | None, came: dict[date, str]) -> str:
    if start == block.start:
        return block.root
    return came[start] if resumed is None else resumed.root


def _by_cover(whole: BilledStretch, covered: Sequence[PayersFrom]) -> Iterable[BilledStretch]:
    """The stretch, split where the payers change within it."""
    at = bisect_right(covered, whole.start, key=lambda cover: cover.day) - 1
    start, key = whole.start, whole.key
    while True:
        following = covered[at + 1].day if at + 1 < len(covered) else FOREVER
        stop = min(following, whole.end)
        yield BilledStretch(key, start, stop, whole.segment, covered[at])
        if stop >= whole.end:
            return
        at, start, key = at + 1, stop, key._replace(root=covered[at + 1].root)
