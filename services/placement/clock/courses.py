"""Which stays, at which level and for which payer, have a row in the site's `clocks`. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import groupby
from operator import attrgetter

from services.placement.billing.days import ONE_DAY, last_day
from services.placement.billing.stretches import PayersFrom, covers
from services.placement.clock.model import Course
from services.placement.continuum.model import Folded, StayState
from services.placement.continuum.order import day_of
from services.placement.rules import Rules
from shared.events.levels import ROUND_THE_CLOCK, Level


def concerns(folded: Folded, rules: Rules) -> bool:
    """Whether the clock has to do with an episode: a review is due there, or an open stay has a row, or an
    authorization was denied."""
    if not rules.site.clocks:
        return False
    if folded.reviews or any(one.denial for one in folded.authorizations):
        return True
    if not folded.coverage or not any(stay.ended is None and stay.level for stay in folded.stays):
        return False
    payers = folded.coverage[-1].coverage
    return bool(payers) and any(
        stay.level is not None and rules.clock(payers[0].payer, stay.level) is not None
        for stay in folded.stays
        if stay.ended is None
    )


def courses(folded: Folded, rules: Rules) -> tuple[Course, ...]:
    """The stays of an episode by level, those that have ended too, for which the site has a row. The payer is the first
    of the coverage that was last in force."""
    covered = covers(folded.coverage)
    return tuple(one for stay in folded.stays for one in _of_stay(stay, covered, rules))


def _of_stay(stay: StayState, covered: list[PayersFrom], rules: Rules) -> Iterator[Course]:
    zone = rules.zone_of(stay.facility)
    runs = [list(run) for _, run in groupby(stay.segments, key=attrgetter("level"))]
    for at, run in enumerate(runs):
        level, first = run[0].level, day_of(run[0].since, zone)
        if level is None:
            continue
        ended = runs[at + 1][0].since if at + 1 < len(runs) else stay.ended.at if stay.ended else None
        until = None if ended is None else _last(level, first, last_day(ended, zone))
        payer = [one for one in covered if until is None or one.day <= until][-1].payer
        clock = rules.clock(payer, level)
        if clock is not None:
            yield Course(stay, level, payer, clock, zone, first, until, ended)


def _last(level: Level, first: date, leaving: date) -> date:
    """The last day that is counted: the leaving day of a 24-hour stay is not (contract 4, Days)."""
    return max(first, leaving - ONE_DAY if level in ROUND_THE_CLOCK else leaving)
