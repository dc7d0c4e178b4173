"""All SQL that persons are only read with: one patient, and those whom a question means, within a scope."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from services.intake.people.store import Sealed
from shared.db import Connection

Facilities = frozenset[str] | None
"""Whose patients may be seen; None: everybody's."""

_FOUND = sa.text(
    "SELECT w.patient_id FROM unnest(CAST(:groups AS int[]), CAST(:words AS bytea[])) AS n(place, word) "
    "JOIN identity_words AS w USING (word) WHERE w.patient_id > :after AND (CAST(:facilities AS text[]) IS NULL "
    "OR EXISTS (SELECT 1 FROM patient_facilities AS f WHERE f.patient_id = w.patient_id "
    "AND f.facility = ANY(CAST(:facilities AS text[])))) "
    "GROUP BY w.patient_id HAVING count(DISTINCT n.place) = :number ORDER BY w.patient_id LIMIT :most"
)
_KNOWN = sa.text(
    "SELECT p.patient_id, i.sealed, coalesce(i.stated_at, p.made_at) AS stated_at, "
    "ARRAY(SELECT f.facility FROM patient_facilities AS f WHERE f.patient_id = p.patient_id ORDER BY 1) AS facilities, "
    "ARRAY(SELECT e.episode_id FROM episodes AS e WHERE e.patient_id = p.patient_id ORDER BY 1) AS episodes "
    "FROM patients AS p LEFT JOIN identities AS i USING (patient_id) "
    "WHERE p.patient_id = ANY(CAST(:ids AS text[])) ORDER BY p.patient_id"
)


class Patient(NamedTuple):
    """A patient: what is known of the person (sealed; None: nothing), who told of it, and its episodes."""

    patient_id: str
    sealed: Sealed | None
    facilities: frozenset[str]
    episodes: tuple[str, ...]

    def within(self, scope: Facilities) -> bool:
        """True when somebody of this scope may see the patient."""
        return scope is None or bool(self.facilities & scope)


async def found(
    connection: Connection, groups: Sequence[Collection[bytes]], *, facilities: Facilities, after: str, most: int
) -> list[str]:
    """The patients who have a word of every group, by id."""
    pairs = [(place, word) for place, words in enumerate(groups) for word in words]
    given = {
        "groups": [place for place, _ in pairs],
        "words": [word for _, word in pairs],
        "facilities": None if facilities is None else sorted(facilities),
        "number": len(groups),
        "after": after,
        "most": most,
    }
    return list((await connection.execute(_FOUND, given)).scalars())


async def patients(connection: Connection, ids: Collection[str]) -> list[Patient]:
    """These patients, by id; those that there are."""
    rows = (await connection.execute(_KNOWN, {"ids": sorted(ids)})).all()
    return [
        Patient(
            row.patient_id,
            Sealed(row.patient_id, row.sealed, row.stated_at) if row.sealed else None,
            frozenset(row.facilities),
            tuple(row.episodes),
        )
        for row in rows
    ]
