"""The MLLP door stays open for the others: seats, empty frames, and what unfinished frames may hold in all."""

from __future__ import annotations

from functools import partial

import pytest

from services.intake.receiving.mllp import Limits, MllpDoor
from tests.intake.conftest import Hospital
from tests.intake.opened import Connect, opened
from tests.waiting import until

OTHER = "127.0.0.2"


async def test_a_sender_that_opens_a_connection_for_each_message_shuts_out_nobody(
    hospital: Hospital, connected: Connect
) -> None:
    async with opened(hospital.intake, Limits(connections=4)) as (door, _):
        neighbour = await connected(door.address, come_from=OTHER)
        assert b"MSA|AA|" in await neighbour.send(hospital.message("A01"))
        for _ in range(20):
            sender = await connected(door.address)
            assert b"MSA|AA|" in await sender.send(hospital.message("A08"))
        assert len(door.connections) <= 3
        assert b"MSA|AA|" in await neighbour.send(hospital.message("A08"))


async def test_when_all_seats_are_taken_the_longest_idle_one_is_closed_for_a_newcomer(
    hospital: Hospital, connected: Connect
) -> None:
    async with opened(hospital.intake, Limits(connections=2)) as (door, _):
        first = await connected(door.address)
        assert b"MSA|AA|" in await first.send(hospital.message("A01"))
        await connected(door.address, come_from=OTHER)
        third = await connected(door.address, come_from="127.0.0.3")
        assert b"MSA|AA|" in await third.send(hospital.message("A08"))
        assert await first.answer() == b""


@pytest.mark.parametrize("nothing", [b"\r\n", b"\x0b\x1c\r", b"\x1c", b"\x0b \x1c\r"])
async def test_what_is_no_message_does_not_keep_a_seat(hospital: Hospital, connected: Connect, nothing: bytes) -> None:
    async with opened(hospital.intake, Limits(connections=2)) as (door, _):
        await connected(door.address)
        await until(lambda: door.connections)
        sender = await connected(door.address, come_from=OTHER)
        assert b"MSA|AA|" in await sender.send(hospital.message("A01"))
        (seat,) = [each for each in door.connections if each.address == "127.0.0.1"]
        seat.data_received(nothing * 3)
        newcomer = await connected(door.address, come_from="127.0.0.3")
        assert b"MSA|AA|" in await newcomer.send(hospital.message("A08"))
        assert b"MSA|AA|" in await sender.send(hospital.message("A08"))
        assert seat not in door.connections


def _held(door: MllpDoor, number: int) -> bool:
    return door.unfinished_bytes >= number


async def test_unfinished_frames_hold_so_much_in_all_and_the_longest_of_who_holds_most_is_to_be_sent_again(
    hospital: Hospital, connected: Connect
) -> None:
    async with opened(hospital.intake, Limits(unfinished_bytes=100_000)) as (door, _):
        honest = await connected(door.address, come_from=OTHER)
        raw = hospital.message("A01")
        honest.writer.write(b"\x0b" + raw[:200])
        hoarders = [await connected(door.address) for _ in range(6)]
        for number, hoarder in enumerate(hoarders, 1):
            hoarder.writer.write(b"\x0bMSH|" + b"x" * 30_000)
            await until(partial(_held, door, 30_000 * min(number, 3)))
        for hoarder in hoarders[:3]:
            answer = await hoarder.answer()
            assert b"MSA|AR|" in answer
            assert b"|207^" in answer
        assert door.unfinished_bytes <= 100_000
        honest.writer.write(raw[200:] + b"\x1c\r")
        assert b"MSA|AA|" in await honest.answer()
    assert door.unfinished_bytes == 0
