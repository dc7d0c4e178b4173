"""One consumer's positions in its partitions: loaded from the database, sought on the topic, or refused.

Offsets are not committed to Kafka (decision 0106); its consumer groups only assign the partitions.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

from aiokafka import ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from faststream.kafka import KafkaRouter
from faststream.kafka.subscriber.usecase import BatchSubscriber

from shared import metrics
from shared.errors import StalePosition
from shared.messaging import positions
from shared.messaging.broker_quirks import ask_on, be_patient
from shared.messaging.decoded import Decoded, by_slot
from shared.messaging.following import Follower
from shared.messaging.positions import Move, Position, Slot
from shared.pulse import Pulse
from shared.storage.database import Database

log = logging.getLogger(__name__)


class Places(ConsumerRebalanceListener):  # type: ignore[misc]
    """The rebalance listener of a subscription. `at`: the positions of this process's partitions.

    `refused`: a sentence for the operator why nothing is read: the topic was created anew, or its records are gone.
    """

    def __init__(self, consumer_name: str, database: Database, router: KafkaRouter, pulse: Pulse) -> None:
        self.consumer_name, self.database, self.pulse = consumer_name, database, pulse
        self.at: dict[Slot, Position] = {}
        self.unchecked: set[Slot] = set()
        """Partitions of which the last handled record has still to be fetched again, to see that it is the same."""
        self.refused: str | None = None
        self.follower: Follower | None = None
        """Who takes what this consumer has decoded; None: nobody does."""
        self.following: Follower | None = None
        """How this consumer takes what another one has decoded; None: it fetches everything itself."""
        self._router = router

    @property
    def subscriber(self) -> BatchSubscriber:
        """The router's only subscriber."""
        (only,) = self._router.subscribers
        return cast("BatchSubscriber", only)

    # ── partitions come and go ────────────────────────────────────────────────────────────────────────────────────

    async def on_partitions_revoked(self, revoked: Any) -> None:
        """Let the current batch finish before another member takes over."""
        lock: Any = self.subscriber.lock
        await lock.wait_release(20)
        for tp in revoked:
            self.at.pop(Slot(tp.topic, tp.partition), None)
        if self.follower is not None:
            self.follower.settle()

    async def on_partitions_assigned(self, assigned: Any) -> None:
        """Seek to the stored position of each partition; wait while the database or the broker is unavailable."""
        self._hold(assigned)
        await self._until_found(lambda: [Slot(tp.topic, tp.partition) for tp in assigned], lambda: True)

    def _hold(self, assigned: Any) -> None:
        """Pause fetching until the positions are found: a partition without one would raise (auto.offset.reset
        "none")."""
        consumer = self.subscriber.consumer
        if consumer is None:
            return
        be_patient(consumer)
        ask_on(self.subscriber)
        for tp in assigned:
            consumer.pause(tp)
            consumer.seek(tp, 0)

    async def look_again(self) -> bool:
        """Seek to the stored positions; False where the service stops before they were found."""
        consumer, subscriber = self.subscriber.consumer, self.subscriber
        return consumer is not None and await self._until_found(
            lambda: [Slot(*tp) for tp in consumer.assignment()], lambda: bool(subscriber.running)
        )

    async def _until_found(self, slots: Callable[[], list[Slot]], go_on: Callable[[], bool]) -> bool:
        """Try until the positions are found (True) or `go_on` says no (False)."""
        wait = 0.2
        while go_on():
            self.pulse.beat()
            try:
                await self._find(slots())
            except Exception as fault:  # noqa: BLE001 - the client library would note it and read nothing for ever
                metrics.WAITS.labels(self.consumer_name).inc()
                extra = {"consumer": self.consumer_name, "kind": type(fault).__name__}
                log.warning("consumer can't find its place", extra=extra)
                await asyncio.sleep(wait)
                wait = min(wait * 2, 5.0)
            else:
                return True
        return False

    async def _find(self, slots: Sequence[Slot]) -> None:
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
                begin = _reread_from(stored[slot], first[TopicPartition(*slot)])
                (self.unchecked.discard if begin == stored[slot].next_offset else self.unchecked.add)(slot)
                consumer.seek(TopicPartition(*slot), begin)
                consumer.resume(TopicPartition(*slot))
        for each in filter(None, (self.follower, self.following)):
            each.settle()

    async def _stored(self, slots: Sequence[Slot], first: dict[Slot, int]) -> dict[Slot, Position]:
        async with self.database.begin() as connection:
            stored = await positions.load(connection, self.consumer_name, slots)
            for slot in slots:
                if slot not in stored or stored[slot].next_offset < 0:
                    await positions.begin_at(connection, self.consumer_name, slot, first[slot])
            return await positions.load(connection, self.consumer_name, slots)

    async def reset_asked(self) -> bool:
        """True when `stepdown positions reset` has marked one of this process's partitions."""
        async with self.database.read() as connection:
            stored = await positions.load(connection, self.consumer_name, list(self.at))
        return any(position.next_offset < 0 for position in stored.values())

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
        if self.follower is not None:
            self.follower.settle()

    # ── another consumer follows, or this one does ────────────────────────────────────────────────────────────────

    def beside(self, batch: Decoded) -> AbstractContextManager[None]:
        """Around the handling of a batch: who follows is offered it before."""
        return nullcontext() if self.follower is None else self.follower.beside(batch)

    def stumbled(self) -> None:
        """A batch failed and is tried in parts: who follows need not wait for that."""
        if self.follower is not None:
            self.follower.alone()

    def reader(self, slot: Slot) -> Any:
        """The aiokafka consumer that fetches this partition for it: its own, or that of whom it follows."""
        return self.subscriber.consumer if self.following is None else self.following.reader(slot)

    # ── records go by ─────────────────────────────────────────────────────────────────────────────────────────────

    def new(self, records: Sequence[ConsumerRecord]) -> list[ConsumerRecord]:
        """The records at or after the stored positions; none, and `refused` is set, where the last handled record is
        now a different one."""
        new: list[ConsumerRecord] = []
        for slot, part in by_slot(records):
            position = self.at.get(slot)
            if position is None or self.refused:
                continue
            self.unchecked.discard(slot)
            for record in part:
                if record.offset >= position.next_offset:
                    new.append(record)
                elif record.offset == position.last_offset and position.last_id != _ce_id(record):
                    self._refuse(slot, "the last record handled is another one now: the topic was made anew")
        return [] if self.refused else new

    def moves(self, records: Sequence[ConsumerRecord]) -> list[Move]:
        """Each partition's move through these records. Raises StalePosition where a partition is no longer this
        process's."""
        parts: dict[Slot, list[ConsumerRecord]] = defaultdict(list)
        for slot, part in by_slot(records):  # Kafka gives each partition in its order
            parts[slot] += part
        moves = []
        for slot, found in parts.items():
            if slot not in self.at:
                raise StalePosition(f"{self.consumer_name}: partition {slot.partition} went to another member")
            after = Position(found[-1].offset + 1, found[-1].offset, _ce_id(found[-1]))
            moves.append(Move(slot, self.at[slot].next_offset, after, len(found)))
        return moves

    def moved(self, moves: Iterable[Move]) -> None:
        """Remember the new positions, after the transaction is committed."""
        for move in moves:
            self.at[move.slot] = move.after


def _reread_from(position: Position, first: int) -> int:
    return position.last_offset if position.last_offset >= first else position.next_offset


def _ce_id(record: ConsumerRecord) -> str | None:
    raw = next((value for name, value in record.headers if name == "ce_id"), None)
    return raw.decode(errors="replace") if raw else None
