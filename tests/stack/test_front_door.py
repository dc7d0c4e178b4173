"""The front door of `up`: one host before the three services, with real connections on both sides."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from shared.run import bound
from shared.web.http_limits import HttpDoor, HttpLimits
from tests.waiting import until
from tools.stack.front.door import FrontDoor, FrontLimits
from tools.stack.front.routes import service_of

HTML = {"accept": "text/html,application/xhtml+xml"}
SMALL = FrontLimits(body_bytes=1000, answer_seconds=0.5)


@dataclass
class Service:
    """A small service behind the front door, and what it saw. `go`: what its slow answers wait for; `closed`: how many
    of its streams were left by their reader."""

    seen: list[Request] = field(default_factory=list)
    parts: list[bytes] = field(default_factory=list)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    closed: int = 0

    def app(self) -> Starlette:
        methods = ["GET", "POST", "PUT", "DELETE"]
        return Starlette(
            routes=[
                Route("/placement/events", self._events),
                Route("/placement/slow", self._slow, methods=methods),
                Route("/placement/breaks-off", self._breaks_off),
                Route("/placement/takes", self._takes, methods=methods),
                Route("/{path:path}", self._echo, methods=methods),
            ]
        )

    async def _echo(self, request: Request) -> Response:
        self.seen.append(request)
        body = await request.body()
        told = {"path": request.scope["raw_path"].decode(), "query": request.url.query, "body": body.decode()}
        answer = JSONResponse({**told, "method": request.method, "peer": request.client and request.client.port})
        answer.headers.append("set-cookie", "a=1; Path=/")
        answer.headers.append("set-cookie", "b=2; Path=/")
        return answer

    async def _events(self, _: Request) -> Response:
        async def told() -> AsyncIterator[str]:
            try:
                yield "data: first\n\n"
                await self.go.wait()
                yield "data: second\n\n"
            finally:
                self.closed += 1

        return StreamingResponse(told(), media_type="text/event-stream")

    async def _slow(self, _: Request) -> Response:
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.closed += 1
            raise
        return Response("there")

    async def _breaks_off(self, _: Request) -> Response:
        async def told() -> AsyncIterator[bytes]:
            yield b"begun"
            raise ConnectionError

        return StreamingResponse(told(), headers={"content-length": "10"})

    async def _takes(self, request: Request) -> Response:
        with contextlib.suppress(ClientDisconnect):
            async for part in request.stream():
                self.parts.append(part)
        return Response(status_code=204)


@asynccontextmanager
async def opened(app: Any, **more: Any) -> AsyncIterator[tuple[str, HttpDoor]]:
    """A server of an ASGI application on a free port, and its address."""
    web, sock = HttpDoor(app, HttpLimits(stop_seconds=5), **more), bound("127.0.0.1", 0)
    serving = asyncio.create_task(web.serve(sockets=[sock]))
    await until(lambda: web.started)
    try:
        yield f"http://127.0.0.1:{sock.getsockname()[1]}", web
    finally:
        web.should_exit = True
        await serving


@dataclass
class House:
    """The front door before one service, which stands for all three, and a client of it."""

    service: Service
    door: FrontDoor
    web: HttpDoor
    client: httpx.AsyncClient


@asynccontextmanager
async def house_with(limits: FrontLimits | None = None) -> AsyncIterator[House]:
    service = Service()
    async with opened(service.app(), behind_proxy=False) as (inner, _):
        door = FrontDoor(dict.fromkeys(("intake", "placement", "aftercare"), inner), limits)
        async with opened(door, behind_proxy=False) as (outer, web), httpx.AsyncClient(base_url=outer) as client:
            yield House(service, door, web, client)
            service.go.set()
            door.end_streams()
        await door.close()


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with house_with() as made:
        yield made


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/intake/api/patients", "intake"),
        ("/placement/", "placement"),
        ("/placement", "placement"),
        ("/aftercare/api/plans", "aftercare"),
        ("/sign-in", "intake"),
        ("/signed-in", "intake"),
        ("/sign-out", "intake"),
        ("/session", "intake"),
        ("/assets/desk.css", "intake"),
        ("/placement/metrics", None),
        ("/placement/health/ready", None),
        ("/intake/health/live", None),
        ("/metrics", None),
        ("/api/searches", None),
        ("/placements/", None),
        ("//placement/", None),
        ("", None),
    ],
)
def test_each_address_has_its_service_and_health_and_metrics_have_none(path: str, service: str | None) -> None:
    assert service_of(path) == service


async def test_a_request_comes_to_its_service_as_it_was_sent(house: House) -> None:
    answer = await house.client.post("/placement/a%2Fb/%C3%BC?q=a%20b&x=%2F", content=b"said")
    assert answer.status_code == 200
    told = answer.json()
    assert (told["method"], told["path"], told["query"], told["body"]) == (
        "POST", "/placement/a%2Fb/%C3%BC", "q=a%20b&x=%2F", "said",
    )  # fmt: skip
    assert answer.headers.get_list("set-cookie") == ["a=1; Path=/", "b=2; Path=/"]
    assert len(answer.headers.get_list("date")) == 1


async def test_the_host_alone_leads_to_the_coordinators_desk(house: House) -> None:
    answer = await house.client.get("/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/placement/")
    assert house.service.seen == []


@pytest.mark.parametrize("path", ["/placement/metrics", "/placement/%6detrics", "/aftercare/health/ready", "/nowhere"])
async def test_health_and_metrics_of_services_are_for_nobody_outside(house: House, path: str) -> None:
    assert (await house.client.get(path)).status_code == 404
    assert house.service.seen == []


async def test_an_event_arrives_while_its_stream_is_open(house: House) -> None:
    async with house.client.stream("GET", "/placement/events") as answer:
        lines = answer.aiter_lines()
        assert await asyncio.wait_for(anext(lines), 5) == "data: first"
        assert not house.service.go.is_set()
        house.service.go.set()
        assert [line async for line in lines if line] == ["data: second"]


async def test_a_stream_of_events_may_be_silent_for_longer_than_an_answer() -> None:
    async with house_with(SMALL) as house, house.client.stream("GET", "/placement/events") as answer:
        lines = answer.aiter_lines()
        assert await anext(lines) == "data: first"
        assert (await house.client.get("/placement/slow")).status_code == 504, "the time of an answer is over"
        house.service.go.set()
        assert [line async for line in lines if line] == ["data: second"]


async def test_who_leaves_a_stream_or_waits_no_longer_is_not_waited_for(house: House) -> None:
    async with house.client.stream("GET", "/placement/events") as answer:
        assert await anext(answer.aiter_lines()) == "data: first"
        assert house.service.closed == 0
    await until(lambda: house.service.closed == 1)


async def test_a_stream_ends_when_the_front_door_closes_and_nobody_waits(house: House) -> None:
    async with house.client.stream("GET", "/placement/events") as answer:
        lines = answer.aiter_lines()
        assert await anext(lines) == "data: first"
        house.door.end_streams()
        house.web.should_exit = True
        assert [line async for line in lines if line] == [], "the stream came to its end"
        await until(lambda: house.service.closed == 1)


async def test_a_body_comes_to_the_service_part_by_part(house: House) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"one"
        await until(lambda: house.service.parts == [b"one"])
        yield b"two"

    assert (await house.client.post("/placement/takes", content=parts())).status_code == 204
    assert b"".join(house.service.parts) == b"onetwo"


async def test_a_body_that_is_too_long_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b"x" * 100

    async with house_with(SMALL) as house:
        assert (await house.client.post("/placement/a", content=b"x" * 1000)).status_code == 200
        told = await house.client.post("/placement/a", content=b"x" * 1001)
        assert (told.status_code, told.json()["type"]) == (413, "urn:stepdown:problem:too-long")
        assert len(house.service.seen) == 1
        assert (await house.client.post("/placement/takes", content=parts())).status_code == 413
    assert [each.levelno for each in caplog.records if each.name.startswith("uvicorn")] == []


async def test_a_header_that_is_too_long_is_refused(house: House) -> None:
    answer = await house.client.get("/placement/a", headers={"x-long": "x" * 70_000})
    assert answer.status_code == 431
    assert house.service.seen == []


async def test_who_asks_is_said_by_the_front_door_and_never_by_the_browser(house: House) -> None:
    lies = {
        "X-Forwarded-For": "10.9.8.7", "x-forwarded-proto": "https", "X-Forwarded-Host": "evil.test",
        "X-Forwarded-Prefix": "/evil", "Forwarded": "for=10.9.8.7", "X-Real-IP": "10.9.8.7",
    }  # fmt: skip
    await house.client.get("/placement/a", headers=lies)
    [seen] = house.service.seen
    told = {name: value for name, value in seen.headers.items() if name.startswith(("x-forwarded", "forwarded", "x-r"))}
    host = house.client.base_url.netloc.decode()
    assert told == {"x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "http", "x-forwarded-host": host}
    assert seen.headers["host"] == host


async def test_headers_of_one_connection_stay_with_it(house: House) -> None:
    own = {"connection": "close, x-own", "x-own": "1", "te": "trailers", "keep-alive": "3", "proxy-authorization": "x"}
    answer = await house.client.get("/placement/a", headers={**own, "cookie": "c=1", "traceparent": "t"})
    [seen] = house.service.seen
    assert set(own) & set(seen.headers) == set()
    assert (seen.headers["cookie"], seen.headers["traceparent"]) == ("c=1", "t")
    assert answer.headers["connection"] == "close", "what the browser asked of its own connection"


async def test_connections_to_a_service_are_used_again(house: House) -> None:
    ports = {(await house.client.get("/placement/a")).json()["peer"] for _ in range(3)}
    assert len(ports) == 1


async def test_a_service_that_is_away_is_told_in_a_sentence() -> None:
    sock = bound("127.0.0.1", 0)
    away = f"http://127.0.0.1:{sock.getsockname()[1]}"  # bound, and nobody listens
    door = FrontDoor(dict.fromkeys(("intake", "placement", "aftercare"), away))
    async with opened(door, behind_proxy=False) as (outer, _), httpx.AsyncClient(base_url=outer) as client:
        page = await client.get("/placement/", headers=HTML)
        told = await client.get("/placement/api/searches", headers=HTML)
    await door.close()
    sock.close()
    assert (page.status_code, page.headers["content-type"]) == (503, "text/html; charset=utf-8")
    assert "<p>This part of Stepdown is away at the moment: try again in a minute.</p>" in page.text
    assert page.headers["retry-after"] == "2"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert (told.status_code, told.headers["content-type"]) == (503, "application/problem+json")
    assert told.json()["type"] == "urn:stepdown:problem:try-again"


async def test_an_answer_that_breaks_off_is_no_whole_answer(house: House) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        await house.client.get("/placement/breaks-off")
    assert (await house.client.get("/placement/a")).status_code == 200


async def test_a_service_that_hangs_up_without_an_answer_is_a_bad_gateway() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    door = FrontDoor(dict.fromkeys(("intake", "placement", "aftercare"), address))
    async with server, opened(door, behind_proxy=False) as (outer, _), httpx.AsyncClient(base_url=outer) as client:
        page = await client.get("/aftercare/", headers=HTML)
    await door.close()
    assert page.status_code == 502
    assert "broke off its answer" in page.text


async def test_nothing_of_a_request_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="tools")
    caplog.set_level(logging.INFO, logger="httpx")
    async with house_with(SMALL) as house:
        caplog.clear()
        await house.client.post("/placement/slow?q=Secret-Name", headers={"x-a": "Secret-Name"}, content=b"Secret-Name")
        ours = [each for each in caplog.records if each.name.startswith("tools")]
    assert [(each.getMessage(), vars(each)["to"], vars(each)["status"]) for each in ours] == [
        ("not passed on", "placement", 504)
    ]
    assert all("Secret" not in str(vars(each)) for each in ours)
