"""A visit with hundreds of messages that all count is derived in a process of its own, and nobody waits for it.

Nothing is timed: the long visit's work is held back while others are answered, and calls on the event loop are counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Mapping, Sequence
from datetime import datetime, timedelta

import pytest

from services.intake.hl7.frames import framed
from services.intake.receiving.derive_apart import StoredMessage
from services.intake.receiving.receive import Intake
from services.intake.visits.derive import Derived
from services.intake.visits.reconcile import VisitRecord
from tests.calls import counted
from tests.intake.conftest import Hospital
from tests.intake.opened import Connect, opened

LONG, IN_FLIGHT, NEIGHBOURS = 350, 60, 20
BEGUN = datetime(2026, 3, 10, 9)  # noqa: DTZ001 - as HL7 writes it
SECONDS = 120
"""For an answer that would otherwise never come."""


class Moving:
    """A patient who is moved between two wards every minute: no message of the visit repeats another or is outdone."""

    def __init__(self, intake: Intake) -> None:
        self.hospital, self.number = Hospital(intake), 0

    async def begins(self, messages: int) -> None:
        """Admitted, and moved so many times."""
        assert await self.hospital.tells("A01", f"{BEGUN:%Y%m%d%H%M%S}") == "AA"
        while self.number < messages:
            await self.hospital.says(*self.moves(min(250, messages - self.number)))

    def moves(self, number: int) -> list[bytes]:
        """The next so many transfers."""
        return [self._move() for _ in range(number)]

    def _move(self) -> bytes:
        self.number += 1
        at = BEGUN + timedelta(minutes=self.number)
        return self.hospital.message("A02", f"{at:%Y%m%d%H%M%S}", unit="RES" if self.number % 2 else "3W")


async def test_nobody_waits_for_a_long_visit(
    intake: Intake, connected: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    long, begun, go_on = Moving(intake), asyncio.Event(), asyncio.Event()
    await long.begins(LONG)
    assert intake.long_visits.known
    derive = intake.long_visits.apart.derive

    async def held(
        visits: Mapping[str, VisitRecord], pages: AsyncIterable[Sequence[StoredMessage]]
    ) -> dict[str, Derived]:
        begun.set()
        await go_on.wait()
        return await derive(visits, pages)

    monkeypatch.setattr(intake.long_visits.apart, "derive", held)
    async with opened(intake) as (door, _), asyncio.timeout(SECONDS):
        beside, sender = await connected(door.address, come_from="127.0.0.2"), await connected(door.address)
        sender.writer.write(b"".join(map(framed, long.moves(IN_FLIGHT))))
        first = asyncio.create_task(sender.reader.readuntil(b"\x1c\r"))
        await begun.wait()
        for _ in range(NEIGHBOURS):
            assert b"MSA|AA|" in await beside.send(Hospital(intake).message("A01"))
        assert not first.done(), "the long visit is worked on all the while"
        go_on.set()
        answers = [await first, *[await sender.reader.readuntil(b"\x1c\r") for _ in range(IN_FLIGHT - 1)]]
        assert all(b"MSA|AA|" in answer for answer in answers)


async def test_what_a_long_visit_means_is_not_worked_out_on_the_event_loop(hospital: Hospital) -> None:
    own = Intake(hospital.intake.database, hospital.intake.site, hospital.intake.seal, hospital.intake.clock)
    moving = Moving(own)
    await moving.begins(LONG)
    assert own.long_visits.known
    with counted() as apart:
        await moving.hospital.says(*moving.moves(1))
    await own.long_visits.apart.stop()
    short = Moving(Intake(own.database, own.site, own.seal, own.clock))
    short.hospital.intake.long_visits.long = 10 * LONG  # no visit counts as long: all is done where the doors are
    await short.begins(LONG)
    with counted() as here:
        await short.hospital.says(*short.moves(1))
    assert apart.number * 4 < here.number, (apart.number, here.number)  # its facts are read and compared there


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
