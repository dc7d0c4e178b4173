"""Dead letters for operators: list them, look at one, ask for a replay, discard; content only on explicit request.

A row's `state`: dead → replay (asked for) → replayed, or dead again with the new reason; dead → discarded. Each change
is one conditional UPDATE, so that of two operators only one succeeds. Content is sealed, and deleted after a number of
days (decision 0165); a letter still dead then becomes `expired`. The row stays, since `verify` has to know which
records were never applied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from shared.errors import Rejected
from shared.messaging.dead_letter_content import Content, opened, sealed
from shared.messaging.stored_headers import unpacked
from shared.storage import audit
from shared.storage.database import Connection
from shared.storage.sealing import Seal
from shared.storage.tables import dead_letters

STATES = ("dead", "replay", "replayed", "discarded", "expired")


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What may be shown of a dead letter without opening its content."""

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
class OpenLetter:
    """A dead letter that nobody has settled, with its content as it is stored."""

    id: str
    row: Any = field(repr=False)

    def content(self, seal: Seal) -> Content:
        """The record's original bytes. Raises Rejected where they were deleted, CannotOpen for another seal."""
        return content_of(self.row, seal)


@dataclass(frozen=True, slots=True)
class LetterGroup:
    """The dead letters of one consumer and topic that died for one reason, and that nobody has settled.

    `id`: 16 characters that name the group; `dead`: how many wait for somebody, `asked`: how many for their replay;
    `first`: when the first died.
    """

    id: str
    consumer: str
    topic: str
    error: str
    dead: int
    asked: int
    first: datetime


MOST_REASONS = 200
"""Reasons in one list, at most."""
_SHOWN = [dead_letters.c[name] for name in DeadLetter.__dataclass_fields__]
_INSIDE = [dead_letters.c[name] for name in ("id", "key", "value", "headers", "sealed")]
_CLEAR = sa.and_(dead_letters.c.sealed.is_(None), dead_letters.c.headers.is_not(None))
_SEAL = (
    sa.update(dead_letters)
    .where(dead_letters.c.id == sa.bindparam("letter"), _CLEAR)
    .values(sealed=sa.bindparam("blob"), key=None, value=None, headers=None)
)
_OPEN = dead_letters.c.state.in_(["dead", "replay"])
_OPEN_BY_CONSUMER = sa.select(dead_letters.c.consumer, sa.func.count()).where(_OPEN).group_by(dead_letters.c.consumer)
_GROUP_OF = [dead_letters.c[name] for name in ("consumer", "topic", "error")]
_GROUP = sa.func.left(
    sa.func.encode(sa.func.sha256(sa.func.convert_to(sa.func.concat_ws("\n", *_GROUP_OF), "UTF8")), "hex"), 16
)
_FIRST = sa.func.min(dead_letters.c.died_at)
_GROUPS: sa.Select[Any] = (
    sa.select(
        _GROUP,
        *_GROUP_OF,
        sa.func.count().filter(dead_letters.c.state == "dead"),
        sa.func.count().filter(dead_letters.c.state == "replay"),
        _FIRST,
    )
    .where(_OPEN)
    .group_by(*_GROUP_OF)
    .order_by(_FIRST, *_GROUP_OF)
    .limit(sa.bindparam("most", type_=sa.Integer))
)
_DEAD_OF = sa.select(dead_letters.c.id).where(dead_letters.c.state == "dead", sa.bindparam("group") == _GROUP)
_TOO_OLD = sa.and_(
    dead_letters.c.died_at < sa.func.now() - sa.func.make_interval(0, 0, 0, sa.bindparam("days", type_=sa.Integer)),
    sa.or_(dead_letters.c.sealed.is_not(None), dead_letters.c.headers.is_not(None)),
    sa.not_(sa.and_(_OPEN, dead_letters.c.consumer.endswith(".outbox"))),  # it is nowhere else
)
_SOME_TOO_OLD = (
    sa.select(dead_letters.c.id)
    .where(_TOO_OLD)
    .limit(sa.bindparam("most", type_=sa.Integer))
    .with_for_update(skip_locked=True)
)
_EXPIRING = sa.select(sa.func.count()).select_from(dead_letters).where(_TOO_OLD)
_EXPIRE = (
    sa.update(dead_letters)
    .where(dead_letters.c.id.in_(_SOME_TOO_OLD))
    .values(
        sealed=None, key=None, value=None, headers=None,
        state=sa.case((_OPEN, "expired"), else_=dead_letters.c.state),
    )
    .returning(dead_letters.c.state)
)  # fmt: skip
_ASK = (
    sa.update(dead_letters)
    .where(dead_letters.c.id == sa.any_(sa.bindparam("ids", type_=sa.ARRAY(sa.Text))), dead_letters.c.state == "dead")
    .values(state=sa.bindparam("to"))
    .returning(dead_letters.c.id)
)


