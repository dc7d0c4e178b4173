"""GET of episodes: the list, and one with all its facts and periods; every read is told to the audit. No SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.placement import views
from services.placement.desk import showing
from services.placement.desk.frame import Parts
from shared import audit
from shared.api import asking, paging
from shared.auth import Caller
from shared.clock import Clock
from shared.db import Connection
from shared.events.episodes import EpisodeState
from shared.events.levels import RANK
from shared.web import JSON, caller

READERS = ("coordinator", "clinician", "billing", "auditor")
STATES = tuple(get_args(EpisodeState.model_fields["state"].annotation))
FILTERS = frozenset({"state", "level", "facility"})


def routes(parts: Parts) -> Sequence[BaseRoute]:
    """GET /api/episodes and /api/episodes/{episode_id}."""
    database, clock = parts.database, parts.clock

    async def listed(request: Request) -> Response:
        who = caller(request, *READERS)
        asked = asking.parameters(request, FILTERS | paging.PARAMETERS)
        limit, after = paging.limit(asked), paging.behind(asked, 1)
        async with database.begin() as connection:
            found = await views.listed(
                connection,
                facilities=asking.scope(who, asked.get("facility")),
                after=after[0] if after else "",
                most=limit + 1,
                state=asking.one_of(asked, "state", STATES),
                level=asking.one_of(asked, "level", sorted(RANK, key=RANK.__getitem__)),
            )
            page, more = paging.page(found, limit, lambda one: (one.episode_id,))
            await _audited(connection, clock, who, "episode-listed", [one.episode_id for one in page])
        return JSON({"episodes": [showing.in_a_list(one) for one in page], "next": more})

    async def shown(request: Request) -> Response:
        who = caller(request, *READERS)
        episode_id = request.path_params["episode_id"]
        async with database.begin() as connection:
            await views.at_one_instant(connection)
            row = None if "\0" in episode_id else await views.episode(connection, episode_id)
            if row is None or not who.may_see(row.listed.facility):
                raise asking.missing()
            facts = await views.facts_of(connection, [episode_id])
            periods = await views.periods_of(connection, [episode_id])
            await _audited(connection, clock, who, "episode-read", [episode_id])
        told = showing.whole(row, facts[episode_id], periods[episode_id], parts.rules.places)
        return JSON(told, headers={"etag": asking.etag(row.listed.version)})

    return [Route("/api/episodes", listed), Route("/api/episodes/{episode_id}", shown)]


async def _audited(connection: Connection, clock: Clock, who: Caller, action: str, subjects: Sequence[str]) -> None:
    now = clock()
    await audit.note(connection, [audit.Entry(now, who.subject, action, subject) for subject in subjects])
