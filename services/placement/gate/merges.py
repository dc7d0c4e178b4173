"""Whoever was told of a record that a merge retired is told of the merge, and when it is taken back, of that (contract
3.6 rule 11, 5.7). Pure; bases are not looked at here.

What a recipient has of the retired episode counts in the surviving one from then on, where copies of it are disclosed
as any fact of that episode is. Who had nothing of the facility's is told nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from services.placement.gate.cases import Corrects, DisclosureCase, Key, Past, corrected
from shared.events.base import type_name
from shared.events.stays import PatientsMerged
from shared.facts.envelope import Fact

MERGED: Final = type_name(PatientsMerged.TYPE)
FIELDS: Final = ("surviving_episode_id", "surviving_patient_id")
"""What a recipient is told of a merge, whatever site config gives it: under which ids its records are to be kept."""


class StandingMerge(NamedTuple):
    """A merge that stands: records of `facility` in this episode of `patient_id` count in another one, as `content`
    says. `replaces`: ce_id of the statement before it."""

    fact_id: str
    facility: str
    patient_id: str
    occurred_at: str
    place: int
    content: dict[str, Any]
    replaces: str | None = None


class ToldRecipient(NamedTuple):
    """That a recipient was told something of a facility's records in the episode, with which labels."""

    recipient: str
    facility: str
    labels: frozenset[str]


def retires(fact: Fact) -> bool:
    """True for a merge by which records of the episode count in another one."""
    return isinstance(fact.value, PatientsMerged) and fact.value.surviving_episode_id != fact.subject


def heard(merges: Mapping[str, StandingMerge], fact: Fact, place: int) -> dict[str, StandingMerge]:
    """The merges that stand after this fact, which may be one, or take one back. `place`: the fact's number in the
    episode."""
    left = dict(merges)
    if merges or retires(fact):
        before = corrected(fact)
        left.pop(before or "", None)
        if retires(fact):
            told = fact.as_json
            left[fact.id] = StandingMerge(
                fact.id, fact.value.facility, fact.value.patient_id, fact.value.occurred_at.isoformat(), place,
                {name: told[name] for name in FIELDS}, before,
            )  # fmt: skip
    return left


def notices(
    merges: Iterable[StandingMerge], told: Iterable[ToldRecipient], past: Mapping[Key, Past]
) -> Iterator[tuple[DisclosureCase, list[Key]]]:
    """A case for each recipient that was told of a facility's records and not yet of its merge, and the keys of
    withheld ones that it makes void."""
    known = list(told)
    for merge in merges:
        labels: dict[str, frozenset[str]] = {}
        for one in known:
            if one.facility == merge.facility:
                labels[one.recipient] = labels.get(one.recipient, frozenset()) | one.labels
        for recipient in sorted(labels):
            if (recipient, merge.fact_id) in past:
                continue
            corrects, void = _in_place_of(recipient, merge, past)
            yield _case(merge, recipient, labels[recipient], corrects), void


def _in_place_of(recipient: str, merge: StandingMerge, past: Mapping[Key, Past]) -> tuple[Corrects | None, list[Key]]:
    """What the notice corrects: the one of the statement before, where that went out."""
    before = past.get((recipient, merge.replaces or ""))
    if before is None or merge.replaces is None:
        return None, []
    if before.disclosed:
        return ("replaces", merge.replaces), []
    return before.corrects, [(recipient, merge.replaces)]


def _case(merge: StandingMerge, recipient: str, labels: frozenset[str], corrects: Corrects | None) -> DisclosureCase:
    return DisclosureCase(
        recipient=recipient,
        fact_id=merge.fact_id,
        fact_type=MERGED,
        writer="intake",
        patient_id=merge.patient_id,
        facility=merge.facility,
        labels=labels,
        occurred_at=datetime.fromisoformat(merge.occurred_at),
        content=merge.content,
        place=merge.place,
        corrects=corrects,
    )
