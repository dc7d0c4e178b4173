"""While thousands of messages of one visit are fed, other hospitals are answered: nobody waits for that visit."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable

import pytest

from services.intake.hl7.frames import framed
from services.intake.receiving.receive import Intake
from tests.intake.conftest import Hospital
from tests.intake.opened import Connect, opened
from tests.intake.sender import Sender
from tests.waiting import until

OF_THE_VISIT, IN_FLIGHT, BATCHES = 4000, 60, 6


class Feeding:
    """A08s of one visit on one connection, as many in flight as a sender may have; when each of them was answered."""

    def __init__(self, sender: Sender, hospital: Hospital) -> None:
        self.sender, self.hospital = sender, hospital
        self.answered: list[float] = []

    async def run(self) -> None:
        """Feed, batch after batch."""
        for _ in range(BATCHES):
            told = (self.hospital.message("A08", "20260312090000") for _ in range(IN_FLIGHT))
            self.sender.writer.write(b"".join(map(framed, told)))
            for _ in range(IN_FLIGHT):
                assert b"MSA|AA|" in await asyncio.wait_for(self.sender.reader.readuntil(b"\x1c\r"), 60)
            self.answered.append(time.perf_counter())


async def _neighbours(sender: Sender, intake: Intake, go_on: Callable[[int], bool]) -> list[tuple[float, float]]:
    """Other hospitals' messages one after the other: when each was sent, and when it was answered."""
    took: list[tuple[float, float]] = []
    while go_on(len(took)):
        raw, began = Hospital(intake).message("A01"), time.perf_counter()
        assert b"MSA|AA|" in await sender.send(raw)
        took.append((began, time.perf_counter()))
    return took


@pytest.mark.slow
async def test_nobody_waits_for_a_long_visit(intake: Intake, connected: Connect) -> None:
    long = Hospital(intake)
    assert await long.tells("A01") == "AA"
    for _ in range(OF_THE_VISIT // 250):
        await long.says(*(long.message("A08", "20260311090000") for _ in range(250)))
    async with opened(intake) as (door, _):
        beside = await connected(door.address, come_from="127.0.0.2")
        alone = await _neighbours(beside, intake, lambda number: number < 60)
        feeding = Feeding(await connected(door.address), long)
        fed = asyncio.create_task(feeding.run())
        await until(lambda: feeding.answered)
        meanwhile = await _neighbours(beside, intake, lambda _: not fed.done())
        await fed
    one, other = (statistics.median(end - begin for begin, end in took) for took in (alone, meanwhile))
    batches = zip(feeding.answered[:-1], feeding.answered[1:], strict=True)
    within = [sum(begin > a and end < b for begin, end in meanwhile) for a, b in batches]
    print(f"an answer took {one * 1000:.1f} ms, meanwhile {other * 1000:.1f} ms; within each long batch: {within}")
    assert min(within) >= 5  # with one lane there is none: each waits for the batch
    assert other < 4 * one  # measured: 1.35 on two cores with little else to do; 2.5 at a load of 12


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
