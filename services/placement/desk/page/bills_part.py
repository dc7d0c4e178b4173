"""POST /bills/try: what facts that are not stated yet would change of bills, in words, as a part of intake's page of a
message, which a browser asks for with its reader's own session."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.placement.desk.bills_tried import ASKERS, TryBills, tried
from services.placement.desk.frame import Parts
from services.placement.desk.patient.bills import tried_words
from shared.errors import StepdownError
from shared.web import requests
from shared.web.auth import NotSignedIn
from shared.web.pages import Pages, notice_of
from shared.web.sessions import form, page_caller
from shared.web.words import say


class BillsPart:
    """The part of a page, for readers who run interfaces."""

    def __init__(self, parts: Parts, frame: Pages) -> None:
        self.parts, self.frame = parts, frame

    def routes(self) -> Sequence[BaseRoute]:
        """Its address."""
        return [Route("/bills/try", self._shown, methods=["POST"])]

    async def _shown(self, request: Request) -> Response:
        """What would change; where that cannot be said, why."""
        try:
            who = page_caller(request, *ASKERS)
            asked = requests.read(TryBills, (await form(request)).get("facts", "").encode())
            found = await tried(self.parts, who, asked)
        except NotSignedIn:
            return self._told(request, problem=say("You are not signed in any more: sign in, and do it again."))
        except StepdownError as fault:
            return self._told(request, problem=notice_of(fault).text)
        site = self.parts.rules.site
        return self._told(request, lines=[tried_words(each, site) for each in found.periods], behind=found.behind)

    def _told(
        self, request: Request, *, lines: Sequence[str] = (), behind: bool = False, problem: str = ""
    ) -> Response:
        told = {"lines": lines, "behind": behind, "problem": problem}
        return self.frame.render(request, "bills-tried.html", HTTPStatus.OK, **told)
