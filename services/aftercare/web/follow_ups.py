"""GET /api/follow-ups: the windows of the caller's facilities, page by page (contract 6)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import date
from http import HTTPStatus
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.aftercare import views
from services.aftercare.domain import STATES, State
from services.aftercare.views import After
from shared import audit
from shared.auth import Caller
from shared.clock import Clock
from shared.db import Database
from shared.web import JSON, Problem, caller

READERS = ("coordinator", "clinician", "auditor")
MOST, USUAL = 200, 50


def routes(database: Database, clock: Clock) -> Sequence[BaseRoute]:
    """The API's routes."""

    async def follow_ups(request: Request) -> Response:
        asking = caller(request, *READERS)
        asked, limit = request.query_params, _limit(request.query_params)
        async with database.begin() as connection:
            found = await views.list_follow_ups(
                connection,
                state=_state(asked),
                facilities=_scope(asking),
                after=_after(asked),
                limit=limit + 1,
            )
            page = found[:limit]
            await audit.note(connection, [_read(clock, asking, row) for row in page])
        more = _cursor(page[-1]) if len(found) > limit else None
        return JSON({"items": [_shown(row) for row in page], "next": more})

    return [Route("/api/follow-ups", follow_ups, methods=["GET"])]


def _scope(asking: Caller) -> frozenset[str] | None:
    return None if "*" in asking.facilities else asking.facilities


def _read(clock: Clock, asking: Caller, row: Mapping[str, Any]) -> audit.Entry:
    """Who saw which episode's window (45 CFR 164.312(b), audit controls)."""
    return audit.Entry(clock(), asking.subject, "follow-up-read", row["episode_id"])


def _state(asked: Mapping[str, str]) -> State | None:
    given = asked.get("state")
    for state in STATES:
        if given == state:
            return state
    if given is None:
        return None
    raise _unfit("state", f"state is one of {', '.join(STATES)}")


def _limit(asked: Mapping[str, str]) -> int:
    given = asked.get("limit", str(USUAL))
    if not (given.isascii() and given.isdigit() and len(given) < 4 and 1 <= int(given) <= MOST):
        raise _unfit("limit", f"limit is a number from 1 to {MOST}")
    return int(given)


def _cursor(row: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(f"{row['due_to'].isoformat()}|{row['follow_up_id']}".encode()).decode()


def _after(asked: Mapping[str, str]) -> After | None:
    given = asked.get("cursor")
    if given is None:
        return None
    try:
        day, _, follow_up_id = base64.urlsafe_b64decode(given.encode("ascii")).decode().partition("|")
        return After(date.fromisoformat(day), str(UUID(follow_up_id)))
    except (ValueError, binascii.Error):
        raise _unfit("cursor", "the cursor is not one that a page before gave") from None


def _unfit(field: str, text: str) -> Problem:
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "unfit", text, fields=[{"field": field, "problem": "unfit"}])


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}
