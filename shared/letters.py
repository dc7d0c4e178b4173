"""Dead letters as an operator meets them: listed, looked at, asked to be replayed, discarded; content only on purpose.

A row's `state`: dead → replay (asked for) → replayed, or dead again with the new reason; dead → discarded. Each is one
conditional UPDATE, so that of two who ask one gets it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from shared import audit, outbox
from shared.db import Connection
from shared.tables import dead_letters

STATES = ("dead", "replay", "replayed", "discarded")


@dataclass(frozen=True, slots=True)
class Letter:
    """What may be shown of a dead letter without looking into it."""

    id: str
    consumer: str
    topic: str
    partition: int
    kafka_offset: int
    error: str
    attempts: int
    state: str
    died_at: datetime
    size: int


@dataclass(frozen=True, slots=True)
class Content:
    """The original bytes of a record: patient data."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


_SHOWN = [
    *(dead_letters.c[name] for name in Letter.__dataclass_fields__ if name != "size"),
    sa.func.coalesce(sa.func.length(dead_letters.c.value), 0).label("size"),
]
_ASK = (
    sa.update(dead_letters)
    .where(dead_letters.c.id == sa.any_(sa.bindparam("ids", type_=sa.ARRAY(sa.Text))), dead_letters.c.state == "dead")
    .values(state=sa.bindparam("to"))
    .returning(dead_letters.c.id)
)


async def listed(
    connection: Connection, *, state: str | None = None, error: str | None = None, id_begins: str = ""
) -> list[Letter]:
    """Dead letters, oldest first; of one state, with a text in their reason, or whose id begins so."""
    wanted = sa.select(*_SHOWN).order_by(dead_letters.c.died_at, dead_letters.c.id)
    if state is not None:
        wanted = wanted.where(dead_letters.c.state == state)
    if error is not None:
        wanted = wanted.where(dead_letters.c.error.contains(error, autoescape=True))
    if id_begins:
        wanted = wanted.where(dead_letters.c.id.startswith(id_begins, autoescape=True))
    return [Letter(*row) for row in (await connection.execute(wanted)).all()]


async def content(connection: Connection, letter: str, *, at: datetime, actor: str, reason: str | None) -> Content:
    """The original bytes of one that exists. The look is audited in the caller's transaction."""
    await audit.note(connection, [audit.Entry(at, actor, "dead-letter-read", letter, reason)])
    wanted = sa.select(dead_letters.c.key, dead_letters.c.value, dead_letters.c.headers)
    row = (await connection.execute(wanted.where(dead_letters.c.id == letter))).one()
    return Content(row.key, row.value, outbox.unpacked(row.headers))


async def ask(
    connection: Connection, ids: Sequence[str], to: str, *, at: datetime, actor: str, reason: str | None
) -> list[str]:
    """Ask for `replay`, or settle as `discarded`; the ids of those that were dead, and are so now. Audited."""
    if to not in {"replay", "discarded"}:
        raise ValueError("a dead letter can be replayed or discarded")
    done = list((await connection.execute(_ASK, {"ids": list(ids), "to": to})).scalars())
    action = "dead-letter-replay" if to == "replay" else "dead-letter-discarded"
    await audit.note(connection, [audit.Entry(at, actor, action, one, reason) for one in sorted(done)])
    return done
