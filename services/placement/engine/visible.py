"""The part of an episode that a reader may see: some of its facts, and the episode's state by these facts alone. Pure.

Who may see a facility sees the facts of its own stays, searches and programs; of the rest what its placements need
(offers, first day, started, ended: dates and level); and never that there is more (contract 5.9, decision 0152).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import orjson
from msgspec import structs

from services.placement.continuum.fold import fold
from services.placement.continuum.model import Folded, StayState
from services.placement.rules import Rules
from services.placement.search.searches import DeskFacts
from shared.events.base import CareFact, LabelledHeading, Stay, type_name
from shared.events.continuum import Announcement, ConflictRaised, Readmitted, Step
from shared.events.placing import Offer, Placed, Placement, Searched
from shared.events.planning import ConflictSettled
from shared.events.published import as_json
from shared.events.stays import Admitted, Completed, Discharged, Discontinued, Started
from shared.events.taking_back import FactCancelled
from shared.facts.envelope import Fact
from shared.facts.places import places_of
from shared.scope import Scope, without
from shared.values import replace, value_object

_OF_THE_PERSON: Final = frozenset(
    type_name(name)
    for name in (
        "consent-recorded", "consent-revoked", "consent-expired", "patients-merged", "patients-unmerged",
        "patients-linked", "patients-unlinked", "patient-died", "merge-ended",
    )
)  # fmt: skip
"""ce_types that are stated for every episode of a person; they do not give their facility the episode."""
_BY_THE_DESK: Final = frozenset({"completed", "discontinued"})
_OF_A_LENT_STAY: Final = frozenset(
    {"episode_id", "patient_id", "facility", "occurred_at", "recorded_at", "stay", "level", "program"}
)
"""The fields that are shown of the start and the end of another facility's stay."""


def having(before: Iterable[str], facts: Iterable[Fact]) -> list[str]:
    """The facilities that have an episode, sorted: those that had it before, and those of these facts."""
    found = set(before)
    for fact in facts:
        facility = fact.value.facility
        if facility and facility not in found and not _of_the_person(fact):
            found.add(facility)
    return sorted(found)


def _of_the_person(fact: Fact) -> bool:
    back = fact.value.cancelled_type if isinstance(fact.value, FactCancelled) else None
    return fact.type in _OF_THE_PERSON or back in _OF_THE_PERSON


@value_object
class Part:
    """What readers of a scope see of an episode: its facts, and its state by them. `whole`: these are all its facts."""

    scope: Scope
    facts: tuple[Fact, ...]
    folded: Folded
    whole: bool


def part(facts: Sequence[Fact], folded: Folded, scope: Scope, rules: Rules) -> Part:
    """The part of an episode that is in scope. `facts`: all its facts; `folded`: their fold."""
    own = [fact for fact in facts if scope.has(fact.value.facility)]
    if len(own) == len(facts):
        return Part(scope, tuple(facts), folded, whole=True)
    known = {fact.id: fact for fact in facts}
    offers, placements = _asked_for(facts, scope)
    lent = [fact for fact in facts if not scope.has(fact.value.facility) and _is_of(fact, offers, placements)]
    lent += _lent_stays(folded, placements, scope, known)
    shown = _about_no_other([*own, *lent], known)
    hidden = _hidden(shown, facts)
    labels = _labels(shown, rules)
    told = tuple(_cleaned(fact, hidden, labels) for fact in shown)
    return Part(scope, told, _of_placements(fold(told, rules.zone_of), placements), whole=False)


def _asked_for(facts: Sequence[Fact], scope: Scope) -> tuple[frozenset[str], frozenset[str]]:
    """Ids of the offers of searches in scope, and of the placements that came of these offers."""
    found = DeskFacts.of(facts).searches
    offers = frozenset(each.offer_id for one in found if scope.has(one.facility) for each in one.offers)
    placed = (fact.value for fact in facts if isinstance(fact.value, Placed))
    return offers, frozenset(one.placement_id for one in placed if one.offer_id in offers)


def _is_of(fact: Fact, offers: frozenset[str], placements: frozenset[str]) -> bool:
    """True for every fact about one of these offers, and for those about a placement before its first day."""
    match fact.value:
        case Offer(offer_id=offer):
            return offer in offers
        case Placement(placement_id=placement):
            return placement in placements
    return False


def _lent_stays(folded: Folded, placements: frozenset[str], scope: Scope, known: Mapping[str, Fact]) -> Iterator[Fact]:
    """Facts that the stays of these placements began and ended, with dates and level and nothing else."""
    for stay in folded.stays:
        names = {stay.placement_id, *(one for kind, one in (stay.key, *stay.aliases) if kind == "placement")}
        placement = next((name for name in names if name in placements), None)
        if placement is not None and not scope.has(stay.facility):
            yield from _lent_stay(stay, placement, known)


