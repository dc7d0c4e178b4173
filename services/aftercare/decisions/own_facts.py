"""Aftercare's own facts: those that stand, those that ought to, and what is said to make the difference. Pure: time,
ids and sequences come in; what ought to stand is for `deriving` to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from shared.events.base import CareFact, type_name
from shared.events.stating import said
from shared.events.taking_back import FactCancelled
from shared.facts.envelope import Fact

WRITER = "aftercare"
_PER_SAYING = frozenset({"recorded_at", "replaces"})
"""Fields that differ each time the same content is said."""
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


class Difference(NamedTuple):
    """What is to be said so that the facts that stand become those that ought to."""

    to_state: tuple[CareFact, ...]
    to_restate: tuple[tuple[ActiveFact, CareFact], ...]
    to_cancel: tuple[tuple[ActiveFact, str], ...]
    """With the reason: `discharge-taken-back` or `derived-away` where all of it is gone, else `corrected`."""


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


def difference(standing: Sequence[ActiveFact], ought: Sequence[CareFact]) -> Difference:
    """What to state, restate (the same one, other content; contract 3.5) and cancel. Nothing for equals."""
    before = {(s.value[_NAMED_BY[s.name]], s.name): s for s in derived(standing)}
    after = {(str(getattr(fact, _NAMED_BY[fact.TYPE])), fact.TYPE): fact for fact in ought}
    there = {key for key, _ in after}
    gone = [(s, _why(key, s.name, there)) for (key, _), s in before.items() if (key, s.name) not in after]
    other = [(before[k], fact) for k, fact in after.items() if k in before and content(fact) != same(before[k].value)]
    return Difference(tuple(fact for k, fact in after.items() if k not in before), tuple(other), tuple(gone))


def _why(key: str, name: str, there: set[str]) -> str:
    if key in there:
        return "corrected"
    return "discharge-taken-back" if name.startswith("follow-up-") else "derived-away"


def content(fact: CareFact) -> dict[str, Any]:
    """What a fact says as JSON values, without when it was recorded and what it replaces."""
    return same(fact.model_dump(mode="json", by_alias=True, exclude_none=True))


def same(value: dict[str, Any]) -> dict[str, Any]:
    """A value without what differs each time it is said."""
    return {name: each for name, each in value.items() if name not in _PER_SAYING}


class Provenance(NamedTuple):
    """What saying needs besides the values: when, a ce_id for each, and what caused it."""

    recorded_at: datetime
    new_id: Callable[[], str]
    causation_id: str | None = None
    correlation_id: str | None = None
    trace: str | None = None


def say(change: Difference, standing: Sequence[ActiveFact], sequence: int, by: Provenance) -> StatedFact:
    """The facts that make the difference, numbered on from `sequence`: cancels, then restatements, then new ones."""
    values: list[CareFact] = [_cancel(fallen, reason, by.recorded_at) for fallen, reason in change.to_cancel]
    values += [fact.model_copy(update={"replaces": old.ce_id}) for old, fact in change.to_restate]
    facts = _numbered([*values, *change.to_state], sequence, by)
    fallen = {s.sequence for s, _ in (*change.to_cancel, *change.to_restate)}
    kept = [s for s in standing if s.sequence not in fallen]
    return StatedFact(facts, tuple(sorted(fallen)), (*kept, *_standing(facts)))


def _numbered(values: Sequence[CareFact], sequence: int, by: Provenance) -> tuple[Fact, ...]:
    return tuple(
        said(
            value,
            ce_id=by.new_id(),
            writer=WRITER,
            sequence=number,
            correlation_id=by.correlation_id,
            causation_id=by.causation_id,
            trace=by.trace,
        )
        for number, value in enumerate(values, sequence + 1)
    )


def _standing(facts: Iterable[Fact]) -> list[ActiveFact]:
    return [ActiveFact(f.sequence, f.id, f.name, f.value) for f in facts if f.name != FactCancelled.TYPE]


def _cancel(fallen: ActiveFact, reason: str, recorded_at: datetime) -> FactCancelled:
    common = {name: fallen.value[name] for name in ("episode_id", "patient_id", "facility", "labels")}
    return FactCancelled(
        **common,
        occurred_at=recorded_at,
        recorded_at=recorded_at,
        cancels=fallen.ce_id,
        cancelled_type=type_name(fallen.name),
        reason=reason,
    )
