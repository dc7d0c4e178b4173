"""What senders really do on an MLLP connection: each kind of traffic against the real handlers and database."""

from __future__ import annotations

import asyncio
import itertools
import socket
import time
from collections.abc import Callable

import pytest

from services.intake.hl7.frames import framed
from services.intake.receiving.mllp import Connection, Limits, MllpDoor
from services.intake.receiving.receive import Intake
from shared import metrics
from tests.intake.conftest import Hospital
from tests.intake.opened import Connect, opened
from tests.waiting import until

BOM = b"\xef\xbb\xbf"


def batch(*messages: bytes) -> bytes:
    """Messages between the headers and trailers of a batch (HL7 v2.5.1 2.10.3)."""
    count = str(len(messages)).encode()
    return b"FHS|^~\\&|ADT\rBHS|^~\\&|ADT\r" + b"".join(messages) + b"BTS|" + count + b"\rFTS|1\r"


def with_marks(raw: bytes, old: bytes, new: bytes) -> bytes:
    """The message in other delimiters."""
    return raw.translate(bytes.maketrans(old, new))


STREAMS: dict[str, Callable[[bytes], bytes]] = {
    "junk before VT": lambda raw: b"\r\nGET / HTTP\n" + framed(raw),
    "no CR after FS": lambda raw: framed(raw)[:-1],
    "no VT": lambda raw: raw + b"\x1c\r",
    "broken off and sent again": lambda raw: b"\x0b" + raw[:40] + framed(raw),
    "LF between segments": lambda raw: framed(raw.replace(b"\r", b"\n")),
    "CRLF between segments": lambda raw: framed(raw.replace(b"\r", b"\r\n")),
    "a byte order mark": lambda raw: framed(BOM + raw),
    "UTF-16": lambda raw: framed(raw.decode().encode("utf-16")),
    "Latin-1 as MSH-18 says": lambda raw: framed(
        raw.replace(b"|P|2.5.1", b"|P|2.5.1||||||8859/1").replace(b"GIVENMARKER", b"Ren\xe9")
    ),
    "UTF-8 though MSH-18 says Latin-9": lambda raw: framed(
        raw.replace(b"|P|2.5.1", b"|P|2.5.1||||||ISO IR 999").replace(b"GIVENMARKER", "René".encode())
    ),
    "delimiters of its own": lambda raw: framed(with_marks(raw, b"|^~\\&", b"#!@%*")),
    "a batch": lambda raw: framed(batch(raw)),
    "keep-alive bytes and log lines between": lambda raw: b"\x00\r\n\x00[Thread-8]\n" + framed(raw) + b"\x00\r\n",
    "UTF-16 in double-byte frames": lambda raw: b"\x00\x0b" + raw.decode().encode("utf-16-be") + b"\x00\x1c\x00\r",
    "UTF-16 in double-byte frames, low byte first": lambda raw: (
        b"\x0b\x00" + raw.decode().encode("utf-16-le") + b"\x1c\x00\r\x00"
    ),
}


@pytest.mark.parametrize("name", STREAMS)
async def test_a_message_is_taken_however_it_is_sent(hospital: Hospital, connected: Connect, name: str) -> None:
    async with opened(hospital.intake) as (door, _):
        sender = await connected(door.address)
        sender.writer.write(STREAMS[name](hospital.message("A01", control="HOWEVER")))
        answer = await sender.answer()
        assert b"HOWEVER" in answer
        assert b"MSA|AA|" in answer or b"MSA#AA#" in answer
        assert await hospital.names() == ["admitted"]


async def test_a_frame_may_be_cut_anywhere_and_frames_may_come_together(hospital: Hospital, connected: Connect) -> None:
    told = [hospital.message("A01", control=f"CUT{n}", visit=f"V{n}") for n in range(3)]
    stream = b"".join(map(framed, told))
    async with opened(hospital.intake) as (door, _):
        sender = await connected(door.address)
        for begin, end in itertools.pairwise([0, 1, 7, 300, 301, len(stream)]):
            sender.writer.write(stream[begin:end])
            await sender.writer.drain()
        for n in range(3):
            assert f"MSA|AA|CUT{n}\r".encode() in await sender.answer()