async def listed(
    connection: Connection, *, state: str | None = None, error: str | None = None, id_begins: str = ""
) -> list[DeadLetter]:
    """Dead letters, oldest first, filtered by state, by a text in their reason, or by the beginning of their id."""
    wanted = sa.select(*_SHOWN).order_by(dead_letters.c.died_at, dead_letters.c.id)
    if state is not None:
        wanted = wanted.where(dead_letters.c.state == state)
    if error is not None:
        wanted = wanted.where(dead_letters.c.error.contains(error, autoescape=True))
    if id_begins:
        wanted = wanted.where(dead_letters.c.id.startswith(id_begins, autoescape=True))
    return [DeadLetter(*row) for row in (await connection.execute(wanted)).all()]


async def by_reason(connection: Connection, most: int = MOST_REASONS) -> list[LetterGroup]:
    """At most `most` groups of open letters, those with the oldest first."""
    return [LetterGroup(*row) for row in (await connection.execute(_GROUPS, {"most": most})).all()]


async def dead_of(connection: Connection, group: str) -> list[str]:
    """The ids of the letters of a group that wait for somebody."""
    return list((await connection.execute(_DEAD_OF, {"group": group})).scalars())


async def open_by_consumer(connection: Connection) -> dict[str, int]:
    """Consumer → how many of its dead letters nobody has settled yet; those without any are left out."""
    rows = (await connection.execute(_OPEN_BY_CONSUMER)).all()
    return {row[0]: row[1] for row in rows}


async def open_letters(connection: Connection, error: str, after: str, most: int = 200) -> list[OpenLetter]:
    """A page of the dead letters of this reason, by id, those after one id; for a command that settles by rule."""
    wanted = sa.select(*_INSIDE).where(dead_letters.c.state == "dead", dead_letters.c.error == error)
    page = wanted.where(dead_letters.c.id > after).order_by(dead_letters.c.id).limit(most)
    return [OpenLetter(row.id, row) for row in (await connection.execute(page)).all()]


async def content(
    connection: Connection, letter: str, seal: Seal, *, at: datetime, actor: str, reason: str | None
) -> Content:
    """The original bytes of a dead letter. Looking is audited in the caller's transaction.

    Raises Rejected where the content was deleted, CannotOpen for another service's seal.
    """
    await audit.note(connection, [audit.Entry(at, actor, "dead-letter-read", letter, reason)])
    row = (await connection.execute(sa.select(*_INSIDE).where(dead_letters.c.id == letter))).one()
    return content_of(row, seal)


def content_of(row: Any, seal: Seal) -> Content:
    """The content in a row of `dead_letters`. Raises Rejected where it was deleted, CannotOpen."""
    if row.sealed is not None:
        return opened(seal, row.id, row.sealed)
    if row.headers is None:
        raise Rejected("expired", "its content is not kept any more: read its topic, where that still has it")
    return Content(row.key, row.value, unpacked(row.headers))


async def seal_clear(connection: Connection, seal: Seal, most: int = 200) -> int:
    """For a timer: seal up to `most` letters that the first version stored unsealed; returns how many there were."""
    rows = (await connection.execute(sa.select(*_INSIDE).where(_CLEAR).limit(most).with_for_update())).all()
    for row in rows:
        blob = sealed(seal, row.id, content_of(row, seal))
        await connection.execute(_SEAL, {"letter": row.id, "blob": blob})
    return len(rows)


async def expiring(connection: Connection, days: int) -> int:
    """How many letters older than `days` days still have their content."""
    found: int = (await connection.execute(_EXPIRING, {"days": days})).scalar_one()
    return found


async def expire(connection: Connection, days: int, most: int = 500) -> tuple[int, int]:
    """Delete the content of at most `most` letters older than `days` days: (how many, how many of them were still
    dead)."""
    states = (await connection.execute(_EXPIRE, {"days": days, "most": most})).scalars().all()
    return len(states), states.count("expired")


async def ask(
    connection: Connection, ids: Sequence[str], to: str, *, at: datetime, actor: str, reason: str | None
) -> list[str]:
    """Ask for `replay`, or mark as `discarded`. Returns the ids of those that were dead and now are in that state.
    Audited."""
    if to not in {"replay", "discarded"}:
        raise ValueError("a dead letter can be replayed or discarded")
    done = list((await connection.execute(_ASK, {"ids": list(ids), "to": to})).scalars())
    action = "dead-letter-replay" if to == "replay" else "dead-letter-discarded"
    await audit.note(connection, [audit.Entry(at, actor, action, one, reason) for one in sorted(done)])
    return done
