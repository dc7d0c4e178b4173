"""What a reader sees of an episode on the patient's page: the part in scope, and for a program's staff only what is of
programs. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from services.placement.continuum.fold import fold
from services.placement.engine.visible import Part, part
from services.placement.rules import Rules
from services.placement.worklists.lists import REVIEWING
from shared.events.base import CareFact
from shared.events.placing import Offer, Placement, Seat, Waiting
from shared.events.stays import StayFact
from shared.events.taking_back import FactCancelled
from shared.facts.envelope import Fact
from shared.facts.places import places_of
from shared.scope import Scope
from shared.web.auth import Caller
from shared.web.desk import may

_OF_PROGRAMS: Final = (Offer, Placement, Seat, Waiting)


def seen(facts: Sequence[Fact], who: Caller, rules: Rules) -> Part:
    """The part of an episode that the caller sees (contract promise 9). `facts`: all that were recorded by the time in
    question."""
    mine = part(facts, fold(facts, rules.zone_of), who.scope, rules)
    return mine if may(who, REVIEWING) else _of_programs(mine, rules)


def _of_programs(mine: Part, rules: Rules) -> Part:
    """Only offers to programs, placements, seats, waiting lists, and stays at programs, at facilities in scope."""
    stays = {_key(fact.value) for fact in mine.facts if fact.value.stay and _at_a_program(fact, mine.scope, rules)}
    placed = {
        fact.value.placement_id
        for fact in mine.facts
        if _named(fact.value, mine.scope, rules) and isinstance(fact.value, Placement)
    }
    kept = {
        fact.id
        for fact in mine.facts
        if _named(fact.value, mine.scope, rules)
        or (isinstance(fact.value, StayFact) and _key(fact.value) in stays)
        or (isinstance(fact.value, Placement) and fact.value.placement_id in placed)
    }
    kept |= {fact.id for fact in mine.facts if isinstance(fact.value, FactCancelled) and fact.value.cancels in kept}
    facts = tuple(fact for fact in mine.facts if fact.id in kept)
    return Part(mine.scope, facts, fold(facts, rules.zone_of), whole=False)


def _key(value: CareFact) -> tuple[str, str]:
    return (value.stay.kind, value.stay.id) if value.stay else ("", "")


def _at_a_program(fact: Fact, scope: Scope, rules: Rules) -> bool:
    return any(_in_scope(place.program, scope, rules) for place in places_of(fact))


def _named(value: CareFact, scope: Scope, rules: Rules) -> bool:
    """True for a fact of an offer, a placement, a seat or a waiting list that names a program in scope."""
    return isinstance(value, _OF_PROGRAMS) and _in_scope(getattr(value, "program", None), scope, rules)


def _in_scope(program: str | None, scope: Scope, rules: Rules) -> bool:
    found = rules.site.program(program) if program else None
    return found is not None and scope.has(found.facility)
