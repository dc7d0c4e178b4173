"""All SQL that finds persons by words and visit numbers, within a reader's scope, who fits best first."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from services.intake.people.facilities import PLACED_THERE
from services.intake.people.finding.question import Part, Question
from services.intake.people.finding.words import hashes
from shared.scope import Scope
from shared.storage.database import Connection
from shared.storage.sealing import Seal

NUMBER, WHOLE, BEGINNING = 0, 1, 2
"""How well a person fits: has the number asked for, or all names whole, or names that begin so."""
RANKS = (NUMBER, WHOLE, BEGINNING)
NEVER = 2**63 - 1
"""The age of the last visit of a patient who has none."""
DATED = 500
"""So many patients are sorted by their last visit; more are not, for looking up the visits of thousands takes longer
than anybody waits: who asks is told to narrow down."""
_THEIRS = "(CAST(:facilities AS text[]) IS NULL OR {}.facility = ANY(CAST(:facilities AS text[])))"
_ALL = "({0} & 1 = 1 OR {0} & :parts = :parts)"
"""True of places (bits) among which is the question as a whole, or are all of its parts."""
_NO_PART = 1 << 30
"""A place that nobody has: the question is one number as a whole, or nothing."""
_FOUND = sa.text(
    "WITH asked AS MATERIALIZED (SELECT place, array_agg(word) AS words, "  # noqa: S608 - our own words
    f"array_agg(word) FILTER (WHERE rank = {NUMBER}) AS numbers, "
    f"array_agg(word) FILTER (WHERE rank <= {WHOLE}) AS wholes "
    "FROM unnest(CAST(:places AS int[]), CAST(:ranks AS int[]), CAST(:words AS bigint[])) AS n(place, rank, word) "
    f"GROUP BY place), hits AS (SELECT w.patient_id, a.place, CASE WHEN w.words && a.numbers THEN {NUMBER} "
    f"WHEN w.words && a.wholes THEN {WHOLE} ELSE {BEGINNING} END AS rank FROM asked AS a "
    f"JOIN identity_words AS w ON w.words && a.words AND {_THEIRS.format('w')} UNION ALL "
    f"SELECT v.patient_id, n.place, {NUMBER} FROM unnest(CAST(:visit_places AS int[]), CAST(:visits AS text[])) "
    "AS n(place, number) JOIN visits AS v ON v.visit_key = n.number AND v.facility = ANY(CAST(:visited AS text[]))), "
    f"met AS (SELECT patient_id, bool_or(rank = {NUMBER}) AS numbered, bit_or(1 << place) AS met, "
    f"bit_or(CASE WHEN rank <= {WHOLE} THEN 1 << place ELSE 0 END) AS whole FROM hits GROUP BY patient_id), "
    f"fitting AS (SELECT patient_id, CASE WHEN numbered THEN {NUMBER} WHEN {_ALL.format('whole')} THEN {WHOLE} "
    f"ELSE {BEGINNING} END AS rank FROM met WHERE {_ALL.format('met')}), "
    "counted AS MATERIALIZED (SELECT f.*, count(*) OVER () AS total FROM fitting AS f "
    "WHERE NOT :placed OR EXISTS (SELECT 1 FROM episodes AS e WHERE e.patient_id = f.patient_id "
    f"AND (CAST(:facilities AS text[]) IS NULL OR {PLACED_THERE}))), "
    f"dated AS (SELECT c.*, coalesce(-(extract(epoch FROM r.at) * 1000000)::bigint, {NEVER}) AS age FROM counted AS c "
    f"LEFT JOIN LATERAL (SELECT max(v.begun_at) AS at FROM visits AS v WHERE c.total <= {DATED} "
    f"AND v.patient_id = c.patient_id AND {_THEIRS.format('v')}) AS r ON true) "
    "SELECT patient_id, rank, age, total FROM dated WHERE (rank, age, patient_id) > (:rank, :age, :after) "
    "ORDER BY rank, age, patient_id LIMIT :most"
)
_LAST = sa.text(
    "SELECT DISTINCT ON (e.patient_id) e.patient_id, t.type, t.occurred_at, "  # noqa: S608 - our own words
    "convert_from(t.value, 'UTF8') AS value, v.facility FROM episodes AS e JOIN facts AS t "
    "ON t.episode_id = e.episode_id AND t.standing JOIN visits AS v ON v.visit_id = t.visit_id "
    "WHERE e.patient_id = ANY(CAST(:ids AS text[])) AND t.type = ANY(CAST(:types AS text[])) "
    f"AND {_THEIRS.format('v')} ORDER BY e.patient_id, t.occurred_at DESC, t.sequence DESC"
)
_OF_STAYS = ("admitted", "transferred", "leave-started", "leave-ended", "discharged", "visit-started", "visit-ended")


class Place(NamedTuple):
    """Where a person stands in what was found, from the best to the least: how well it fits, how long ago the last
    visit began (microseconds of the epoch, negative), the patient."""

    rank: int
    age: int
    patient_id: str


BEFORE_ALL = Place(-1, 0, "")


class RankedPatients(NamedTuple):
    """Patients, the best first, and how many there are `of` them altogether."""

    places: Sequence[Place]
    of: int


class Wanted(NamedTuple):
    """What is looked for: a question, within a scope (`visited`: the facilities of that scope by name), from behind a
    place on, so many at most; `placed`: only patients who have an offer, seat, placement or stay at a program there."""

    question: Question
    scope: Scope
    visited: Collection[str]
    most: int
    after: Place = BEFORE_ALL
    placed: bool = False


class LastStep(NamedTuple):
    """The last fact of a patient's stays that stands, as one facility told it."""

    type: str
    at: datetime
    value: str
    facility: str


