"""All SQL of needs that are not in the site's vocabulary, and of the fact that tells them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, TypeAlias

import orjson

from services.intake.receiving.visits_store import FALL
from services.intake.requests.needs.vocabulary import UnknownNeed
from services.intake.tables import unknown_needs
from shared.events.assessments import Assessed
from shared.events.published import read_as_struct
from shared.events.stays import Referred
from shared.facts.envelope import Fact
from shared.ids import ageless_id
from shared.scope import Scope
from shared.storage.database import Connection
from shared.storage.row_writes import insert
from shared.storage.sealing import Seal
from shared.storage.statements import rows, written

Place = tuple[datetime, str]
"""Where a page of the list goes on: (told at, id)."""
_KEEP = insert(unknown_needs, ("need_id", "fact_id", "place", "facility", "patient_id", "told_at", "sealed"))
_COLUMNS = "need_id, fact_id, place, facility, patient_id, told_at, sealed, state, need"
_MINE = "($1::text[] IS NULL OR facility = ANY($1::text[]))"
_PAGE = (
    f"SELECT {_COLUMNS} FROM unknown_needs WHERE {_MINE} AND ($2::text[] IS NULL OR state = ANY($2::text[])) "  # noqa: S608 - our own words
    "AND ($3::timestamptz IS NULL OR (told_at, need_id) > ($3::timestamptz, $4::text)) "
    "ORDER BY told_at, need_id LIMIT $5"
)
_TALLY = (
    "SELECT count(*), count(*) FILTER (WHERE state = 'open'), "  # noqa: S608
    f"count(*) FILTER (WHERE (told_at, need_id) <= ($2::timestamptz, $3::text)) FROM unknown_needs WHERE {_MINE}"
)
_ONE = f"SELECT {_COLUMNS} FROM unknown_needs WHERE {_MINE} AND need_id = $2"  # noqa: S608
_OF_FACT = "SELECT place, state, need FROM unknown_needs WHERE fact_id = $1 AND state <> 'open'"
_DECIDE = "UPDATE unknown_needs SET state = $2, need = $3, decided_by = $4, decided_at = $5 WHERE need_id = $1"
_FIRST = "SELECT episode_id, type, value FROM facts WHERE ce_id = $1"
_STANDS = (
    "SELECT ce_id, value FROM facts WHERE episode_id = $1 AND key = $2::text[] AND standing AND copy_of IS NULL "
    "AND visit_id IS NULL"
)


class UnknownNeedRow(NamedTuple):
    """A need that was told and is not in the vocabulary. `fact_id`: ce_id of the fact that told it first, in which it
    has this `place`; `told` is sealed; `need`: the site's need that a person mapped it to."""

    need_id: str
    fact_id: str
    place: int
    facility: str
    patient_id: str
    told_at: datetime
    sealed: bytes
    state: str
    need: str | None


Request: TypeAlias = Referred | Assessed


class ToldBy(NamedTuple):
    """The fact that tells needs: its episode, its first statement, and the ce_id of the one that stands."""

    episode_id: str
    first: Request
    standing: str
    value: Request


async def keep(connection: Connection, unknown: Sequence[UnknownNeed], fact: Fact, patient_id: str, seal: Seal) -> None:
    """Store the needs of a fact that are not in the vocabulary."""
    value, given = fact.value, []
    for one in unknown:
        need_id = ageless_id()
        sealed = seal.close(one.told.encode(), place_of(need_id))
        given.append((need_id, fact.id, one.place, value.facility, patient_id, value.recorded_at, sealed))
    for write in written(_KEEP, given):
        await rows(connection, write.sql, *write.given)


def place_of(need_id: str) -> str:
    """What a need's text is sealed for."""
    return f"need:{need_id}"


async def listed(
    connection: Connection, scope: Scope, states: Sequence[str] | None, after: Place | None, most: int
) -> list[UnknownNeedRow]:
    """At most `most` of them at these facilities in these states (None: in any), by when they were told, from behind
    the place `after` on."""
    told_at, need_id = after or (None, "")
    given = (scope.listed, None if states is None else list(states), told_at, need_id, most)
    return [UnknownNeedRow(*row) for row in await rows(connection, _PAGE, *given)]


async def tally(connection: Connection, scope: Scope, after: Place | None) -> tuple[int, int, int]:
    """How many there are at these facilities, how many nobody has read, and how many are listed up to `after`."""
    [row] = await rows(connection, _TALLY, scope.listed, *(after or (None, "")))
    return int(row[0]), int(row[1]), int(row[2])


async def by_id(connection: Connection, scope: Scope, need_id: str) -> UnknownNeedRow | None:
    """One of them; None where these facilities have none of that id."""
    found = await rows(connection, _ONE, scope.listed, need_id)
    return UnknownNeedRow(*found[0]) if found else None


async def decide(  # noqa: PLR0917 - the columns
    connection: Connection, need_id: str, state: str, need: str | None, by: str, at: datetime
) -> None:
    """Store what a person says of one."""
    await rows(connection, _DECIDE, need_id, state, need, by, at)


async def decided_of(connection: Connection, fact_id: str) -> dict[int, str | None]:
    """Place → the site's need, or None for one that was set aside; of the needs of a fact that a person has read."""
    return {row["place"]: row["need"] for row in await rows(connection, _OF_FACT, fact_id)}


async def told_by(connection: Connection, fact_id: str) -> ToldBy | None:
    """The fact that was first told under that id, with the one that stands in its place; None where none stands."""
    [first] = await rows(connection, _FIRST, fact_id)
    standing = await rows(connection, _STANDS, first["episode_id"], [first["type"], fact_id])
    if not standing:
        return None
    kind: type[Request] = Referred if first["type"] == Referred.TYPE else Assessed
    values = [read_as_struct(kind, orjson.loads(one["value"])) for one in (first, standing[0])]
    return ToldBy(first["episode_id"], values[0], standing[0]["ce_id"], values[1])


async def fall(connection: Connection, ce_id: str) -> None:
    """A fact stands no more."""
    await rows(connection, FALL, [ce_id])
