"""Reads the probable matches, two patients who may be one person, for a reader of some facilities: SQL and rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from services.intake.people import register
from services.intake.people.joining import OTHER_NUMBER, NumberRow, other_number
from services.intake.people.likeness import compared
from services.intake.people.names import opened
from services.intake.people.person import Fields
from services.intake.people.store import Sealed, sealed_of
from shared.site.config import Site
from shared.site.likeness import Likeness
from shared.storage.database import Connection
from shared.storage.sealing import Seal
from shared.storage.statements import together

_TOLD_BY = (
    "(CAST(:facilities AS text[]) IS NULL OR (e.of_one = ANY(CAST(:facilities AS text[])) "
    "AND e.of_other = ANY(CAST(:facilities AS text[]))))"
)
_LISTED = sa.text(
    "SELECT m.match_id, m.one, m.other, m.state, e.of_one, e.of_other, e.reasons, e.since FROM "  # noqa: S608 - our own words
    f"(SELECT e.match_id, min(e.since) AS since FROM match_evidence AS e JOIN matches AS s USING (match_id) "
    f"WHERE {_TOLD_BY} AND s.state = ANY(CAST(:states AS text[])) GROUP BY 1 "
    "HAVING CAST(:since AS timestamptz) IS NULL OR (min(e.since), e.match_id) > (CAST(:since AS timestamptz), :after) "
    "ORDER BY 2, 1 LIMIT :most) AS p JOIN matches AS m USING (match_id) JOIN match_evidence AS e USING (match_id) "
    f"WHERE {_TOLD_BY} ORDER BY p.since, m.match_id, e.of_one, e.of_other"
)
_ONE = sa.text(
    "SELECT m.match_id, m.one, m.other, m.state, e.of_one, e.of_other, e.reasons, e.since FROM matches AS m "  # noqa: S608 - our own words
    f"JOIN match_evidence AS e USING (match_id) WHERE m.match_id = :match AND {_TOLD_BY} ORDER BY e.of_one, e.of_other"
)
_TALLY = sa.text(
    "SELECT count(*), count(*) FILTER (WHERE (p.since, p.match_id) <= (CAST(:since AS timestamptz), :after)) FROM "  # noqa: S608 - our own words
    "(SELECT e.match_id, min(e.since) AS since FROM match_evidence AS e JOIN matches AS s USING (match_id) "
    f"WHERE {_TOLD_BY} AND s.state = 'open' GROUP BY 1) AS p"
)
_OPEN = sa.text("SELECT count(*) FROM matches WHERE state = 'open'")


Place = tuple[datetime, str]
"""Where a match is in the list: since when, and its id."""


class Match(NamedTuple):
    """Two patients who may be one: what speaks for it and against, as words; since when; what was decided."""

    match_id: str
    patients: tuple[str, str]
    speaks_for: tuple[str, ...]
    against: tuple[str, ...]
    since: datetime
    state: str


class MatchRules(NamedTuple):
    """Birth dates that say nothing, as ISO dates, and the site's points of each likeness."""

    born_never: frozenset[str]
    likeness: Likeness

    @classmethod
    def of(cls, site: Site) -> MatchRules:
        """Those of a site."""
        return cls(frozenset(each.isoformat() for each in site.placeholders.birth_dates), site.likeness)


class _Known(NamedTuple):
    """What facilities told of the patients of a page: fields and numbers, each by (patient, facility)."""

    persons: Mapping[tuple[str, str], Fields]
    rows: Mapping[tuple[str, str], Sequence[NumberRow]]


async def listed(
    connection: Connection,
    seal: Seal,
    rules: MatchRules,
    *,
    facilities: frozenset[str] | None,
    after: Place | None,
    most: int,
    states: Sequence[str] = ("open",),
) -> list[Match]:
    """At most `most` matches in the order in which these facilities (None: all) told of both patients, and by what they
    told, from behind the place `after` on.

    Names, birth date and sex are compared as they are told now, numbers as they were told.
    """
    scope = None if facilities is None else sorted(facilities)
    since, match_id = after or (None, "")
    given = {"facilities": scope, "since": since, "after": match_id, "most": most, "states": list(states)}
    found = (await connection.execute(_LISTED, given)).all()
    every: dict[str, list[sa.Row[tuple[object, ...]]]] = defaultdict(list)
    for row in found:
        every[row.match_id].append(row)
    known = await _known(connection, seal, {each for row in found for each in (row.one, row.other)})
    return [_match(rows, known, rules) for rows in every.values()]


async def by_id(
    connection: Connection,
    seal: Seal,
    rules: MatchRules,
    match_id: str,
    *,
    facilities: frozenset[str] | None,
) -> Match | None:
    """A match by what these facilities (None: all) told of both; None where there is none that they told of."""
    scope = None if facilities is None else sorted(facilities)
    found = (await connection.execute(_ONE, {"facilities": scope, "match": match_id})).all()
    if not found:
        return None
    return _match(found, await _known(connection, seal, {found[0].one, found[0].other}), rules)


async def tally(connection: Connection, *, facilities: frozenset[str] | None, after: Place | None) -> tuple[int, int]:
    """(How many matches these facilities told of, how many of them are listed up to the place `after`)."""
    since, match_id = after or (None, "")
    given = {"facilities": None if facilities is None else sorted(facilities), "since": since, "after": match_id}
    total, ahead = (await connection.execute(_TALLY, given)).one()
    return int(total), int(ahead)


async def number_open(connection: Connection) -> int:
    """How many matches wait for a decision, of all facilities. Reads the whole table: two ids and a word a row."""
    return int((await connection.execute(_OPEN)).scalar_one())


async def _known(connection: Connection, seal: Seal, patients: Iterable[str]) -> _Known:
    """Load what facilities told of these patients."""
    ids = sorted(patients)
    [sealed] = await together(connection, [sealed_of(ids)])
    persons = {(row.patient_id, row.facility): opened(row, seal) for row in (Sealed(*each) for each in sealed)}
    rows: dict[tuple[str, str], list[NumberRow]] = defaultdict(list)
    for row in await register.of_patients(connection, ids):
        rows[row.patient_id, row.facility].append(row)
    return _Known(persons, rows)


def _match(rows: Sequence[sa.Row[tuple[object, ...]]], known: _Known, rules: MatchRules) -> Match:
    """A match from its rows, one for each two facilities that told of it."""
    speaks_for: set[str] = set()
    against: set[str] = set()
    for row in rows:
        one, other = (row.one, row.of_one), (row.other, row.of_other)
        also, not_so = compared(known.persons.get(one, {}), known.persons.get(other, {}), *rules)
        speaks_for |= {*row.reasons, *also}
        against |= not_so
        if other_number(known.rows.get(one, ()), known.rows.get(other, ())):
            against.add(OTHER_NUMBER)
    first = rows[0]
    return Match(
        first.match_id,
        (first.one, first.other),
        tuple(sorted(speaks_for)),
        tuple(sorted(against)),
        min(row.since for row in rows),
        first.state,
    )
