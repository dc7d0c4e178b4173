"""The HTTP door stays open for the others: who sends half a request, or many, holds it for a while and no longer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from shared import metrics
from shared.run import bound
from shared.web.descriptors import OWN, Seating, raised, seating
from shared.web.http_limits import HttpDoor, HttpLimits
from tests.intake.sender import Sender
from tests.waiting import until

ASK = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
HALF_HEADER = b"GET / HTTP/1.1\r\nhost: x\r\n"
HALF_BODY = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n12345"
LONG = 8 << 20
QUICK = HttpLimits(header_seconds=0.2, body_seconds=0.2, answer_seconds=0.2)


async def _answer(request: Request) -> Response:
    body = await request.body()
    return PlainTextResponse("x" * LONG if request.url.path == "/long" else f"{len(body)}")


@asynccontextmanager
async def opened(limits: HttpLimits) -> AsyncIterator[tuple[str, int]]:
    """A door with limits before a small application."""
    app = Starlette(routes=[Route("/{at:path}", _answer, methods=["GET", "POST"])])
    web, sock = HttpDoor(app, limits), bound("127.0.0.1", 0)
    serving = asyncio.create_task(web.serve(sockets=[sock]))
    await until(lambda: web.started)
    try:
        yield sock.getsockname()
    finally:
        web.should_exit = True
        await serving


def _closed(why: str) -> float:
    """How many connections were closed for that."""
    return float(metrics.HTTP_CLOSED.labels(why)._value.get())


class Browser(Sender):
    """A connection over HTTP."""

    async def says(self, *parts: bytes) -> None:
        """Send bytes as they are."""
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()

    async def head(self) -> bytes:
        """The first line of the next answer; b"" where the connection ends."""
        try:
            found = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 20)
        except (asyncio.IncompleteReadError, ConnectionError):
            return b""
        return found.split(b"\r\n")[0]

    async def asks(self) -> bytes:
        """A small request's answer."""
        await self.says(ASK)
        return await self.head()


@pytest.fixture
async def browsers() -> AsyncIterator[list[Browser]]:
    """Connections that are closed afterwards."""
    made: list[Browser] = []
    yield made
    for one in made:
        await one.close()


@pytest.mark.parametrize(
    ("sent", "told"),
    [(b"", b""), (b"GET ", b"408"), (HALF_HEADER, b"408"), (HALF_BODY, b"408"), (ASK + HALF_HEADER, b"200")],
    ids=["nothing", "half a line", "half a header", "half a body", "half of the next one"],
)
async def test_half_a_request_has_its_time_and_no_more(browsers: list[Browser], sent: bytes, told: bytes) -> None:
    async with opened(QUICK) as address:
        browsers.append(slow := await Browser.to(address))
        await slow.says(sent)
        assert told in await slow.head()
        rest = await asyncio.wait_for(slow.reader.read(), 20)
        assert b"HTTP/1.1 200" not in rest


async def test_a_byte_now_and_then_does_not_lengthen_it(browsers: list[Browser]) -> None:
    async with opened(QUICK) as address:
        browsers.append(slow := await Browser.to(address))
        ended = asyncio.create_task(slow.head())
        for letter in b"GET / HTTP/1.1\r\nx: " + b"y" * 10_000:
            slow.writer.write(bytes([letter]))
            await asyncio.wait({ended}, timeout=0.01)
            if ended.done():
                break
        assert ended.done()
        assert b"200" not in await ended  # 408, or a reset, since it went on sending


async def test_who_does_not_read_its_answer_loses_the_connection(browsers: list[Browser]) -> None:
    async with opened(QUICK) as address:
        before = _closed("answer too slow")
        browsers.append(deaf := await Browser.to(address))
        await deaf.says(b"GET /long HTTP/1.1\r\nhost: x\r\n\r\n")
        deaf.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await until(lambda: _closed("answer too slow") > before)
        deaf.writer.transport.resume_reading()  # type: ignore[attr-defined]
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await asyncio.wait_for(deaf.reader.readexactly(LONG), 20)


@pytest.mark.parametrize("held", [b"", HALF_HEADER, HALF_BODY], ids=["nothing said", "half a header", "half a body"])
async def test_many_connections_of_one_address_shut_out_nobody_from_another(
    browsers: list[Browser], held: bytes
) -> None:
    async with opened(HttpLimits(connections=8, grace_seconds=0.1)) as address:
        for _ in range(40):
            browsers.append(one := await Browser.to(address))
            with contextlib.suppress(ConnectionError):  # it may be closed for the next one by now
                await one.says(held)
        browsers.append(other := await Browser.to(address, come_from="127.0.0.2"))
        assert b"200" in await other.asks()
        for one in browsers:  # else the server waits for the rest of each request before it ends
            await one.close()


async def test_a_connection_that_is_kept_gives_way_to_a_newcomer(browsers: list[Browser]) -> None:
    async with opened(HttpLimits(connections=1)) as address:
        browsers.append(first := await Browser.to(address))
        assert b"200" in await first.asks()
        browsers.append(second := await Browser.to(address))
        assert b"200" in await second.asks()
        await first.reader.read(1)
        assert await first.head() == b""


@pytest.mark.parametrize(
    ("descriptors", "got"),
    [
        (20_000, Seating(1000, 1000)),
        (1024, Seating(650, 216)),
        (256, Seating(74, 24)),
        (100, Seating(8, 8)),
    ],
)
def test_descriptors_are_shared_out_before_anybody_connects(descriptors: int, got: Seating) -> None:
    found = seating(descriptors, pool=8, mllp=1000, http=1000)
    assert found == got
    assert sum(found) + OWN + 8 <= descriptors or descriptors < 200


def test_the_soft_limit_is_raised() -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 900), hard))
        assert raised() == hard
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
