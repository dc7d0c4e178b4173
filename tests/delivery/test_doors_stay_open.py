"""A whole system with 1,024 descriptors, as systemd gives: who shuts a door, with what, and whom that keeps out."""

from __future__ import annotations

import asyncio
import contextlib
import urllib.request
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial

import pytest

from services.intake.hl7.frames import framed
from tests.intake.sender import Sender
from tests.system import System, a_system
from tests.waiting import until

pytestmark = pytest.mark.slow
OTHER = "127.0.0.9"


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """`up` under a hard limit of 1,024 descriptors for each process."""
    with a_system(tmp_path_factory.mktemp("narrow") / "data", descriptors=1024) as system:
        yield system


@asynccontextmanager
async def held(address: tuple[str, int], number: int, says: bytes) -> AsyncIterator[list[Sender]]:
    """So many connections that say only that."""
    made: list[Sender] = []
    for _ in range(number):
        with contextlib.suppress(OSError):
            made.append(await Sender.to(address))
            made[-1].writer.write(says)
    try:
        yield made
    finally:
        for one in made:
            one.writer.transport.abort()


def message() -> bytes:
    """An A01 of somebody nobody told of before."""
    mrn = uuid.uuid4().hex[:10]
    at = "20260301090000"
    return (
        f"MSH|^~\\&|ADT|GOODHEALTH|SD|SD|{at}||ADT^A01|{mrn}|P|2.5.1\rEVN|A01|{at}\r"
        f"PID|1||{mrn}^^^GH^MR||X^Y||19800101|F\rPV1||I|3W^1^A|||||||||||||||||{mrn}"
        "|||||||||||||||||||||||||20260301090000\r"
    ).encode()


def place(system: System, door: str) -> tuple[str, int]:
    """Host and port of a door."""
    host, port = system.ready[door].removeprefix("http://").split(":")
    return host, int(port)


SAID = [
    ("intake", b"POST /hl7v2 HTTP/1.1\r\nhost: x\r\n"),
    ("intake", b""),
    ("mllp", b""),
    ("mllp", b"\r\n"),
    ("mllp", framed(b"")),
]


@pytest.mark.parametrize(("door", "says"), SAID)
async def test_a_thousand_connections_that_say_nothing_keep_nobody_out(narrow: System, door: str, says: bytes) -> None:
    staying = await narrow.sender()
    assert b"MSA|AA|" in await staying.send(message())
    async with held(place(narrow, door), 1000, says):
        newcomer = await Sender.to(place(narrow, "mllp"), come_from=OTHER)
        assert b"MSA|AA|" in await newcomer.send(message())
        same = await narrow.sender()
        assert b"MSA|AA|" in await same.send(message())
        if door == "intake":
            assert b"MSA|AA|" in await staying.send(message())
        assert await asyncio.to_thread(narrow.get, "placement", "/api/programs")
        for one in (newcomer, same):
            await one.close()
    await staying.close()


async def test_when_all_is_done_nobody_is_behind(narrow: System) -> None:
    await narrow.idle()
    for name in ("intake", "placement", "aftercare"):
        await until(partial(_is_up, narrow, name), 30)


def _is_up(system: System, service: str) -> bool:
    """Whether every consumer of the service says that nothing is left, and the service that it is ready."""
    with urllib.request.urlopen(system.ready[service] + "/health/ready", timeout=10) as ready:
        return bool(ready.status == 200) and _lags(system, service) == {0.0}


def _lags(system: System, service: str) -> set[float]:
    with urllib.request.urlopen(system.ready[service] + "/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return {float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("stepdown_lag_records{")}