async def found(connection: Connection, wanted: Wanted, seal: Seal) -> RankedPatients:
    """Who is meant by a question."""
    given = [each for place, part in _numbered(wanted.question) for each in _words(place, part, seal)]
    visits = [(place, each) for place, part in _numbered(wanted.question) for each in sorted(part.visits)]
    parts = sum(1 << place for place, _ in enumerate(wanted.question.parts, 1)) or _NO_PART
    asked = {
        "places": [each[0] for each in given],
        "ranks": [each[1] for each in given],
        "words": [each[2] for each in given],
        "visit_places": [place for place, _ in visits],
        "visits": [each for _, each in visits],
        "facilities": wanted.scope.listed,
        "visited": sorted(wanted.visited),
        "parts": parts,
        "placed": wanted.placed,
        "most": wanted.most,
        "rank": wanted.after.rank,
        "age": wanted.after.age,
        "after": wanted.after.patient_id,
    }
    rows = (await connection.execute(_FOUND, asked)).all()
    places = [Place(row.rank, row.age, row.patient_id) for row in rows]
    return RankedPatients(places, rows[0].total if rows else 0)


async def last_steps(connection: Connection, ids: Collection[str], scope: Scope) -> dict[str, LastStep]:
    """Patient → the last step of their stays, as far as facilities in scope told of it."""
    asked = {"ids": sorted(ids), "types": list(_OF_STAYS), "facilities": scope.listed}
    rows = (await connection.execute(_LAST, asked)).all()
    return {row.patient_id: LastStep(row.type, row.occurred_at, row.value, row.facility) for row in rows}


def _numbered(question: Question) -> Iterator[tuple[int, Part]]:
    """The parts from place 1 on; what the question is as a whole has place 0."""
    yield from enumerate(question.parts, 1)
    if question.together is not None:
        yield 0, question.together


def _words(place: int, part: Part, seal: Seal) -> Iterator[tuple[int, int, int]]:
    """(place, rank, hash) of every word that a person may have for a part."""
    for rank, some in ((NUMBER, part.numbers), (WHOLE, part.whole), (BEGINNING, part.beginnings)):
        yield from ((place, rank, each) for each in hashes(some, seal))
