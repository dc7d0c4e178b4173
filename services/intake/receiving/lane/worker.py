"""Works off the lane for long visits on hospital.adt: in each transaction the oldest record, and those of its patient.

The transaction that puts a record into the lane also moves the consumer's position behind it. The lane is in the
database, so a restart goes on with it, and a record is answered and counted once, whatever fails when. Errors are of
the three kinds of every subscription (shared/messaging/batches.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence

from services.intake.hl7.acknowledgements import NOT_HL7
from services.intake.receiving.group_commit import about_the_first
from services.intake.receiving.kafka import BATCH, CONSUMER, DEAD, AdtRecord, adt_record_of, answer, outcome_of
from services.intake.receiving.lane import store
from services.intake.receiving.lane.store import Waiting
from services.intake.receiving.receive import Intake
from shared import metrics
from shared.errors import InvalidMessage, Transient
from shared.messaging import dead_letters, positions
from shared.messaging.batches import UNFORESEEN_IN_A_ROW
from shared.messaging.positions import Incoming, Slot, Tally
from shared.pulse import Pulse
from shared.storage.database import Connection

log = logging.getLogger(__name__)
POLL, LOOK = 0.1, 1.0
"""Seconds from one look into an empty lane to the next: at least, and at most while this process commits nothing."""
LONGEST_WAIT = 5.0
"""Seconds between two tries at most, while something that is needed is away."""


class Worker:
    """Starts and stops with the doors. Of several processes one at a time works: the others find the records locked."""

    def __init__(self, intake: Intake) -> None:
        self.intake = intake
        self.pulse = Pulse("long visits of hospital.adt")
        self._most = BATCH
        self._unforeseen = 0
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        intake.database.after_commit.append(self._wake.set)

    async def start(self) -> None:
        """Start to work; what was left in the lane comes first."""
        self._task = asyncio.create_task(self._run(), name="lane")

    async def stop(self) -> None:
        """Stop; what is being worked on is rolled back and stays in the lane."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        wait = POLL
        while True:
            try:
                with self.pulse:
                    went_on = await self._step()
            except Exception as fault:  # noqa: BLE001 - the lane goes on when it is mended, whatever it is
                metrics.WAITS.labels(CONSUMER).inc()
                log.warning("the lane of long visits waits", extra={"why": dead_letters.reason(fault)})
                wait = min(wait * 2, LONGEST_WAIT)
                await asyncio.sleep(wait)
            else:
                wait = POLL
                if not went_on:
                    await self._rest()

    async def _rest(self) -> None:
        """Wait until this process commits something, which may be a record for the lane; from POLL to LOOK seconds."""
        await asyncio.sleep(POLL)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), LOOK - POLL)
        self._wake.clear()

    async def _step(self) -> bool:
        """Count what is worked off, and work off the next records; False where the lane is empty."""
        if await store.is_empty(self.intake.database):
            return False
        await self._count()
        tried: list[Waiting] = []
        try:
            await self._take(tried)
        except Transient:
            raise
        except Exception as fault:  # noqa: BLE001 - whatever it is, it may concern one record only
            await self._halve(tried, fault)
        else:
            self._most, self._unforeseen = BATCH, 0
        return True

    async def _take(self, mine: list[Waiting]) -> None:
        """Take in the oldest record, and of the next ones those of the same patient or key; `mine` gets them."""
        intake = self.intake
        async with intake.database.begin() as connection:
            mine += about_the_first(await store.oldest(connection, self._most, intake.seal), self._most)[0]
            if not mine:
                return  # another process has them
            batch = await self._read(mine)
            await answer(connection, batch, intake)
            outcomes = [outcome_of(incoming.fact.messages) for incoming in batch]
            told = list(zip(mine, outcomes, strict=True))
            await self._bury(connection, [one for one, what in told if what == "dead"], InvalidMessage(NOT_HL7.text))
            await store.done(connection, {one.number: what for one, what in told})

    async def _read(self, mine: Sequence[Waiting]) -> list[Incoming[AdtRecord]]:
        """Read records as at the door; after each one other tasks have their turn."""
        found = []
        for record, _, at, _ in mine:
            read = adt_record_of(record, intake=self.intake, arrived_at=at)
            found.append(Incoming(Slot(record.topic, record.partition), record.offset, record.key or b"", read))
            await asyncio.sleep(0)
        return found

    async def _halve(self, tried: Sequence[Waiting], fault: Exception) -> None:
        """After a failure: take half as many records next time; a single one becomes a dead letter. What can't be
        decrypted stays in the lane. Raises Transient where too many in a row fail."""
        if not tried:
            raise fault
        if len(tried) > 1:
            self._most = len(tried) // 2
            return
        self._unforeseen += not isinstance(fault, InvalidMessage)
        if self._unforeseen > UNFORESEEN_IN_A_ROW:
            raise Transient(f"{self._unforeseen} records in a row failed: it looks like a bad release")
        log.error("record can't be applied", extra={"consumer": CONSUMER}, exc_info=fault)
        async with self.intake.database.begin() as connection:
            for one in await store.oldest(connection, 1, self.intake.seal):
                if one.number == tried[0].number:
                    await self._bury(connection, [one], fault)
                    await store.done(connection, {one.number: "dead"})

    async def _bury(self, connection: Connection, gone: Sequence[Waiting], fault: Exception) -> None:
        """Make records dead letters."""
        for one in gone:
            await store.dead_again(connection, CONSUMER, one.record)
            await dead_letters.bury(connection, CONSUMER, DEAD, [(one.record, fault)], self.intake.seal)

    async def _count(self) -> None:
        """Count what came of records, in a transaction of its own, since the door's batches move the same positions.

        The transaction that works records off would lock the position for as long as that takes, or ask for it last,
        against the order of locks.
        """
        tally = Tally()
        async with self.intake.database.begin() as connection:
            for slot, outcome in await store.take_done(connection):
                tally.add(slot, "waiting", -1)
                tally.add(slot, outcome)
            await positions.count(connection, CONSUMER, tally)
        for name, number in tally.total().items():
            metrics.RECORDS.labels(CONSUMER, name).inc(max(number, 0))
