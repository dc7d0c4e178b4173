"""GET /gaps: what patients need and no program of the level answers, counted: a page to plan with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.placement.desk.frame import Parts
from services.placement.desk.gaps import gaps_of
from services.placement.search.gaps import Gap
from services.placement.worklists.glance import level
from services.placement.worklists.lists import CARE
from shared.site.needs import YES
from shared.web import requests
from shared.web.pages import Pages
from shared.web.sessions import page_caller
from shared.web.wording import day, language_of, spoken
from shared.web.words import say


class GapReport:
    """The report over all facilities in its reader's scope."""

    def __init__(self, parts: Parts, frame: Pages) -> None:
        self.parts, self.frame = parts, frame

    def routes(self) -> Sequence[BaseRoute]:
        """Its address."""
        return [Route("/gaps", self.frame.page(self._shown), methods=["GET"])]

    async def _shown(self, request: Request) -> Response:
        """Raises NotSignedIn, a 403 Problem for another role, 422 for a parameter."""
        who = page_caller(request, *CARE)
        requests.parameters(request, ())
        async with self.parts.database.begin() as connection:
            found = await gaps_of(connection, self.parts, who.scope)
        return self.frame.render(request, "gaps.html", who=who, gaps=[self._told(each) for each in found])

    def _told(self, gap: Gap) -> dict[str, Any]:
        asked = gap.asked
        facility = self.parts.rules.site.facility(asked.facility)
        zone = self.parts.rules.zone_of(asked.facility)
        return {
            "what": say(gap.words).capitalize(),
            "value": "" if asked.value == [*YES] else self._value(asked.need, asked.value),
            "must": gap.kind == "must",
            "level": level(asked.level),
            "facility": facility.title if facility else asked.facility,
            "count": asked.searches,
            "since": day(asked.since.astimezone(zone).date()),
            "answered_by": say(spoken(gap.answered_by)) if gap.answered_by else "",
        }

    def _value(self, need: str, value: Any) -> str:
        if need == "payer":
            known = self.parts.rules.site.payer(str(value))
            return known.title if known else str(value)
        every = value if isinstance(value, list) else [value]
        in_words = language_of if need == "language" else spoken
        return ", ".join(in_words(str(each)) for each in every)
