"""Every GET of JSON at intake is a row of a table: its route and what the OpenAPI document tells come from there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.intake.api.paces import Paces
from services.intake.receiving.receive import Intake
from shared.web import cross_origin
from shared.web import openapi as api
from shared.web.auth import Caller


class Reading(NamedTuple):
    """What answers are made with: intake, how often who somebody is may be asked, and whose pages may ask (`desks`)."""

    intake: Intake
    paces: Paces
    desks: frozenset[str] = frozenset()

    def reader(self, request: Request, *roles: str) -> Caller:
        """Who asks, also by a page of the `desks`."""
        return cross_origin.asking(self.desks)(request, *roles)


@dataclass(frozen=True)
class Read:
    """One GET. `operation`: its name in the OpenAPI document, which never changes; `told`: the form of its answer;
    `asks`: its parameters; `problems`: answers besides 401, 403, 503 and what its path and parameters say."""

    path: str
    operation: str
    summary: str
    roles: tuple[str, ...]
    told: Any
    answer: Callable[[Reading, Request], Awaitable[Response]]
    asks: tuple[dict[str, Any], ...] = ()
    problems: tuple[int, ...] = ()
    for_pages: bool = False
    """Pages of the desks' origins may read it."""


def routes(reading: Reading, reads: Iterable[Read]) -> Sequence[BaseRoute]:
    """The routes of a table of reads."""
    found: list[BaseRoute] = []
    for read in reads:
        answer = partial(read.answer, reading)
        shown = cross_origin.readable(answer, reading.desks) if read.for_pages else answer
        found.append(Route(read.path, shown, methods=["GET"]))
    return found


def paths(reads: Iterable[Read]) -> dict[str, Any]:
    """What the OpenAPI document says of them."""
    return {read.path: {"get": _told(read)} for read in reads}


def _told(read: Read) -> dict[str, Any]:
    one = "{id}" in read.path
    problems = {401, 403, 503, *((404,) if one else (422,)), *read.problems}
    asked = [*([api.parameter("Id")] if one else []), *read.asks]
    return api.operation(read.operation, read.summary, read.roles, read.told, asked=asked, problems=sorted(problems))
