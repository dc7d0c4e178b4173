"""On which days a stay was suspended, and which fact lifted each suspension (contract 3.6 rule 4, contract 4, Days)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.placement.billing.days import FOREVER, ONE_DAY, Suspension, day_of, last_day
from services.placement.continuum.model import StayState
from shared.events.levels import RANK, ROUND_THE_CLOCK, Level


class _Lift(NamedTuple):
    """A fact after which the stay is no longer suspended; an end at 00:00 is 24:00 of the day before, a move is not."""

    root: str
    end: bool


def suspended_days(stay: StayState, stays: Sequence[StayState], zone: ZoneInfo) -> list[Suspension]:
    """Days at whose end the stay was suspended, in order, touching ones as one; one that outlasts the stay goes on.

    `stays` are all of the episode. Raises ValueError where a suspension ends and no fact ends it: a broken fold.
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
    """The stay lost its level while suspended: through that day, unless it gained one again before the day's end."""
    end = last_day(until, zone) + ONE_DAY
    regained = next((segment for segment in stay.segments if segment.since > until and segment.level), None)
    return (end, "") if regained is None else (min(end, day_of(regained.since, zone)), regained.root)


def _level_before(stay: StayState, at: datetime) -> Level | None:
    """The level just before an instant; None where the stay had ended, or not begun."""
    if stay.ended and stay.ended.at < at:
        return None
    return next((segment.level for segment in reversed(stay.segments) if segment.since < at), None)


def _lifts(other: StayState, at: datetime) -> Iterable[_Lift]:
    """What ended another stay's level at that instant: its end, else the last move then."""
    if other.ended and other.ended.at == at:
        yield _Lift(other.ended.root or other.ended.fact, end=True)
        return
    for segment in reversed(other.segments):
        if segment.since == at:
            yield _Lift(segment.root, end=segment.level is None)
            return


def _over(level: Level | None, suspended: Level | None) -> bool:
    """True where a stay at `level` suspends one at `suspended` (contract 3.6 rule 4)."""
    return level is not None and level in ROUND_THE_CLOCK and suspended is not None and RANK[level] < RANK[suspended]
