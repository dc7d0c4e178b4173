"""All SQL that writes the index by which persons are found: one row for a patient and a facility that told of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from services.intake.people.store import Sealed, Whose
from services.intake.tables import identity_words
from shared.storage.database import Connection
from shared.storage.row_writes import insert_missing, upsert
from shared.storage.statements import SqlWrite, at_once, rows, written

_COLUMNS = ("patient_id", "facility", "words")
_KEEP = upsert(identity_words, _COLUMNS)
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
_LEFT = f"SELECT count(*) FROM identities AS i WHERE {_MISSING}"  # noqa: S608


def keep(words: Iterable[tuple[Whose, Iterable[int]]]) -> list[SqlWrite]:
    """The writes of persons' words, each as (patient and facility, hashes), in the place of those before."""
    return written(_KEEP, [(*whose, _array(hashes)) for whose, hashes in sorted(words, key=lambda each: each[0])])


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


def _array(hashes: Iterable[int]) -> str:
    return "{" + ",".join(map(str, hashes)) + "}"
