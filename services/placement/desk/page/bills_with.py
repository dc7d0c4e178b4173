"""POST /bills-with: the part of intake's page of a message that says what would change of bills, told by placement.

Intake's page sends it, in the reader's own session, the facts that reading the message again would state."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.placement.desk import bills_with
from services.placement.desk.bills_with import ProposedFacts
from services.placement.desk.frame import Parts
from services.placement.desk.patient.bills import last_day, payer_title
from services.placement.engine.bills_with import PeriodLine
from shared.events.levels import SPOKEN
from shared.web import requests
from shared.web.pages import Pages
from shared.web.sessions import form, page_caller
from shared.web.wording import capital, day, spoken
from shared.web.words import say

CHANGES = {
    "opened": "a new bill: {bill}",
    "changed": "a bill changes: {bill}",
    "voided": "a bill is void: {bill}",
}
"""What happens to a service period → words."""


class BillsWith:
    """The part, by the site's words for payers."""

    def __init__(self, parts: Parts, frame: Pages) -> None:
        self.parts, self.frame = parts, frame

    def routes(self) -> Sequence[BaseRoute]:
        """Its address."""
        return [Route("/bills-with", self.frame.page(self._shown), methods=["POST"])]

    async def _shown(self, request: Request) -> Response:
        who = page_caller(request, *bills_with.ROLES)
        stated = (await form(request)).get("stated", "")
        told = requests.read(ProposedFacts, stated.encode())
        lines = [self._words(each) for each in await bills_with.found(self.parts, who, told)]
        whole = request.headers.get("hx-request") != "true"
        return self.frame.render(request, "bills-with.html", who=who, lines=lines, whole=whole)

    def _words(self, one: PeriodLine) -> str:
        span = say("{first} to {last}", first=day(one.start), last=last_day(one.end))
        bill = ", ".join((say(SPOKEN.get(one.level, one.level)), payer_title(one.payer, self.parts.rules.site), span))
        fields = f" ({', '.join(map(spoken, one.fields))})" if one.fields else ""
        return capital(say(CHANGES[one.change], bill=bill)) + fields
