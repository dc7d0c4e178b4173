"""All SQL that persons are only read with: one patient, and those whom a question means, within a scope."""

from __future__ import annotations

from collections import defaultdict
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
    "OR w.facility = ANY(CAST(:facilities AS text[]))) "
    "GROUP BY w.patient_id HAVING count(DISTINCT n.place) = :number ORDER BY w.patient_id LIMIT :most"
)
TOLD_THERE = (
    "(EXISTS (SELECT 1 FROM visits AS v WHERE v.episode_id = e.episode_id "
    "AND v.facility = ANY(CAST(:facilities AS text[]))) "
    "OR EXISTS (SELECT 1 FROM facts AS t WHERE t.episode_id = e.episode_id AND t.standing AND t.visit_id IS NULL "
    "AND t.type IN ('referred', 'assessed') "
    "AND convert_from(t.value, 'UTF8')::jsonb ->> 'facility' = ANY(CAST(:facilities AS text[]))))"
)
"""SQL: one of :facilities told a visit, a referral or an assessment in the episode `e`."""
_KNOWN = sa.text(
    "SELECT p.patient_id, "  # noqa: S608 - our own words
    "ARRAY(SELECT f.facility FROM patient_facilities AS f WHERE f.patient_id = p.patient_id ORDER BY 1) AS facilities, "
    "ARRAY(SELECT e.episode_id FROM episodes AS e WHERE e.patient_id = p.patient_id "
    f"AND (CAST(:facilities AS text[]) IS NULL OR {TOLD_THERE}) ORDER BY 1) AS episodes "
    "FROM patients AS p WHERE p.patient_id = ANY(CAST(:ids AS text[])) ORDER BY p.patient_id"
)
_TOLD = sa.text(
    "SELECT patient_id, facility, sealed, stated_at FROM identities "
    "WHERE patient_id = ANY(CAST(:ids AS text[])) ORDER BY patient_id, facility"
)


class Patient(NamedTuple):
    """A patient: what is known of the person, by who told it (sealed), who told of it, and episodes."""

    patient_id: str
    told: tuple[Sealed, ...]
    facilities: frozenset[str]
    episodes: tuple[str, ...]

    def within(self, scope: Facilities) -> bool:
        """True when somebody of this scope may see the patient."""
        return scope is None or bool(self.facilities & scope)

    def told_within(self, scope: Facilities) -> tuple[Sealed, ...]:
        """What these facilities told. What one of several told, not known which, is for who may see all of them."""
        if scope is None:
            return self.told
        return tuple(
            one for one in self.told if one.facility in scope or (not one.facility and self.facilities <= scope)
        )


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


async def patients(connection: Connection, ids: Collection[str], facilities: Facilities) -> list[Patient]:
    """Those of these patients whom these facilities have, by id, with the episodes in which they told something."""
    scope = None if facilities is None else sorted(facilities)
    rows = (await connection.execute(_KNOWN, {"ids": sorted(ids), "facilities": scope})).all()
    told: dict[str, list[Sealed]] = defaultdict(list)
    for row in (await connection.execute(_TOLD, {"ids": sorted(ids)})).all():
        told[row.patient_id].append(Sealed(*row))
    every = (
        Patient(row.patient_id, tuple(told[row.patient_id]), frozenset(row.facilities), tuple(row.episodes))
        for row in rows
    )
    return [one for one in every if one.within(facilities)]


async def episodes_within(connection: Connection, patient_id: str, facilities: Facilities) -> frozenset[str]:
    """The episodes of a patient in which one of these facilities told something (None: all)."""
    scope = None if facilities is None else sorted(facilities)
    rows = (await connection.execute(_KNOWN, {"ids": [patient_id], "facilities": scope})).all()
    return frozenset(each for row in rows for each in row.episodes)
