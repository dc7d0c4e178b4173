"""From a fact to its disclosure cases, one for each recipient that may get it, and what a correction does to older
ones.

Pure; bases are not looked at here. A correction goes only to recipients that got what it corrects (contract 3.5).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from services.placement.gate.recipients import Outsider
from shared.events.taking_back import FactCancelled
from shared.facts.envelope import Fact
from shared.values import value_object

Key = tuple[str, str]
"""(recipient, fact_id)."""
Corrects = tuple[Literal["replaces", "cancels"], str]
"""How, and which fact_id that went out before."""


@value_object
class DisclosureCase:
    """One fact for one recipient: what would go out if there is a basis. `place`: the fact's number in the episode."""

    recipient: str
    fact_id: str
    fact_type: str
    writer: str
    patient_id: str
    facility: str
    labels: frozenset[str]
    occurred_at: datetime
    content: dict[str, Any]
    place: int
    corrects: Corrects | None = None

    @property
    def key(self) -> Key:
        """(recipient, fact_id), by which the case is known."""
        return self.recipient, self.fact_id


class Past(NamedTuple):
    """What became of an older case: disclosed or withheld. `corrects`: what it corrected, or would have."""

    disclosed: bool
    writer: str
    labels: frozenset[str]
    corrects: Corrects | None = None


@dataclass(slots=True)
class Made:
    """The cases that a fact makes, and the keys of withheld ones that it makes void."""

    cases: list[DisclosureCase]
    void: list[Key]
    early: bool = False
    """It cancels what no recipient is known to have or to wait for: perhaps that comes later."""


def corrected(fact: Fact) -> str | None:
    """The ce_id of the fact that this one cancels or replaces; None where it does neither."""
    return fact.value.cancels if isinstance(fact.value, FactCancelled) else fact.value.replaces


def cases_of(
    fact: Fact, labels: frozenset[str], outsiders: Iterable[Outsider], past: Mapping[Key, Past], place: int
) -> Made:
    """The cases of a fact. `past`: what became of the fact that it corrects, by recipient; one of another writer is
    left alone (contract 3.6 rule 1)."""
    if isinstance(fact.value, FactCancelled):
        return _cancels(fact, labels, outsiders, past, place, of_type=fact.value.cancelled_type)
    made = Made([], [])
    for outsider in outsiders:
        if not outsider.may_get(fact.type, fact.value.facility):
            continue
        before = _own(past.get((outsider.id, corrected(fact) or "")), fact)
        corrects: Corrects | None = None
        if before is not None:
            corrects, gone = _in_place_of(outsider.id, before, fact, "replaces")
            made.void += gone
        made.cases.append(_case(fact, outsider, labels, place, corrects))
    return made


def _cancels(
    fact: Fact,
    labels: frozenset[str],
    outsiders: Iterable[Outsider],
    past: Mapping[Key, Past],
    place: int,
    *,
    of_type: str,
) -> Made:
    made, target = Made([], []), corrected(fact) or ""
    for outsider in outsiders:
        before = past.get((outsider.id, target))
        if before is None:
            made.early |= of_type in outsider.receives
            continue
        if _own(before, fact) is None:
            continue
        corrects, gone = _in_place_of(outsider.id, before, fact, "cancels")
        made.void += gone
        if corrects is not None:
            made.cases.append(_case(fact, outsider, labels | before.labels, place, corrects))
    return made


def _own(before: Past | None, fact: Fact) -> Past | None:
    return before if before is not None and before.writer == fact.writer else None


def _in_place_of(
    recipient: str, before: Past, fact: Fact, how: Literal["replaces", "cancels"]
) -> tuple[Corrects | None, list[Key]]:
    """What a case corrects at this recipient: the fact itself where that went out, else what the withheld one would
    have corrected; and the keys of withheld cases that become void."""
    target = corrected(fact) or ""
    if before.disclosed:
        return (how, target), []
    return (how, before.corrects[1]) if before.corrects else None, [(recipient, target)]


def _case(
    fact: Fact, outsider: Outsider, labels: frozenset[str], place: int, corrects: Corrects | None
) -> DisclosureCase:
    return DisclosureCase(
        recipient=outsider.id,
        fact_id=fact.id,
        fact_type=fact.type,
        writer=fact.writer,
        patient_id=fact.value.patient_id,
        facility=fact.value.facility,
        labels=labels,
        occurred_at=fact.value.occurred_at,
        content=dict(_minimal(fact, outsider.receives.get(fact.type, frozenset()))),
        place=place,
        corrects=corrects,
    )


def _minimal(fact: Fact, fields: frozenset[str]) -> Iterator[tuple[str, Any]]:
    """Only the fields that the recipient may see, with the same JSON as on care.events."""
    told = fact.as_json if fields else {}
    yield from ((name, told[name]) for name in sorted(fields) if name in told)
