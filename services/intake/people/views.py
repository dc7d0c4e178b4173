"""All SQL that persons are only read with: one patient, and those whom a question means, within a scope."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from services.intake.people.having import HAD_THERE
from services.intake.people.store import Sealed
from shared.db import Connection
from shared.scope import Scope

_FOUND = sa.text(
    "SELECT w.patient_id FROM unnest(CAST(:groups AS int[]), CAST(:words AS bytea[])) AS n(place, word) "
    "JOIN identity_words AS w USING (word) WHERE w.patient_id > :after AND (CAST(:facilities AS text[]) IS NULL "
    "OR EXISTS (SELECT 1 FROM patient_facilities AS f WHERE f.patient_id = w.patient_id "
    "AND f.facility = ANY(CAST(:facilities AS text[])))) "
    "GROUP BY w.patient_id HAVING count(DISTINCT n.place) = :number ORDER BY w.patient_id LIMIT :most"
)
_KNOWN = sa.text(
    "SELECT p.patient_id, i.sealed, coalesce(i.stated_at, p.made_at) AS stated_at, "  # noqa: S608 - our own words
    "ARRAY(SELECT DISTINCT unnest(h.facilities) FROM told_episodes AS h JOIN episodes AS e USING (episode_id) "
    "WHERE e.patient_id = p.patient_id) AS placed, "
    "ARRAY(SELECT f.facility FROM patient_facilities AS f WHERE f.patient_id = p.patient_id ORDER BY 1) AS facilities, "
    "ARRAY(SELECT e.episode_id FROM episodes AS e WHERE e.patient_id = p.patient_id "
    f"AND (CAST(:facilities AS text[]) IS NULL OR {HAD_THERE}) ORDER BY 1) AS episodes "
    "FROM patients AS p LEFT JOIN identities AS i USING (patient_id) "
    "WHERE p.patient_id = ANY(CAST(:ids AS text[])) ORDER BY p.patient_id"
)


class Patient(NamedTuple):
    """A patient: what is known of the person (sealed; None: nothing), who told of it, the episodes that a reader sees,
    and at whose programs these are."""

    patient_id: str
    sealed: Sealed | None
    facilities: frozenset[str]
    episodes: tuple[str, ...]
    placed: frozenset[str] = frozenset()

    def within(self, scope: Scope) -> bool:
        """True when somebody of this scope may see the patient."""
        return scope.has_any(self.facilities | self.placed)

    def told_to(self, scope: Scope) -> Sealed | None:
        """What is known of the person, for who told of it: a placement alone tells no name."""
        return self.sealed if scope.has_any(self.facilities) else None


async def found(
    connection: Connection, groups: Sequence[Collection[bytes]], *, scope: Scope, after: str, most: int
) -> list[str]:
    """The patients who have a word of every group, by id."""
    pairs = [(place, word) for place, words in enumerate(groups) for word in words]
    given = {
        "groups": [place for place, _ in pairs],
        "words": [word for _, word in pairs],
        "facilities": scope.listed,
        "number": len(groups),
        "after": after,
        "most": most,
    }
    return list((await connection.execute(_FOUND, given)).scalars())


async def patients(connection: Connection, ids: Collection[str], scope: Scope) -> list[Patient]:
    """These patients, by id; those that there are, with the episodes that are in scope."""
    rows = (await connection.execute(_KNOWN, {"ids": sorted(ids), "facilities": scope.listed})).all()
    return [
        Patient(
            row.patient_id,
            Sealed(row.patient_id, row.sealed, row.stated_at) if row.sealed else None,
            frozenset(row.facilities),
            tuple(row.episodes),
            frozenset(row.placed),
        )
        for row in rows
    ]
