"""GET /api/gaps: what open searches need and no program of the level answers, counted over facilities in scope; no
patient is named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, NotRequired

from pydantic import AwareDatetime, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from typing_extensions import TypedDict

from services.placement.desk.answers import Count
from services.placement.desk.frame import Parts
from services.placement.search.gaps import COUNTED, Gap, gaps
from services.placement.worklists import program_views
from services.placement.worklists.lists import CARE
from shared.events.levels import RANK, Level
from shared.events.open_lists import ReferralKind
from shared.scope import Scope
from shared.storage.database import Connection
from shared.web import openapi as api
from shared.web import requests as ask
from shared.web.app import JSON, caller

FILTERS = ("level", "facility")
MOST = 2000
"""So many different needs are looked at, the most frequent first."""


class GapShown(TypedDict):
    """A need that no program of the level answers."""

    need: Annotated[str, Field(description="its key in the site's vocabulary")]
    words: str
    value: Annotated[Any, Field(description="what is asked for, as on the search")]
    kind: Literal["must", "preference"]
    level: Level
    facility: str
    count: Annotated[Count, Field(description="open searches that ask for it")]
    since: Annotated[AwareDatetime, Field(description="when the oldest of them began")]
    answered_by: Annotated[NotRequired[ReferralKind], Field(description="the kind of referral that answers it")]


def routes(parts: Parts) -> Sequence[BaseRoute]:
    """The route of the report."""

    async def listed(request: Request) -> Response:
        who = caller(request, *CARE)
        asked = ask.parameters(request, FILTERS)
        level, scope = ask.one_of(asked, "level", list(RANK)), ask.scope(who, asked.get("facility"))
        async with parts.database.begin() as connection:
            found = await gaps_of(connection, parts, scope)
        return JSON({"gaps": [shown(each) for each in found if level in {None, each.asked.level}]})

    return [Route("/api/gaps", listed, methods=["GET"])]


async def gaps_of(connection: Connection, parts: Parts, scope: Scope) -> list[Gap]:
    """The gaps of the facilities in scope, the most frequent first."""
    return list(gaps(parts.rules.site, await program_views.needed(connection, scope, COUNTED, MOST)))


def shown(gap: Gap) -> dict[str, Any]:
    """A gap as JSON."""
    asked = gap.asked
    told = {
        "need": asked.need, "words": gap.words, "value": asked.value, "kind": gap.kind, "level": asked.level,
        "facility": asked.facility, "count": asked.searches, "since": asked.since.isoformat(),
    }  # fmt: skip
    return {**told, "answered_by": gap.answered_by} if gap.answered_by else told


def paths() -> dict[str, Any]:
    """The path of the report for the OpenAPI document."""
    return {
        "/api/gaps": {
            "get": api.operation(
                "listGaps", "Needs that no program of the level answers", CARE,
                api.anonymous(gaps={"type": "array", "items": GapShown}),
                asked=[api.query("level", {"enum": list(RANK)}), api.query("facility")],
                problems=(401, 403, 422, 503),
            )
        }
    }  # fmt: skip
