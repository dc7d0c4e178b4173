"""The JSON API of the desk: who may read what, in pages; every read is told to the audit. No SQL, no page."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from http import HTTPStatus
from typing import get_args

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.placement import views
from services.placement.desk import showing
from shared import audit
from shared.auth import Caller
from shared.clock import Clock
from shared.db import Connection, Database
from shared.events.episodes import EpisodeState
from shared.events.levels import Level
from shared.web import JSON, Problem, caller

READERS = ("coordinator", "clinician", "billing", "auditor")
MOST, USUAL = 200, 50
STATES = frozenset(get_args(EpisodeState.model_fields["state"].annotation))
FILTERS = frozenset({"state", "level", "facility", "limit", "cursor"})


def routes(database: Database, clock: Clock) -> list[Route]:
    """GET /api/episodes and /api/episodes/{episode_id}."""

    async def listed(request: Request) -> Response:
        asking = caller(request, *READERS)
        wanted = _filters(request)
        most = _limit(wanted.get("limit"))
        async with database.begin() as connection:
            found = await views.listed(
                connection,
                facilities=_scope(asking, wanted.get("facility")),
                after=_behind(wanted.get("cursor")),
                most=most + 1,
                state=_one_of(wanted, "state", STATES),
                level=_one_of(wanted, "level", frozenset(Level)),
            )
            page = found[:most]
            await _audited(connection, clock, asking, "episode-listed", [one.episode_id for one in page])
        cursor = _cursor(page[-1].episode_id) if len(found) > most else None
        return JSON({"episodes": [showing.in_a_list(one) for one in page], "next": cursor})

    async def shown(request: Request) -> Response:
        asking = caller(request, *READERS)
        episode_id = request.path_params["episode_id"]
        async with database.begin() as connection:
            await views.at_one_instant(connection)
            row = None if "\0" in episode_id else await views.episode(connection, episode_id)
            if row is None or not asking.may_see(row.listed.facility):
                raise Problem(HTTPStatus.NOT_FOUND, "no-such-episode", "there is no such episode that you may see")
            facts = await views.facts_of(connection, [episode_id])
            periods = await views.periods_of(connection, [episode_id])
            await _audited(connection, clock, asking, "episode-read", [episode_id])
        return JSON(showing.whole(row, facts[episode_id], periods[episode_id]))

    return [Route("/api/episodes", listed), Route("/api/episodes/{episode_id}", shown)]


async def _audited(connection: Connection, clock: Clock, asking: Caller, action: str, subjects: Sequence[str]) -> None:
    now = clock()
    await audit.note(connection, [audit.Entry(now, asking.subject, action, subject) for subject in subjects])


def _filters(request: Request) -> dict[str, str]:
    if unknown := request.query_params.keys() - FILTERS:
        raise _wrong(f"{len(unknown)} parameters are not known here; known are {', '.join(sorted(FILTERS))}")
    if any("\0" in value for value in request.query_params.values()):
        raise _wrong("a parameter has a character that no text has")
    return dict(request.query_params)


def _one_of(wanted: dict[str, str], name: str, known: frozenset[str]) -> str | None:
    value = wanted.get(name)
    if value is not None and value not in known:
        raise _wrong(f"{name} is one of {', '.join(sorted(known))}")
    return value


def _scope(asking: Caller, facility: str | None) -> views.Facilities:
    """What the caller may see, narrowed to one facility where that is asked for."""
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


def _cursor(last: str) -> str:
    return base64.urlsafe_b64encode(last.encode()).decode().rstrip("=")


def _behind(cursor: str | None) -> str:
    try:
        last = base64.urlsafe_b64decode(f"{cursor or ''}==".encode("ascii")).decode()
    except (binascii.Error, UnicodeError):
        last = "\0"
    if "\0" in last:  # PostgreSQL has no text with it
        raise _wrong("cursor is not one that a page before gave")
    return last


def _wrong(text: str) -> Problem:
    return Problem(HTTPStatus.BAD_REQUEST, "invalid", text)
