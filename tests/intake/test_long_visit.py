"""While messages of one long visit are derived, other hospitals are answered: nobody waits for that visit.

Nothing here is timed: the long visit is held for as long as the others need, and what the event loop has to do for it
is counted (tests/calls.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from services.intake.hl7.frames import framed
from services.intake.receiving.derive_apart import StoredMessage
from services.intake.receiving.receive import Intake
from services.intake.visits.derive import Derived
from services.intake.visits.reconcile import VisitRecord
from shared.clock import SetClock
from tests.calls import counted
from tests.intake.conftest import Hospital
from tests.intake.opened import Connect, opened
from tests.intake.sender import Sender

LONG, FAR, IN_FLIGHT, OTHERS = 20, 150, 30, 20
PER_FACT = 4
"""Calls of functions of ours in the event loop that a fact of a long visit may cost with each message."""
FIRST = datetime(2026, 3, 10, 9, tzinfo=UTC)
PATIENCE = 60
"""Seconds after which an answer does not come any more."""


class Wanderer(Hospital):
    """A patient who is transferred from unit to unit, minute by minute: each of the messages counts for ever."""

    number = 0

    def next(self) -> bytes:
        """The next message of the visit."""
        self.number += 1
        at = f"{FIRST + timedelta(minutes=self.number):%Y%m%d%H%M%S}"
        return self.message("A02" if self.number > 1 else "A01", at, unit=("3W", "RES")[self.number % 2])

    async def wanders(self, number: int) -> None:
        """Say so many messages, in batches."""
        told = [self.next() for _ in range(number)]
        for nth in range(0, number, 50):
            assert {each.code for each in await self.says(*told[nth : nth + 50])} == {"AA"}

    @property
    def long(self) -> bool:
        """Whether the visit is known to be long."""
        return self.intake.long_visits.has([("GOODHEALTH", "GH", self.mrn)])


@pytest.fixture
def own(intake: Intake) -> Intake:
    """The handlers, of which a visit with few messages is long, some days later."""
    found = Intake(intake.database, intake.site, intake.seal, SetClock(FIRST + timedelta(days=60)))
    found.long_visits.long = LONG
    return found


@contextmanager
def held(intake: Intake) -> Iterator[tuple[asyncio.Event, asyncio.Event]]:
    """(Set once a long visit is to be derived, to be set for it to go on): meanwhile it is not derived."""
    asked, go_on, apart = asyncio.Event(), asyncio.Event(), intake.long_visits.apart
    derive = apart.derive

    async def waiting(
        visits: Mapping[str, VisitRecord], pages: AsyncIterable[Sequence[StoredMessage]]
    ) -> dict[str, Derived]:
        asked.set()
        await go_on.wait()
        return await derive(visits, pages)

    apart.derive = waiting  # type: ignore[method-assign]
    yield asked, go_on
    go_on.set()
    apart.derive = derive  # type: ignore[method-assign]


async def _answered(sender: Sender) -> bytes:
    return await asyncio.wait_for(sender.reader.readuntil(b"\x1c\r"), PATIENCE)


async def test_nobody_waits_for_a_long_visit(own: Intake, connected: Connect) -> None:
    patient = Wanderer(own)
    await patient.wanders(LONG + 10)
    assert patient.long
    async with opened(own) as (door, _):
        feeding, beside = await connected(door.address), await connected(door.address, come_from="127.0.0.2")
        with held(own) as (asked, go_on):
            feeding.writer.write(b"".join(framed(patient.next()) for _ in range(IN_FLIGHT)))
            await asyncio.wait_for(asked.wait(), PATIENCE)
            first = asyncio.create_task(_answered(feeding))
            for _ in range(OTHERS):
                answer = beside.send(Hospital(own).message("A01"))
                assert b"MSA|AA|" in await asyncio.wait_for(answer, PATIENCE)  # with one lane there is none
            assert not first.done()
            go_on.set()
            assert b"MSA|AA|" in await first
        for _ in range(IN_FLIGHT - 1):
            assert b"MSA|AA|" in await _answered(feeding)
    await own.long_visits.apart.stop()


async def test_the_event_loop_derives_no_long_visit(own: Intake) -> None:
    patient, found = Wanderer(own), list[int]()
    for so_far in (LONG + 10, FAR):
        await patient.wanders(so_far - patient.number)
        assert patient.long
        took: list[int] = []
        for _ in range(3):
            with counted() as calls:  # of this thread, which is the event loop's
                assert [each.code for each in await patient.says(patient.next())] == ["AA"]
            took.append(calls.number)
        found.append(min(took))
    await own.long_visits.apart.stop()
    print(f"calls in the event loop with {LONG + 10} and {FAR} messages before: {found}")
    assert found[1] - found[0] <= PER_FACT * (FAR - LONG - 10)  # each message is a fact here, which is read to compare


@pytest.mark.parametrize("at", ["never begun", "begun"])
async def test_a_process_that_died_is_begun_anew_and_the_message_is_taken(hospital: Hospital, at: str) -> None:
    own = Hospital(Intake(hospital.intake.database, hospital.intake.site, hospital.intake.seal, hospital.intake.clock))
    visits = own.intake.long_visits
    visits.long = 1
    for trigger in ("A01", "A08", "A08", *(["A08"] if at == "begun" else [])):
        assert await own.tells(trigger) == "AA"
    if visits.apart._process is not None:
        visits.apart._process.kill()
    assert await own.tells("A03", "20260312100000") == "AA"
    await visits.apart.stop()
    assert await own.names() == ["admitted", "discharged"]
