"""Aftercare's own facts: those that stand, those that ought to, and what is said to make the difference. Pure: time,
ids and sequences come in; what ought to stand is for `deriving` to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from shared.events.base import CareFact, type_name
from shared.events.stating import said
from shared.events.taking_back import FactCancelled, taken_back
from shared.facts import restating
from shared.facts.envelope import Fact
from shared.facts.restating import Difference, content, numbered

WRITER = "aftercare"
_NAMED_BY = {
    "aftercare-started": "trigger",
    "aftercare-referred": "referral_id",
    "relapse-risk-raised": "risk_id",
    "relapse-risk-cleared": "risk_id",
    **dict.fromkeys((f"follow-up-{state}" for state in ("due", "kept", "missed", "excluded")), "follow_up_id"),
}
"""Of what is derived: the field by which a fact is the same one when its content changes."""
MOVES = "referral-"


class ActiveFact(NamedTuple):
    """A fact of ours that stands: where it is in the episode's sequence, its name (`follow-up-due`), its value."""

    sequence: int
    ce_id: str
    name: str
    value: dict[str, Any]


class StatedFact(NamedTuple):
    """Facts on their way, in order; the sequences of those that fell; all that stands after."""

    facts: tuple[Fact, ...]
    fallen: tuple[int, ...]
    standing: tuple[ActiveFact, ...]


def moved(standing: Iterable[ActiveFact]) -> frozenset[str]:
    """Referrals that somebody has done something about."""
    return frozenset(s.value["referral_id"] for s in standing if s.name.startswith(MOVES))


def derived(standing: Sequence[ActiveFact]) -> tuple[ActiveFact, ...]:
    """Those that follow from the episode and from what was told; the others people told, and only they take them back.

    A template's referral is people's own as soon as it has moved, as attendance keeps a start (contract 3.6 rule 10).
    """
    people_s = moved(standing)
    return tuple(s for s in standing if _is_derived(s.name, s.value, people_s))


def _is_derived(name: str, value: dict[str, Any], people_s: frozenset[str]) -> bool:
    if name == "aftercare-referred":
        return "template" in value and value["referral_id"] not in people_s
    if name == "relapse-risk-cleared":
        return "decided_by" not in value
    return name in _NAMED_BY


FactId = tuple[str, str]
"""What a derived fact is about, and its name."""


def difference(standing: Sequence[ActiveFact], ought: Sequence[CareFact]) -> Difference[FactId, ActiveFact, CareFact]:
    """From derived facts that stand to those that ought to; the same one with other content is restated."""
    before = {(s.value[_NAMED_BY[s.name]], s.name): s for s in derived(standing)}
    after = {(str(getattr(fact, _NAMED_BY[fact.TYPE])), fact.TYPE): fact for fact in ought}
    return restating.difference(before, after, lambda was, fact: content(was.value) == content_of(fact))


def _why(one: FactId, there: set[str]) -> str:
    """Why a derived fact is taken back: `discharge-taken-back` or `derived-away` where all of it is gone, else
    `corrected`."""
    about, name = one
    if about in there:
        return "corrected"
    return "discharge-taken-back" if name.startswith("follow-up-") else "derived-away"


def content_of(fact: CareFact) -> dict[str, Any]:
    """What a fact says as JSON values, without when it was recorded and what it replaces."""
    return content(fact.model_dump(mode="json", by_alias=True, exclude_none=True))


class Provenance(NamedTuple):
    """What saying needs besides the values: when, a ce_id for each, and what caused it."""

    recorded_at: datetime
    new_id: Callable[[], str]
    causation_id: str | None = None
    correlation_id: str | None = None
    trace: str | None = None

    def stated(self, value: CareFact, sequence: int) -> Fact:
        """The fact that states it."""
        return said(
            value,
            ce_id=self.new_id(),
            writer=WRITER,
            sequence=sequence,
            correlation_id=self.correlation_id,
            causation_id=self.causation_id,
            trace=self.trace,
        )


def follow(standing: Sequence[ActiveFact], ought: Sequence[CareFact], last: int, by: Provenance) -> StatedFact:
    """What makes derived facts those that ought to stand, numbered on from `last`; nothing for equals."""
    change = difference(standing, ought)
    there = {str(getattr(fact, _NAMED_BY[fact.TYPE])) for fact in ought} if change.cancel else set()
    return _say(change, {was.ce_id: _why(one, there) for one, was in change.cancel.items()}, standing, last, by)


def tell(
    facts: Sequence[CareFact], taken_back: Sequence[tuple[ActiveFact, str]], standing: Sequence[ActiveFact], last: int,
    by: Provenance,
) -> StatedFact:  # fmt: skip
    """What people told, and what they took back with the reason, numbered on from `last`."""
    change = Difference({was.ce_id: was for was, _ in taken_back}, [(None, fact) for fact in facts])
    return _say(change, {was.ce_id: reason for was, reason in taken_back}, standing, last, by)


def _say(
    change: Difference[Any, ActiveFact, CareFact], why: Mapping[str, str], standing: Sequence[ActiveFact], last: int,
    by: Provenance,
) -> StatedFact:  # fmt: skip
    values = change.said(lambda was: _cancel(was, why[was.ce_id], by.recorded_at), _statement)
    facts = numbered(values, last, by.stated)
    fallen = {s.sequence for s in change.fallen}
    kept = [s for s in standing if s.sequence not in fallen]
    return StatedFact(facts, tuple(sorted(fallen)), (*kept, *_standing(facts)))


def _statement(fact: CareFact, was: ActiveFact | None) -> CareFact:
    return fact.model_copy(update={"replaces": was.ce_id}) if was else fact


def _standing(facts: Iterable[Fact]) -> list[ActiveFact]:
    return [ActiveFact(f.sequence, f.id, f.name, f.value) for f in facts if f.name != FactCancelled.TYPE]


def _cancel(fallen: ActiveFact, reason: str, now: datetime) -> FactCancelled:
    kind = type_name(fallen.name)
    return taken_back(fallen.value, fallen.ce_id, kind, reason=reason, now=now, occurred_at=now)
