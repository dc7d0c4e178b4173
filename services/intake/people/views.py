"""All SQL that only reads persons: patients by id, within a reader's scope."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from services.intake.people.facilities import HAD_THERE
from services.intake.people.store import Sealed
from shared.scope import Scope
from shared.storage.database import Connection

_MERGED = "AND (CAST(:facilities AS text[]) IS NULL OR r.facility = ANY(CAST(:facilities AS text[])))"
_KNOWN = sa.text(
    "SELECT p.patient_id, "  # noqa: S608 - our own words
    "ARRAY(SELECT DISTINCT unnest(h.facilities) FROM told_episodes AS h JOIN episodes AS e USING (episode_id) "
    "WHERE e.patient_id = p.patient_id) AS placed, "
    "ARRAY(SELECT f.facility FROM patient_facilities AS f WHERE f.patient_id = p.patient_id ORDER BY 1) AS facilities, "
    "ARRAY(SELECT e.episode_id FROM episodes AS e WHERE e.patient_id = p.patient_id "
    f"AND (CAST(:facilities AS text[]) IS NULL OR {HAD_THERE}) ORDER BY e.made_at, 1) AS episodes, "
    f"ARRAY(SELECT ARRAY[r.facility, r.into_id] FROM retirements AS r WHERE r.patient_id = p.patient_id {_MERGED} "
    "ORDER BY 1) AS into_ids, ARRAY(SELECT DISTINCT r.patient_id FROM retirements AS r "
    f"WHERE r.into_id = p.patient_id {_MERGED} ORDER BY 1) AS retired "
    "FROM patients AS p WHERE p.patient_id = ANY(CAST(:ids AS text[])) "
    "ORDER BY array_position(CAST(:ids AS text[]), p.patient_id)"
)
_TOLD = sa.text(
    "SELECT patient_id, facility, sealed, stated_at FROM identities "
    "WHERE patient_id = ANY(CAST(:ids AS text[])) ORDER BY patient_id, facility"
)


class Patient(NamedTuple):
    """A patient: the person's fields as each facility told them (sealed), the facilities that told of the patient, the
    episodes that the reader may see, and the facilities at whose programs the patient's episodes are (`placed`)."""

    patient_id: str
    told: tuple[Sealed, ...]
    facilities: frozenset[str]
    episodes: tuple[str, ...]
    placed: frozenset[str] = frozenset()
    into: Mapping[str, str] = {}
    """Facility in scope that merged the patient into another → that one."""
    retired: tuple[str, ...] = ()
    """Whom a facility in scope merged into this one."""

    @property
    def merged_into(self) -> str | None:
        """The patient whom this one is merged into, by the first facility that says so; None for who is not."""
        return next((self.into[facility] for facility in sorted(self.into)), None)

    def wholly_merged(self, scope: Scope) -> bool:
        """Whether all facilities in scope that told of the patient merged it into another."""
        told = {facility for facility in self.facilities if scope.has(facility)}
        return bool(self.into) and told <= self.into.keys()

    def within(self, scope: Scope) -> bool:
        """True when somebody of this scope may see the patient."""
        return scope.has_any(self.facilities | self.placed)

    def told_within(self, scope: Scope) -> tuple[Sealed, ...]:
        """What the facilities in scope told: who has a placement alone sees no name. What one of several told, not
        known which, is for a reader who may see all of them."""
        return tuple(one for one in self.told if scope.has_all((one.facility,) if one.facility else self.facilities))


async def patients(connection: Connection, ids: Sequence[str], scope: Scope) -> list[Patient]:
    """Those of these patients whom a facility in scope has, in the order of `ids`, with the episodes that such a
    facility has, the earliest first."""
    rows = (await connection.execute(_KNOWN, {"ids": list(ids), "facilities": scope.listed})).all()
    told: dict[str, list[Sealed]] = defaultdict(list)
    for row in (await connection.execute(_TOLD, {"ids": sorted(ids)})).all():
        told[row.patient_id].append(Sealed(*row))
    every = (
        Patient(
            row.patient_id,
            tuple(told[row.patient_id]),
            frozenset(row.facilities),
            tuple(row.episodes),
            frozenset(row.placed),
            dict(row.into_ids),
            tuple(row.retired),
        )
        for row in rows
    )
    return [one for one in every if one.within(scope)]


async def with_survivors(connection: Connection, ids: Sequence[str], scope: Scope) -> list[Patient]:
    """As `patients`, but in the place of who was merged into another the one who stays, each once: so a retired number
    finds whom it means now."""
    found = await patients(connection, ids, scope)
    gone = {one.patient_id: one.merged_into for one in found if one.merged_into and one.wholly_merged(scope)}
    if not gone:
        return found
    known = {one.patient_id: one for one in found}
    more = sorted({into for into in gone.values() if into} - known.keys())
    known |= {one.patient_id: one for one in await patients(connection, more, scope)}
    order = dict.fromkeys(gone.get(one.patient_id) or one.patient_id for one in found)
    return [known[patient] for patient in order if patient in known]


async def episodes_within(connection: Connection, patient_id: str, scope: Scope) -> frozenset[str]:
    """The episodes of a patient that a facility in scope has."""
    rows = (await connection.execute(_KNOWN, {"ids": [patient_id], "facilities": scope.listed})).all()
    return frozenset(each for row in rows for each in row.episodes)
