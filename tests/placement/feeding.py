"""Facts brought to placement's handlers, batch by batch, and what came of them; no broker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
import sqlalchemy as sa

from services.placement.engine import apply
from services.placement.rules import Rules
from services.placement.tables import episodes, facts, periods
from shared.clock import Clock
from shared.facts.envelope import Fact, Record, from_record
from shared.messaging.outbox import stored
from shared.messaging.positions import Incoming, Slot, Tally
from shared.storage.database import Database
from shared.storage.tables import audit, outbox, refusals

SLOT = Slot("care.events", 0)


@dataclass(frozen=True)
class Sent:
    """One record of the outbox."""

    topic: str
    key: str
    headers: dict[str, str]
    fact: Fact

    @property
    def value(self) -> dict[str, Any]:
        """As JSON."""
        return self.fact.as_json


@dataclass
class Feed:
    """Brings facts in batches as one partition's records."""

    database: Database
    rules: Rules
    clock: Clock
    ids: Callable[[], str]
    offset: int = 0
    total: Counter[str] = field(default_factory=Counter)
    refused: list[tuple[str, str]] = field(default_factory=list)

    async def bring(self, *batch: Fact) -> Counter[str]:
        """One batch, one transaction; what came of it."""
        incoming = [Incoming(SLOT, self.offset + n, one.subject.encode(), one) for n, one in enumerate(batch)]
        self.offset += len(batch)
        tally = Tally()
        async with self.database.begin() as connection:
            if line := await apply.INBOX(connection, incoming, tally):
                await apply.apply(connection, line, rules=self.rules, clock=self.clock, ids=self.ids)
        found = tally.total()
        assert sum(found.values()) == len(batch), "received = applied + repeated + waiting + dead"
        self.total.update(found)
        self.refused += [(one.fact.id, why) for one, why in tally.refused]
        return +found if all(number >= 0 for number in found.values()) else found

    async def sent(self, topic: str | None = None) -> list[Sent]:
        """What is in the outbox, in its order."""
        async with self.database.read() as connection:
            found = [_sent(one) for one in await stored(connection)]
        return [one for one in found if topic in {None, one.topic}]

    async def relayed(self) -> list[Sent]:
        """Empty the outbox, as the relay does; what was in it."""
        found = await self.sent()
        async with self.database.begin() as connection:
            await connection.execute(sa.delete(outbox))
        return found

    async def row(self, episode: str) -> Any:
        """An episode's row."""
        async with self.database.read() as connection:
            return (await connection.execute(sa.select(episodes).where(episodes.c.episode_id == episode))).one()

    async def kept(self, episode: str) -> list[Any]:
        """An episode's facts."""
        query = sa.select(facts).where(facts.c.episode_id == episode).order_by(facts.c.writer, facts.c.sequence)
        async with self.database.read() as connection:
            return list((await connection.execute(query)).all())

    async def billed(self, episode: str) -> list[dict[str, Any]]:
        """The latest versions of an episode's periods that are not voided: their contents, by start."""
        query = sa.select(periods).where(periods.c.episode_id == episode, ~periods.c.voided)
        async with self.database.read() as connection:
            rows = (await connection.execute(query)).all()
        return sorted((orjson.loads(row.content) for row in rows), key=lambda one: (one["start_date"], one["payer"]))

    async def audited(self) -> list[tuple[str, str, str, int]]:
        """(actor, action, subject, count) of every audit row."""
        async with self.database.read() as connection:
            rows = await connection.execute(
                sa.select(audit.c.actor, audit.c.action, audit.c.subject, audit.c.count).order_by(audit.c.id)
            )
        return [(row[0], row[1], row[2], row[3]) for row in rows]

    async def refusals(self) -> list[tuple[str, str, str, str]]:
        """(actor, action, subject, code) of every refusal."""
        async with self.database.read() as connection:
            rows = await connection.execute(
                sa.select(refusals.c.actor, refusals.c.action, refusals.c.subject, refusals.c.code)
            )
        return [(row[0], row[1], row[2], row[3]) for row in rows]


def _sent(one: Record) -> Sent:
    headers = {name: value.decode() for name, value in one.headers}
    return Sent(one.topic, one.key.decode(), headers, from_record(one.value, one.headers))
