"""How the episodes of a system stand, patient by patient, without the ids that each system makes for itself."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import sqlalchemy as sa
from msgspec import to_builtins

from services.placement.continuum import codec
from services.placement.continuum.model import Folded, StayState
from services.placement.tables import episodes
from tests.system import System

Json = dict[str, Any]


async def standing(system: System) -> dict[str, list[Json]]:
    """MRN → what the patient's episodes are, in the order in which they began."""
    found: dict[str, list[Json]] = defaultdict(list)
    query = sa.select(episodes.c.fold).where(episodes.c.version > 0)
    async with system.database("placement") as database, database.read() as connection:
        for fold in (await connection.execute(query)).scalars():
            one = codec.unpacked(fold)
            numbers = {stay.patient.mrn for stay in one.stays if stay.patient}
            found[" ".join(sorted(numbers))].append(_episode(one))
    return {mrn: sorted(every, key=_begun) for mrn, every in found.items()}


def _begun(one: Json) -> str:
    return str(one["stays"][0]["places"][0]["since"]) if one["stays"] else ""


def _episode(one: Folded) -> Json:
    return {
        "state": one.state,
        "facility": one.facility,
        "labels": one.labels,
        "levels": [(change.at.isoformat(), change.level) for change in one.levels],
        "coverage": _payers(one),
        "died": [(each.at.isoformat(), each.facility) for each in one.deaths],
        "stays": [_stay(each) for each in one.stays],
    }


def _payers(one: Folded) -> list[tuple[str, Json]]:
    """The payers from each day on which others begin to pay."""
    found: list[tuple[str, Json]] = []
    for each in one.coverage:
        told = to_builtins(each.coverage)
        if not found or found[-1][1] != told:
            found.append((each.day.isoformat(), told))
    return found


def _stay(one: StayState) -> Json:
    ended = one.ended
    return {
        "number": one.visit_number,
        "facility": one.facility,
        "class": one.visit_class,
        "attending": one.attending_npi,
        "age": one.age_years,
        "admission": to_builtins(one.admission),
        "labels": one.labels,
        "places": [
            {"since": each.since.isoformat(), "unit": each.unit, "level": each.level, "program": each.program}
            for each in one.segments
        ],
        "leaves": [(each.since.isoformat(), each.until and each.until.isoformat()) for each in one.away],
        "suspended": [(each.since.isoformat(), each.until and each.until.isoformat()) for each in one.suspended],
        "ended": ended and (ended.at.isoformat(), ended.how, to_builtins(ended.disposition)),
        "diagnoses": [(each.rank, each.system, each.code, each.status) for each in one.diagnoses],
    }


def unlike(first: dict[str, list[Json]], second: dict[str, list[Json]]) -> list[str]:
    """What of the first system's episodes is otherwise at the second one, which was told of them by FHIR.

    What by nature does not come back: an episode of which all was taken back (it has no stay, and no MRN), and the
    label of a unit to which a transfer was taken back, which stays with what was said there.
    """
    found: list[str] = []
    for mrn in sorted({*first, *second} - {""}):
        one, other = first.get(mrn, []), second.get(mrn, [])
        if len(one) != len(other):
            found.append(f"{mrn}: {len(one)} episodes, {len(other)} there")
        for mine, theirs in zip(one, other, strict=False):
            found += [f"{mrn}{each}" for each in _differences("", mine, theirs)]
    return found


def _differences(place: str, one: Any, other: Any) -> list[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        return [
            each
            for name in sorted({*one, *other})
            for each in _differences(f"{place}.{name}", one.get(name), other.get(name))
        ]
    if place.endswith((".stays", ".places")) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [each for n, (mine, theirs) in pairs for each in _differences(f"{place}[{n}]", mine, theirs)]
    if place.endswith(".labels") and set(one) >= set(other):
        return []
    return [] if one == other else [f"{place}: {one}, there {other}"]