async def test_each_message_of_a_batch_is_answered_in_a_frame_of_its_own(
    hospital: Hospital, connected: Connect
) -> None:
    told = [hospital.message("A01", control="B1"), b"PID|1\r", hospital.message("A99", control="B2")]
    told.append(hospital.message("A03", "20260312100000", control="B3"))
    async with opened(hospital.intake) as (door, _):
        sender = await connected(door.address)
        sender.writer.write(framed(batch(*told)))
        answers = [await sender.answer() for _ in range(3)]
        assert [b"MSA|AA|B1" in answers[0], b"MSA|AR|B2" in answers[1], b"MSA|AA|B3" in answers[2]] == [True] * 3
        assert b"MSA|AR|" in await sender.send(b"BHS|^~\\&|ADT\rBTS|0")


NO_PID, NO_TRIGGER = (b"PID|", b"ZID|"), (b"ADT^A01", b"ADT^A99")
MODES = [  # MSH-15, MSH-16, what is wrong, the answers (HL7 v2.5.1 2.9.3, table 0155; contract 6)
    ("", "", None, ["AA"]),
    ("", "", NO_PID, ["AE"]),
    ("AL", "AL", None, ["CA", "AA"]),
    ("AL", "NE", None, ["CA"]),
    ("NE", "AL", None, ["AA"]),
    ("AL", "", None, ["CA"]),
    ("", "AL", None, ["AA"]),
    ("AL", "ER", None, ["CA"]),
    ("AL", "ER", NO_PID, ["CA", "AE"]),
    ("AL", "SU", NO_PID, ["CA"]),
    ("ER", "AL", None, ["AA"]),
    ("AL", "AL", NO_TRIGGER, ["CR"]),
    ("ER", "NE", NO_TRIGGER, ["CR"]),
    ("NE", "AL", NO_TRIGGER, ["AR"]),
    ("NE", "NE", None, []),
]


@pytest.mark.parametrize(("accept", "application", "wrong", "expected"), MODES)
async def test_what_is_answered_is_what_the_sender_asked_for(
    hospital: Hospital,
    connected: Connect,
    accept: str,
    application: str,
    wrong: tuple[bytes, bytes] | None,
    expected: list[str],
) -> None:
    raw = hospital.message("A01", control="MODE").replace(b"|P|2.5.1", f"|P|2.5.1|||{accept}|{application}".encode())
    raw = raw.replace(*wrong) if wrong else raw
    last = hospital.message("A08", control="NEXT")
    async with opened(hospital.intake) as (door, _):
        sender = await connected(door.address)
        sender.writer.write(framed(raw) + framed(last))
        answers = [await sender.answer() for _ in (*expected, "the next one's")]
    told = [answer.split(b"\rMSA|")[1].split(b"\r")[0].decode() for answer in answers]
    assert told == [*(f"{code}|MODE" for code in expected), "AA|NEXT"]


async def test_a_refusal_reaches_a_sender_that_is_still_sending(hospital: Hospital, connected: Connect) -> None:
    async with opened(hospital.intake, Limits(frame_bytes=1000)) as (door, _):
        sender = await connected(door.address)
        sender.writer.write(b"\x0b" + b"x" * (8 << 20))
        assert b"MSA|AR|" in await sender.answer()
        assert await sender.answer() == b""


async def test_a_sender_that_goes_on_after_its_refusal_loses_the_connection(
    hospital: Hospital, connected: Connect
) -> None:
    async with opened(hospital.intake, Limits(frame_bytes=1000, frame_seconds=0.1)) as (door, _):
        sender = await connected(door.address)
        sender.writer.write(b"\x0b" + b"x" * 2000)
        assert b"MSA|AR|" in await sender.answer()
        await until(lambda: not door.connections)


async def test_a_sender_that_reads_no_answers_loses_the_connection(hospital: Hospital, connected: Connect) -> None:
    async with opened(hospital.intake, Limits(frame_seconds=0.1)) as (door, _):
        sender = await connected(door.address)
        assert b"MSA|AA|" in await sender.send(hospital.message("A01"))
        (connection,) = door.connections
        connection.pause_writing()  # what asyncio calls when its buffer is full
        assert await sender.answer() == b""
        assert not door.connections


async def test_a_slow_sender_loses_its_connection_though_it_sends_a_byte_now_and_then(
    hospital: Hospital, connected: Connect
) -> None:
    raw, began = framed(hospital.message("A01")), time.monotonic()
    async with opened(hospital.intake, Limits(frame_seconds=0.2)) as (door, _):
        sender = await connected(door.address)
        for byte in raw[:-2]:
            sender.writer.write(bytes([byte]))
            if await _gone(sender.reader):
                break
        assert time.monotonic() - began < 10
        assert await _gone(sender.reader, 5)


