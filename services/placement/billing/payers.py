"""What a bill needs and the desk says where no hospital told it: payers from a day on, diagnoses of a program stay.

Pure: time comes in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from services.placement.continuum.about import About
from services.placement.continuum.order import day_of, midnight
from shared.errors import Rejected
from shared.events.stays import Coverage, CoverageChanged, DiagnosisRecorded
from shared.facts.envelope import Fact
from shared.facts.restating import content, fallen_of

Told = TypeVar("Told", CoverageChanged, DiagnosisRecorded)


def covered(
    whose: About, own: Iterable[Fact], now: datetime, zone: ZoneInfo, *, since: date, payers: Sequence[Coverage]
) -> CoverageChanged:
    """From a day on these payers; said again for a day it takes the place of what the desk said of it before.

    `own` are placement's facts in their order. Raises Rejected: `in-the-future`, `already-so`.
    """
    if since > day_of(now, zone):
        raise Rejected("in-the-future", "that day has not come yet", possible=("later",))
    before = _standing(own, CoverageChanged.TYPE, effective_from=since.isoformat())
    told = CoverageChanged(
        **whose.heading(now, midnight(since, zone)),
        effective_from=since,
        coverage=tuple(payers),
        replaces=before.id if before else None,
    )
    return _news(told, before)


def diagnosed(
    whose: About, own: Iterable[Fact], now: datetime, placement_id: str, told: dict[str, object]
) -> DiagnosisRecorded:
    """A diagnosis of a program stay; said again for a code it takes the place of what the desk said of it before.

    `told`: system, code, rank, status. Raises Rejected `already-so`.
    """
    stay = {"kind": "placement", "id": placement_id}
    before = _standing(own, DiagnosisRecorded.TYPE, stay=stay, system=told["system"], code=told["code"])
    at = datetime.fromisoformat(before.value["occurred_at"]) if before else now
    fact = DiagnosisRecorded.model_validate(
        {**whose.heading(now, at), "stay": stay, **told, "replaces": before.id if before else None}
    )
    return _news(fact, before)


def _standing(own: Iterable[Fact], name: str, **fields: object) -> Fact | None:
    """The own fact of a name with these fields that stands."""
    facts = list(own)
    gone = fallen_of(facts)
    found = [fact for fact in facts if fact.name == name and fact.id not in gone]
    return next((f for f in found if all(f.value.get(each) == value for each, value in fields.items())), None)


def _news(told: Told, before: Fact | None) -> Told:
    said = told.model_dump(mode="json", by_alias=True, exclude_none=True)
    if before is not None and content(said) == content(before.value):
        raise Rejected("already-so", "the same was said before", possible=("something else",))
    return told
