"""The hospital's side of MLLP against doors that answer well, late, wrongly, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from shared.errors import StepdownError, Transient
from tools.mllp_client import Ack, MllpClient, WrongAnswer, read_ack


def framed(text: str) -> bytes:
    return b"\x0b" + text.encode() + b"\x1c\r"


def ack(code: str, control_id: str = "M1", err: str = "") -> bytes:
    return framed(rf"MSH|^~\&|S|D|E|G|20260301||ACK|9|P|2.5.1{chr(13)}MSA|{code}|{control_id}{chr(13)}{err}")


def asks(accept: str = "", application: str = "") -> bytes:
    return rf"MSH|^~\&|E|G|S|D|20260301||ADT^A01|M1|P|2.5.1|||{accept}|{application}".encode() + b"\rEVN|A01\r"


@asynccontextmanager
async def a_door(*answers: bytes) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Answers each frame with all of `answers`; b"" ends the connection. Gives its port and what it got."""
    got: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                got.append(await reader.readuntil(b"\x1c\r"))
                for answer in answers:
                    writer.write(answer)
                if b"" in answers:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], got
    finally:
        server.close()


@pytest.mark.parametrize(
    ("message", "answers", "codes"),
    [
        (asks(), [ack("AA")], ["AA"]),
        (asks(), [ack("AE")], ["AE"]),
        (asks(), [ack("AA")[:7], ack("AA")[7:]], ["AA"]),
        (asks("AL", "AL"), [ack("CA"), ack("AA")], ["CA", "AA"]),
        (asks("AL", "AL"), [ack("CR")], ["CR"]),
        (asks("AL", "NE"), [ack("CA")], ["CA"]),
        (asks("NE", "AL"), [ack("AA")], ["AA"]),
        (asks("NE", "NE"), [], []),
        (asks("ER", "SU"), [ack("AA")], ["AA"]),
        (asks("ER", "AL"), [ack("AA")], ["AA"]),
        (asks("AL", "ER"), [ack("CA")], ["CA"]),
    ],
)
async def test_as_many_acknowledgements_are_waited_for_as_the_message_asks_for(
    message: bytes, answers: Sequence[bytes], codes: list[str]
) -> None:
    async with a_door(*answers) as (port, got), MllpClient("127.0.0.1", port, short=0.2) as client:
        assert [one.code for one in await client.send(message)] == codes
    assert got == [b"\x0b" + message + b"\x1c\r"] or not answers


@pytest.mark.parametrize(
    ("answers", "kind", "says"),
    [
        ([ack("AA", "OTHER")], WrongAnswer, "to another message"),
        ([framed("hello")], WrongAnswer, "no MSA segment"),
        ([b""], Transient, "closed the connection"),
        ([], Transient, r"did not answer within 0\.2 s"),
    ],
)
async def test_what_is_no_answer_is_an_error_and_the_next_message_has_a_new_connection(
    answers: Sequence[bytes], kind: type[StepdownError], says: str
) -> None:
    async with a_door(*answers) as (port, got):
        client = MllpClient("127.0.0.1", port, seconds=0.2)
        for _ in range(2):
            with pytest.raises(kind, match=says):
                await client.send(asks())
        await client.close()
    assert len(got) == 2


async def test_messages_sent_at_once_wait_for_each_other() -> None:
    async with a_door(ack("AA")) as (port, got), MllpClient("127.0.0.1", port) as client:
        found = await asyncio.gather(*(client.send(asks()) for _ in range(5)))
    assert [[one.code for one in acks] for acks in found] == [["AA"]] * 5
    assert len(got) == 5


async def test_a_door_that_is_away_is_told_with_its_address() -> None:
    async with a_door() as (port, _):
        pass
    with pytest.raises(Transient, match=f"127.0.0.1:{port}"):
        await MllpClient("127.0.0.1", port).send(asks())


@pytest.mark.parametrize(
    ("err", "error", "code"),
    [
        ("ERR||MSH^1^10|101^Required field missing^HL70357|E||||no control id\r", "no control id", "101"),
        ("ERR||PID^1|101^Required field missing^HL70357|E\r", "Required field missing", "101"),
        ("", None, None),
    ],
)
def test_the_first_error_of_an_acknowledgement_is_told(err: str, error: str | None, code: str | None) -> None:
    assert read_ack(ack("AE", err=err)) == Ack("AE", "M1", error, code)
