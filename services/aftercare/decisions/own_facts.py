"""The facts that aftercare states: which of them stand, and what has to be stated or taken back so that those that are
derived become those that the rules give now. Pure: time, ids and sequences come in; the rules are in engine/derive.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from msgspec import structs

from shared.events.aftercare import (
    AftercareReferred,
    AftercareStarted,
    ReferralMove,
    RelapseRiskCleared,
    RelapseRiskRaised,
)
from shared.events.base import CareFact, LabelledHeading, type_name
from shared.events.episodes import EpisodeState
from shared.events.follow_ups import FollowUp
from shared.events.taking_back import FactCancelled, taken_back
from shared.facts import restating
from shared.facts.envelope import Fact, rfc3339
from shared.facts.restating import Difference, numbered, same
from shared.facts.stating import Provenance
from shared.facts.values import read_fact

WRITER: Final = "aftercare"


def heading(document: EpisodeState, facility: str, occurred_at: datetime, recorded_at: datetime) -> LabelledHeading:
    """Those fields for a fact about this episode at a facility. `occurred_at`: when it happened; `recorded_at`: when we
    learnt it."""
    return {
        "episode_id": document.episode_id,
        "patient_id": document.patient_id,
        "labels": document.labels,
        "facility": facility,
        "occurred_at": occurred_at,
        "recorded_at": recorded_at,
    }


class StatedFacts(NamedTuple):
    """The result of stating: the new facts in the order of their sequences, the sequences of facts that stand no
    longer, and all facts that stand afterwards."""

    facts: tuple[Fact, ...]
    fallen: tuple[int, ...]
    standing: tuple[Fact, ...]


def as_stored(row: Sequence[Any]) -> Fact:
    """A fact from its row, the columns of `FACT` in tables.py; its causation id and trace are not stored. Raises
    InvalidMessage where the stored value does not fit its type."""
    episode_id, sequence, ce_id, name, text, copy_of = row
    kind, body = type_name(name), text.encode()
    value = read_fact(kind, body)
    time = rfc3339(value.recorded_at)
    return Fact(ce_id, kind, WRITER, episode_id, sequence, time, value, body, copy_of=copy_of)


def moved(standing: Iterable[Fact]) -> frozenset[str]:
    """Ids of the referrals that somebody has moved on since they were made."""
    return frozenset(fact.value.referral_id for fact in standing if isinstance(fact.value, ReferralMove))


def derived(standing: Sequence[Fact]) -> tuple[Fact, ...]:
    """Of the standing facts those that rules derived. All others were stated by people, and only people take them back.

    A referral from a plan's template, or for a need, counts as people's once somebody moved it, as a day attended
    confirms a start (contract 3.6 rule 10).
    """
    people_s = moved(standing)
    return tuple(fact for fact in standing if _is_derived(fact.value, people_s))


def _is_derived(value: CareFact, people_s: frozenset[str]) -> bool:
    match value:
        case AftercareReferred():
            by_rule = value.template is not None or value.need is not None
            return by_rule and value.referral_id not in people_s
        case RelapseRiskCleared():
            return value.decided_by is None
        case _:
            return _about(value) is not None


FactKey = tuple[str | None, type[CareFact]]
"""(What a derived fact is about, its type): two facts with equal keys are one fact, whatever else they contain."""


def _about(value: CareFact) -> str | None:
    """The id of the window, start, referral or risk that a derived fact is about; None for what people state."""
    match value:
        case FollowUp(follow_up_id=about) | AftercareStarted(trigger=about) | AftercareReferred(referral_id=about):
            return about
        case RelapseRiskRaised(risk_id=about) | RelapseRiskCleared(risk_id=about):
            return about
        case _:
            return None


def difference(standing: Sequence[Fact], ought: Sequence[CareFact]) -> Difference[FactKey, Fact, CareFact]:
    """What to state and what to take back so that the derived facts that stand become `ought`. A fact that is there
    with other content is restated."""
    before = {(_about(fact.value), type(fact.value)): fact for fact in derived(standing)}
    after = {(_about(value), type(value)): value for value in ought}
    return restating.difference(before, after, lambda was, now: same(was.value, now))


def _why(one: FactKey, there: set[str | None]) -> str:
    """The reason for taking a derived fact back: `corrected` where other facts about the same thing stay, else
    `discharge-taken-back` for a follow-up window and `derived-away` for anything else."""
    about, kind = one
    if about in there:
        return "corrected"
    return "discharge-taken-back" if issubclass(kind, FollowUp) else "derived-away"


def follow(standing: Sequence[Fact], ought: Sequence[CareFact], last: int, by: Provenance) -> StatedFacts:
    """Make the derived facts equal to `ought`. Sequences go on from `last`; nothing is stated for what is equal
    already."""
    change = difference(standing, ought)
    there = {_about(value) for value in ought} if change.cancel else set()
    return _stated(change, {was.id: _why(one, there) for one, was in change.cancel.items()}, standing, last, by)


def state_facts(
    facts: Sequence[CareFact], taken_back: Sequence[tuple[Fact, str]], standing: Sequence[Fact], last: int,
    by: Provenance,
) -> StatedFacts:  # fmt: skip
    """State the facts of a person's act, and take back those that were withdrawn, each with its reason. Sequences go on
    from `last`."""
    change = Difference({was.id: was for was, _ in taken_back}, [(None, value) for value in facts])
    return _stated(change, {was.id: reason for was, reason in taken_back}, standing, last, by)


def _stated(
    change: Difference[Any, Fact, CareFact], why: Mapping[str, str], standing: Sequence[Fact], last: int,
    by: Provenance,
) -> StatedFacts:  # fmt: skip
    def back(was: Fact) -> CareFact:
        return taken_back(was.value, was.id, reason=why[was.id], now=by.now, occurred_at=by.now)

    facts = numbered(change.said(back, _statement), last, by.stated)
    fallen = {was.sequence for was in change.fallen}
    kept = [fact for fact in standing if fact.sequence not in fallen]
    new = [fact for fact in facts if not isinstance(fact.value, FactCancelled)]
    return StatedFacts(facts, tuple(sorted(fallen)), (*kept, *new))


def _statement(value: CareFact, was: Fact | None) -> CareFact:
    return structs.replace(value, replaces=was.id) if was else value
