"""Holds a running service while databases and topics are not in line: it stores and sends nothing then (contract 5.8).

A held database refuses every transaction with Transient, as one that is away does: MLLP answers AR, writes over HTTP
503, consumers, timers and the relay wait. Reading goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

from shared.errors import StepdownError, Transient
from shared.messaging import written
from shared.messaging.topics_now import Looking, looking
from shared.recovery import store
from shared.recovery.comparing import ReadTold, adopt, compare
from shared.recovery.losses import Loss, sentence
from shared.storage.database import Database

log = logging.getLogger(__name__)

NOT_COMPARED = "what the database and Kafka have is not compared yet"
EVERY, EVERY_WHEN_HELD, AGAIN, RECONNECT = 5.0, 2.0, 0.5, 0.1
"""Seconds between two looks; while held; until a loss that is new is looked for again; between two tries to reach a
database that was lost."""


class Guard:
    """Compares at the start, whenever the relay begins to write, when a connection to the database was lost, and every
    few seconds; a loss holds the service until it is mended.

    `watched`: the topics that the service writes to. `counted`: returns how many records its relay knows to be written.
    `let_go`: called when it may go on after it was held. `found`: the losses for which it is held.
    """

    def __init__(
        self,
        database: Database,
        service: str,
        connect: Mapping[str, Any],
        watched: Sequence[str],
        *,
        counted: Callable[[], int] = int,
        let_go: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.database, self.service, self.connect, self.watched = database, service, connect, watched
        self.found: list[Loss] = []
        self._counted, self._let_go = counted, let_go
        self._total = 0  # records written, by the database, when it was looked at last
        self._compared_once = False
        self._ahead: list[Loss] = []
        self._healed: str | None = None  # the `heal` that was the last one when `_ahead` was found
        self._turn = asyncio.Lock()
        self._connection_lost = asyncio.Event()
        self._connected = AsyncExitStack()
        self._looking: Looking | None = None

    def hold(self) -> None:
        """Before anything else: the service is held until databases and topics were compared."""
        self.database.held = NOT_COMPARED
        self.database.on_loss.append(self._on_connection_lost)

    def _on_connection_lost(self) -> None:
        """Hold the service until the database, which may be another one by now, was asked what it has counted."""
        self.database.held = self.database.held or NOT_COMPARED
        self._connection_lost.set()

    async def in_line(self, seconds: float) -> bool:
        """Wait until the service may go on, so many seconds at most; whether it may."""
        until = asyncio.get_running_loop().time() + seconds
        while not await self.look(all_of_it=True):
            if self.found or asyncio.get_running_loop().time() > until:
                return False
            await asyncio.sleep(0.2)
        return True

    async def run(self) -> None:
        """Look every few seconds, for ever."""
        while True:
            if self.found:
                await asyncio.sleep(EVERY_WHEN_HELD)
                self._connection_lost.clear()
            else:
                await self._pause(EVERY_WHEN_HELD if self.database.held else EVERY)
            if not (self._connection_lost.is_set() and await self._is_the_same()):
                await self.look()

    async def _pause(self, seconds: float) -> None:
        """Wait so many seconds at most, until a connection is lost."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._connection_lost.wait()

    async def _is_the_same(self) -> bool:
        """After a connection was lost: wait for the database, and let the service go on at once where it has counted no
        less than before, also while Kafka is away."""
        while self._connection_lost.is_set():
            self._connection_lost.clear()
            try:
                total = sum(count.records for count in (await written.load(self.database)).values())
            except StepdownError:
                self._connection_lost.set()
                await asyncio.sleep(RECONNECT)
            else:
                if self._compared_once and total >= max(self._total, self._counted()):
                    self.database.held = None
                    return True
        return False

    async def may_write(self) -> None:
        """For a relay that is about to write. Raises Transient where it may not."""
        if not await self.look(all_of_it=True):
            raise Transient(self.database.held or NOT_COMPARED)

    async def is_ahead(self, topic: str, partition: int) -> None:
        """Hold the service: a fact of its own came back on this partition with a sequence above its own last one. It
        goes on after a `stepdown heal`, or finds it again after a new start."""
        async with self._turn:
            self._healed = await store.healed(self.database)
            self._ahead = [Loss("own-fact-ahead", topic, partition)]
            self._settle([*self.found, *self._ahead])

    async def look(self, *, all_of_it: bool = False) -> bool:
        """Compare, and hold the service or let it go on; True where all is in line.

        Where database or broker do not answer, all stays as it is, and the answer is False. A loss that is new is
        looked for again soon: a broker that has just changed leaders may tell less for a moment. `all_of_it`: also what
        ops.writers tells, which is read anyway where the database has counted less than before.
        """
        async with self._turn:
            try:
                found = await self._compared(all_of_it or bool(self.database.held))
                if found and not self.found:
                    self._settle(found)
                    await asyncio.sleep(AGAIN)
                    found = await self._compared(all_of_it=True)
            except StepdownError as fault:
                log.info("not compared", extra={"service": self.service, "why": str(fault)})
                await self._disconnect()
                return False
            goes_on = bool(self.found) and not found
            self._settle(found)
        if goes_on and self._let_go is not None:  # what it waits for may wait for this look to end
            await self._let_go()
        return not found

    async def _compared(self, all_of_it: bool) -> list[Loss]:
        if self._looking is None:
            self._looking = await self._connected.enter_async_context(looking(self.connect, self.service))
        before = await store.tables_now(self.database, None)
        total = sum(count.records for count in before.written.values())
        told, self._total = all_of_it or total < self._total, total
        how: ReadTold = "new" if told else "none"
        found, now = await compare(self.database, before, self._looking, self.watched, told=how)
        if self._ahead and await store.healed(self.database) != self._healed:
            self._ahead = []
        found += self._ahead
        if not found:
            await adopt(self.database, now, self.watched)
            self._compared_once = True
        return found

    def _settle(self, found: list[Loss]) -> None:
        was, had = self.database.held, self.found
        self.found, self.database.held = found, sentence(found, self.service) if found else None
        if found and was != self.database.held:
            log.error("the service is held", extra={"service": self.service, "why": self.database.held})
        elif had and not found:
            log.warning("the service goes on", extra={"service": self.service})

    async def _disconnect(self) -> None:
        self._looking = None
        await self._connected.aclose()

    async def stop(self) -> None:
        """Close its connection to Kafka."""
        await self._disconnect()
