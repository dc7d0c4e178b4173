"""GET /api/ready: how long patients who are ready to step down have waited, by what for, payer and level; no patient is
named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from typing_extensions import TypedDict

from services.placement.continuum.order import day_of
from services.placement.desk.answers import Count
from services.placement.desk.frame import Parts
from services.placement.search.waited import Waited, WaitReason, waited
from services.placement.worklists.lists import CARE
from services.placement.worklists.views import ListQuestion, Whose
from services.placement.worklists.work import EntriesOf
from shared.events.levels import Level
from shared.scope import Scope
from shared.storage.database import Connection
from shared.web import openapi as api
from shared.web import requests as ask
from shared.web.app import JSON, caller

READY: Final = EntriesOf("ready", ("waiting",))
MOST: Final = 5000
"""So many patients are looked at, the longest waiting first."""


class WaitedShown(TypedDict):
    """What patients who are ready wait for."""

    waiting_for: str
    payer: Annotated[str, Field(description="empty where it is not known")]
    level: Annotated[Level, Field(description="that they are still at")]
    patients: Annotated[Count, Field(description="who waits for it now")]
    days: Annotated[Count, Field(description="waited for it so far, by all who are ready and still there")]
    longest: Annotated[Count, Field(description="the most days of one patient")]


def routes(parts: Parts) -> Sequence[BaseRoute]:
    """The route of the report."""

    async def listed(request: Request) -> Response:
        who = caller(request, *CARE)
        asked = ask.parameters(request, ("facility",))
        scope = ask.scope(who, asked.get("facility"))
        async with parts.database.begin() as connection:
            found = await waited_in(connection, parts, scope)
        return JSON({"ready": [_shown(*one) for one in found]})

    return [Route("/api/ready", listed, methods=["GET"])]


async def waited_in(connection: Connection, parts: Parts, scope: Scope) -> list[tuple[WaitReason, Waited]]:
    """What is waited for at the facilities in scope, the most days first."""
    now = parts.clock()
    lines = await READY.lines(connection, ListQuestion(Whose(scope), MOST), now)
    return waited((one.content, day_of(now, parts.rules.zone_of(one.facility))) for one in lines)


def _shown(waits: WaitReason, told: Waited) -> dict[str, Any]:
    return {
        "waiting_for": waits.waiting_for, "payer": waits.payer, "level": waits.level, "patients": told.patients,
        "days": told.days, "longest": told.longest,
    }  # fmt: skip


def paths() -> dict[str, Any]:
    """The path of the report for the OpenAPI document."""
    return {
        "/api/ready": {
            "get": api.operation(
                "listReady", "Days waited by patients who are ready to step down, by reason, payer and level", CARE,
                api.anonymous(ready={"type": "array", "items": WaitedShown}),
                asked=[api.query("facility")], problems=(401, 403, 422, 503),
            )
        }
    }  # fmt: skip
