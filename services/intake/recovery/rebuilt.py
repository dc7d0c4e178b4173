"""A fact that intake stated, made again from the tables: they keep its own fields, and what the others follow from.
Pure.

Exact are id, number, type, stay, times (to the millisecond), `replaces` and what a cancel names. The labels are those
of every unit that the stay was in until then: as many as it had, or more, so that nothing leaves by a label too few.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

import orjson

from services.intake.hl7.mapping import FacilityMap
from services.intake.receiving.merges.merging import UNMERGED
from services.intake.recovery.store import StatedFact
from services.intake.visits.desired import read_back
from shared.events import Stay, type_name
from shared.events.base import CareFact
from shared.events.stays import PatientDied
from shared.events.taking_back import FactCancelled
from shared.facts.envelope import Fact
from shared.facts.stating import said
from shared.facts.tracing import begun_with, onward
from shared.facts.values import read_fact
from shared.values import replace

CANCEL = FactCancelled.TYPE


def told_again(facts: Sequence[StatedFact], elsewhere: Mapping[str, Fact[Any]], places: FacilityMap) -> list[Fact[Any]]:
    """Those of one episode's facts that its topic lacks, by sequence. `elsewhere`: ce_id → the fact as another service
    keeps it, which is taken before one that is made again."""
    by_id = {one.ce_id: one for one in facts}
    before = _replaced(facts)
    return [
        _traced(elsewhere[one.ce_id]) if one.ce_id in elsewhere else _made(one, facts, by_id, before, places)
        for one in facts
        if one.untold
    ]


def _traced(fact: Fact[Any]) -> Fact[Any]:
    trace = onward(begun_with(fact.correlation_id or fact.causation_id or fact.id), fact.id)
    return fact if fact.traceparent else replace(fact, traceparent=trace)


def _replaced(facts: Iterable[StatedFact]) -> dict[str, str]:
    """ce_id → the one that it replaces: the one stated last under its key, unless that was cancelled before."""
    last: dict[tuple[Any, ...], str] = {}
    found: dict[str, str] = {}
    for one in facts:
        if one.type == CANCEL:
            last = {key: ce_id for key, ce_id in last.items() if ce_id != one.key[-1]}
            continue
        key = (one.visit_id, one.key)
        if key in last:
            found[one.ce_id] = last[key]
        last[key] = one.ce_id
    return found


def _made(
    one: StatedFact, facts: Sequence[StatedFact], by_id: Mapping[str, StatedFact], before: Mapping[str, str],
    places: FacilityMap,
) -> Fact[Any]:  # fmt: skip
    if b'"episode_id"' in one.value:  # what a request said is kept whole
        value: CareFact = read_fact(type_name(one.type), one.value)
    elif one.type == CANCEL:
        value = _cancel(one, by_id)
    else:
        about: dict[str, Any] = _about(one, places.site.zone(_facility(one)))
        about |= {"labels": _labels(one, facts, places), "replaces": before.get(one.ce_id)}
        if one.stay_id is not None:
            about["stay"] = Stay(kind="visit", id=one.stay_id)
        value = read_back(one.type, one.value, about)  # type: ignore[arg-type]
    return said(
        value,
        ce_id=one.ce_id,
        writer="intake",
        sequence=one.sequence,
        correlation_id=one.message_id or None,
        causation_id=one.message_id or None,
        copy_of=one.copy_of,
    )


def _about(one: StatedFact, zone: tzinfo) -> dict[str, Any]:
    """The fields that every fact has."""
    return {
        "episode_id": one.episode_id,
        "patient_id": one.patient_id,
        "facility": _facility(one),
        "occurred_at": one.occurred_at.astimezone(zone),
        "recorded_at": recorded_at(one.ce_id),
        "stated_at": one.stated_at,
    }


def _facility(one: StatedFact) -> str:
    """That of its visit; of a death the one that told it, which is in the key."""
    return one.facility or (one.key[1] if one.type == PatientDied.TYPE else "")


def recorded_at(ce_id: str) -> datetime:
    """When an id of intake's was made (shared/ids.py); the fact was recorded then."""
    return datetime.fromtimestamp(int(ce_id[:12], 16) / 1000, UTC)


def _cancel(one: StatedFact, by_id: Mapping[str, StatedFact]) -> CareFact:
    gone = by_id[one.key[-1]]
    facility = _facility(gone) or read_fact(type_name(gone.type), gone.value).facility
    return FactCancelled(
        episode_id=one.episode_id,
        patient_id=one.patient_id,
        facility=facility,
        occurred_at=one.occurred_at,
        recorded_at=recorded_at(one.ce_id),
        stated_at=one.stated_at,
        stay=Stay(kind="visit", id=gone.stay_id) if gone.stay_id else None,
        cancels=gone.ce_id,
        cancelled_type=type_name(gone.type),
        reason=_why(one, gone),
    )


def _why(one: StatedFact, gone: StatedFact) -> str:
    """Why a fact was cancelled: a copy goes with its original, or with the merge."""
    if gone.copy_of:
        return UNMERGED
    return "cancelled-by-sender" if one.is_cancel else "derived-away"


def _labels(one: StatedFact, facts: Iterable[StatedFact], places: FacilityMap) -> tuple[str, ...]:
    """Labels of every unit that the stay was in up to this fact's time."""
    if one.stay_id is None:
        return ()
    found: set[str] = set()
    for each in facts:
        if each.stay_id != one.stay_id or each.occurred_at > one.occurred_at:
            continue
        told = orjson.loads(each.value)
        for code in (told.get("unit"), (told.get("to") or {}).get("unit")):
            unit = places.unit(_facility(each), code) if isinstance(code, str) else None
            found.update(unit.labels if unit else ())
    return tuple(sorted(found))