async def _gone(reader: asyncio.StreamReader, seconds: float = 0.02) -> bool:
    try:
        return await asyncio.wait_for(reader.read(1), seconds) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


async def test_the_system_is_asked_to_look_after_silent_peers(intake: Intake, connected: Connect) -> None:
    async with opened(intake) as (door, _):
        await connected(door.address)
        (connection,) = await until(lambda: tuple(door.connections))
        sock = connection._transport.get_extra_info("socket")
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60


async def test_a_sender_that_vanishes_mid_frame_or_before_its_answer_disturbs_nobody(
    hospital: Hospital, connected: Connect
) -> None:
    async with opened(hospital.intake) as (door, _):
        for sent in (framed(hospital.message("A01")), framed(hospital.message("A08"))[:50], b""):
            gone = await connected(door.address)
            gone.writer.write(sent)
            await gone.writer.drain()
            gone.writer.transport.abort()
        stays = await connected(door.address)
        assert b"MSA|AA|" in await stays.send(hospital.message("A08"))
        await until(lambda: len(door.connections) == 1)


async def test_two_hundred_connections_with_one_message_in_flight_each(intake: Intake, connected: Connect) -> None:
    async with opened(intake) as (door, _):
        senders = [await connected(door.address) for _ in range(200)]
        hospitals = [Hospital(intake) for _ in senders]
        for trigger, at in (("A01", "20260310090000"), ("A03", "20260312100000")):
            told = [hospital.message(trigger, at, control=f"{trigger}{n}") for n, hospital in enumerate(hospitals)]
            answers = await asyncio.gather(*(s.send(raw) for s, raw in zip(senders, told, strict=True)))
            assert all(f"MSA|AA|{trigger}{n}\r".encode() in answer for n, answer in enumerate(answers))
    assert await hospitals[77].names() == ["admitted", "discharged"]


async def test_a_frame_whose_end_never_came_is_counted_and_logged(
    hospital: Hospital, connected: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    before = metrics.FRAMES_CUT._value.get()
    async with opened(hospital.intake) as (door, _):
        sender = await connected(door.address)
        sender.writer.write(b"\x0bMSH|^~\\&|" + framed(hospital.message("A01")) + b"\x0bMSH|^~\\&|MARKERNAME")
        assert b"MSA|AA|" in await sender.answer()
        await sender.close()
        await until(lambda: _so_many(before + 2))
    assert [one.getMessage() for one in caplog.records].count("the end of a frame never came") == 2
    assert "MARKERNAME" not in caplog.text


async def _so_many(frames: float) -> bool:
    return bool(metrics.FRAMES_CUT._value.get() >= frames)


async def test_keep_alive_bytes_do_not_make_a_connection_slow(hospital: Hospital, connected: Connect) -> None:
    async with opened(hospital.intake, Limits(frame_seconds=0.2)) as (door, _):
        sender = await connected(door.address)
        (connection,) = await until(lambda: _open(door))
        sender.writer.write(b"\x00\x00\r\n")
        assert b"MSA|AA|" in await sender.send(hospital.message("A01"))
        sender.writer.write(b"\x00\r\n")
        await sender.writer.drain()
        connection.look_at_the_time(time.monotonic() + 60)
        assert b"MSA|AA|" in await sender.send(hospital.message("A03", "20260312100000"))


async def _open(door: MllpDoor) -> list[Connection]:
    return list(door.connections)


async def test_a_frame_with_more_messages_than_the_site_takes_gets_one_answer_and_nothing_is_stored(
    hospital: Hospital, connected: Connect
) -> None:
    site = hospital.intake.site
    few = site.model_copy(update={"limits": site.limits.model_copy(update={"frame_messages": 2})})
    intake = Intake(hospital.intake.database, few, hospital.intake.seal, hospital.intake.clock)
    told = [hospital.message("A01", visit=f"V{n}") for n in range(3)]
    async with opened(intake) as (door, _):
        sender = await connected(door.address)
        assert b"MSA|AR|" in await sender.send(b"".join(told))
        assert await hospital.names() == []
        assert b"MSA|AA|" in await sender.send(b"".join(told[:2]))
