"""Every GET of JSON at intake is a row of a table; the route and its part of the OpenAPI document are made from it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

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
    """One GET. `operation`: its name in the OpenAPI document, which never changes; `told`: the type of its answer;
    `asks`: its parameters; `problems`: the statuses that it may have besides 401, 403, 503, and 404 or 422."""

    path: str
    operation: str
    summary: str
    roles: tuple[str, ...]
    told: Any
    answer: Callable[[Reading, Request], Awaitable[Response]]
    asks: tuple[dict[str, Any], ...] = ()
    problems: tuple[int, ...] = ()


def routes(reading: Reading, reads: Iterable[Read]) -> Sequence[BaseRoute]:
    """The routes of a table of reads."""
    return [Route(read.path, partial(read.answer, reading), methods=["GET"]) for read in reads]


def paths(reads: Iterable[Read]) -> dict[str, Any]:
    """The paths of a table of reads in the OpenAPI document."""
    return {read.path: {"get": _told(read)} for read in reads}


def _told(read: Read) -> dict[str, Any]:
    """The operation of a read in the OpenAPI document."""
    one = "{id}" in read.path
    problems = {401, 403, 503, *((404,) if one else (422,)), *read.problems}
    asked = [*([api.parameter("Id")] if one else []), *read.asks]
    return api.operation(read.operation, read.summary, read.roles, read.told, asked=asked, problems=sorted(problems))
