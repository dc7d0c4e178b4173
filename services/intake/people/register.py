"""All SQL of patients' numbers: whom they identify, the pairs of authority names, and who may be one person by them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from services.intake.people.joining import MOST_SHARE, Leads, MatchPair, NumberRow
from services.intake.tables import patient_identifiers
from shared.storage.database import Connection
from shared.storage.row_writes import upsert
from shared.storage.statements import SqlWrite, array, bytes_array, rows, written

_BUCKETS = 65_536
"""Advisory locks that keys share: two keys may have the same lock."""

_FOUND = (
    "WITH p AS MATERIALIZED (SELECT key, place FROM unnest($1::bytea[], $2::int[]) "
    "AS n(key, place)), k AS MATERIALIZED (SELECT DISTINCT key FROM p), "
    "a AS MATERIALIZED (SELECT i.* FROM k JOIN patient_identifiers AS i USING (key) WHERE i.leads = 'everywhere'), "
    "b AS MATERIALIZED (SELECT i.* FROM k JOIN patient_identifiers AS i USING (key) WHERE i.leads = 'here'), "
    "o AS MATERIALIZED (SELECT o.* FROM k CROSS JOIN LATERAL (SELECT * FROM patient_identifiers AS i "
    "WHERE i.key = k.key AND i.leads = 'not' LIMIT $5::int) AS o), "
    "c AS MATERIALIZED (SELECT i.* FROM k JOIN patient_identifiers AS i USING (key) "
    "WHERE i.patient_id IN (SELECT patient_id FROM a)), "
    "f AS MATERIALIZED (SELECT * FROM a UNION SELECT * FROM b UNION SELECT * FROM o UNION SELECT * FROM c), "
    "l AS MATERIALIZED (SELECT patient_id, unsure, kin FROM patients WHERE patient_id IN "
    "(SELECT patient_id FROM f WHERE leads <> 'not') AND ($4::boolean OR (SELECT count(DISTINCT p.place) FROM p "
    "JOIN f ON f.key = p.key AND f.leads <> 'not') = $3::bigint) ORDER BY patient_id FOR UPDATE) "
    "SELECT f.key, f.patient_id, f.facility, f.authorities, f.types, f.leads, f.first, l.unsure, l.kin FROM f "
    "LEFT JOIN l USING (patient_id)"
)
_PAIRS_KNOWN = "SELECT count(*), coalesce(max(number), 0) FROM authority_pairs"
_OF_PATIENTS = (
    "SELECT key, patient_id, facility, authorities, types, leads, first FROM patient_identifiers "
    "WHERE patient_id = ANY($1::text[])"
)
_LOCK = "SELECT pg_advisory_xact_lock(n.key) FROM (SELECT key FROM unnest($1::bigint[]) AS u(key) ORDER BY key) AS n"
_PATIENTS = "INSERT INTO patients (patient_id) SELECT * FROM unnest($1::text[]) ON CONFLICT DO NOTHING"
_NUMBER = ("key", "patient_id", "facility", "authorities", "types", "leads", "first", "sealed")
_KEEP = upsert(patient_identifiers, _NUMBER, once=("sealed",), in_order=True)
_MATCHES = (
    "WITH n AS MATERIALIZED (SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], "
    "$6::text[]) AS n(match_id, one, other, of_one, of_other, reasons)), "
    "m AS (INSERT INTO matches AS m (match_id, one, other) SELECT DISTINCT ON (one, other) match_id, one, other FROM n "
    "ORDER BY one, other ON CONFLICT (one, other) DO UPDATE SET state = m.state RETURNING match_id, one, other) "
    "INSERT INTO match_evidence AS e (match_id, of_one, of_other, reasons, since) "
    "SELECT m.match_id, n.of_one, n.of_other, n.reasons::text[], $7::timestamptz FROM n JOIN m USING (one, other) "
    "ORDER BY 1, 2, 3 ON CONFLICT (match_id, of_one, of_other) DO UPDATE SET reasons = "
    "ARRAY(SELECT DISTINCT r FROM unnest(e.reasons || excluded.reasons) AS r ORDER BY 1)"
)
_OPEN_LIKELY = "m.state = 'open' AND m.decided_by IS NULL AND e.reasons <@ {likely}::text[]"
_LIKELY = (
    "SELECT m.one, e.of_one, m.other, e.of_other FROM unnest($1::text[], $2::text[]) AS n(patient, facility) "  # noqa: S608
    "JOIN matches AS m ON n.patient IN (m.one, m.other) JOIN match_evidence AS e USING (match_id) "
    "WHERE n.facility = CASE WHEN n.patient = m.one THEN e.of_one ELSE e.of_other END "
    f"AND {_OPEN_LIKELY.format(likely='$3')}"
)
_DROP_LIKELY = (
    "DELETE FROM match_evidence AS e USING matches AS m, unnest($1::text[], $2::text[], $3::text[], $4::text[]) "  # noqa: S608
    "AS n(one, other, of_one, of_other) WHERE m.match_id = e.match_id AND m.one = n.one AND m.other = n.other "
    f"AND e.of_one = n.of_one AND e.of_other = n.of_other AND {_OPEN_LIKELY.format(likely='$5')} RETURNING e.match_id"
)
_DROP_EMPTY = (
    "DELETE FROM matches AS m WHERE match_id = ANY($1::text[]) AND state = 'open' "
    "AND NOT EXISTS (SELECT 1 FROM match_evidence AS e WHERE e.match_id = m.match_id)"
)
_PLACES = "SELECT patient_id, facility FROM patient_facilities WHERE patient_id = ANY($1::text[])"
_PAIRS = "SELECT space, universal FROM authority_pairs ORDER BY number"
_PAIR = (
    "INSERT INTO authority_pairs (space, universal) SELECT * FROM unnest($1::bytea[], $2::bytea[]) "
    "ON CONFLICT DO NOTHING"
)


class Found(NamedTuple):
    """Rows of numbers, and in `unsure` those of their patients who have a message that names no visit; `kin`: those
    whom merges, links or moves bring together with others."""

    rows: list[NumberRow]
    unsure: set[str]
    kin: set[str]


class PairsKnown(NamedTuple):
    """How many pairs of authority names are stored, and the number of the last: they change with every new pair."""

    number: int = 0
    last: int = 0


async def found(
    connection: Connection, keys: Sequence[Sequence[bytes]], others: Sequence[Sequence[bytes]], *, always: bool
) -> Found:
    """The rows of numbers: of keys, and of others; each number is given by its hashes.

    Patients whom they identify are locked in the order of their ids: `always`, or else only where every key identifies
    one. A caller that locks keys (`lock_keys`) does so before, or two transactions would wait for each other.
    """
    places: list[tuple[bytes, int | None]] = [(key, place) for place, each in enumerate(keys) for key in each]
    places += [(key, None) for each in others for key in each]
    given = ([key for key, _ in places], [place for _, place in places], len(keys), always, MOST_SHARE + 1)
    every = await rows(connection, _FOUND, *given)
    return Found(
        [_row(each) for each in every],
        {each["patient_id"] for each in every if each["unsure"]},
        {each["patient_id"] for each in every if each["kin"]},
    )


async def of_patients(connection: Connection, patients: Iterable[str]) -> list[NumberRow]:
    """Every number of these patients."""
    return [_row(each) for each in await rows(connection, _OF_PATIENTS, sorted(patients))]


async def lock_keys(connection: Connection, keys: Iterable[bytes]) -> None:
    """Lock keys that identify nobody yet, until the transaction ends: nobody else decides meanwhile whose they are."""
    buckets = {int.from_bytes(key[:8], "big") % _BUCKETS for key in keys}
    await rows(connection, _LOCK, sorted(buckets))


async def places_of(connection: Connection, patients: Iterable[str]) -> list[tuple[str, str]]:
    """(patient, facility): who told of these patients."""
    return [(each[0], each[1]) for each in await rows(connection, _PLACES, sorted(patients))]


def new_patients(patients: Collection[str]) -> list[SqlWrite]:
    """The writes of new patients."""
    return [SqlWrite(_PATIENTS, (sorted(patients),))] if patients else []


def keep(changed: Sequence[tuple[NumberRow, bytes]]) -> list[SqlWrite]:
    """The writes of (row, its number sealed). Rows that lead everywhere come last: a key has one at a time."""
    columns = [
        (
            row.key, row.patient_id, row.facility, bytes_array(sorted(row.authorities)), array(sorted(row.types)),
            row.leads, row.first, sealed,
        )
        for row, sealed in sorted(changed, key=lambda each: (each[0].leads == "everywhere", each[0].key))
    ]  # fmt: skip
    return written(_KEEP, columns)


async def keep_matches(
    connection: Connection, evidence: Sequence[tuple[str, MatchPair, Iterable[str]]], at: datetime
) -> None:
    """Add evidence of matches, each as (id of the match if it is new, the pair of patients, what they share)."""
    columns = [
        (match_id, one[0], other[0], one[1], other[1], array(sorted(reasons)))
        for match_id, (one, other), reasons in sorted(evidence, key=lambda each: each[1])
    ]
    if columns:
        await rows(connection, _MATCHES, *map(list, zip(*columns, strict=True)), at)


async def likely_of(
    connection: Connection, whose: Iterable[tuple[str, str]], likely: Collection[str]
) -> list[MatchPair]:
    """The open matches that nothing but likeness (`likely`) speaks for, of these patients by these facilities."""
    wanted = sorted(whose)
    given = [patient for patient, _ in wanted], [facility for _, facility in wanted], sorted(likely)
    found = await rows(connection, _LIKELY, *given) if wanted else []
    return [((row["one"], row["of_one"]), (row["other"], row["of_other"])) for row in found]


async def drop_likely(connection: Connection, pairs: Iterable[MatchPair], likely: Collection[str]) -> None:
    """Delete such matches, as far as these facilities told them; what somebody decided, or more speaks for, stays."""
    told = sorted({(one[0], other[0], one[1], other[1]) for one, other in pairs})
    if told:
        gone = await rows(connection, _DROP_LIKELY, *map(list, zip(*told, strict=True)), sorted(likely))
        await rows(connection, _DROP_EMPTY, sorted({row["match_id"] for row in gone}))


async def pairs_known(connection: Connection) -> PairsKnown:
    """How many pairs of authority names are stored."""
    [each] = await rows(connection, _PAIRS_KNOWN)
    return PairsKnown(each[0], each[1])


async def pairs(connection: Connection) -> list[tuple[bytes, bytes]]:
    """The pairs of names of one authority, as hashes of CX.4.1 and CX.4.2."""
    return [(each[0], each[1]) for each in await rows(connection, _PAIRS)]


async def keep_pairs(connection: Connection, told: Iterable[tuple[bytes, bytes]]) -> None:
    """Store pairs of names; one with a name that is in a pair already is dropped."""
    given = sorted(set(told))
    await rows(connection, _PAIR, [space for space, _ in given], [universal for _, universal in given])


def _row(each: Any) -> NumberRow:
    leads: Leads = each["leads"]
    authorities, types = frozenset(each["authorities"]), frozenset(each["types"])
    return NumberRow(each["key"], each["patient_id"], each["facility"], authorities, types, leads, each["first"])
