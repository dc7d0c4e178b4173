"""The outbox: outgoing records stored in the same transaction as the state, and the relay that sends them to Kafka.

The relay reads the oldest rows, sends them in one Kafka transaction and deletes them once it is committed. A second
relay fences the first (writer_names.py). A crash between commit and delete repeats records with the same ce_id. A
producer never sends rows that were read before it began, so no older record follows a newer one of its key.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import orjson
import sqlalchemy as sa
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, ProducerFenced, RecordListTooLargeError
from aiokafka.partitioner import murmur2
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import metrics
from shared.errors import Transient
from shared.facts.envelope import Record
from shared.messaging.broker_quirks import close_for_good, seen
from shared.messaging.dead_letter_content import Content, sealed
from shared.messaging.writer_names import WriterNames
from shared.pulse import Pulse
from shared.storage.database import Database
from shared.storage.sealing import Seal
from shared.storage.statements import Append, at_once
from shared.storage.tables import outbox

log = logging.getLogger(__name__)

_LEASE = sa.text(
    "INSERT INTO relay_lease AS r (name, holder, until) VALUES ('relay', :me, now() + make_interval(secs => :secs)) "
    "ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until "
    "WHERE r.holder = excluded.holder OR r.until < now() RETURNING holder"
)
_RELEASE = sa.text("UPDATE relay_lease SET until = now() WHERE holder = :me")
_OLDEST = "SELECT id, topic, key, value, headers FROM outbox ORDER BY id LIMIT $1"
_DONE = "DELETE FROM outbox WHERE id = ANY($1::bigint[])"
_PUT_ASIDE = sa.text(
    "WITH gone AS (DELETE FROM outbox WHERE id = :id RETURNING *) INSERT INTO dead_letters "
    "(id, consumer, topic, partition, kafka_offset, sealed, size, error, attempts) "
    "SELECT :letter, :consumer, topic, -1, id, :sealed, COALESCE(length(value), 0), :error, 1 FROM gone"
)
LARGEST = 1 << 20
"""Bytes of a record, and of what is sent of a partition at a time."""
TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)
NOT_TAKEN = "Kafka does not take it: it is larger than the topic or the relay allows"


def packed(headers: Sequence[tuple[str, bytes]]) -> bytes:
    """Record headers as bytes for a column; values that are not UTF-8 are kept by surrogate escapes."""
    return orjson.dumps([(name, value.decode("latin-1")) for name, value in headers])


def unpacked(raw: bytes) -> list[tuple[str, bytes]]:
    """The headers from `packed` bytes."""
    return [(name, value.encode("latin-1")) for name, value in orjson.loads(raw)]


async def send(connection: AsyncConnection, records: Sequence[Record]) -> None:
    """Add records to the outbox, in their order, inside the caller's transaction."""
    await at_once(connection, sending(records))


def sending(records: Sequence[Record]) -> list[Append]:
    """The same as a write that can be done together with others (statements.py)."""
    rows = [(r.topic, r.key, r.value, packed(r.headers)) for r in records]
    return [Append(outbox, ("topic", "key", "value", "headers"), rows)]


