"""All SQL of decisions about probable matches."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import orjson

from services.intake.hl7.model import PatientId
from shared.storage.database import Connection
from shared.storage.sealing import Seal
from shared.storage.statements import rows

_MATCH = (
    "SELECT m.match_id, m.one, m.other, m.state, e.of_one, e.of_other FROM matches AS m JOIN match_evidence AS e "
    "USING (match_id) WHERE m.match_id = $1 AND ($2::text[] IS NULL OR (e.of_one = ANY($2::text[]) "
    "AND e.of_other = ANY($2::text[]))) ORDER BY e.of_one, e.of_other"
)
_PLACES = (
    "SELECT p.patient_id, p.made_at, ARRAY(SELECT f.facility FROM patient_facilities AS f "
    "WHERE f.patient_id = p.patient_id ORDER BY 1) AS facilities FROM patients AS p "
    "WHERE p.patient_id = ANY($1::text[])"
)
_NUMBERS = (
    "SELECT sealed FROM patient_identifiers WHERE patient_id = $1 AND facility = $2 AND leads <> 'not' "
    "ORDER BY first DESC, key"
)
_DECIDED = "UPDATE matches SET state = $2, decided_by = $3, decided_at = $4 WHERE match_id = $1"


class Candidate(NamedTuple):
    """One of two patients who may be one: since when the patient is known, and which facilities told of them."""

    patient_id: str
    made_at: datetime
    facilities: tuple[str, ...]


class MatchSeen(NamedTuple):
    """A match as far as somebody holds both of its records: which facilities told of each."""

    match_id: str
    one: Candidate
    other: Candidate
    state: str


async def match_of(connection: Connection, match_id: str, facilities: frozenset[str] | None) -> MatchSeen | None:
    """The match, for who holds both its records (`facilities` None: all); None where there is none."""
    scope = None if facilities is None else sorted(facilities)
    found = await rows(connection, _MATCH, match_id, scope)
    if not found:
        return None
    known = {
        row["patient_id"]: Candidate(
            row["patient_id"],
            row["made_at"],
            tuple(one for one in row["facilities"] if scope is None or one in scope),
        )
        for row in await rows(connection, _PLACES, [found[0]["one"], found[0]["other"]])
    }
    return MatchSeen(match_id, known[found[0]["one"]], known[found[0]["other"]], found[0]["state"])


async def numbers_of(connection: Connection, patient_id: str, facility: str, seal: Seal) -> Sequence[PatientId]:
    """The patient's numbers as a facility told them, its own first."""
    place = f"identifier:{patient_id}"
    return [
        PatientId(*orjson.loads(seal.open(row["sealed"], place)))
        for row in await rows(connection, _NUMBERS, patient_id, facility)
    ]


async def decide(connection: Connection, match_id: str, state: str, by: str, at: datetime) -> None:
    """Store what a match is now, and who said so."""
    await rows(connection, _DECIDED, match_id, state, by, at)
