"""All SQL that only reads the ledger and withheld facts, for the desk and for `stepdown verify`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from services.placement.gate.tables import consents, disclosures, not_told_again, packets_out, withheld
from services.placement.tables import facts
from shared.scope import Scope
from shared.storage import scoped
from shared.storage.database import Connection, Database

_DISCLOSED = [
    disclosures.c[name]
    for name in (
        "disclosure_id", "recipient", "episode_id", "sequence", "patient_id", "facility", "fact_id", "fact_type",
        "labels", "fields", "corrects", "corrected", "basis", "basis_scope", "basis_from", "basis_to",
        "purpose", "disclosed_at", "config",
    )
]  # fmt: skip
_WITHHELD = [
    withheld.c[name]
    for name in (
        "recipient", "fact_id", "episode_id", "patient_id", "facility", "fact_type", "labels", "corrects", "corrected",
        "reason", "since", "config",
    )
]  # fmt: skip
_CONSENT = [
    column.label(f"consent_{name}") for name, column in consents.c.items() if name not in {"opens_at", "episode_id"}
]
_LATE = sa.text(
    "SELECT d.disclosure_id, d.recipient, d.episode_id FROM disclosures AS d JOIN "
    "unnest(CAST(:consents AS text[]), CAST(:since AS timestamptz[])) AS n(consent_id, since) "
    "ON d.basis = 'consent' AND d.basis_id = n.consent_id AND d.disclosed_at > n.since UNION ALL "
    "SELECT p.disclosure_id, p.recipient, p.episode_id FROM packets_out AS p JOIN "
    "unnest(CAST(:consents AS text[]), CAST(:since AS timestamptz[])) AS n(consent_id, since) "
    "ON p.basis = 'consent' AND p.basis_id = n.consent_id AND p.disclosed_at > n.since ORDER BY disclosure_id"
)
SENT = sa.select(
    disclosures.c.recipient, disclosures.c.episode_id, disclosures.c.sequence,
    sa.func.concat_ws(" ", disclosures.c.disclosure_id, disclosures.c.fact_id, disclosures.c.basis),
).where(
    ~sa.exists().where(not_told_again.c.disclosure_id == disclosures.c.disclosure_id)
).order_by(disclosures.c.recipient, disclosures.c.episode_id, disclosures.c.sequence)  # fmt: skip


def _rested_on(ledger: sa.Table) -> sa.Select[Any]:
    """What left by this ledger, with the consent that it rested on as the gate knew it, and as intake told it."""
    return (
        sa.select(ledger, *_CONSENT, facts.c.type.label("told_as"), facts.c.value.label("told"))
        .outerjoin(
            consents,
            sa.and_(consents.c.fact_id == ledger.c.basis_fact, consents.c.episode_id == ledger.c.episode_id),
        )
        .outerjoin(
            facts,
            sa.and_(
                facts.c.episode_id == ledger.c.episode_id,
                facts.c.writer == "intake",
                facts.c.ce_id == ledger.c.basis_fact,
            ),
        )
        .order_by(ledger.c.episode_id)
    )


_RESTED_ON = _rested_on(disclosures)
_PACKET_SHOWN = [column for column in packets_out.c if column.name not in {"basis_fact", "basis_id"}]
_PACKETS_RESTED_ON = _rested_on(packets_out)


class After(NamedTuple):
    """The sort key of a page's last row: its time, and its id (of a withheld fact: recipient and fact)."""

    at: datetime
    id: str
    more: str = ""


async def disclosed(
    connection: Connection, *, scope: Scope, after: After | None, most: int, **wanted: str | None
) -> list[dict[str, Any]]:
    """Up to `most` rows of the ledger in scope, the earliest first. `wanted`: column → value; None: any."""
    query = sa.select(*_DISCLOSED, _basis(scope)).order_by(disclosures.c.disclosed_at, disclosures.c.disclosure_id)
    query = query.limit(most)
    if after is not None:
        place = sa.tuple_(disclosures.c.disclosed_at, disclosures.c.disclosure_id)
        query = query.where(place > sa.tuple_(after.at, after.id))
    return await _found(connection, query, disclosures, scope, wanted)


