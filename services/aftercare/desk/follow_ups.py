"""GET /api/follow-ups: the follow-up windows of the facilities that the caller may see, in pages (contract 6)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import cast
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.aftercare.decisions.windows import STATES, State
from services.aftercare.desk import showing
from services.aftercare.engine import views
from services.aftercare.engine.views import After
from services.aftercare.worklists.listed import ListedWindow
from shared.clock import Clock
from shared.storage import audit
from shared.storage.database import Database
from shared.web import paging, requests
from shared.web.app import JSON, caller
from shared.web.auth import Caller

READERS = ("coordinator", "clinician", "auditor")
FILTERS = frozenset({"state"}) | paging.PARAMETERS


def routes(database: Database, clock: Clock) -> Sequence[BaseRoute]:
    """The route of the list."""

    async def follow_ups(request: Request) -> Response:
        who = caller(request, *READERS)
        asked = requests.parameters(request, FILTERS)
        limit = paging.limit(asked)
        async with database.begin() as connection:
            found = await views.list_follow_ups(
                connection,
                state=cast("State | None", requests.one_of(asked, "state", STATES)),
                scope=requests.scope(who),
                after=window_behind(last) if (last := paging.behind(asked, 2)) else None,
                limit=limit + 1,
            )
            page, more = paging.page(found, limit, lambda row: (row.due_to.isoformat(), row.follow_up_id))
            seen = await showing.seen_by(connection, who.scope, page)
            await audit.note(connection, [_read(clock, who, row) for row in page])
        return JSON({"items": [showing.shown(row, clock()) for row in seen], "next": more})

    return [Route("/api/follow-ups", follow_ups, methods=["GET"])]


def _read(clock: Clock, who: Caller, row: ListedWindow) -> audit.Entry:
    """The audit's entry of who saw the window of which episode (45 CFR 164.312(b), audit controls)."""
    return audit.Entry(clock(), who.subject, "follow-up-read", row.episode_id)


def window_behind(last: Sequence[str]) -> After:
    """Where a page begins, from the two parts of a cursor: the last window of the page before. Raises a 422 Problem."""
    try:
        return After(date.fromisoformat(last[0]), str(UUID(last[1])))
    except ValueError:
        raise paging.no_cursor() from None
