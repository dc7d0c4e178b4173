"""A first day told twice, by the program first and by ADT after it, is one stay (contract 3.6 rule 2). Pure.

Where the program comes second, `attendance.start` names the hospital's fact; here it is the other way round.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec import structs

from services.placement.continuum.active import standing
from services.placement.continuum.model import Folded, StayState
from services.placement.continuum.order import day_of
from services.placement.continuum.stay_facts import ZoneOf
from shared.events.stays import Started
from shared.facts.envelope import Fact


def restated(facts: Iterable[Fact], folded: Folded, zone_of: ZoneOf, now: datetime) -> tuple[Started, ...]:
    """The program's starts to state anew, each naming the admission of the same day, level and program.

    `facts` are all of the episode, `folded` their fold. Asked again when they have been stated, it says nothing.
    """
    visits = [stay for stay in folded.stays if stay.kind == "visit" and not _has_a_placement(stay)]
    found = []
    for told in standing(facts).facts:
        start = told.value
        if not isinstance(start, Started) or start.corroborates or told.id in folded.ineffective:
            continue
        twin = next((stay for stay in visits if _same_start(start, stay, zone_of)), None)
        if twin is not None:
            visits.remove(twin)
            named = twin.segments[0].fact
            found.append(structs.replace(start, recorded_at=now, replaces=told.id, corroborates=named))
    return tuple(found)


def _has_a_placement(stay: StayState) -> bool:
    return any(kind == "placement" for kind, _ in stay.aliases)


def _same_start(start: Started, stay: StayState, zone_of: ZoneOf) -> bool:
    first, zone = stay.segments[0], zone_of(start.facility)
    here = (start.level, start.program, start.facility, day_of(start.occurred_at, zone))
    return here == (first.level, first.program, stay.facility, day_of(stay.begun, zone))
