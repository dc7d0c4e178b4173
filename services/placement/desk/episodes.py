"""GET of episodes: the list, and one with all its facts and service periods; every read is audited. No SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.placement.continuum import codec
from services.placement.continuum.fold import fold
from services.placement.desk import showing
from services.placement.desk.answers import EpisodeLine
from services.placement.desk.frame import Parts
from services.placement.desk.patient import past
from services.placement.desk.patient.bills import history
from services.placement.engine import views, visible
from services.placement.engine.views import Listed, Stored
from services.placement.rules import Rules
from services.placement.worklists import views as desk_views
from shared.clock import Clock
from shared.events.episodes import EpisodeStateName
from shared.events.levels import RANK
from shared.facts.envelope import Fact
from shared.scope import Scope
from shared.storage import audit
from shared.storage.database import Connection
from shared.values import replace
from shared.web import paging, requests
from shared.web.app import JSON, caller
from shared.web.auth import Caller

READERS = ("coordinator", "clinician", "billing", "reviewer", "auditor")
STATES = tuple(get_args(EpisodeStateName))
FILTERS = frozenset({"state", "level", "facility"})


def routes(parts: Parts) -> Sequence[BaseRoute]:
    """GET /api/episodes and /api/episodes/{episode_id}."""
    database, clock = parts.database, parts.clock

    async def listed(request: Request) -> Response:
        who = caller(request, *READERS)
        asked = requests.parameters(request, FILTERS | paging.PARAMETERS)
        limit, after = paging.limit(asked), paging.behind(asked, 1)
        async with database.begin() as connection:
            narrowed = {name: asked[name] for name in ("state", "level") if name in asked}
            found = await views.listed(
                connection,
                which=requests.scope(who, asked.get("facility")),
                scope=who.scope,
                after=after[0] if after else "",
                most=limit + 1,
                state=requests.one_of(asked, "state", STATES),
                level=requests.one_of(asked, "level", list(RANK)),
            )
            page, more = paging.page(found, limit, lambda one: (one.episode_id,))
            told = await in_a_list(connection, parts, page, who.scope)
            fit = [one for one in told if all(one.get(name) == value for name, value in narrowed.items())]
            await _audited(connection, clock, who, "episode-listed", [one["episode_id"] for one in fit])
        return JSON({"episodes": fit, "next": more})

    async def shown(request: Request) -> Response:
        who = caller(request, *READERS)
        question = past.asked_for(requests.parameters(request, past.PARAMETERS))
        episode_id = request.path_params["episode_id"]
        async with database.begin() as connection:
            await views.at_one_instant(connection)
            row = None if "\0" in episode_id else await views.episode(connection, episode_id)
            if row is None or not who.scope.has_any(row.facilities):
                raise requests.missing()
            facts = await views.facts_of(connection, [episode_id])
            periods = await views.periods_of(connection, [episode_id])
            await _audited(connection, clock, who, "episode-read", [episode_id])
        if not question.now:
            return JSON(_then(row, facts[episode_id], question, who.scope, parts.rules))
        part = visible.part(facts[episode_id], codec.unpacked(row.fold), who.scope, parts.rules)
        told = showing.whole(row, part, periods[episode_id], parts.rules)
        return JSON(told, headers={"etag": requests.etag(row.listed.version)})

    return [Route("/api/episodes", listed), Route("/api/episodes/{episode_id}", shown)]


def _then(
    row: Stored, facts: Sequence[Fact], question: past.PastQuestion, scope: Scope, rules: Rules
) -> showing.EpisodeJson:
    """An episode as it was: by the facts of the time in question. Raises a 404 Problem where there are none in scope.

    Its service periods are derived from those facts in the order in which they were recorded.
    """
    then = past.facts_then(facts, question, zone_of_row(row, scope, rules), rules.zone_of)
    part = visible.part(then, fold(then, rules.zone_of), scope, rules)
    if not part.facts:
        raise requests.missing()
    last: dict[str, int] = {}
    for fact in then:
        last[fact.writer] = max(last.get(fact.writer, 0), fact.sequence)
    _, sent = history(part.facts, rules)
    return showing.whole(replace(row, seen=last), part, sent.items(), rules)


def zone_of_row(row: Stored, scope: Scope, rules: Rules) -> ZoneInfo:
    """The zone in which a day of an episode is meant: that of the facility of its latest fact, else of the first
    facility of it in scope; UTC where the site has no such facility."""
    seen = [name for name in (row.listed.facility, *row.facilities) if scope.has(name) and rules.has_facility(name)]
    return rules.zone_of(seen[0]) if seen else ZoneInfo("UTC")


async def in_a_list(connection: Connection, parts: Parts, page: Sequence[Listed], scope: Scope) -> list[EpisodeLine]:
    """Lines of the list; episodes with a part out of scope are shown by the facts that the reader may see."""
    shared = await desk_views.shared(connection, [one.episode_id for one in page], scope)
    rows = {row.listed.episode_id: row for row in await views.stored(connection, sorted(shared))} if shared else {}
    facts = await views.facts_of(connection, sorted(rows)) if rows else {}
    seen = {
        episode: visible.part(facts[episode], codec.unpacked(row.fold), scope, parts.rules)
        for episode, row in rows.items()
    }
    return [
        showing.listed_part(one, seen[one.episode_id]) if one.episode_id in seen else showing.in_a_list(one)
        for one in page
    ]


async def _audited(connection: Connection, clock: Clock, who: Caller, action: str, subjects: Sequence[str]) -> None:
    now = clock()
    await audit.note(connection, [audit.Entry(now, who.subject, action, subject) for subject in subjects])
