"""The MLLP door on a socket, with the real handlers and the real database behind it."""

from __future__ import annotations

import asyncio
import logging
import socket

import pytest
import sqlalchemy as sa

from services.intake.hl7.frames import framed
from services.intake.receiving.mllp import Limits
from services.intake.receiving.receive import Intake
from shared.logs import JsonLines
from shared.storage.database import Database
from tests.intake.conftest import Hospital
from tests.intake.opened import Connect, opened


async def test_a_frame_is_stored_and_then_answered(hospital: Hospital, connected: Connect) -> None:
    async with opened(hospital.intake) as (door, _):
        sender = await connected(door.address)
        answer = await sender.send(hospital.message("A01", control="OVER-MLLP"))
        assert b"\rMSA|AA|OVER-MLLP\r" in answer
        assert await hospital.names() == ["admitted"]


async def test_frames_sent_without_waiting_are_answered_in_their_order(hospital: Hospital, connected: Connect) -> None:
    async with opened(hospital.intake, Limits(in_flight=3)) as (door, _):
        sender = await connected(door.address)
        told = [hospital.message("A08", control=f"PIPE{n}") for n in range(20)]
        sender.writer.write(b"".join(map(framed, told)))
        answers = [await sender.answer() for _ in told]
        assert [f"MSA|AA|PIPE{n}\r".encode() in answer for n, answer in enumerate(answers)] == [True] * 20


async def test_a_frame_that_is_not_hl7_is_refused_and_the_connection_goes_on(
    hospital: Hospital, connected: Connect
) -> None:
    async with opened(hospital.intake) as (door, _):
        sender = await connected(door.address)
        assert b"MSA|AR|" in await sender.send(b"GET / HTTP/1.1")
        assert b"MSA|AR|" in await sender.send(b"")
        assert b"MSA|AA|" in await sender.send(hospital.message("A01"))


async def test_enhanced_mode_gets_both_answers(hospital: Hospital, connected: Connect) -> None:
    async with opened(hospital.intake) as (door, _):
        sender = await connected(door.address)
        raw = hospital.message("A01").replace(b"|P|2.5.1", b"|P|2.5.1|||AL|AL")
        assert b"MSA|CA|" in await sender.send(raw)
        assert b"MSA|AA|" in await sender.answer()


async def test_a_frame_too_long_is_refused_and_the_connection_closed(hospital: Hospital, connected: Connect) -> None:
    async with opened(hospital.intake, Limits(frame_bytes=500)) as (door, _):
        sender = await connected(door.address)
        assert b"MSA|AA|" in await sender.send(hospital.message("A01"))
        assert b"MSA|AR|" in await sender.send(b"MSH|^~\\&|" + b"x" * 600)
        assert await sender.answer() == b""


@pytest.mark.parametrize(
    ("limits", "begins"),
    [(Limits(frame_seconds=0.05), b"\x0bMSH|"), (Limits(idle_seconds=0.05), b"")],
    ids=["a frame that does not end", "nothing said"],
)
async def test_who_holds_a_connection_too_long_loses_it(
    intake: Intake, limits: Limits, begins: bytes, connected: Connect
) -> None:
    async with opened(intake, limits) as (door, _):
        sender = await connected(door.address)
        sender.writer.write(begins)
        assert await sender.answer() == b""


async def test_twenty_connections_are_served_at_once(intake: Intake, connected: Connect) -> None:
    hospitals = [Hospital(intake) for _ in range(20)]

    async def story(hospital: Hospital, address: tuple[str, int]) -> list[bytes]:
        sender = await connected(address)
        told = [hospital.message("A01"), hospital.message("A03", "20260312100000")]
        return [await sender.send(raw) for raw in told]

    async with opened(intake) as (door, _):
        answers = await asyncio.gather(*(story(hospital, door.address) for hospital in hospitals))
    assert all(b"MSA|AA|" in answer for told in answers for answer in told)
    for hospital in hospitals:
        assert await hospital.names() == ["admitted", "discharged"]


async def test_a_stopping_door_answers_what_is_in_flight(hospital: Hospital, connected: Connect) -> None:
    async with opened(hospital.intake) as (door, doors):
        sender = await connected(door.address)
        assert b"MSA|AA|" in await sender.send(hospital.message("A01"))
        (connection,) = door.connections
        connection.data_received(b"".join(framed(hospital.message("A08", control=f"LAST{n}")) for n in range(5)))
        await doors.stop()
        answers = [await sender.answer() for _ in range(6)]
        assert [f"MSA|AA|LAST{n}\r".encode() in answer for n, answer in enumerate(answers[:5])] == [True] * 5
        assert answers[5] == b""
        with pytest.raises(OSError, match="Connect call failed"):
            await connected(door.address)


def closed_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


async def test_while_the_store_is_away_messages_are_refused_and_later_taken(
    intake: Intake, intake_url: str, connected: Connect
) -> None:
    away = Database(f"postgresql+asyncpg://nobody:x@127.0.0.1:{closed_port()}/none")
    unable = Intake(away, intake.site, intake.seal, intake.clock)
    hospital = Hospital(intake)
    raw = hospital.message("A01")
    async with opened(unable) as (door, _):
        sender = await connected(door.address)
        answer = await sender.send(raw)
        assert b"MSA|AR|" in answer
        assert b"|207^" in answer
        enhanced = raw.replace(b"|P|2.5.1", b"|P|2.5.1|||AL|AL")
        assert b"MSA|CR|" in await sender.send(enhanced)
        unable.database = intake.database
        assert b"MSA|AA|" in await sender.send(raw)
    await away.close()
    assert await hospital.names() == ["admitted"]


async def test_after_the_database_cut_every_connection_the_next_message_is_taken(
    intake: Intake, intake_url: str, connected: Connect
) -> None:
    own = Database(intake_url, application="to-be-cut")
    hospital = Hospital(Intake(own, intake.site, intake.seal, intake.clock))
    async with opened(hospital.intake) as (door, _):
        sender = await connected(door.address)
        assert b"MSA|AA|" in await sender.send(hospital.message("A01"))
        async with intake.database.begin() as connection:
            cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'to-be-cut'"
            await connection.execute(sa.text(cut))
        assert b"MSA|AA|" in await sender.send(hospital.message("A03", "20260312100000"))
    assert await hospital.names() == ["admitted", "discharged"]
    await own.close()


async def test_nothing_of_a_message_gets_into_a_log_line(
    hospital: Hospital, caplog: pytest.LogCaptureFixture, connected: Connect
) -> None:
    caplog.set_level(logging.DEBUG)
    bad = [
        hospital.message("A01").replace(b"PID|", b"ZID|"),
        hospital.message("A01", pv1={44: "MARKERTIME"}),
        hospital.message("A99"),
        b"MARKERNAME is no HL7",
        b"MSH|^~\\&|MARKERNAME" + b"x" * 3000,
    ]
    async with opened(hospital.intake, Limits(frame_bytes=2000)) as (door, _):
        for raw in (*bad, hospital.message("A01")):
            sender = await connected(door.address)
            assert await sender.send(raw)
    lines = "".join(JsonLines("intake").format(record) for record in caplog.records if record.name.startswith("serv"))
    assert "longer than this site takes" in lines
    assert "MARKER" not in lines
    assert hospital.mrn not in lines
