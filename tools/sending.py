"""Sends files of HL7 messages to a running system, over MLLP or by the topic hospital.adt. Prints nothing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer

from services.intake.hl7.parser import Message, pieces
from shared.errors import SetUpError, StepdownError, Transient
from shared.messaging.reading import Reading, reading
from shared.settings import Settings
from tools.mllp_client import Ack, MllpClient, WrongAnswer, header, read_ack

TO, BACK = "hospital.adt", "hospital.acks"
ER7 = [("content-type", b"x-application/hl7-v2+er7")]
SECONDS = 15.0
"""How long to wait for the next acknowledgement on hospital.acks."""
NOT_HL7 = "no MSH segment: this is not an HL7 message; it was not sent"


class Found(NamedTuple):
    """One message of a file, numbered from 1. `raw`: its bytes without MLLP framing; None for a file without a
    message."""

    file: str
    number: int
    raw: bytes | None


@dataclass(frozen=True, slots=True)
class SendResult:
    """What was answered to one message. `code`: MSA-1, None where nothing was answered; `good`: it was AA or CA, or no
    answer was due; `error` and `error_code`: ERR-8 and ERR-3.1, or why it was not sent."""

    file: str
    index: int
    control_id: str | None
    code: str | None
    good: bool
    error: str | None = None
    error_code: str | None = None

    def as_json(self) -> dict[str, Any]:
        """`{"file","index","control_id","ack","error_code","error"}`."""
        found = asdict(self)
        found["ack"] = found.pop("code")
        del found["good"]
        return found


def found_in(paths: Iterable[Path]) -> Iterator[Found]:
    """Every message in these files and, in order of their names, in the files of these folders, without `*.json`.

    Raises SetUpError for a file that cannot be read.
    """
    for path in paths:
        for file in sorted(_walked(path)) if path.is_dir() else [path]:
            yield from _in_file(file)


def _walked(folder: Path) -> Iterator[Path]:
    return (each for each in folder.rglob("*") if each.is_file() and each.suffix != ".json")


def _in_file(file: Path) -> Iterator[Found]:
    name = os.fsencode(file).decode("utf-8", "replace")
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise SetUpError(f"{name} can't be read ({error.strerror})") from None
    index = 0
    for index, piece in enumerate(pieces(raw), start=1):
        yield Found(name, index, piece.rstrip(b"\x0b\x1c\r\n") + b"\r")
    if not index:
        yield Found(name, 1, None)


async def by_mllp(found: Sequence[Found], host: str, port: int) -> AsyncIterator[SendResult]:
    """Send over one MLLP connection, each message after the answer to the one before; a connection that is closed is
    made again for the next message. Failures are results, none is raised."""
    client = MllpClient(host, port)
    try:
        for each in found:
            yield await _over(client, each)
    finally:
        await client.close()


async def _over(client: MllpClient, each: Found) -> SendResult:
    if each.raw is None:
        return _not_sent(each, NOT_HL7)
    try:
        acks = await client.send(each.raw)
    except (Transient, WrongAnswer) as fault:
        return _not_sent(each, str(fault))
    if not acks:
        return SendResult(each.file, each.number, header(each.raw)[0], None, good=True, error="no answer was asked for")
    return _result_of(each, acks[-1])


def _result_of(each: Found, ack: Ack) -> SendResult:
    return SendResult(each.file, each.number, ack.control_id, ack.code, ack.good, ack.error, ack.error_code)


def _not_sent(each: Found, why: str) -> SendResult:
    return SendResult(each.file, each.number, header(each.raw)[0] if each.raw else None, None, good=False, error=why)


async def by_kafka(found: Sequence[Found], settings: Settings, seconds: float = SECONDS) -> AsyncIterator[SendResult]:
    """Produce all messages to hospital.adt with the key `MSH-4|PID-3`; then yield the acknowledgements on hospital.acks
    in the order in which they come, and at last the messages without one, `seconds` after the last that came.

    Raises SetUpError where the broker does not take the messages.
    """
    for each in found:
        if each.raw is None:
            yield _not_sent(each, NOT_HL7)
    sent = [(each, _key(each.raw), each.raw) for each in found if each.raw is not None]
    async with reading(settings.kafka_client()) as acks:
        await acks.begin([BACK], at_the_end=True)
        await _produce(settings, [(key, raw) for _, key, raw in sent])
        waiting = {(key, header(raw)[0]): each for each, key, raw in sent}
        async for told in _answers(acks, waiting, seconds):
            yield told
    for each in waiting.values():
        yield _not_sent(each, f"it is on {TO}; no answer came on {BACK} within {seconds:g} s")


async def _answers(acks: Reading, waiting: dict[tuple[bytes, str], Found], seconds: float) -> AsyncIterator[SendResult]:
    end = asyncio.get_running_loop().time() + seconds
    while waiting and asyncio.get_running_loop().time() < end:
        for record in await acks.batch(200):
            try:
                ack = read_ack(record.value or b"")
            except WrongAnswer:
                continue
            each = waiting.pop((record.key or b"", ack.control_id), None)
            if each is not None:
                end = asyncio.get_running_loop().time() + seconds
                yield _result_of(each, ack)


async def _produce(settings: Settings, records: Sequence[tuple[bytes, bytes]]) -> None:
    producer = AIOKafkaProducer(**settings.kafka_client(), acks="all", enable_idempotence=True)
    try:
        await producer.start()
        sent = [await producer.send(TO, raw, key=key, headers=ER7) for key, raw in records]
        await asyncio.gather(*sent)
    except StepdownError:
        raise
    except Exception as fault:  # noqa: BLE001 - the client's errors have the record in their text
        raise SetUpError(f"the broker did not take the messages ({type(fault).__name__})") from None
    finally:
        await producer.stop()


def _key(raw: bytes) -> bytes:
    message = Message(raw)
    return f"{message.get('MSH', 4)}|{message.get('PID', 3)}".encode()
