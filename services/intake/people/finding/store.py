"""All SQL that writes the index by which persons are found: one row for a patient and a facility that told of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from services.intake.people.store import Sealed, Whose
from services.intake.tables import identity_words
from shared.storage.database import Connection
from shared.storage.row_writes import insert_missing, upsert
from shared.storage.statements import SqlWrite, at_once, rows, written

_COLUMNS = ("patient_id", "facility", "words")
_KEEP = upsert(identity_words, (*_COLUMNS, "compared"))
_FILL = insert_missing(identity_words, _COLUMNS)
_MISSING = (
    "NOT EXISTS (SELECT 1 FROM identity_words AS w WHERE w.patient_id = i.patient_id AND w.facility = i.facility)"
)
_PAGE = (
    f"SELECT DISTINCT i.patient_id FROM identities AS i WHERE i.patient_id > $1 AND {_MISSING} "  # noqa: S608
    "ORDER BY 1 LIMIT $2"
)
_LOCKED = "SELECT patient_id FROM patients WHERE patient_id = ANY($1::text[]) ORDER BY patient_id FOR UPDATE"
_SEALED = (
    "SELECT i.patient_id, i.facility, i.sealed, i.stated_at FROM identities AS i "  # noqa: S608
    f"WHERE i.patient_id = ANY($1::text[]) AND {_MISSING}"
)
MOST_NEAR = 20
"""Records that may share a block; one that more share (a placeholder, a clinic's telephone) says nothing."""
_UNCOMPARED = (
    "SELECT i.patient_id, i.facility, i.sealed, i.stated_at, w.weighed <> $2 AS anew "
    "FROM (SELECT patient_id, facility, weighed FROM identity_words WHERE NOT compared "
    "ORDER BY patient_id, facility LIMIT $1) AS w JOIN identities AS i USING (patient_id, facility)"
)
_BY_OTHER_WEIGHTS = (
    "UPDATE identity_words SET compared = false WHERE (patient_id, facility) IN (SELECT patient_id, facility "
    "FROM identity_words WHERE compared AND weighed IS DISTINCT FROM $1 AND patient_id >= $2 ORDER BY patient_id "
    "LIMIT $3 FOR UPDATE SKIP LOCKED) RETURNING patient_id"
)
_SHARING = (
    "SELECT n.patient_id, n.facility, w.patient_id, w.facility, w.near FROM unnest($1::text[], $2::text[], "
    "$3::bigint[], $4::bigint[]) AS n(patient_id, facility, one, other) CROSS JOIN LATERAL "
    "(SELECT l.patient_id, l.facility, count(*) OVER () AS near FROM (SELECT patient_id, facility FROM identity_words "
    "WHERE words @> ARRAY[n.one, n.other] LIMIT $5::int) AS l) AS w"
)
_OF = (
    "SELECT i.patient_id, i.facility, i.sealed, i.stated_at FROM unnest($1::text[], $2::text[]) "
    "AS n(patient_id, facility) JOIN identities AS i USING (patient_id, facility)"
)
_COMPARED = (
    "UPDATE identity_words AS w SET compared = true, weighed = $3 "
    "FROM unnest($1::text[], $2::text[]) AS n(patient_id, facility) "
    "WHERE w.patient_id = n.patient_id AND w.facility = n.facility"
)
_LEFT = f"SELECT count(*) FROM identities AS i WHERE {_MISSING}"  # noqa: S608


def keep(words: Iterable[tuple[Whose, Iterable[int]]]) -> list[SqlWrite]:
    """The writes of persons' words, each as (patient and facility, hashes), in the place of those before."""
    return written(
        _KEEP, [(*whose, _array(hashes), False) for whose, hashes in sorted(words, key=lambda each: each[0])]
    )


async def unindexed(connection: Connection, after: str, most: int) -> list[Sealed]:
    """Persons without a row in the index, of at most so many patients from behind `after` on; their patients' rows are
    locked."""
    page = [row[0] for row in await rows(connection, _PAGE, after, most)]
    if not page:
        return []
    await rows(connection, _LOCKED, page)
    return [Sealed(*row) for row in await rows(connection, _SEALED, page)]


async def fill(connection: Connection, words: Sequence[tuple[Whose, Iterable[int]]]) -> None:
    """Add rows of persons who have none."""
    await at_once(connection, written(_FILL, [(*whose, _array(hashes)) for whose, hashes in words]))


async def number_unindexed(connection: Connection) -> int:
    """How many persons, by facility that told of them, have no row in the index."""
    [row] = await rows(connection, _LEFT)
    return int(row[0])


class ToCompare(NamedTuple):
    """A person who is to be compared; `anew`: that was done before, by other weights."""

    person: Sealed
    anew: bool


async def uncompared(connection: Connection, most: int, weights: str) -> list[ToCompare]:
    """At most so many persons who changed, or whom `by_other_weights` took up, and were not compared since with those
    who are like them. `weights`: the digest of those that hold."""
    found = await rows(connection, _UNCOMPARED, most, weights)
    return [ToCompare(Sealed(*list(row)[:4]), bool(row["anew"])) for row in found]


async def by_other_weights(connection: Connection, weights: str, after: str, most: int) -> list[str]:
    """Take up at most so many persons from a patient on who were compared by other weights, to be compared anew;
    returns their patients."""
    return [row["patient_id"] for row in await rows(connection, _BY_OTHER_WEIGHTS, weights, after, most)]


async def sharing(connection: Connection, blocks: Sequence[tuple[Whose, Sequence[int]]]) -> list[tuple[Whose, Whose]]:
    """(Whose, other) of each other patient's record that has all words of one of these blocks, by one question; of each
    block MOST_NEAR at most, since a block with more tells nobody apart."""
    given = (
        [patient for (patient, _), _ in blocks],
        [facility for (_, facility), _ in blocks],
        [block[0] for _, block in blocks],
        [block[-1] for _, block in blocks],
    )
    found = await rows(connection, _SHARING, *given, MOST_NEAR + 1) if blocks else []
    near = [((row[0], row[1]), (row[2], row[3])) for row in found if row[4] <= MOST_NEAR]
    return [(one, other) for one, other in near if one[0] != other[0]]


async def sealed_of(connection: Connection, whose: Iterable[Whose]) -> list[Sealed]:
    """These persons' fields."""
    wanted = sorted(whose)
    given = [patient for patient, _ in wanted], [facility for _, facility in wanted]
    return [Sealed(*row) for row in await rows(connection, _OF, *given)] if wanted else []


async def keep_compared(connection: Connection, whose: Iterable[Whose], weights: str) -> None:
    """Note that these persons were compared by these weights."""
    wanted = sorted(whose)
    await rows(connection, _COMPARED, [patient for patient, _ in wanted], [facility for _, facility in wanted], weights)


def _array(hashes: Iterable[int]) -> str:
    return "{" + ",".join(map(str, hashes)) + "}"
