"""What an open visit is now: at a level of care, or of a class without one. By it a site says how long may pass without
a message (contract 6: hanging visits). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter

from services.intake.hl7.mapping import FacilityMap
from services.intake.visits.derive import DesiredFact
from shared.events.open_lists import VisitClass
from shared.events.stays import Admitted, Discharged, Transferred, VisitEnded, VisitStarted

WITHOUT: VisitClass = "other"
"""The class of a visit that went on without a level at a unit which has none in the site's tables."""


def open_as(facts: Iterable[DesiredFact], facility: str, places: FacilityMap) -> str | None:
    """The level, or the class, of the stay that is open now, by all facts of a visit; None where none is."""
    now: dict[str, str] = {}
    for fact in sorted(facts, key=attrgetter("value.occurred_at")):
        value, stay = fact.value, fact.key[1]
        if isinstance(value, Admitted):
            now[stay] = value.level
        elif isinstance(value, VisitStarted):
            now[stay] = value.visit_class
        elif isinstance(value, Transferred):
            now[stay] = value.to.level or _class_at(value.to.unit, facility, places)
    ended = {fact.key[1] for fact in facts if isinstance(fact.value, Discharged | VisitEnded)}
    return next((place for stay, place in reversed(now.items()) if stay not in ended), None)


def _class_at(unit: str | None, facility: str, places: FacilityMap) -> str:
    found = places.unit(facility, unit) if unit else None
    return (found.visit_class if found else None) or WITHOUT