def _basis(scope: Scope) -> sa.ColumnElement[str | None]:
    """The id of the basis; NULL for a consent that a facility out of scope recorded."""
    own = sa.exists().where(consents.c.fact_id == disclosures.c.basis_fact, scoped.of(consents.c.facility, scope))
    shown = sa.or_(disclosures.c.basis != "consent", own) if scope.facilities is not None else sa.true()
    return sa.case((shown, disclosures.c.basis_id)).label("basis_id")


async def packets(
    connection: Connection, *, scope: Scope, after: After | None, most: int, **wanted: str | None
) -> list[dict[str, Any]]:
    """The same of the ledger of packets, with the offer, the program, and whether it was blind or whole."""
    query = sa.select(*_PACKET_SHOWN).order_by(packets_out.c.disclosed_at, packets_out.c.disclosure_id).limit(most)
    if after is not None:
        place = sa.tuple_(packets_out.c.disclosed_at, packets_out.c.disclosure_id)
        query = query.where(place > sa.tuple_(after.at, after.id))
    return await _found(connection, query, packets_out, scope, wanted)


async def waiting(
    connection: Connection, *, scope: Scope, after: After | None, most: int, **wanted: str | None
) -> list[dict[str, Any]]:
    """Up to `most` withheld facts in scope, the longest withheld first. `wanted`: column → value; None: any."""
    place = (withheld.c.since, withheld.c.recipient, withheld.c.fact_id)
    query = sa.select(*_WITHHELD).order_by(*place).limit(most)
    if after is not None:
        query = query.where(sa.tuple_(*place) > sa.tuple_(*after))
    return await _found(connection, query, withheld, scope, wanted)


async def how_many_wait(connection: Connection, scope: Scope) -> int:
    """How many facts in scope are withheld."""
    return int((await connection.execute(count_of_waiting(scope))).scalar_one())


def count_of_waiting(scope: Scope) -> sa.Select[int]:
    """The query that counts the facts in scope that are withheld."""
    return sa.select(sa.func.count()).select_from(withheld).where(scoped.of(withheld.c.facility, scope))


async def _found(
    connection: Connection, query: sa.Select[Any], table: sa.Table, scope: Scope,
    wanted: dict[str, str | None],
) -> list[dict[str, Any]]:  # fmt: skip
    query = query.where(scoped.of(table.c.facility, scope))
    for name, value in wanted.items():
        if value is not None:
            query = query.where(table.c[name] == value)
    return [{str(name): value for name, value in row.items()} for row in (await connection.execute(query)).mappings()]


def rested_on(database: Database) -> AsyncIterator[Any]:
    """Every row of the ledger with the gate's consent that it names, and with the fact that recorded that consent."""
    return database.rows(_RESTED_ON)


def packets_rested_on(database: Database) -> AsyncIterator[Any]:
    """Every row of the ledger of packets, likewise."""
    return database.rows(_PACKETS_RESTED_ON)


async def after(connection: Connection, ends: Sequence[tuple[str, datetime]]) -> list[tuple[str, str, str]]:
    """(disclosure, recipient, episode) of disclosures on these consents after their ends. `ends`: (ce_id, instant)."""
    given = {"consents": [one for one, _ in ends], "since": [at for _, at in ends]}
    return [(row[0], row[1], row[2]) for row in (await connection.execute(_LATE, given)).all()]


async def known(connection: Connection, ids: Sequence[str]) -> set[str]:
    """Those of these ids that are disclosures in the ledger."""
    query = sa.select(disclosures.c.disclosure_id).where(disclosures.c.disclosure_id == sa.any_(sa.literal(list(ids))))
    return set((await connection.execute(query)).scalars())
