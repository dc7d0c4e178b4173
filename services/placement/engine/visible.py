"""The part of an episode that somebody may see: its facts, and what is so by these facts alone. Pure.

Contract promise 9: who may see a facility sees the facts of its own stays, searches and programs; of the rest what its
placements need (offers, first day, started, ended: dates and level); never that there is more (decision 0152).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from services.placement.continuum.active import DERIVED
from services.placement.continuum.fold import fold
from services.placement.continuum.model import Folded, StayState
from services.placement.rules import Rules
from services.placement.search.searches import DESK, searches
from shared.events.base import type_name
from shared.facts.envelope import Fact
from shared.scope import Scope, without
from shared.values import replace, value_object

_OF_THE_PERSON: Final = frozenset(
    type_name(name)
    for name in (
        "consent-recorded", "consent-revoked", "consent-expired", "patients-merged", "patients-unmerged",
        "patients-linked", "patients-unlinked", "patient-died",
    )
)  # fmt: skip
"""Stated for every episode of a person: they give nobody the episode."""
_LENT: Final = frozenset({"placed", "placement-cancelled", "start-missed"})
"""Besides offers: what a placement's asker sees of it before its first day."""
_BY_THE_DESK: Final = frozenset({"completed", "discontinued"})


def having(before: Iterable[str], facts: Iterable[Fact]) -> list[str]:
    """Who has an episode: those who had it, and the facilities that these facts are of."""
    told = (fact for fact in facts if not {fact.type, fact.value.get("cancelled_type")} & _OF_THE_PERSON)
    return sorted({*before, *(fact.value["facility"] for fact in told if fact.value.get("facility"))})


@value_object
class Part:
    """What somebody of a scope sees of an episode: the facts, what they come to, and whether that is all there is."""

    scope: Scope
    facts: tuple[Fact, ...]
    folded: Folded
    whole: bool


def part(facts: Sequence[Fact], folded: Folded, scope: Scope, rules: Rules) -> Part:
    """The part in scope of an episode, of which these are all facts and `folded` what they come to."""
    own = [fact for fact in facts if scope.has_value(fact.value)]
    if len(own) == len(facts):
        return Part(scope, tuple(facts), folded, whole=True)
    known = {fact.id: fact for fact in facts}
    offers, placements = _asked_for(facts, scope)
    lent = [fact for fact in facts if not scope.has_value(fact.value) and _is_of(fact, offers, placements)]
    lent += _lent_stays(folded, placements, scope, known)
    shown = _about_no_other([*own, *lent], known)
    hidden = _hidden(shown, facts)
    labels = _labels(shown, rules)
    told = tuple(_cleaned(fact, hidden, labels) for fact in shown)
    return Part(scope, told, fold(told, rules.zone_of), whole=False)


def _asked_for(facts: Sequence[Fact], scope: Scope) -> tuple[frozenset[str], frozenset[str]]:
    """Offers of searches in scope, and the placements that came of them."""
    found = searches(fact for fact in facts if fact.writer == "placement" and fact.name in DESK)
    offers = frozenset(each.offer_id for one in found if scope.has(one.facility) for each in one.offers)
    placed = (fact.value for fact in facts if fact.name == "placed")
    return offers, frozenset(value["placement_id"] for value in placed if value.get("offer_id") in offers)


def _is_of(fact: Fact, offers: frozenset[str], placements: frozenset[str]) -> bool:
    if fact.name.startswith("offer-"):
        return fact.value.get("offer_id") in offers
    return fact.name in _LENT and fact.value.get("placement_id") in placements


def _lent_stays(folded: Folded, placements: frozenset[str], scope: Scope, known: Mapping[str, Fact]) -> Iterator[Fact]:
    """Of the stays that these placements became: that they began and ended, at which level; nothing else of them."""
    for stay in folded.stays:
        names = {stay.placement_id, *(one for kind, one in (stay.key, *stay.aliases) if kind == "placement")}
        placement = next((name for name in names if name in placements), None)
        if placement is not None and not scope.has(stay.facility):
            yield from _lent_stay(stay, placement, known)