def _lent_stay(stay: StayState, placement: str, known: Mapping[str, Fact]) -> Iterator[Fact]:
    """The start and, if there is one, the end of a stay, under the placement's id instead of a hospital's visit
    number."""
    level = next((segment.level for segment in reversed(stay.segments) if segment.level), None)
    if level is None:
        return
    begun, by_desk = known[stay.segments[0].fact], stay.ended is None or stay.ended.how in _BY_THE_DESK
    name = Stay(kind="placement" if by_desk else "visit", id=placement)
    first: CareFact = Admitted(
        **_when(begun), stay=name, level=level, program=stay.program, visit_number=placement, unit=""
    )
    if by_desk:
        program = stay.program or ""
        first = Started(**_when(begun), stay=name, level=level, program=program, placement_id=placement)
    yield _dated(begun, first, {"placement_id": placement})
    if stay.ended is None:
        return
    ended = known[stay.ended.fact]
    last: CareFact = Discharged(**_when(ended), stay=name, level=level)
    if stay.ended.how == "completed":
        last = Completed(**_when(ended), stay=name, level=level, reason="")
    elif stay.ended.how == "discontinued":
        last = Discontinued(**_when(ended), stay=name, level=level, reason="other")
    yield _dated(ended, last, {"program": stay.program} if stay.program else {})


def _when(fact: Fact) -> LabelledHeading:
    value = fact.value
    return LabelledHeading(
        episode_id=value.episode_id,
        patient_id=value.patient_id,
        facility=value.facility,
        labels=(),
        occurred_at=value.occurred_at,
        recorded_at=value.recorded_at,
    )


def _dated(fact: Fact, value: CareFact, more: Mapping[str, str]) -> Fact:
    told = {name: each for name, each in as_json(value).items() if name in _OF_A_LENT_STAY and each}
    body = orjson.dumps({**told, **more})
    return replace(fact, type=type_name(value.TYPE), writer=value.WRITERS[0], value=value, body=body)


def _of_placements(folded: Folded, placements: frozenset[str]) -> Folded:
    """The fold, with stays that go by a placement's id as stays of that placement."""
    stays = [replace(one, placement_id=one.id) if one.id in placements else one for one in folded.stays]
    return replace(folded, stays=tuple(stays))


def _about_no_other(shown: Sequence[Fact], known: Mapping[str, Fact]) -> list[Fact]:
    """These facts without those that follow from facts not shown, and without cancels of facts not shown."""
    left = list(shown)
    while True:
        ids, stays = {fact.id for fact in left}, {_stay(fact.value.stay) for fact in left}
        kept = [fact for fact in left if not _names_others(fact, known.keys() - ids, stays)]
        if len(kept) == len(left):
            return left
        left = kept


def _names_others(fact: Fact, others: set[str], stays: set[str]) -> bool:
    value = fact.value
    if isinstance(value, FactCancelled):
        return value.cancels in others
    if not isinstance(value, Announcement | ConflictSettled):
        return False
    named, about = set(value.derived_from), set[str]()
    match value:
        case ConflictSettled(falls=falls):
            named.update(falls)
        case ConflictRaised(facts=facts):
            named.update(facts)
        case Readmitted(discharge=discharge):
            named.add(discharge)
        case Step(from_stay=from_stay, to_stay=to_stay):
            about = {_stay(from_stay), _stay(to_stay)}
    return bool(named & others) or not about <= stays


def _stay(stay: Stay | None) -> str:
    return f"{stay.kind}/{stay.id}" if stay else ""


def _hidden(shown: Sequence[Fact], facts: Sequence[Fact]) -> frozenset[str]:
    """Ids that only facts not shown have: their ce_ids, and those of stays and searches that they alone name."""
    seen = {fact.id for fact in shown}
    others = [fact for fact in facts if fact.id not in seen]
    named = {name for fact in others for name in _names(fact)} - {name for fact in shown for name in _names(fact)}
    return frozenset(named | {fact.id for fact in others})


def _names(fact: Fact) -> set[str]:
    search = fact.value.search_id if isinstance(fact.value, Searched) else None
    return {_stay(fact.value.stay), search or ""} - {""}


def _labels(shown: Sequence[Fact], rules: Rules) -> frozenset[str]:
    """The labels of the shown facts of hospitals, and of the programs that shown facts name."""
    told = {label for fact in shown if fact.writer == "intake" for label in fact.value.labels}
    named = {place.program for fact in shown for place in places_of(fact) if place.program}
    programs = (rules.site.program(name) for name in sorted(named))
    return frozenset(told.union(*(program.labels for program in programs if program)))


def _cleaned(fact: Fact, hidden: frozenset[str], labels: frozenset[str]) -> Fact:
    told: dict[str, Any] = without(fact.as_json, hidden)
    value = _without(fact.value, hidden)
    if fact.writer != "intake":
        value = structs.replace(value, labels=tuple(label for label in value.labels if label in labels))
        if "labels" in told:
            told["labels"] = value.labels
    return replace(fact, value=value, body=orjson.dumps(told), causation_id=None, correlation_id=None)


def _without(value: CareFact, hidden: frozenset[str]) -> CareFact:
    """The value without hidden ids: a required one becomes an empty text, any other None."""
    changed: dict[str, Any] = {}
    for field in structs.fields(value):
        told = getattr(value, field.name)
        if isinstance(told, Stay) and _stay(told) in hidden:
            changed[field.name] = None
        elif isinstance(told, str) and told in hidden:
            changed[field.name] = "" if field.required else None
        elif isinstance(told, tuple):
            changed[field.name] = tuple(one for one in told if not (isinstance(one, str) and one in hidden))
    return structs.replace(value, **changed)
