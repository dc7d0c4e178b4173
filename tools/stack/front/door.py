"""A reverse proxy for the three services of one `up`, as an ASGI application: one host, on which each has its prefix.

Requests are passed on with the address that they came with. Nothing of a request is logged.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import Any

import httpx

from tools.stack.front import ISSUER_PATH, fhir_answers, headers
from tools.stack.front.exchange import Exchange, Gone, NotPassed, RequestBody
from tools.stack.front.fhir import BASE, Asks, asks
from tools.stack.front.refusals import refusal
from tools.stack.front.routes import FIRST_PAGE, service_of

log = logging.getLogger(__name__)
Application = Callable[[Any, Any, Any], Awaitable[None]]
"""An ASGI application."""
READY = "/health/ready"
"""Answered by the front door itself, for who started it."""
KEPT_SECONDS = 3.0
"""An idle connection to a service is used again for so long: less than the service keeps it (5 s, HttpLimits)."""
_AWAY = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True, slots=True)
class FrontLimits:
    """What passes. `body_bytes` of a request: the most that a site can allow a message (site config,
    `limits.message_bytes`); `header_bytes` of its headers and address together; `connect_seconds` to reach a service;
    `answer_seconds` from the beginning of a request to that of its answer, and between two parts of it; `connections`
    to one service at once."""

    body_bytes: int = 16 * 1024 * 1024
    header_bytes: int = 32 * 1024
    connect_seconds: float = 2.0
    answer_seconds: float = 60.0
    connections: int = 450


class FrontDoor:
    """The application. `services`: name → address (`http://127.0.0.1:20001`). `issuer`: makes the application of the
    development issuer, whose addresses begin with ISSUER_PATH; it is made when it is asked for first."""

    def __init__(
        self,
        services: Mapping[str, str],
        limits: FrontLimits | None = None,
        issuer: Callable[[], Application] | None = None,
    ) -> None:
        self.limits = limits or FrontLimits()
        self._issuer = cache(issuer) if issuer else None
        self._services = {name: httpx.URL(address) for name, address in services.items()}
        pool = httpx.Limits(max_connections=self.limits.connections, keepalive_expiry=KEPT_SECONDS)
        self._transports = {name: httpx.AsyncHTTPTransport(limits=pool) for name in services}
        self._closing = asyncio.Event()

    def end_streams(self) -> None:
        """End the streams of events; browsers begin them anew by themselves."""
        self._closing.set()

    async def close(self) -> None:
        """Close the connections to the services, after the last request."""
        await asyncio.gather(*(transport.aclose() for transport in self._transports.values()))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        service = service_of(scope["path"])
        asked = asks(scope["method"], scope["path"]) if _is_fhir(scope["path"]) else None
        if scope["path"] == READY:
            await _answer(send, HTTPStatus.OK, [(b"content-type", b"application/json")], b'{"ready":true}')
        elif scope["path"] == "/":
            where = [(b"location", FIRST_PAGE.encode()), (b"cache-control", b"no-store"), (b"content-length", b"0")]
            await _answer(send, HTTPStatus.TEMPORARY_REDIRECT, where, b"")
        elif self._issuer is not None and scope["path"].startswith(f"{ISSUER_PATH}/"):
            await self._issuer()(scope, receive, send)
        elif asked is not None and asked.what == "one":
            await self._pass(asked.services[0], scope, receive, send)
        elif asked is not None:
            await self._put_together(asked, scope, receive, send)
        elif service is None:
            await _answer(send, HTTPStatus.NOT_FOUND, *refusal(scope, HTTPStatus.NOT_FOUND))
        else:
            await self._pass(service, scope, receive, send)

    async def _pass(self, service: str, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request to a service and its answer back. An answer that breaks off after its beginning breaks off for
        the browser too."""
        exchange = Exchange(send, self.limits.answer_seconds, self._closing)
        try:
            body = self._body(scope, receive)
            await exchange.run(self._transports[service], self._request(service, scope, body), body)
        except Gone:
            return
        except (NotPassed, TimeoutError, httpx.TransportError) as fault:
            status = _status_of(fault)
            log.warning("not passed on", extra={"to": service, "status": int(status), "kind": type(fault).__name__})
            if not exchange.begun:
                await _answer(send, status, *refusal(scope, status))

    async def _put_together(self, asked: Asks, scope: Any, receive: Any, send: Any) -> None:
        """Answer what several services answer together, below the base of FHIR."""
        try:
            async with asyncio.timeout(self.limits.answer_seconds):
                if asked.what == "statement":
                    told = await fhir_answers.statement(self._ask, asked.services, scope, self._url)
                else:
                    body = self._body(scope, receive)
                    told = await fhir_answers.search(self._ask, asked.services, scope, body, self._url)
            await _answer(send, HTTPStatus(told.status), told.head, told.body)
        except Gone:
            return
        except (NotPassed, TimeoutError, httpx.TransportError) as fault:
            status = _status_of(fault)
            log.warning("not passed on", extra={"to": "fhir", "status": int(status), "kind": type(fault).__name__})
            await _answer(send, status, *refusal(scope, status))

    async def _ask(self, service: str, request: httpx.Request) -> httpx.Response:
        """An answer of a service, whole."""
        seconds = self.limits.connect_seconds
        request.extensions = {"timeout": {"connect": seconds, "pool": seconds}}
        answer = await self._transports[service].handle_async_request(request)
        try:
            await answer.aread()
        finally:
            await answer.aclose()
        return answer

    def _url(self, service: str, target: bytes) -> httpx.URL:
        return self._services[service].copy_with(raw_path=target)

    def _body(self, scope: Any, receive: Any) -> RequestBody:
        """Raises NotPassed for headers that are too long, and for a body that says itself that it is."""
        if _header_bytes(scope) > self.limits.header_bytes:
            raise NotPassed(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        given = dict(scope["headers"])
        if int(given.get(b"content-length", b"0")) > self.limits.body_bytes:  # what is no number, the server refuses
            raise NotPassed(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        there = b"content-length" in given or b"transfer-encoding" in given
        return RequestBody(receive, there=there, most=self.limits.body_bytes)

    def _request(self, service: str, scope: Any, body: RequestBody) -> httpx.Request:
        target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        seconds = self.limits.connect_seconds
        return httpx.Request(
            scope["method"],
            self._services[service].copy_with(raw_path=target),
            headers=headers.asked(scope),
            content=body if body.there else None,
            extensions={"timeout": {"connect": seconds, "pool": seconds}},
        )


def _is_fhir(path: str) -> bool:
    return path == BASE or path.startswith(f"{BASE}/")


def _header_bytes(scope: Any) -> int:
    told = sum(len(name) + len(value) for name, value in scope["headers"])
    return told + len(scope["raw_path"]) + len(scope["query_string"])


def _status_of(fault: NotPassed | TimeoutError | httpx.TransportError) -> HTTPStatus:
    if isinstance(fault, NotPassed):
        return fault.status
    if isinstance(fault, TimeoutError):
        return HTTPStatus.GATEWAY_TIMEOUT
    return HTTPStatus.SERVICE_UNAVAILABLE if isinstance(fault, _AWAY) else HTTPStatus.BAD_GATEWAY


async def _answer(send: Any, status: HTTPStatus, head: list[headers.Header], body: bytes) -> None:
    await send({"type": "http.response.start", "status": int(status), "headers": head})
    await send({"type": "http.response.body", "body": body})
