"""One search's patient is offered to several programs at once, with one first day: to all, else to each that can be
asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from starlette.requests import Request

from services.placement.desk.frame import Posted, Rule, Write
from shared.errors import Rejected
from shared.site.config import Site
from shared.web import forms, idempotency, posts, requests
from shared.web.app import Problem
from shared.web.form_posts import zone_typed
from shared.web.many import Outcome, Ticked
from shared.web.pages import Failed

SENT = "offer-sent"


class OfferToSeveral:
    """The button of the programs of a search: the API's POST /api/offers with every program that is ticked."""

    def __init__(self, site: Site, door: posts.PostDoor[Rule], writes: Iterable[Write]) -> None:
        self._site, self._door = site, door
        self._write = next(each for each in writes if each.path == "/api/offers")

    async def __call__(self, request: Request, ticked: Ticked) -> Outcome:
        """Ask all; where the rules refuse that, ask one by one, and say of each that is not asked why. Raises a 404
        Problem for a search that the caller does not see."""
        requests.one_of_roles(ticked.who, self._write.roles)
        try:
            await posts.perform(self._door, self._posted(request, ticked, ticked.ids))
        except Rejected as no:
            why = no.text
        except Problem as unfit:
            if unfit.status == 404 or len(ticked.ids) == 1:
                raise
            why = unfit.text
        else:
            return Outcome(SENT, len(ticked.ids), ())
        if len(ticked.ids) == 1:
            return Outcome(SENT, 0, [Failed("", self._title(ticked.ids[0]), why)])
        found = [(each, await self._asked(request, ticked, each)) for each in ticked.ids]
        failed = [Failed("", self._title(program), told) for program, told in found if told]
        return Outcome(SENT, len(found) - len(failed), failed)

    async def _asked(self, request: Request, ticked: Ticked, program: str) -> str:
        """Why this program cannot be asked; empty where it is."""
        try:
            await posts.perform(self._door, self._posted(request, ticked, [program]))
        except (Rejected, Problem) as no:
            return no.text
        return ""

    def _posted(self, request: Request, ticked: Ticked, programs: Sequence[str]) -> Posted:
        fields = {**ticked.fields, "program": "", "programs": " ".join(programs)}
        raw = forms.body_of(self._write.asks, fields, zone_typed(self._site, fields.get("form_zone", "")))
        sent = f"{fields.get('form_key', '')[:60]} {' '.join(programs)}"[: idempotency.LONGEST]
        who = ticked.who
        key = idempotency.Request(who.subject, sent, "POST", request.url.path, raw, requests.scope_text(who))
        return posts.Posted(self._write, who, "", requests.read(self._write.asks, raw), None, key)

    def _title(self, program: str) -> str:
        found = self._site.program(program)
        return found.title if found is not None else program
