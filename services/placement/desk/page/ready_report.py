"""GET /ready: how long patients who are ready to step down have waited, by what for, payer and level."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.placement.desk.frame import Parts
from services.placement.desk.waited import waited_in
from services.placement.search.waited import Waited, WaitReason
from services.placement.worklists.drawing import WAITS_FOR
from services.placement.worklists.glance import level
from services.placement.worklists.lists import CARE
from shared.web import requests
from shared.web.pages import Pages
from shared.web.sessions import page_caller
from shared.web.wording import capital
from shared.web.words import say


class ReadyReport:
    """The report over all facilities in its reader's scope."""

    def __init__(self, parts: Parts, frame: Pages) -> None:
        self.parts, self.frame = parts, frame

    def routes(self) -> Sequence[BaseRoute]:
        """Its address."""
        return [Route("/ready", self.frame.page(self._shown), methods=["GET"])]

    async def _shown(self, request: Request) -> Response:
        """Raises NotSignedIn, a 403 Problem for another role, 422 for a parameter."""
        who = page_caller(request, *CARE)
        requests.parameters(request, ())
        async with self.parts.database.begin() as connection:
            found = await waited_in(connection, self.parts, who.scope)
        return self.frame.render(request, "ready.html", who=who, waits=[self._told(*one) for one in found])

    def _told(self, waits: WaitReason, told: Waited) -> dict[str, Any]:
        payer = self.parts.rules.site.payer(waits.payer) if waits.payer else None
        return {
            "what": capital(say(WAITS_FOR.get(waits.waiting_for, "something else"))),
            "payer": payer.title if payer else waits.payer,
            "level": level(waits.level),
            "patients": told.patients,
            "days": told.days,
            "longest": told.longest,
        }
