"""Exactly-once handling as a FastStream middleware: a batch is retried until its transaction commits, and is never
lost.

FastStream fetches a batch and passes it through the router's middlewares to the handler. Here it is tried, in halves if
need be (batches.py), until it is committed. While something needed is unavailable, the pause between tries grows.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from copy import copy
from functools import partial
from typing import Any

from aiokafka import ConsumerRecord
from faststream import BaseMiddleware, ContextRepo, StreamMessage

from shared import metrics
from shared.errors import StalePosition, Transient
from shared.messaging.batches import Batches
from shared.messaging.decoded import Decoded
from shared.messaging.handlers import Handle
from shared.messaging.inbox import OwnFactAhead
from shared.messaging.places import Places

log = logging.getLogger(__name__)


class ExactlyOnce(BaseMiddleware[Any, Any]):
    """The middleware around the handler of one router. FastStream makes one for each batch; lasting state is in
    `Retries`."""

    def __init__(self, msg: Any, /, *, context: ContextRepo, retries: Retries) -> None:
        super().__init__(msg, context=context)
        self._retries = retries

    async def consume_scope(self, call_next: Callable[[Any], Awaitable[Any]], msg: StreamMessage[Any]) -> None:
        """Handle a batch. For each try the handler gets a message whose body is what was decoded."""
        # FastStream has the message in its context, and what begins meanwhile (a connection, a task) keeps that
        records, msg.raw_message = msg.raw_message, ()

        async def handle(decoded: Any) -> None:
            part = copy(msg)
            part.body = decoded
            await call_next(part)

        await self._retries.take(records, handle)


class Retries:
    """Handles one batch after the other, each until it is committed, or left to be fetched again from the stored
    positions.

    `pace`: least seconds between two batches that are not full, so that the cost of a batch is shared by more records.
    `patience`: seconds for which a batch is retried while something is unavailable, before it is left.
    `on_own_fact_ahead`: called with topic and partition where a fact of the service's own is not in its database.
    """

    def __init__(self, places: Places, batches: Batches, *, pace: float, patience: float) -> None:
        self.places, self.batches, self.pulse = places, batches, places.pulse
        self.pace, self.patience = pace, patience
        self.on_own_fact_ahead: Callable[[str, int], Awaitable[None]] | None = None
        self._astray = False
        self._turn = asyncio.Lock()

    def busy(self) -> bool:
        """True while a batch is being handled, or kept for it by the consumer that it follows."""
        following = self.places.following
        return self._turn.locked() or (following is not None and following.busy)

    async def take(self, records: Sequence[ConsumerRecord], handle: Handle) -> None:
        """Handle one batch of raw records, waiting until that is possible; after `patience` go back to the stored
        positions.

        Offsets are not committed to Kafka but stored in the database. So every early end has to seek back (`_astray`),
        else the next batch would leave a gap.
        """
        began = time.monotonic()
        async with self._turn:
            with self.pulse:
                if self._astray:
                    await self._go_back()
                else:
                    await self._take(partial(self.batches.handle, records, handle))
        if self.places.following is not None:
            self.places.following.settle()
        await self._pause(began, len(records))

    async def take_decoded(self, taken: Callable[[], Decoded], handle: Handle) -> None:
        """The same with what another consumer fetched and decoded; `taken` gives it once this one's turn has come."""
        began = time.monotonic()
        with self.places.subscriber.lock:  # who stops it, or takes a partition away, waits for the batch
            async with self._turn:
                with self.pulse:
                    if self._astray:
                        await self._go_back()
                    batch = taken()
                    if not self._astray:
                        await self._take(partial(self.batches.handle_decoded, batch, handle))
        await self._pause(began, len(batch.records))

    async def _pause(self, began: float, number: int) -> None:
        most = self.places.subscriber.max_records
        if self.pace and not (most is not None and number >= most):
            await asyncio.sleep(began + self.pace - time.monotonic())

    async def begin_anew(self) -> None:
        """Seek to the stored positions once no batch is being handled; a batch fetched before is dropped."""
        async with self._turn:
            await self.places.look_again()
            self._astray = True

    async def _take(self, handle: Callable[[], Awaitable[None]]) -> None:
        self._astray = True
        try:
            await self._until_handled(handle)
            self._astray = False
        except Transient as fault:
            log.warning("consumer goes back", extra={"consumer": self.places.consumer_name, "why": str(fault)})
            await self._go_back()

    async def _go_back(self) -> None:
        self._astray = not await self.places.look_again()

    async def _until_handled(self, handle: Callable[[], Awaitable[None]]) -> None:
        name = self.places.consumer_name
        wait, began = 0.05, time.monotonic()
        while True:
            self.pulse.beat()
            try:
                await handle()
            except StalePosition:
                raise
            except Transient as fault:
                metrics.WAITS.labels(name).inc()
                if isinstance(fault, OwnFactAhead) and self.on_own_fact_ahead is not None:
                    await self.on_own_fact_ahead(*fault.slot)
                if time.monotonic() - began > self.patience:
                    raise
                log.warning("consumer waits", extra={"consumer": name, "why": str(fault)})
                await self._rest(wait)
                wait = min(wait * 2, 5.0)
            else:
                return

    async def _rest(self, seconds: float) -> None:
        """Wait so many seconds, but return at once when the service is stopping."""
        subscriber, end = self.places.subscriber, time.monotonic() + seconds
        while time.monotonic() < end:
            if not subscriber.running:
                raise Transient(f"{self.places.consumer_name} is stopping")
            await asyncio.sleep(min(0.1, max(end - time.monotonic(), 0)))