class Relay:
    """Sends one service's outbox to Kafka. Any number may run; one of them leads.

    A record that Kafka refuses for its size becomes a dead letter of `<service>.outbox`, partition -1. Readers of its
    episode then wait for the gap to be filled (contract 5.2); other episodes go on.

    `chunk`: most rows in one pass. In seconds: `poll` between looks into an empty outbox, unless a commit wakes it;
    `lease` for which it leads without renewing; `farewell` for the last pass at a stop.
    """

    def __init__(
        self,
        database: Database,
        service: str,
        connect: dict[str, Any],
        *,
        chunk: int = 5000,
        poll: float = 0.25,
        lease: float = 6.0,
        farewell: float = 5.0,
        seal: Seal | None = None,
    ) -> None:
        self.database, self.service, self.connect = database, service, connect
        self.chunk, self.poll, self.lease, self.farewell = chunk, poll, lease, farewell
        self.seal = seal or Seal.of_this_process()
        self.me = uuid.uuid4().hex
        self.pulse = Pulse("relay")
        self._names = WriterNames(database, service)
        self.leading = False
        self._most = chunk  # rows of the next pass: fewer while one that is too large is looked for
        self._renewed = float("-inf")
        self._producer: AIOKafkaProducer | None = None
        self._turn = asyncio.Lock()  # one pass at a time, also when stopping
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()
        database.after_commit.append(self._wake.set)

    def wake(self) -> None:
        """Look into the outbox now."""
        self._wake.set()

    async def run(self) -> None:
        """Relay until `stop`; after any failure, wait and begin again with a new producer."""
        wait = 0.1
        while not self._stopping.is_set():
            try:
                full = await self.once() >= self.chunk
                wait = 0.1
            except Exception as fault:  # noqa: BLE001 - a relay that ends would hold back everything, in silence
                self._tell(fault, wait)
                await self._begin_anew()
                await _event(self._stopping, wait)  # a commit does not end this wait
                wait = min(wait * 2, 5.0)
            else:
                if not self.leading:
                    await _event(self._stopping, self.lease / 6)
                elif not full:
                    await self._rest()

    def _tell(self, fault: Exception, wait: float) -> None:
        foreseen = isinstance(fault, KafkaError | Transient | OSError | TimeoutError)
        what = "relay fenced" if isinstance(fault, ProducerFenced) else "relay waits"
        extra = {"service": self.service, "kind": type(fault).__name__, "seconds": wait}
        log.log(logging.WARNING if foreseen else logging.ERROR, what, extra=extra, exc_info=None if foreseen else fault)

    async def once(self) -> int:
        """One pass; returns how many records it handled, 0 unless this relay leads and has or can begin a producer."""
        async with self._turn:
            with self.pulse:
                return await self._pass()

    async def _pass(self) -> int:
        if not await self._leads():
            return 0
        producer = self._producer or await self._new_producer()
        if producer is None:
            return 0
        rows = await self.database.alone(_OLDEST, self._most)
        metrics.OUTBOX.set(len(rows))
        if rows:
            await self._move(producer, rows)
        return len(rows) if self._most == self.chunk or not rows else self.chunk

    async def _move(self, producer: AIOKafkaProducer, rows: Sequence[Any]) -> None:
        try:
            async with asyncio.timeout(60):
                await self._publish(producer, rows)
        except TOO_LARGE:
            await self._close_producer()
            await self._look_closer(rows)
            return
        await self.database.alone(_DONE, [row["id"] for row in rows])
        metrics.RELAYED.inc(len(rows))
        self._most = min(self._most * 2, self.chunk)

    async def _look_closer(self, rows: Sequence[Any]) -> None:
        """One of these rows is too large: find it in smaller passes, and make it a dead letter."""
        self._most = max(len(rows) // 2, 1)
        if len(rows) > 1:
            return
        letter, row = uuid.uuid4().hex, rows[0]
        given = {
            "id": row["id"],
            "letter": letter,
            "sealed": sealed(self.seal, letter, Content(row["key"], row["value"], unpacked(row["headers"]))),
            "consumer": f"{self.service}.outbox",
            "error": NOT_TAKEN,
        }
        async with self.database.begin() as connection:
            await connection.execute(_PUT_ASIDE, given)
        log.error("kafka does not take a record", extra={"service": self.service, "topic": rows[0]["topic"]})

    async def _publish(self, producer: AIOKafkaProducer, rows: Sequence[Any]) -> None:
        await producer.begin_transaction()
        try:
            parts = await _by_partition(producer, rows)
            await asyncio.gather(*(_deliver(producer, *place, part) for place, part in parts.items()))
            await producer.commit_transaction()
        except BaseException:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(1):  # it would wait for a broker that is away
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

    async def _new_producer(self) -> AIOKafkaProducer | None:
        """A producer that may write: earlier ones are fenced, and their open transactions aborted.

        None when stopping: what is left is for the next start, and nothing would close this producer.
        """
        name, earlier = await self._names.enroll()
        for each in earlier:
            await close_for_good(await self._started(each))
        await self._names.fenced(earlier)
        producer = await self._started(name)
        if self._stopping.is_set():
            await close_for_good(producer)
            return None
        self._producer = producer  # before anything else can fail: whoever gives up closes it
        await self._names.confirm(name)
        return producer

    async def _started(self, name: str) -> AIOKafkaProducer:
        producer = self._named(name)
        try:
            await producer.start()
        except BaseException:
            await close_for_good(producer)
            raise
        return producer

    def _named(self, name: str) -> AIOKafkaProducer:
        return AIOKafkaProducer(
            **self.connect,
            transactional_id=name,
            enable_idempotence=True,
            acks="all",
            max_batch_size=LARGEST,
            max_request_size=LARGEST,
            transaction_timeout_ms=30_000,
            request_timeout_ms=20_000,
        )

    async def _rest(self) -> None:
        await _event(self._wake, self.poll)
        self._wake.clear()

    async def _begin_anew(self) -> None:
        """After a failure: drop the producer, and ask for the lease first, since another relay may lead by now."""
        self._renewed = float("-inf")
        await self._close_producer()

    async def _close_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await close_for_good(producer)

    async def stop(self) -> None:
        """Send what is left if this relay leads, release the lease, close."""
        self._stopping.set()
        self._wake.set()
        with contextlib.suppress(Exception):
            async with asyncio.timeout(self.farewell):
                while self.leading and await self.once():
                    pass
        self.leading = False
        await self._close_producer()
        with contextlib.suppress(Exception):
            async with asyncio.timeout(5), self.database.begin() as connection:
                await connection.execute(_RELEASE, {"me": self.me})


async def _by_partition(producer: AIOKafkaProducer, rows: Sequence[Any]) -> dict[tuple[str, int], list[Any]]:
    """The rows of each topic and partition, in their order."""
    numbers = {topic: len(await producer.partitions_for(topic)) for topic in {row["topic"] for row in rows}}
    found: dict[tuple[str, int], list[Any]] = defaultdict(list)
    for row in rows:
        found[row["topic"], _hashed(row["key"]) % numbers[row["topic"]]].append(row)
    return found


@lru_cache(20_000)  # an episode's records come together, and the hash is Python
def _hashed(key: bytes) -> int:
    """The partitioner's hash of Java's and aiokafka's clients, so that other writers keyed by episode agree."""
    return int(murmur2(key)) & 0x7FFFFFFF


async def _deliver(producer: AIOKafkaProducer, topic: str, partition: int, rows: Sequence[Any]) -> None:
    """Send the records of one partition in as few batches as possible: a record by itself costs three times as much."""
    batches = [producer.create_batch()]
    for _, _, key, value, headers in rows:
        if len(key) + len(value or b"") > LARGEST:
            raise MessageSizeTooLargeError
        told = {"timestamp": None, "key": key, "value": value, "headers": unpacked(headers)}
        if batches[-1].append(**told) is None:
            batches.append(producer.create_batch())
            batches[-1].append(**told)
    sent = []
    for batch in batches:
        sent.append(await producer.send_batch(batch, topic, partition=partition))
        sent[-1].add_done_callback(seen)
    await asyncio.gather(*sent)


async def _event(event: asyncio.Event, seconds: float) -> None:
    """Wait for the event, at most so many seconds."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
