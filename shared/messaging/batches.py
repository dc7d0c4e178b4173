"""One batch of Kafka records in one database transaction: positions, the handler's work, dead letters and counts.

Two of the three ways to fail (shared/errors.py) end here. InvalidMessage: a dead letter. Any unforeseen exception: the
batch is halved until one record is left, and that one becomes a dead letter. Transient is passed on to the caller,
which waits.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from aiokafka import ConsumerRecord

from shared import metrics, spans
from shared.errors import InvalidMessage, Transient
from shared.facts.tracing import HEADER
from shared.messaging import dead_letters, positions
from shared.messaging.decoded import Decode, Decoded, decoded_beside, decoded_by
from shared.messaging.handlers import Handle, in_transaction
from shared.messaging.places import Places
from shared.messaging.positions import Incoming, Slot, Tally
from shared.storage.database import Connection
from shared.storage.sealing import Seal

log = logging.getLogger(__name__)

Order = Callable[[Connection, Sequence[Incoming[Any]], Tally], Awaitable[Any]]
"""What of a batch is for the handler now, in order (an Inbox); nothing where it is empty. The rest is counted."""
UNFORESEEN_IN_A_ROW = 20
"""So many records that fail for a reason nobody foresaw mean a bad deployment: stop and wait rather than bury them."""


class Batches:
    """Handles the batches of one consumer. `seal`: encrypts dead letters.

    `places`: the consumer's positions, for the subscriber that the records come from. `most`: records in one
    transaction; of what was fetched beyond that, the next are decoded while it is under way. None: all that was
    fetched.
    """

    def __init__(
        self, places: Places, *, dead_topic: str, decode: Decode, order: Order | None, most: int | None = None
    ) -> None:
        self.consumer_name = places.consumer_name
        self.seal = Seal.of_this_process()
        self.unforeseen = 0
        """Records in a row that failed for a reason nobody foresaw."""
        self._places, self._database = places, places.database
        self._dead_topic, self._decode, self._order, self._most = dead_topic, decode, order, most

    async def handle(self, records: Sequence[ConsumerRecord], handle: Handle) -> None:
        """Handle the records that are new, in one transaction for `most` of them if nothing fails.

        Raises Transient; records handled before that are committed.
        """
        with _no_garbage():
            new = self._places.new(records)
            most = self._most or max(len(new), 1)
            batch = decoded_by(self._decode, new[:most])
            for begin in range(most, len(new), most):
                ahead = asyncio.create_task(decoded_beside(self._decode, new[begin : begin + most]))
                try:
                    await self._offered(batch, handle)
                except BaseException:
                    ahead.cancel()
                    raise
                batch = await ahead
            await self._offered(batch, handle)

    async def _offered(self, batch: Decoded, handle: Handle) -> None:
        """Handle a batch; who follows is offered it."""
        with self._places.beside(batch):
            await self._handle(batch, handle)

    async def handle_decoded(self, batch: Decoded, handle: Handle) -> None:
        """The same with what another consumer fetched and decoded. Raises Transient."""
        with _no_garbage():
            if not self._places.refused:
                await self._handle(batch.since(self._places.at), handle)

    async def _handle(self, batch: Decoded, handle: Handle) -> None:
        if not batch.records:
            return
        started = time.perf_counter()
        try:
            await self._one_transaction(batch, None, handle)
            self.unforeseen = 0
        except Transient:
            raise
        except Exception as fault:  # noqa: BLE001 - whatever it is, it may concern one record only
            self._places.stumbled()
            await self._halve(batch, fault, handle)
        metrics.BATCH_SECONDS.labels(self.consumer_name).observe(time.perf_counter() - started)

    async def _halve(self, batch: Decoded, fault: Exception, handle: Handle) -> None:
        if len(batch.records) > 1:
            middle = len(batch.records) // 2
            await self._handle(batch.part(0, middle), handle)
            await self._handle(batch.part(middle), handle)
            return
        self.unforeseen += not isinstance(fault, InvalidMessage)
        if self.unforeseen > UNFORESEEN_IN_A_ROW:
            raise Transient(
                f"{self.consumer_name}: {self.unforeseen} records in a row failed: it looks like a bad release"
            )
        log.error("record can't be applied", extra={"consumer": self.consumer_name}, exc_info=fault)
        await self._one_transaction(batch, fault, handle)

    async def _one_transaction(self, batch: Decoded, fault: Exception | None, handle: Handle) -> None:
        causes = partial(_traceparents, batch.records)
        with spans.work(f"process {self.consumer_name}", causes, kind="consumer") as work:
            tally = await self._committed(batch, fault, handle)
            outcomes = {f"stepdown.{outcome}": number for outcome, number in tally.total().items() if number}
            work.note({"messaging.batch.message_count": len(batch.records), **outcomes})
        for outcome, number in tally.total().items():
            metrics.RECORDS.labels(self.consumer_name, outcome).inc(max(number, 0))

    async def _committed(self, batch: Decoded, fault: Exception | None, handle: Handle) -> Tally:
        records = batch.records
        good, bad = ([], [(records[0], fault)]) if fault else _told(batch)
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

    async def handle_again(
        self, connection: Connection, record: dead_letters.RawRecord, tally: Tally, handle: Handle
    ) -> None:
        """Handle a dead letter, whose position was passed long ago, inside the caller's transaction.

        Raises InvalidMessage where it is still wrong.
        """
        again = Incoming(Slot(record.topic, record.partition), record.offset, record.key or b"", self._decode(record))
        await self._hand_over(connection, [again], tally, handle)
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


def _told(batch: Decoded) -> tuple[list[Incoming[Any]], list[dead_letters.Failed]]:
    """What could be decoded, and the records that could not be. Raises what nobody foresaw in decoding."""
    good: list[Incoming[Any]] = []
    bad: list[dead_letters.Failed] = []
    for record, told in zip(batch.records, batch.told, strict=True):
        if isinstance(told, Incoming):
            good.append(told)
        elif isinstance(told, InvalidMessage):
            bad.append((record, told))
        else:
            raise told
    return good, bad


_AT_WORK: list[None] = []
"""One for each batch that is being handled in this process."""


@contextmanager
def _no_garbage() -> Iterator[None]:
    """While a batch of any consumer is handled: what it makes goes with it, so that a collection would find nothing."""
    _AT_WORK.append(None)
    gc.disable()
    try:
        yield
    finally:
        _AT_WORK.pop()
        if not _AT_WORK:
            gc.enable()


def _traceparents(records: Sequence[ConsumerRecord]) -> Iterator[str]:
    """What records say of their trace."""
    for record in records:
        for name, value in record.headers:
            if name == HEADER and value:
                yield value.decode("latin-1")
