"""The only module that knows offsets: batches in, one transaction each, dead letters, back-off, seeking.

A handler gets a connection inside the batch's transaction and the decoded records; what it returns nothing of, it
counts in the Tally. Three ways to fail (shared/errors.py): never → dead letter; not yet → wait and try again; anything
unforeseen → halve the batch down to one record, and that one is a dead letter.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiokafka import ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from faststream import AckPolicy, StreamMessage
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaAckableMessage
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import metrics
from shared.errors import InvalidMessage, SetUpError, StalePosition, Transient
from shared.facts.envelope import Fact, from_record
from shared.messaging import dead_letters, positions
from shared.messaging.aiokafka_quirks import be_patient, is_put_out, join_as
from shared.messaging.lag import Lag
from shared.messaging.positions import Incoming, Move, Position, Slot, Tally
from shared.messaging.reading import reading
from shared.pulse import Pulse
from shared.storage.database import Database
from shared.storage.sealing import Seal

log = logging.getLogger(__name__)

Apply = Callable[[AsyncConnection, Sequence[Incoming[Any]], Tally], Awaitable[None]]
Decode = Callable[[ConsumerRecord], Any]
"""What a record carries (a Fact, mostly), or InvalidMessage; called again for each try, before the transaction."""
FETCH = 4 << 20
"""Bytes of a partition asked for at a time: what an episode costs is per batch, so a backlog comes in large ones."""
UNFORESEEN_IN_A_ROW = 20
"""So many records that fail for a reason nobody foresaw mean a bad deployment: stop and wait rather than bury them."""


def decode_fact(record: ConsumerRecord) -> Fact:
    """A record of ours as a fact. Raises InvalidMessage."""
    fact = from_record(record.value, record.headers)
    if record.key is None or not record.key:
        raise InvalidMessage("the record has no key")
    return fact


class Subscription(ConsumerRebalanceListener):  # type: ignore[misc]
    """One consumer of one topic. `refused` says why it doesn't read, for the operator; None while all is well.

    `name`: for a second consumer of a service on the same topic; it has a group and positions of its own. `pace`:
    seconds at least from one batch to the next that is not full, where nobody waits by the millisecond: what a batch
    costs is then shared by more records. `patience`: seconds for which one batch is tried again while something is
    away, before it is left and fetched anew.
    """

    def __init__(
        self,
        broker: KafkaBroker,
        database: Database,
        *,
        service: str,
        topic: str,
        apply: Apply,
        name: str | None = None,
        decode: Decode = decode_fact,
        max_records: int = 10_000,
        batch_timeout_ms: int = 20,
        pace: float = 0.0,
        patience: float = 60.0,
        seal: Seal | None = None,
    ) -> None:
        self.consumer_name = f"{service}.{name or topic}"
        self.database, self.topic, self.apply, self.decode = database, topic, apply, decode
        self.dead_topic = f"dead.{service}"
        self.at: dict[Slot, Position] = {}
        self.refused: str | None = None
        self.progress = time.monotonic()
        self.patience = patience
        self.seal = seal or Seal.of_this_process()
        """What dead letters are kept under; a service gives all of its consumers its own."""
        self.pace, self.full = pace, max_records
        self.lag = Lag()
        self.pulse = Pulse(self.consumer_name)
        self._marks: dict[TopicPartition, tuple[int, int]] = {}
        self._quiet: dict[TopicPartition, tuple[int, int]] = {}
        self._records: set[TopicPartition] = set()
        self._unforeseen = 0
        self._astray = False
        self._turn = asyncio.Lock()
        self.subscriber = broker.subscriber(
            topic,
            group_id=f"stepdown-{service}-{name}" if name else f"stepdown-{service}",
            batch=True,
            max_records=max_records,
            max_partition_fetch_bytes=FETCH,
            batch_timeout_ms=batch_timeout_ms,
            auto_offset_reset="none",
            isolation_level="read_committed",
            ack_policy=AckPolicy.MANUAL,
            no_reply=True,
            listener=self,
            parser=self._parse,
            decoder=_as_it_is,
            title=self.consumer_name,
            description=f"{service} reads {topic} in batches, one transaction each; positions are in its database",
        )
        self.subscriber(self.on_batch)

    def join_as(self, instance: str | None) -> None:
        """Before the start: a member by name takes its partitions back at once when it was killed and comes again.

        Without a name the group waits until the dead member's session is over (and an embedded broker for ever).
        """
        if instance:
            join_as(self.subscriber, f"{self.consumer_name}.{instance}")

    # ── where we stand ────────────────────────────────────────────────────────────────────────────────────────────

    async def on_partitions_revoked(self, revoked: Any) -> None:
        """Let the batch in hand finish before another member begins."""
        lock: Any = self.subscriber.lock
        await lock.wait_release(20)
        for tp in revoked:
            self.at.pop(Slot(tp.topic, tp.partition), None)

    async def on_partitions_assigned(self, assigned: Any) -> None:
        """Go to the stored position of each partition; wait while the database or the broker is away."""
        self._hold(assigned)
        await self._until_found(lambda: [Slot(tp.topic, tp.partition) for tp in assigned], lambda: True)

    async def _until_found(self, slots: Callable[[], list[Slot]], go_on: Callable[[], bool]) -> bool:
        """Whether the places were found: tries until then, or until it shall not go on. Else nothing would be read."""
        wait = 0.2
        while go_on():
            self.pulse.beat()
            try:
                await self._find_places(slots())
            except Exception as fault:  # noqa: BLE001 - the client library would note it and read nothing for ever
                metrics.WAITS.labels(self.consumer_name).inc()
                extra = {"consumer": self.consumer_name, "kind": type(fault).__name__}
                log.warning("consumer can't find its place", extra=extra)
                await asyncio.sleep(wait)
                wait = min(wait * 2, 5.0)
            else:
                return True
        return False

    def _hold(self, assigned: Any) -> None:
        """Nothing is fetched until the places are found: a partition without a place would raise (reset "none")."""
        consumer = self.subscriber.consumer
        if consumer is None:
            return
        be_patient(consumer)
        for tp in assigned:
            consumer.pause(tp)
            consumer.seek(tp, 0)

    async def _find_places(self, slots: Sequence[Slot]) -> None:
        consumer = self.subscriber.consumer
        if consumer is None or not slots:
            return
        first = await consumer.beginning_offsets([TopicPartition(*slot) for slot in slots])
        end = await consumer.end_offsets([TopicPartition(*slot) for slot in slots])
        stored = await self._stored(slots, {Slot(*tp): offset for tp, offset in first.items()})
        self.refused = None
        for slot in slots:
            self._check(slot, stored[slot], first[TopicPartition(*slot)], end[TopicPartition(*slot)])
            self.at[slot] = stored[slot]
            if not self.refused:
                # one record back where there is one: its ce_id shows whether the topic is still the one we know
                consumer.seek(TopicPartition(*slot), self._reread_from(stored[slot], first[TopicPartition(*slot)]))
                consumer.resume(TopicPartition(*slot))

    async def _look_again(self) -> None:
        """Back to the stored positions; `_astray` is over when they are found."""
        consumer = self.subscriber.consumer
        if consumer is not None:
            found = await self._until_found(
                lambda: [Slot(*tp) for tp in consumer.assignment()], lambda: bool(self.subscriber.running)
            )
            self._astray = not found

    async def _stored(self, slots: Sequence[Slot], first: dict[Slot, int]) -> dict[Slot, Position]:
        async with self.database.begin() as connection:
            stored = await positions.load(connection, self.consumer_name, slots)
            for slot in slots:
                if slot not in stored or stored[slot].next_offset < 0:
                    await positions.begin_at(connection, self.consumer_name, slot, first[slot])
            return await positions.load(connection, self.consumer_name, slots)

    async def begin_anew_if_asked(self) -> None:
        """Go to the beginning of partitions that `stepdown positions reset` marked; for a timer."""
        slots = list(self.at)
        async with self.database.read() as connection:
            stored = await positions.load(connection, self.consumer_name, slots)
        if not any(position.next_offset < 0 for position in stored.values()):
            return
        async with self._turn:  # not while a batch is in hand
            log.warning("consumer begins anew", extra={"consumer": self.consumer_name})
            await self._look_again()
            self._astray = True  # a batch that was fetched before this is dropped

    @staticmethod
    def _reread_from(position: Position, first: int) -> int:
        return position.last_offset if position.last_offset >= first else position.next_offset

    def _check(self, slot: Slot, position: Position, first: int, end: int) -> None:
        if position.next_offset > end:
            self._refuse(slot, "its topic ends before the stored position: it was made anew")
        elif position.next_offset < first:
            self._refuse(slot, "its topic begins after the stored position: records are gone")

    def _refuse(self, slot: Slot, why: str) -> None:
        self.refused = (
            f"{self.consumer_name}, partition {slot.partition}: {why}; restore the topic, or begin anew with "
            f"`stepdown positions reset {self.consumer_name}`"
        )
        log.error("consumer refuses", extra={"consumer": self.consumer_name, "partition": slot.partition})

    def put_out(self) -> bool:
        """Whether the group has put this member out for good (another one came with its name): it reads no more."""
        return is_put_out(self.subscriber.consumer)

    async def look(self, connect: dict[str, Any]) -> None:
        """See how far this consumer is behind in every partition of its topic, whoever reads it; for a timer.

        Where the broker is away, what was seen last stands. `connect`: a client's arguments, for a look into partitions
        that are not ours: whether what is left there is more than the marks of transactions.
        """
        consumer = self.subscriber.consumer
        numbers = consumer.partitions_for_topic(self.topic) if consumer is not None else None
        if consumer is None or not numbers:
            return
        slots = [TopicPartition(self.topic, number) for number in sorted(numbers)]
        try:
            async with asyncio.timeout(5):
                ends = await consumer.end_offsets(slots)
                places = await self._places(consumer, slots)
                left = {slot: await self._left(consumer, slot, places[slot], ends[slot]) for slot in slots}
            async with asyncio.timeout(30):
                await self._look_closer(left, places, ends, connect)
        except (KafkaError, OSError, SetUpError):
            return
        by_number = {slot.partition: number for slot, number in left.items()}
        mine = {slot.partition for slot in self.at}
        self.lag.see(by_number, {slot.partition: at for slot, at in places.items()}, mine, time.monotonic())

    async def _places(self, consumer: Any, slots: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Where each partition's next batch begins; where nobody ever read it, at its beginning."""
        async with self.database.read() as connection:
            stored = await positions.load(connection, self.consumer_name, [Slot(*slot) for slot in slots])
        found = {TopicPartition(*slot): position.next_offset for slot, position in stored.items()}
        never = [slot for slot in slots if found.get(slot, -1) < 0]
        return found | (dict(await consumer.beginning_offsets(never)) if never else {})

    async def _left(self, consumer: Any, slot: TopicPartition, place: int, end: int) -> int:
        """Records from a place to the end. What we have read ourselves to the end, and is no batch, was marks."""
        ours = self.at.get(Slot(*slot))
        if end <= place or (place, end) == self._marks.get(slot):
            return 0
        if ours is not None and ours.next_offset == place and not self._turn.locked():
            return 0 if await consumer.position(slot) >= end else end - place
        return end - place

    async def _look_closer(
        self,
        left: dict[TopicPartition, int],
        places: dict[TopicPartition, int],
        ends: dict[TopicPartition, int],
        connect: dict[str, Any],
    ) -> None:
        """Into partitions of others that stand still as they did the last time; each such place is looked at once."""
        now = {
            slot: (places[slot], ends[slot]) for slot, number in left.items() if number and Slot(*slot) not in self.at
        }
        quiet = [slot for slot, at in now.items() if self._quiet.get(slot) == at and slot not in self._records]
        self._quiet, self._records = now, {slot for slot in self._records if self._quiet.get(slot) == now.get(slot)}
        if quiet:
            async with reading(connect) as looking:
                at, until = [(slot, now[slot][0]) for slot in quiet], {slot: now[slot][1] for slot in quiet}
                numbers = await looking.left(at, until)
            for slot, number in zip(quiet, numbers, strict=True):
                left[slot] = number
                if number:
                    self._records.add(slot)
                else:
                    self._marks[slot] = now[slot]

    def unread(self) -> str | None:
        """The sentence for the operator where partitions have records that nobody reads; None while all is well."""
        stands = self.lag.unread({slot.partition for slot in self.at}, time.monotonic())
        if not stands:
            return None
        numbers = ", ".join(map(str, stands))
        return (
            f"nobody reads partition {numbers} of {self.topic}, and there are records: a process of this service has "
            "ended or hangs; restart them all"
        )

    # ── batches ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def on_batch(self, message: Any) -> None:
        """Handle one batch of raw records, or wait until it can be handled; at last go back to the stored positions.

        Nothing is committed to Kafka: the positions are ours. So whatever ends this early must go back (`_astray`),
        else the next batch would leave a gap.
        """
        self.progress = time.monotonic()
        full = len(message.raw_message) >= self.full
        try:
            async with self._turn:
                with self.pulse:
                    await self._take(message)
        finally:
            # FastStream has the message in its context, and what begins meanwhile (a connection, a task) keeps that
            message.raw_message = ()
        if self.pace and not full:
            await asyncio.sleep(self.progress + self.pace - time.monotonic())

    async def _take(self, message: StreamMessage[Any]) -> None:
        if self._astray:
            await self._look_again()
            return
        self._astray = True
        try:
            await self._until_handled(message.raw_message)
            self._astray = False
        except Transient as fault:
            log.warning("consumer goes back", extra={"consumer": self.consumer_name, "why": str(fault)})
            await self._look_again()

    async def _until_handled(self, records: Sequence[ConsumerRecord]) -> None:
        wait, began = 0.05, time.monotonic()
        while True:
            self.pulse.beat()
            try:
                await self._handle(self._new(records))
            except StalePosition:
                raise
            except Transient as fault:
                metrics.WAITS.labels(self.consumer_name).inc()
                if time.monotonic() - began > self.patience:
                    raise
                log.warning("consumer waits", extra={"consumer": self.consumer_name, "why": str(fault)})
                await self._rest(wait)
                wait = min(wait * 2, 5.0)
            else:
                return

    async def _rest(self, seconds: float) -> None:
        """Wait, but not while the service is stopping: then give the batch back at once."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not self.subscriber.running:
                raise Transient(f"{self.consumer_name} is stopping")
            await asyncio.sleep(min(0.1, max(end - time.monotonic(), 0)))

    def _new(self, records: Sequence[ConsumerRecord]) -> list[ConsumerRecord]:
        """Those at or beyond the remembered positions; the one before must be the one we remember."""
        new = []
        for record in records:
            slot = Slot(record.topic, record.partition)
            position = self.at.get(slot)
            if position is None or self.refused:
                continue
            if record.offset >= position.next_offset:
                new.append(record)
            elif record.offset == position.last_offset and position.last_id != _ce_id(record):
                self._refuse(slot, "the last record handled is another one now: the topic was made anew")
        return [] if self.refused else new

    async def _parse(self, records: tuple[ConsumerRecord, ...]) -> KafkaAckableMessage:
        """FastStream's own parser drops a batch silently when one header is null or not UTF-8; this reads none."""
        return KafkaAckableMessage(
            raw_message=records, body=b"", message_id=str(records[0].offset), consumer=self.subscriber.consumer
        )

    async def _handle(self, records: list[ConsumerRecord]) -> None:
        if not records:
            return
        started = time.perf_counter()
        try:
            await self._one_transaction(records, None)
            self._unforeseen = 0
        except Transient:
            raise
        except Exception as fault:  # noqa: BLE001 - whatever it is, it may concern one record only
            await self._halve(records, fault)
        metrics.BATCH_SECONDS.labels(self.consumer_name).observe(time.perf_counter() - started)

    async def _halve(self, records: list[ConsumerRecord], fault: Exception) -> None:
        if len(records) > 1:
            middle = len(records) // 2
            await self._handle(records[:middle])
            await self._handle(records[middle:])
            return
        self._unforeseen += not isinstance(fault, InvalidMessage)
        if self._unforeseen > UNFORESEEN_IN_A_ROW:
            raise Transient(
                f"{self.consumer_name}: {self._unforeseen} records in a row failed: it looks like a bad release"
            )
        log.error("record can't be applied", extra={"consumer": self.consumer_name}, exc_info=fault)
        await self._one_transaction(records, fault)

    async def _one_transaction(self, records: list[ConsumerRecord], fault: Exception | None) -> None:
        good, bad = ([], [(records[0], fault)]) if fault else self._decoded(records)
        moves, tally = self._moves(records), Tally()
        async with self.database.begin() as connection:
            tally.some_wait = await positions.advance(connection, self.consumer_name, moves)
            if good:
                await self.apply(connection, good, tally)
            for record, _ in bad:
                tally.add(Slot(record.topic, record.partition), "dead")
            bad += dead_letters.refused(records, tally)
            await dead_letters.bury(connection, self.consumer_name, self.dead_topic, bad, self.seal)
            await positions.count(connection, self.consumer_name, tally)
        for move in moves:
            self.at[move.slot] = move.after
        for outcome, number in tally.total().items():
            metrics.RECORDS.labels(self.consumer_name, outcome).inc(max(number, 0))

    def _decoded(self, records: Sequence[ConsumerRecord]) -> tuple[list[Incoming[Any]], list[dead_letters.Failed]]:
        good: list[Incoming[Any]] = []
        bad: list[dead_letters.Failed] = []
        for record in records:
            try:
                fact = self.decode(record)
            except InvalidMessage as fault:
                bad.append((record, fault))
            else:
                good.append(Incoming(Slot(record.topic, record.partition), record.offset, record.key or b"", fact))
        return good, bad

    def _moves(self, records: Sequence[ConsumerRecord]) -> list[Move]:
        parts: dict[Slot, list[ConsumerRecord]] = defaultdict(list)
        for record in records:  # Kafka gives each partition in its order
            parts[Slot(record.topic, record.partition)].append(record)
        moves = []
        for slot, part in parts.items():
            if slot not in self.at:
                raise StalePosition(f"{self.consumer_name}: partition {slot.partition} went to another member")
            after = Position(part[-1].offset + 1, part[-1].offset, _ce_id(part[-1]))
            moves.append(Move(slot, self.at[slot].next_offset, after, len(part)))
        return moves


def _ce_id(record: ConsumerRecord) -> str | None:
    raw = next((value for name, value in record.headers if name == "ce_id"), None)
    return raw.decode(errors="replace") if raw else None


async def _as_it_is(message: StreamMessage[Any]) -> Any:
    """FastStream's decoder: hand the message over as it is; decoding is ours (`Subscription.decode`)."""
    return message
