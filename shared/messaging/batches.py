"""One batch of Kafka records in one database transaction: positions, the handler's work, dead letters and counts.

Two of the three ways to fail (shared/errors.py) end here. InvalidMessage: a dead letter. Any unforeseen exception: the
batch is halved until one record is left, and that one becomes a dead letter. Transient is passed on to the caller,
which waits.
"""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from typing import Any

from aiokafka import ConsumerRecord

from shared import metrics, spans
from shared.errors import InvalidMessage, Transient
from shared.facts.tracing import HEADER
from shared.messaging import dead_letters, positions
from shared.messaging.handlers import Handle, in_transaction
from shared.messaging.places import Places, by_slot
from shared.messaging.positions import Incoming, Slot, Tally
from shared.storage.database import Connection
from shared.storage.sealing import Seal

log = logging.getLogger(__name__)

Decode = Callable[[ConsumerRecord], Any]
"""What a record carries (a Fact, mostly), or InvalidMessage; called again for each try, before the transaction."""
Order = Callable[[Connection, Sequence[Incoming[Any]], Tally], Awaitable[Any]]
"""What of a batch is for the handler now, in order (an Inbox); nothing where it is empty. The rest is counted."""
UNFORESEEN_IN_A_ROW = 20
"""So many records that fail for a reason nobody foresaw mean a bad deployment: stop and wait rather than bury them."""


class Batches:
    """Handles the batches of one consumer. `seal`: encrypts dead letters.

    `places`: the consumer's positions, for the subscriber that the records come from.
    """

    def __init__(self, places: Places, *, dead_topic: str, decode: Decode, order: Order | None) -> None:
        self.consumer_name = places.consumer_name
        self.seal = Seal.of_this_process()
        self.unforeseen = 0
        """Records in a row that failed for a reason nobody foresaw."""
        self._places, self._database = places, places.database
        self._dead_topic, self._decode, self._order = dead_topic, decode, order

    async def handle(self, records: Sequence[ConsumerRecord], handle: Handle) -> None:
        """Handle the records that are new, in one transaction if nothing fails.

        Raises Transient; records handled before that are committed.
        """
        gc.disable()  # what a batch makes goes with it: a collection meanwhile would find nothing
        try:
            await self._handle(self._places.new(records), handle)
        finally:
            gc.enable()

    async def _handle(self, records: list[ConsumerRecord], handle: Handle) -> None:
        if not records:
            return
        started = time.perf_counter()
        try:
            await self._one_transaction(records, None, handle)
            self.unforeseen = 0
        except Transient:
            raise
        except Exception as fault:  # noqa: BLE001 - whatever it is, it may concern one record only
            await self._halve(records, fault, handle)
        metrics.BATCH_SECONDS.labels(self.consumer_name).observe(time.perf_counter() - started)

    async def _halve(self, records: list[ConsumerRecord], fault: Exception, handle: Handle) -> None:
        if len(records) > 1:
            middle = len(records) // 2
            await self._handle(records[:middle], handle)
            await self._handle(records[middle:], handle)
            return
        self.unforeseen += not isinstance(fault, InvalidMessage)
        if self.unforeseen > UNFORESEEN_IN_A_ROW:
            raise Transient(
                f"{self.consumer_name}: {self.unforeseen} records in a row failed: it looks like a bad release"
            )
        log.error("record can't be applied", extra={"consumer": self.consumer_name}, exc_info=fault)
        await self._one_transaction(records, fault, handle)

    async def _one_transaction(self, records: list[ConsumerRecord], fault: Exception | None, handle: Handle) -> None:
        causes = partial(_traceparents, records)
        with spans.work(f"process {self.consumer_name}", causes, kind="consumer") as work:
            tally = await self._committed(records, fault, handle)
            outcomes = {f"stepdown.{outcome}": number for outcome, number in tally.total().items() if number}
            work.note({"messaging.batch.message_count": len(records), **outcomes})
        for outcome, number in tally.total().items():
            metrics.RECORDS.labels(self.consumer_name, outcome).inc(max(number, 0))

    async def _committed(self, records: list[ConsumerRecord], fault: Exception | None, handle: Handle) -> Tally:
        good, bad = ([], [(records[0], fault)]) if fault else self._decoded(records)
        moves, tally = self._places.moves(records), Tally()
        async with self._database.begin() as connection:
            if good and self._order:
                tally.advance = positions.Advance(self.consumer_name, moves)  # by what locks the rows
            else:
                tally.some_wait = await positions.advance(connection, self.consumer_name, moves)
            if good:
                await self._hand_over(connection, good, tally, handle)
            for record, _ in bad:
                tally.add(Slot(record.topic, record.partition), "dead")
            bad += dead_letters.refused(records, tally)
            await dead_letters.bury(connection, self.consumer_name, self._dead_topic, bad, self.seal)
            await positions.count(connection, self.consumer_name, tally)
        self._places.moved(moves)
        return tally

    def _decoded(self, records: Sequence[ConsumerRecord]) -> tuple[list[Incoming[Any]], list[dead_letters.Failed]]:
        good: list[Incoming[Any]] = []
        bad: list[dead_letters.Failed] = []
        for slot, part in by_slot(records):
            for record in part:
                try:
                    good.append(self._incoming(record, slot))
                except InvalidMessage as fault:
                    bad.append((record, fault))
        return good, bad

    def _incoming(self, record: Any, slot: Slot) -> Incoming[Any]:
        return Incoming(slot, record.offset, record.key or b"", self._decode(record))

    async def handle_again(
        self, connection: Connection, record: dead_letters.RawRecord, tally: Tally, handle: Handle
    ) -> None:
        """Handle a dead letter, whose position was passed long ago, inside the caller's transaction.

        Raises InvalidMessage where it is still wrong.
        """
        slot = Slot(record.topic, record.partition)
        await self._hand_over(connection, [self._incoming(record, slot)], tally, handle)
        if tally.refused:
            raise InvalidMessage(tally.refused[0][1])

    async def _hand_over(
        self, connection: Connection, incoming: Sequence[Incoming[Any]], tally: Tally, handle: Handle
    ) -> None:
        """Give the handler what is next in order; an exception of the handler rolls the transaction back."""
        now = await self._order(connection, incoming, tally) if self._order else incoming
        if now:
            with in_transaction(connection, tally):
                await handle(now)


def _traceparents(records: Sequence[ConsumerRecord]) -> Iterator[str]:
    """What records say of their trace."""
    for record in records:
        for name, value in record.headers:
            if name == HEADER and value:
                yield value.decode("latin-1")
