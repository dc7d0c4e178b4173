"""What leaves a service: rows committed with the state they belong to, and the relay that puts them on Kafka.

The relay reads the oldest rows, sends them in one Kafka transaction and deletes what was committed. A second relay
fences the first through the transactional id; a crash between commit and delete repeats records with the same ce_id.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Sequence
from typing import Any

import orjson
import sqlalchemy as sa
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, ProducerFenced
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import metrics
from shared.db import Database, copy_rows
from shared.errors import Transient
from shared.events.envelope import Record
from shared.tables import outbox
from shared.writes import Write

log = logging.getLogger(__name__)

_LEASE = sa.text(
    "INSERT INTO relay_lease AS r (name, holder, until) VALUES ('relay', :me, now() + make_interval(secs => :secs)) "
    "ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until "
    "WHERE r.holder = excluded.holder OR r.until < now() RETURNING holder"
)
_RELEASE = sa.text("UPDATE relay_lease SET until = now() WHERE holder = :me")
_OLDEST = sa.select(outbox.c.id, outbox.c.topic, outbox.c.key, outbox.c.value, outbox.c.headers).order_by(outbox.c.id)
_DONE = sa.text("DELETE FROM outbox WHERE id = ANY(:ids)").bindparams(
    sa.bindparam("ids", type_=sa.ARRAY(sa.BigInteger))
)


def packed(headers: Sequence[tuple[str, bytes]]) -> bytes:
    """Record headers as bytes for a column; text is UTF-8, anything else survives by surrogates."""
    return orjson.dumps([(name, value.decode("latin-1")) for name, value in headers])


def unpacked(raw: bytes) -> list[tuple[str, bytes]]:
    """The way back of `packed`."""
    return [(name, value.encode("latin-1")) for name, value in orjson.loads(raw)]


async def send(connection: AsyncConnection, records: Sequence[Record]) -> None:
    """Put records into the outbox, in their order, inside the caller's transaction."""
    rows = [(r.topic, r.key, r.value, packed(r.headers)) for r in records]
    await copy_rows(connection, outbox, ("topic", "key", "value", "headers"), rows)


_SEND = (
    "INSERT INTO outbox (topic, key, value, headers) SELECT n.topic, n.key, n.value, n.headers FROM "
    "unnest($1::text[], $2::bytea[], $3::bytea[], $4::bytea[]) WITH ORDINALITY "
    "AS n(topic, key, value, headers, place) ORDER BY n.place"
)


def sending(records: Sequence[Record]) -> list[Write]:
    """The same as a write, to be done together with others."""
    topics, keys, values = ([record[place] for record in records] for place in range(3))
    return [Write(_SEND, (topics, keys, values, [packed(r.headers) for r in records]))] if records else []


class Relay:
    """Empties one service's outbox into Kafka; as many may run as you like, one leads."""

    def __init__(
        self,
        database: Database,
        service: str,
        connect: dict[str, Any],
        *,
        chunk: int = 5000,
        poll: float = 0.25,
        lease: float = 6.0,
    ) -> None:
        self.database, self.service, self.connect = database, service, connect
        self.chunk, self.poll, self.lease = chunk, poll, lease
        self.me = uuid.uuid4().hex
        self.leading = False
        self._renewed = 0.0
        self._producer: AIOKafkaProducer | None = None
        self._wake = asyncio.Event()
        self._stopping = False
        database.after_commit.append(self._wake.set)

    def wake(self) -> None:
        """Look at the outbox now."""
        self._wake.set()

    async def run(self) -> None:
        """Relay until `stop`; errors wait and begin anew with a new producer."""
        wait = 0.1
        while not self._stopping:
            try:
                moved = await self.once()
                wait = 0.1
                if moved < self.chunk and not self._stopping:
                    await self._rest(self.poll if self.leading else self.lease / 3)
            except ProducerFenced:
                log.warning("relay fenced", extra={"service": self.service})
                await self._stand_down()
                await self._rest(self.lease / 3)
            except (KafkaError, Transient, OSError, TimeoutError) as fault:
                log.warning("relay waits", extra={"fault": type(fault).__name__, "seconds": wait})
                await self._close_producer()
                await self._rest(wait)
                wait = min(wait * 2, 5.0)

    async def once(self) -> int:
        """One pass: how many records went out. Nothing unless this relay leads."""
        if not await self._leads():
            return 0
        producer = self._producer or await self._new_producer()
        async with self.database.read() as connection:
            rows = (await connection.execute(_OLDEST.limit(self.chunk))).all()
        if not rows:
            metrics.OUTBOX.set(0)
            return 0
        async with asyncio.timeout(60):
            await self._publish(producer, rows)
        async with self.database.begin() as connection:
            await connection.execute(_DONE, {"ids": [row.id for row in rows]})
        metrics.RELAYED.inc(len(rows))
        metrics.OUTBOX.set(len(rows))
        return len(rows)

    async def _publish(self, producer: AIOKafkaProducer, rows: Sequence[Any]) -> None:
        await producer.begin_transaction()
        try:
            sent = [
                await producer.send(row.topic, row.value, key=row.key, headers=unpacked(row.headers)) for row in rows
            ]
            await asyncio.gather(*sent)
            await producer.commit_transaction()
        except BaseException:
            with contextlib.suppress(Exception):
                await producer.abort_transaction()
            raise

    async def _leads(self) -> bool:
        now = asyncio.get_running_loop().time()
        if self.leading and now - self._renewed < self.lease / 3:
            return True
        async with self.database.begin() as connection:
            held = (await connection.execute(_LEASE, {"me": self.me, "secs": self.lease})).scalar()
        was, self.leading, self._renewed = self.leading, held == self.me, now
        if was and not self.leading:
            await self._close_producer()
        return self.leading

    async def _new_producer(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            **self.connect,
            transactional_id=f"stepdown-{self.service}",
            enable_idempotence=True,
            acks="all",
            max_batch_size=1 << 20,
            max_request_size=1 << 20,
            transaction_timeout_ms=30_000,
            request_timeout_ms=20_000,
        )
        try:
            await producer.start()  # takes over the transactional id: an older relay is fenced from here on
        except BaseException:
            with contextlib.suppress(Exception):
                await producer.stop()
            raise
        self._producer = producer
        return producer

    async def _rest(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)
        self._wake.clear()

    async def _stand_down(self) -> None:
        self.leading = False
        await self._close_producer()

    async def _close_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(5):
                    await producer.stop()

    async def stop(self) -> None:
        """Send what is left if this relay leads, give the lease back, close."""
        self._stopping = True
        self._wake.set()
        with contextlib.suppress(KafkaError, Transient, TimeoutError, OSError):
            async with asyncio.timeout(10):
                while self.leading and await self.once():
                    pass
                async with self.database.begin() as connection:
                    await connection.execute(_RELEASE, {"me": self.me})
        await self._stand_down()
