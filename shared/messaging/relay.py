"""The relay: sends one service's outbox to Kafka.

It reads the oldest rows, sends their record batches in one Kafka transaction and deletes the rows once it is committed.
A second relay fences the first (writer_names.py). A crash between commit and delete repeats records with the same
ce_id. A producer never sends rows that were read before it began, so no older record follows a newer one of its key.
How far it has written is counted with each pass (written.py); where the count in the database is not the one that it
left there, another relay writes or the database is an older one, and it begins anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, ProducerFenced, RecordListTooLargeError

from shared import metrics, spans
from shared.errors import Transient
from shared.messaging import written
from shared.messaging.broker_quirks import close_for_good
from shared.messaging.outbox import Outgoing, by_partition, records_of
from shared.messaging.record_batches import RecordBatch, StampedRecord, batches, partition_of
from shared.messaging.writer_names import WriterNames
from shared.messaging.writer_producer import deliver, fenced_producer, kafka_transaction
from shared.messaging.written import WRITERS_TOPIC, Done, Move, Place, Written
from shared.pulse import Pulse
from shared.storage.database import Database
from shared.storage.sealing import Seal
from shared.storage.statements import at_once, rows

log = logging.getLogger(__name__)

_LEASE = sa.text(
    "INSERT INTO relay_lease AS r (name, holder, until) VALUES ('relay', :me, now() + make_interval(secs => :secs)) "
    "ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until "
    "WHERE r.holder = excluded.holder OR r.until < now() RETURNING holder"
)
_RELEASE = sa.text("UPDATE relay_lease SET until = now() WHERE holder = :me")
_OLDEST = (  # the oldest rows but for those that are done, until they have so many records; at least one row
    f"{written.MOVED} SELECT {written.ALL_MOVED}, o.id, topic, partition, partitions, records, batch, key, value, "  # noqa: S608
    "headers, "
    "coalesce((SELECT sum(records) FROM written), 0)::bigint AS written FROM (SELECT) AS one LEFT JOIN "
    "(SELECT *, sum(records) OVER (ORDER BY id) - records AS before FROM outbox WHERE id <> ALL($1::bigint[]) "
    "ORDER BY id LIMIT $7) AS o ON before < $7 ORDER BY o.id"
)
_WITHOUT = "UPDATE outbox SET records = $3, batch = $4 WHERE id = $1 AND records = $2 RETURNING id"
_GONE = "DELETE FROM outbox WHERE id = $1 AND records = $2 RETURNING id"
GATHER = 0.02
"""Seconds from the beginning of a pass to that of the next one, at least, where something was committed meanwhile: then
more comes, and shares the next pass. After a pass in which nothing came, the next commit is sent at once."""
TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)
ANOTHER = "another relay writes by now, or the database is an older one"


class Relay:
    """Sends one service's outbox to Kafka. Any number may run; one of them leads.

    A record that Kafka refuses for its size becomes a dead letter of `<service>.outbox`, partition -1, as one does that
    is too large when it is written (outbox.py). Readers of its episode then wait for the gap to be filled (contract
    5.2); other episodes go on.

    `chunk`: a pass takes the oldest rows until they have so many records. `partitions`: how many a topic has that no
    pass has seen yet. In seconds: `poll` between looks into an empty outbox, unless a commit wakes it; `lease` for
    which it leads without renewing; `farewell` for the last pass at a stop; `gather` as GATHER.

    `may_write`: called whenever a producer has begun, before it writes; raises Transient where it may not. `written`:
    how far it has written, by its own count.
    """

    def __init__(
        self,
        database: Database,
        service: str,
        connect: dict[str, Any],
        *,
        chunk: int = 5000,
        partitions: int = 1,
        poll: float = 0.25,
        lease: float = 6.0,
        farewell: float = 5.0,
        gather: float = GATHER,
        seal: Seal | None = None,
    ) -> None:
        self.database, self.service, self.connect = database, service, connect
        self.chunk, self.poll, self.lease, self.farewell = chunk, poll, lease, farewell
        self.gather = gather
        self.outgoing = Outgoing(service, seal or Seal.of_this_process(), partitions)
        database.outgoing = self.outgoing
        self.me = uuid.uuid4().hex
        self.pulse = Pulse("relay")
        self.may_write: Callable[[], Awaitable[None]] | None = None
        self.written: dict[Place, Written] = {}
        self._names = WriterNames(database, service)
        self.leading = False
        self._closely = 0  # rows to be sent one by one: one of them has a record that Kafka refuses
        self._done = Done()  # on Kafka, and not deleted yet
        self._renewed = float("-inf")
        self._producer: AIOKafkaProducer | None = None
        self._turn = asyncio.Lock()  # one pass at a time, also when stopping
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()
        database.after_commit.append(self._wake.set)

    async def run(self) -> None:
        """Relay until `stop`; after any failure, wait and begin again with a new producer."""
        wait = 0.1
        while not self._stopping.is_set():
            began = time.monotonic()
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
                elif not full and self._wake.is_set():  # more was committed meanwhile: gather
                    await _event(self._stopping, began + self.gather - time.monotonic())
                elif not full:
                    await _event(self._wake, self.poll)

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
        if self.database.held is not None:
            raise Transient(self.database.held)
        if not await self._leads():
            return 0
        producer = self._producer or await self._new_producer()
        if producer is None:
            return 0
        found = await self._oldest()
        number = sum(row["records"] for row in found)
        metrics.OUTBOX.set(number)
        if not found:
            self._closely = 0
            return 0
        closely = bool(self._closely)
        told = {"stepdown.rows": len(found), "messaging.batch.message_count": number}
        with spans.work("relay pass", kind="producer", told=lambda: told):
            await (self._look_closer(producer, found[0]) if closely else self._move(producer, found))
        return self.chunk if closely or self._closely else number

    async def _oldest(self) -> Sequence[Any]:
        """The rows of a pass. Raises Transient where the counts are not those that this relay left."""
        self._wake.clear()  # what is committed from now on may not be among what is read
        counted = self.counted()
        found = await self.database.alone(_OLDEST, *self._done.given(), 1 if self._closely else self.chunk)
        self._forgotten(all_moved=found[0]["all_moved"])
        if found[0]["id"] is None:
            return []
        if found[0]["written"] != counted:
            raise Transient(ANOTHER)
        return found

    def counted(self) -> int:
        """How many records it knows to be written, by itself and those before it."""
        return sum(count.records for count in self.written.values())

    async def _move(self, producer: AIOKafkaProducer, found: Sequence[Any]) -> None:
        """Send rows and delete them; where Kafka refuses a batch for its size, they are sent one by one from now on."""
        try:
            moves = await self._publish(producer, found)
        except TOO_LARGE:
            await self._close_producer()
            self._closely = len(found)
            return
        await self._forget(found, moves)

    async def _publish(self, producer: AIOKafkaProducer, found: Sequence[Any]) -> list[Move]:
        async with kafka_transaction(producer):
            await self._see_partitions(producer, {row["topic"] for row in found})
            parts = {place: [*part] for place, part in by_partition(found, self.outgoing.partitions).items()}
            numbers = {place: sum(batch.records for batch in part) for place, part in parts.items()}
            return await self._send(producer, parts, await self._counted(numbers))

    async def _see_partitions(self, producer: AIOKafkaProducer, topics: Iterable[str]) -> None:
        for topic in {*topics, WRITERS_TOPIC}:
            self.outgoing.partitions[topic] = len(await producer.partitions_for(topic))

    async def _counted(self, numbers: Mapping[Place, int]) -> dict[Place, Written]:
        """The counts after so many records more, with that of ops.writers; for a partition that is new one begins."""
        own = (WRITERS_TOPIC, written.partition_for(self.service, self.outgoing.of(WRITERS_TOPIC)))
        more = {**numbers, own: len(numbers)}
        if new := {place for place in more if place not in self.written}:
            begun = {place: Written(partitions=self.outgoing.of(place[0])) for place in new}
            await written.begin(self.database, begun)
            self.written |= begun
        return {place: self.written[place].plus(number) for place, number in more.items()}

    async def _send(
        self, producer: AIOKafkaProducer, parts: Mapping[Place, Iterable[RecordBatch]], counts: Mapping[Place, Written]
    ) -> list[Move]:
        """Send batches, and on ops.writers how far that is; partitions whose batches are sent already have none."""
        *places, own = counts
        told = [written.record_of(self.service, place, counts[place]) for place in places]
        every = {**parts, own: batches(told)}
        ends = await asyncio.gather(*(deliver(producer, *place, part) for place, part in every.items()))
        return [
            (*place, self.written[place].records, counts[place].records, end)
            for place, end in zip(every, ends, strict=True)
        ]

    async def _forget(self, found: Sequence[Any], moves: Sequence[Move]) -> None:
        """Delete rows that are on Kafka, and move the counts: with the next read where more waits already, else at
        once."""
        metrics.RELAYED.inc(sum(row["records"] for row in found))
        self._done = Done([row["id"] for row in found], moves)
        if not self._wake.is_set():
            [[all_moved]] = await self.database.alone(written.MOVE, *self._done.given())
            self._forgotten(all_moved=all_moved)

    def _forgotten(self, *, all_moved: bool) -> None:
        done, self._done = self._done, Done()
        if not all_moved:
            raise Transient(ANOTHER)
        for topic, partition, _, after, end in done.moves:
            self.written[topic, partition] = self.written[topic, partition].at(after, end)

    async def _look_closer(self, producer: AIOKafkaProducer, row: Any) -> None:
        """Send each record of a row by itself, in one transaction; the first that Kafka refuses is put aside, and the
        rest of the row is for the next pass."""
        records, topic, sent = records_of(row), row["topic"], 0
        ends: dict[Place, int] = {}
        numbers = Counter[Place]()
        try:
            async with kafka_transaction(producer):
                await self._see_partitions(producer, [topic])
                for sent, record in enumerate(records):  # noqa: B007 - how many it took
                    place = topic, partition_of(record.key, self.outgoing.of(topic))
                    ends[place] = await deliver(producer, *place, batches([record]))
                    numbers[place] += 1
                counts = await self._counted(numbers)
                moves = await self._send(producer, {}, counts)
        except TOO_LARGE:
            await self._close_producer()
            await self._put_aside(row, records, sent)
            return
        self._closely -= 1
        moves += [(*place, self.written[place].records, counts[place].records, end) for place, end in ends.items()]
        await self._forget([row], moves)

    async def _put_aside(self, row: Any, records: Sequence[StampedRecord], nth: int) -> None:
        """Take the nth record out of the row, and make it a dead letter."""
        rest = list(batches([*records[:nth], *records[nth + 1 :]]))
        shorter = (_WITHOUT, row["id"], row["records"], rest[0].records, rest[0].content) if rest else None
        async with self.database.begin() as connection:
            if await rows(connection, *(shorter or (_GONE, row["id"], row["records"]))):
                await at_once(connection, [self.outgoing.put_aside(row["topic"], records[nth])])

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
        """A producer that may write, and the counts that it goes on from.

        None when stopping: what is left is for the next start, and nothing would close this producer.
        """
        producer = await fenced_producer(self._names, self.connect)
        if self._stopping.is_set():
            await close_for_good(producer)
            return None
        self._producer = producer  # before anything else can fail: whoever gives up closes it
        if self.may_write is not None:
            await self.may_write()
        self.written = await written.load(self.database)
        return producer

    async def _begin_anew(self) -> None:
        """After a failure: drop the producer, and ask for the lease first, since another relay may lead by now."""
        self._renewed = float("-inf")
        await self._close_producer()

    async def _close_producer(self) -> None:
        producer, self._producer, self._done = self._producer, None, Done()
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


async def _event(event: asyncio.Event, seconds: float) -> None:
    """Wait for the event, at most so many seconds."""
    if seconds <= 0:
        return
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
