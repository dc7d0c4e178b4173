"""The units, levels and programs that a fact names: what its care is about, and where it was. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from shared.events.authorizations import Authorization
from shared.events.base import CareFact, Place
from shared.events.benefits import BenefitsTold
from shared.events.levels import Level
from shared.events.placing import Offer, OfferSent, PatientSaid, Placed, Seat, Waiting
from shared.events.planning import PlanRecorded
from shared.events.stays import (
    Admitted,
    Arrival,
    Completed,
    Discharged,
    Discontinued,
    Started,
    Transferred,
    VisitStarted,
)
from shared.facts.envelope import Fact
from shared.facts.values import UnknownFact


def places_of(fact: Fact) -> tuple[Place, ...]:
    """The places that a fact names; for a transfer first where the stay was, then where it is.

    A fact of an unknown type may name one too; what can be read of it is returned.
    """
    found: tuple[Place, ...] = ()
    if not _names_places(type(fact.value)):
        return found
    match fact.value:
        case Transferred(origin=origin, to=to):
            found = origin, to
        case Admitted() | Started() | Arrival() as one:
            found = (Place(unit=one.unit, level=one.level, program=one.program),)
        case VisitStarted(unit=unit):
            found = (Place(unit=unit),)
        case PatientSaid() | OfferSent() | Placed() | BenefitsTold() as one:
            found = (Place(level=one.level, program=one.program),)
        case Offer(program=program) | Seat(program=program) | Waiting(program=program):
            found = (Place(program=program),)
        case Discharged() | Completed() | Discontinued() | PlanRecorded() | Authorization() as one:
            found = (Place(level=one.level),)
        case UnknownFact():
            found = tuple(_readable(fact.as_json))
    return found


_NAMES_PLACES = (
    Transferred, Admitted, Started, Arrival, VisitStarted, PatientSaid, OfferSent, Placed, Offer, Seat, Waiting,
    Discharged, Completed, Discontinued, PlanRecorded, Authorization, BenefitsTold, UnknownFact,
)  # fmt: skip


@cache
def _names_places(kind: type[CareFact]) -> bool:
    """True for the types that `places_of` reads; most facts are of others."""
    return issubclass(kind, _NAMES_PLACES)


def _readable(told: dict[str, Any]) -> Iterator[Place]:
    for part in (told, told.get("from"), told.get("to")):
        if isinstance(part, dict):
            unit, level, program = (_text(part.get(name)) for name in ("unit", "level", "program"))
            if unit or level or program:
                yield Place(unit=unit, level=Level(level) if level in _LEVELS else None, program=program)


_LEVELS = frozenset(Level)


def _text(told: Any) -> str | None:
    return told if isinstance(told, str) else None
