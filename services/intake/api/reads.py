"""Every read of JSON at intake is a row of a table; the route and its part of the OpenAPI document are made from it.

A read is a GET, or a POST where what is asked has no business in an address and comes in the body."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.intake.api.rate_limits import RateLimits
from services.intake.receiving.receive import Intake
from shared.web import openapi as api


class Reading(NamedTuple):
    """What reads answer with: intake and the rate limits."""

    intake: Intake
    rates: RateLimits


@dataclass(frozen=True)
class Read:
    """One read. `operation`: its name in the OpenAPI document, which never changes; `told`: the type of its answer;
    `asks`: its parameters; `problems`: the statuses that it may have besides 401, 403, 503, and 404 or 422; `body`: the
    model of a POST's body, or media type → schema; None: it is a GET."""

    path: str
    operation: str
    summary: str
    roles: tuple[str, ...]
    told: Any
    answer: Callable[[Reading, Request], Awaitable[Response]]
    asks: tuple[dict[str, Any], ...] = ()
    problems: tuple[int, ...] = ()
    body: type[BaseModel] | Mapping[str, Any] | None = None

    @property
    def method(self) -> str:
        """GET, or POST where the question is in the body."""
        return "GET" if self.body is None else "POST"


def routes(reading: Reading, reads: Iterable[Read]) -> Sequence[BaseRoute]:
    """The routes of a table of reads."""
    return [Route(read.path, partial(read.answer, reading), methods=[read.method]) for read in reads]


def paths(reads: Iterable[Read]) -> dict[str, Any]:
    """The paths of a table of reads in the OpenAPI document."""
    return {read.path: {read.method.lower(): _told(read)} for read in reads}


def _told(read: Read) -> dict[str, Any]:
    """The operation of a read in the OpenAPI document."""
    one = "{id}" in read.path
    by_body = () if read.body is None else (400, 413, 415)
    problems = {401, 403, 503, *((404,) if one else (422,)), *by_body, *read.problems}
    asked = [*([api.parameter("Id")] if one else []), *read.asks]
    told = api.operation(read.operation, read.summary, read.roles, read.told, asked=asked, problems=sorted(problems))
    if read.body is None:
        return told
    content = read.body if isinstance(read.body, Mapping) else api.json(read.body)
    return {**told, "requestBody": {"required": True, "content": content}}
