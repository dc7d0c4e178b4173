"""All SQL that writes the desk's tables: locks on programs, claims on seats, list entries; no rule."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
from asyncpg import Range
from sqlalchemy.ext.asyncio import AsyncConnection

from services.placement.programs.census import SeatsOut
from services.placement.programs.seats import Claim
from services.placement.search.entry import ListEntry
from services.placement.tables import entries, programs, seats, seats_out
from shared.storage.row_writes import upsert
from shared.storage.statements import SqlWrite, array, at_once, written

_INSERT_MISSING = sa.text(
    "INSERT INTO programs (program) SELECT unnest(CAST(:programs AS text[])) ON CONFLICT DO NOTHING"
)
_LOCK = sa.text("SELECT program FROM programs WHERE program = ANY(:programs) ORDER BY program FOR UPDATE").bindparams(
    sa.bindparam("programs", type_=sa.ARRAY(sa.Text))
)
_GIVEN_BACK = (
    "DELETE FROM seats AS s WHERE s.episode_id = ANY($1::text[]) AND NOT EXISTS (SELECT 1 FROM "
    "unnest($2::text[], $3::text[]) AS n(seat_id, episode_id) "
    "WHERE n.seat_id = s.seat_id AND n.episode_id = s.episode_id)"
)
_SEAT = ("seat_id", "episode_id", "program", "group_id", "placement_id", "during", "asked_by")
_HELD = upsert(seats, _SEAT, unless_same=True)
_ENTRY = ("episode_id", "kind", "id", "facility", "program", "state", "at", "due", "content", "besides", "asked_by")
_LISTED = upsert(entries, _ENTRY, unless_same=True)
_NOT_LISTED = (
    "DELETE FROM entries AS e WHERE e.episode_id = ANY($1::text[]) AND NOT EXISTS (SELECT 1 FROM "
    "unnest($2::text[], $3::text[], $4::text[]) AS n(episode_id, kind, id) "
    "WHERE n.episode_id = e.episode_id AND n.kind = e.kind AND n.id = e.id)"
)
_DUE = sa.text(
    "SELECT DISTINCT episode_id FROM entries WHERE kind = :kind AND state = ANY(:states) AND due <= :now "
    "ORDER BY episode_id LIMIT :most"
).bindparams(sa.bindparam("states", type_=sa.ARRAY(sa.Text)))


async def lock_programs(connection: AsyncConnection, programs: Collection[str]) -> None:
    """Lock these programs in the order of their names; the episodes have to be locked before."""
    names = sorted(programs)
    await connection.execute(_INSERT_MISSING, {"programs": names})
    await connection.execute(_LOCK, {"programs": names})


async def tell_seats(
    connection: AsyncConnection,
    program: str,
    out: Sequence[SeatsOut],
    expected: Sequence[Any],
    *,
    at: datetime,
    by: str,
) -> None:
    """Replace what a program told of its seats; call it with the program locked. `expected`: JSON of the seats expected
    to come free."""
    await connection.execute(sa.delete(seats_out).where(seats_out.c.program == program))
    if out:
        rows = [{"program": program, "nth": nth, **one._asdict()} for nth, one in enumerate(out)]
        await connection.execute(sa.insert(seats_out), rows)
    told = sa.update(programs).where(programs.c.program == program)
    await connection.execute(told.values(told_at=at, told_by=by, expected_free=list(expected)))


async def put_seats(
    connection: AsyncConnection, claims: Mapping[str, Sequence[Claim]], askers: Mapping[str, str]
) -> None:
    """Replace all claims of these episodes. `claims`: episode → its claims; `askers`: seat → the facility that asked
    for it."""
    if not claims:
        return
    rows = [
        (
            one.seat_id,
            episode,
            one.program,
            one.group,
            one.placement_id,
            Range(one.since, one.until),
            askers.get(one.seat_id),
        )
        for episode, group in claims.items()
        for one in group
    ]
    held = list(map(list, zip(*(row[:2] for row in rows), strict=True))) or [[]] * 2
    await at_once(connection, [SqlWrite(_GIVEN_BACK, (list(claims), *held)), *written(_HELD, rows)])


def keeping_entries(found: Mapping[str, Iterable[ListEntry]]) -> list[SqlWrite]:
    """Writes that make these the list entries of their episodes; others go. `found`: episode → its entries."""
    if not found:
        return []
    rows = [
        (
            episode, e.kind, e.id, e.facility, e.program, e.state, e.at, e.due, orjson.dumps(e.content).decode(),
            array(e.besides), e.asked_by,
        )
        for episode, group in found.items()
        for e in group
    ]  # fmt: skip
    kept = list(map(list, zip(*(row[:3] for row in rows), strict=True))) or [[]] * 3
    return [SqlWrite(_NOT_LISTED, (list(found), *kept)), *written(_LISTED, rows)]


async def due(connection: AsyncConnection, kind: str, states: Sequence[str], now: datetime, most: int) -> list[str]:
    """Ids of up to `most` episodes that have an entry of this kind and state whose time is over."""
    asked = {"kind": kind, "states": list(states), "now": now, "most": most}
    return list((await connection.execute(_DUE, asked)).scalars())