def _lent_stay(stay: StayState, placement: str, known: Mapping[str, Fact]) -> Iterator[Fact]:
    """Two facts with dates and level, under the placement's name: a hospital's number of the visit is not told."""
    by_desk = stay.ended is None or stay.ended.how in _BY_THE_DESK
    kind = "placement" if by_desk else "visit"
    own = {"stay": {"kind": kind, "id": placement}, "level": stay.level, "program": stay.program}
    begun = known[stay.segments[0].fact]
    name, writer = ("started", "placement") if by_desk else ("admitted", "intake")
    yield _dated(begun, name, writer, {**own, "placement_id": placement})
    if stay.ended is not None:
        name, writer = (stay.ended.how, "placement") if by_desk else ("discharged", "intake")
        yield _dated(known[stay.ended.fact], name, writer, own)


def _dated(fact: Fact, name: str, writer: str, own: Mapping[str, Any]) -> Fact:
    common = ("episode_id", "patient_id", "facility", "occurred_at", "recorded_at")
    value = {field: fact.value[field] for field in common if field in fact.value}
    more = {field: each for field, each in own.items() if each is not None}
    return replace(fact, type=type_name(name), writer=writer, value={**value, **more})


def _about_no_other(shown: Sequence[Fact], known: Mapping[str, Fact]) -> list[Fact]:
    """Without what is concluded from other facts than these, and without the taking back of others."""
    left = list(shown)
    while True:
        ids, stays = {fact.id for fact in left}, {_stay(fact.value.get("stay")) for fact in left}
        kept = [fact for fact in left if not _names_others(fact, known.keys() - ids, stays)]
        if len(kept) == len(left):
            return left
        left = kept


def _names_others(fact: Fact, others: set[str], stays: set[str]) -> bool:
    value = fact.value
    if fact.name == "fact-cancelled":
        return value.get("cancels") in others
    if fact.type not in DERIVED and fact.name != "conflict-settled":
        return False
    named = {
        value.get("discharge"),
        *(one for field in ("facts", "falls", "derived_from") for one in value.get(field, ())),
    }
    about = {_stay(value[field]) for field in ("from_stay", "to_stay") if value.get(field)}
    return bool(named & others) or not about <= stays


def _stay(value: Mapping[str, str] | None) -> str:
    return f"{value['kind']}/{value['id']}" if value else ""


def _hidden(shown: Sequence[Fact], facts: Sequence[Fact]) -> frozenset[str]:
    """Ids that only facts out of sight have: their own, and those of stays and searches."""
    seen = {fact.id for fact in shown}
    others = [fact for fact in facts if fact.id not in seen]
    named = {name for fact in others for name in _names(fact)} - {name for fact in shown for name in _names(fact)}
    return frozenset(named | {fact.id for fact in others})


def _names(fact: Fact) -> set[str]:
    search = fact.value.get("search_id") if fact.name.startswith("search-") else None
    return {_stay(fact.value.get("stay")), search or ""} - {""}


def _labels(shown: Sequence[Fact], rules: Rules) -> frozenset[str]:
    """What a hospital's facts in sight, and programs that are named in them, are about."""
    told = {label for fact in shown if fact.writer == "intake" for label in fact.value.get("labels") or ()}
    named = {program for fact in shown if isinstance(program := fact.value.get("program"), str)}
    programs = (rules.site.program(name) for name in sorted(named))
    return frozenset(told.union(*(program.labels for program in programs if program)))


def _cleaned(fact: Fact, hidden: frozenset[str], labels: frozenset[str]) -> Fact:
    value: dict[str, Any] = without(fact.value, hidden)
    if fact.writer != "intake" and "labels" in value:
        value["labels"] = [label for label in value["labels"] if label in labels]
    return replace(fact, value=value, causation_id=None, correlation_id=None)
