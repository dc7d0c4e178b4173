"""All SQL that intake only reads with: what `verify` looks at, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from services.intake.settling import OnFile
from services.intake.tables import messages
from shared.db import Connection
from shared.tables import positions

_VISITS = sa.text(
    "SELECT visit_id, patient_id, facility, visit_key, episode_id, begun_at, ended_at, mapping FROM visits "
    "WHERE visit_id > :after ORDER BY visit_id LIMIT :page"
)
_GAPS = sa.text(
    "SELECT p.episode_id FROM (SELECT episode_id, sequence FROM episodes WHERE episode_id > :after "
    "ORDER BY episode_id LIMIT :page) AS p LEFT JOIN facts AS f ON f.episode_id = p.episode_id "
    "GROUP BY p.episode_id, p.sequence "
    "HAVING count(f.ce_id) <> p.sequence OR max(f.sequence) <> p.sequence OR min(f.sequence) <> 1"
)
_EPISODES = sa.text(
    "SELECT max(episode_id), count(*) FROM (SELECT episode_id FROM episodes WHERE episode_id > :after "
    "ORDER BY episode_id LIMIT :page) AS p"
)

ALL_FACTS = sa.text("SELECT 'intake', episode_id, sequence, ce_id FROM facts ORDER BY episode_id, sequence")
ALL_TOLD = sa.text("SELECT episode_id, version FROM told_episodes")


async def at_one_instant(connection: Connection) -> None:
    """Let what this connection reads be of one moment; before anything else on it."""
    await connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))


async def visits_after(connection: Connection, after: str, page: int) -> list[tuple[OnFile, str]]:
    """A page of visits by id, without messages and facts, each with its mapping's version."""
    rows = (await connection.execute(_VISITS, {"after": after, "page": page})).all()
    return [(OnFile(*row[:-1]), row.mapping) for row in rows]


async def sequences_after(connection: Connection, after: str, page: int) -> tuple[list[str], str | None]:
    """Of a page of episodes those whose sequences are not 1,2,3… up to the last given; and where the next begins."""
    gaps = list((await connection.execute(_GAPS, {"after": after, "page": page})).scalars())
    last, number = (await connection.execute(_EPISODES, {"after": after, "page": page})).one()
    return gaps, last if number == page else None


async def unsent(connection: Connection) -> int:
    """Records in the outbox."""
    return int((await connection.execute(sa.text("SELECT count(*) FROM outbox"))).scalar_one())


async def where_consumers_stand(connection: Connection) -> Sequence[dict[str, Any]]:
    """The rows of `positions`."""
    return [dict(row) for row in (await connection.execute(sa.select(positions))).mappings()]


async def noted(connection: Connection) -> list[tuple[str, str | None, int]]:
    """(note, reason, how many): what became of the messages kept, the most frequent first."""
    query = sa.select(messages.c.note, messages.c.reason, sa.func.count().label("number"))
    rows = await connection.execute(query.group_by(messages.c.note, messages.c.reason).order_by(sa.desc("number")))
    return [(row.note, row.reason, row.number) for row in rows]
