"""A start that the program reported first and ADT second is one stay: the program's start is restated (contract 3.6
rule 2). Pure.

Where the program comes second, `start` in attendance.py names the hospital's fact.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import structs

from services.placement.continuum.active import standing
from services.placement.continuum.model import Folded, StayState
from services.placement.continuum.order import day_of
from services.placement.continuum.stay_facts import ZoneOf
from shared.events.stays import Started
from shared.facts.envelope import Fact


def restated(facts: Sequence[Fact], folded: Folded, zone_of: ZoneOf, now: datetime) -> tuple[Started, ...]:
    """The program's starts to restate, each naming in `corroborates` the admission of the same day, level, program and
    facility.

    `facts`: all facts of the episode; `folded`: their fold. Called again once they are stated, it returns nothing.
    """
    visits = [stay for stay in folded.stays if stay.kind == "visit" and not _has_a_placement(stay)]
    found = []
    for fact in standing(facts).facts:
        start = fact.value
        if not isinstance(start, Started) or start.corroborates or fact.id in folded.ineffective:
            continue
        visit = next((stay for stay in visits if _same_start(start, stay, zone_of)), None)
        if visit is not None:
            visits.remove(visit)
            named = visit.segments[0].fact
            found.append(structs.replace(start, recorded_at=now, replaces=fact.id, corroborates=named))
    return tuple(found)


def _has_a_placement(stay: StayState) -> bool:
    return any(kind == "placement" for kind, _ in stay.aliases)


def _same_start(start: Started, stay: StayState, zone_of: ZoneOf) -> bool:
    first, zone = stay.segments[0], zone_of(start.facility)
    here = (start.level, start.program, start.facility, day_of(start.occurred_at, zone))
    return here == (first.level, first.program, stay.facility, day_of(stay.begun, zone))
