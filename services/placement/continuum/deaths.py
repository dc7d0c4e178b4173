"""The deaths that stand in an episode, and conflicts with what was reported after them (contract 3.6 rule 13).

A stay that ended in death counts as a report of it where its facility stated no patient-died. Intake states one for
each death, so these are stays at programs, and facts of the first version.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from services.placement.continuum.conflicts import conflict_id
from services.placement.continuum.model import Conflict, Death, StayState
from services.placement.continuum.order import leaving_day, midnight

ALIVE_AFTER_DEATH: Final = "alive-after-death"


def deaths_of(told: Sequence[Death], stays: Iterable[StayState], disbelieved: Collection[str]) -> tuple[Death, ...]:
    """The deaths by time: those that a patient-died fact reports (`told`), and those with which a stay ended at a
    facility that reported none and is not in `disbelieved`."""
    spoken = {*disbelieved, *(one.facility for one in told)}
    ends = (
        Death(stay.ended.at, stay.facility, stay.ended.fact, stay.ended.root or stay.ended.fact, told=False)
        for stay in stays
        if stay.ended and stay.facility not in spoken and _ended_in_death(stay)
    )
    return tuple(sorted((*told, *ends), key=lambda one: (one.at, one.fact)))


def _ended_in_death(stay: StayState) -> bool:
    end = stay.ended
    return end is not None and "deceased" in {end.reason, end.disposition.kind if end.disposition else None}


def alive_after_death(
    deaths: Sequence[Death], stays: Sequence[StayState], zone_of: Callable[[str], ZoneInfo]
) -> list[Conflict]:
    """For each death one conflict if its own message contradicts it, and one with each stay that began after it or was
    attended after its day."""
    return [conflict for death in deaths for conflict in _of_death(death, stays, zone_of)]


def _of_death(death: Death, stays: Sequence[StayState], zone_of: Callable[[str], ZoneInfo]) -> Iterator[Conflict]:
    if death.contradicted:
        yield _conflict((death.fact,), death.at)
    for stay in stays:
        if stay.begun > death.at:
            yield _conflict((death.fact, stay.segments[0].fact), stay.begun)
            continue
        zone = zone_of(stay.facility)
        last = leaving_day(death.at, zone)
        after = [one for one in stay.sessions if one.attended and one.day > last]
        if after:
            first = min(after, key=lambda one: (one.day, one.fact))
            yield _conflict((death.fact, first.fact), midnight(first.day, zone))


def _conflict(facts: tuple[str, ...], at: datetime) -> Conflict:
    facts = tuple(sorted(facts))
    return Conflict(conflict_id(ALIVE_AFTER_DEATH, facts), ALIVE_AFTER_DEATH, facts, at)
