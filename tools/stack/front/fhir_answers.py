"""Answers below the one base of FHIR that come of several services: a search that goes on from one to the next, and
one CapabilityStatement of all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

import httpx
import orjson

from shared.fhir import capability
from shared.fhir.outcomes import MEDIA, refusal
from tools.stack.front import headers
from tools.stack.front.exchange import RequestBody
from tools.stack.front.fhir import Pairs, Turn, first_turn, left, merged

FORM_BYTES = 64 * 1024
"""Bytes of a search's body at most."""


class Answer(NamedTuple):
    """An answer: its status, headers and body."""

    status: int
    head: list[headers.Header]
    body: bytes


Ask = Callable[[str, httpx.Request], Awaitable[httpx.Response]]
"""Sends a request to a service, whose answer comes whole."""


async def statement(ask: Ask, services: Sequence[str], scope: Any, url_of: Callable[[str, bytes], httpx.URL]) -> Answer:
    """The CapabilityStatements of the services as one. Where a service is away there is none (503): one that lacks
    types would be untrue."""
    told = []
    for service in services:
        url = url_of(service, b"/fhir/metadata")
        answer = await ask(service, httpx.Request("GET", url, headers=_head(scope)))
        if answer.status_code != HTTPStatus.OK:
            return _away()
        told.append(orjson.loads(answer.content))
    return _fhir(200, orjson.dumps(capability.merged(told)))


async def search(
    ask: Ask, services: Sequence[str], scope: Any, body: RequestBody, url_of: Callable[[str, bytes], httpx.URL]
) -> Answer:
    """A page of a search: the first service's, and as far as it is not full, those of the next ones."""
    asked = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    form = b"".join([part async for part in body]) if body.there else b""
    if len(form) > FORM_BYTES:
        return _fhir(413, refusal(413, "the body is too long"))
    posted = parse_qsl(form.decode("latin-1"), keep_blank_values=True)
    turn = first_turn(services, [*asked, *posted])
    pages: list[tuple[str, dict[str, Any]]] = []
    while True:
        answer = await ask(turn.service, _request(scope, turn, url_of))
        if answer.status_code != HTTPStatus.OK:
            return Answer(answer.status_code, headers.answered(answer.headers.raw), answer.content)
        pages.append((turn.service, orjson.loads(answer.content)))
        entries = [one for _, page in pages for one in page.get("entry", ())]
        following = services[services.index(turn.service) + 1 :]
        room = left([*asked, *posted], entries)
        more = any(link.get("relation") == "next" for link in pages[-1][1].get("link", ()))
        if more or not following or room <= 0:
            return _fhir(200, orjson.dumps(merged(pages, services, [*asked, *posted])))
        turn = Turn(following[0], [*_without(turn.asked), ("_count", str(room))])


def _without(asked: Pairs) -> Pairs:
    return [one for one in asked if one[0] not in {"_cursor", "_count"}]


def _request(scope: Any, turn: Turn, url_of: Callable[[str, bytes], httpx.URL]) -> httpx.Request:
    """A search as it came, with the parameters of this turn: in the body where they came there."""
    path, told = scope["raw_path"], urlencode(turn.asked).encode()
    if scope["method"] == "POST":
        return httpx.Request("POST", url_of(turn.service, path), headers=_head(scope), content=told)
    return httpx.Request("GET", url_of(turn.service, path + (b"?" + told if told else b"")), headers=_head(scope))


_OF_THE_BODY = frozenset({b"content-length", b"transfer-encoding"})


def _head(scope: Any) -> list[headers.Header]:
    """The headers as they came, without those of a body, which is not passed on as it came, if it is at all."""
    return [one for one in headers.asked(scope) if one[0] not in _OF_THE_BODY | {b"accept-encoding"}]


def _fhir(status: int, body: bytes) -> Answer:
    head = [
        (b"content-type", MEDIA.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    return Answer(status, head, body)


def _away() -> Answer:
    answer = _fhir(503, refusal(503, "a part of Stepdown is away at the moment: try again in a moment"))
    return answer._replace(head=[*answer.head, (b"retry-after", b"2")])
