"""On which days a stay was suspended, and which fact ended each suspension (contract 3.6 rule 4, contract 4, Days)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.placement.billing.days import FOREVER, ONE_DAY, Suspension, day_of, last_day
from services.placement.continuum.model import StayState
from shared.events.levels import RANK, ROUND_THE_CLOCK, Level


class _Lift(NamedTuple):
    """A fact that ends a suspension. `end`: it ends a stay or its level, so that at 00:00 it counts as 24:00 of the day
    before; a transfer does not."""

    root: str
    end: bool


def suspended_days(stay: StayState, stays: Sequence[StayState], zone: ZoneInfo) -> list[Suspension]:
    """The days at whose end the stay was suspended, in order and joined where they touch; a suspension that lasts until
    the stay ends has no end.

    `stays`: all of the episode; `zone`: the stay's facility's. Raises ValueError where a suspension ends without a fact
    that ends it: such a fold contradicts itself.
    """
    found: list[Suspension] = []
    for span in stay.suspended:
        end, root = _resumes(stay, stays, zone, span.until)
        start = day_of(span.since, zone)
        if start >= end:
            continue
        if found and start <= found[-1].end:
            start = found.pop().start
        found.append(Suspension(start, end, root))
    return found


def _resumes(stay: StayState, stays: Sequence[StayState], zone: ZoneInfo, until: datetime | None) -> tuple[date, str]:
    """(the first day that is not suspended any more, the root of the fact that made it so)."""
    if until is None or (stay.ended and until >= stay.ended.at):
        return FOREVER, ""
    if any(segment.since == until and segment.level is None for segment in stay.segments):
        return _lost(stay, zone, until)
    over = [
        other
        for other in stays
        if other.key != stay.key and _over(_level_before(other, until), _level_before(stay, until))
    ]
    lifts = [lift for other in over for lift in _lifts(other, until)]
    day = last_day(until, zone) if sum(lift.end for lift in lifts) == len(over) else day_of(until, zone)
    if len(lifts) < len(over):
        lifts = [_Lift(segment.root, end=False) for segment in stay.segments if segment.since == until]
    if not lifts:
        raise ValueError("a suspension ends where no fact ends it")
    return day, min(lift.root for lift in lifts)


def _lost(stay: StayState, zone: ZoneInfo, until: datetime) -> tuple[date, str]:
    """The same where the stay lost its level while it was suspended: the day after, or the day on which it gained a
    level again if that is not later."""
    end = last_day(until, zone) + ONE_DAY
    regained = next((segment for segment in stay.segments if segment.since > until and segment.level), None)
    return (end, "") if regained is None else (min(end, day_of(regained.since, zone)), regained.root)


def _level_before(stay: StayState, at: datetime) -> Level | None:
    """The stay's level just before an instant; None where it had ended or not begun."""
    if stay.ended and stay.ended.at < at:
        return None
    return next((segment.level for segment in reversed(stay.segments) if segment.since < at), None)


def _lifts(other: StayState, at: datetime) -> Iterable[_Lift]:
    """The fact that ended another stay's level at that instant: its end, else its last transfer then."""
    if other.ended and other.ended.at == at:
        yield _Lift(other.ended.root or other.ended.fact, end=True)
        return
    for segment in reversed(other.segments):
        if segment.since == at:
            yield _Lift(segment.root, end=segment.level is None)
            return


def _over(level: Level | None, suspended: Level | None) -> bool:
    """True when a stay at `level` suspends one at the level `suspended` (contract 3.6 rule 4)."""
    return level is not None and level in ROUND_THE_CLOCK and suspended is not None and RANK[level] < RANK[suspended]
