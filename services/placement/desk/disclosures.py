"""GET /api/disclosures and /api/withheld: what left and on what basis, what waits for one; every read is audited."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime
from http import HTTPStatus
from typing import Any, get_args

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.placement.disclosures import views
from services.placement.gate.bases import Word
from shared import audit
from shared.auth import Caller
from shared.clock import Clock
from shared.db import Database
from shared.web import JSON, Problem, caller

READERS = ("coordinator", "auditor")
MOST, USUAL = 200, 50
PAGES = ("limit", "cursor")
DISCLOSED = ("episode_id", "patient_id", "recipient", "facility")
WITHHELD = (*DISCLOSED, "reason")
REASONS = get_args(Word)
List = Callable[..., Awaitable[list[dict[str, Any]]]]


def routes(database: Database, clock: Clock) -> list[Route]:
    """Both of them."""

    async def disclosed(request: Request) -> Response:
        return await _page(request, "disclosures", DISCLOSED, views.disclosed, ("disclosed_at", "disclosure_id"))

    async def withheld(request: Request) -> Response:
        return await _page(request, "withheld", WITHHELD, views.waiting, ("since", "recipient", "fact_id"))

    async def _page(
        request: Request, name: str, known: Collection[str], read: List, place: tuple[str, ...]
    ) -> Response:
        asking = caller(request, *READERS)
        wanted = _parameters(request, (*known, *PAGES))
        if wanted.get("reason", REASONS[0]) not in REASONS:
            raise _wrong(f"reason is one of {', '.join(REASONS)}")
        most, after = _limit(wanted.pop("limit", None)), _behind(wanted.pop("cursor", None))
        scope = _scope(asking, wanted.pop("facility", None))
        async with database.begin() as connection:
            rows = await read(connection, facilities=scope, after=after, most=most + 1, **wanted)
            found, now = rows[:most], clock()
            episodes = sorted({row["episode_id"] for row in found})
            told = [audit.Entry(now, asking.subject, f"{name}-listed", episode) for episode in episodes]
            await audit.note(connection, told)
        following = _cursor(found[-1], place) if len(rows) > most else None
        return JSON({name: [_shown(row) for row in found], "next": following})

    return [Route("/api/disclosures", disclosed), Route("/api/withheld", withheld)]


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


def _parameters(request: Request, known: Collection[str]) -> dict[str, str]:
    given = request.query_params.multi_items()
    names = [name for name, _ in given]
    if unknown := set(names) - set(known):
        raise _wrong(f"{len(unknown)} parameters are not known here; known are {', '.join(sorted(known))}")
    if len(set(names)) < len(names) or any("\0" in value for _, value in given):
        raise _wrong("a parameter is given once, and is text")
    return dict(given)


def _scope(asking: Caller, facility: str | None) -> frozenset[str] | None:
    if facility is None:
        return None if "*" in asking.facilities else asking.facilities
    if not asking.may_see(facility):
        raise Problem(HTTPStatus.FORBIDDEN, "forbidden", "this facility is not in your scope")
    return frozenset({facility})


def _limit(text: str | None) -> int:
    if text is None:
        return USUAL
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= MOST:
        raise _wrong(f"limit is a whole number from 1 to {MOST}")
    return int(text)


def _cursor(row: dict[str, Any], place: tuple[str, ...]) -> str:
    at, *ids = (row[name] for name in place)
    return base64.urlsafe_b64encode("\x1f".join([at.isoformat(), *ids]).encode()).decode().rstrip("=")


def _behind(cursor: str | None) -> views.After | None:
    if cursor is None:
        return None
    try:
        at, *ids = base64.urlsafe_b64decode(f"{cursor}==".encode("ascii")).decode().split("\x1f")
        found = views.After(datetime.fromisoformat(at), *ids)
    except (binascii.Error, UnicodeError, ValueError, TypeError):
        raise _wrong("cursor is not one that a page before gave") from None
    if found.at.tzinfo is None or any("\0" in each for each in ids):
        raise _wrong("cursor is not one that a page before gave")
    return found


def _wrong(text: str) -> Problem:
    return Problem(HTTPStatus.BAD_REQUEST, "invalid", text)
