"""The page that finds a patient, and the list below the box on every page: what is asked comes in a form, never in an
address; who asked for what kind of thing, and who was shown, is audited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.intake.api.patients import Asking, audited, visited
from services.intake.api.rate_limits import RateLimits
from services.intake.desk.drawing import Look, PatientFound, drawn
from services.intake.people import views
from services.intake.people.finding import views as finding
from services.intake.people.finding.question import LONGEST, MOST_PARTS, Question, asked
from services.intake.people.names import opened
from services.intake.people.person import seen
from services.intake.receiving.receive import Intake
from shared.errors import StepdownError
from shared.storage.database import Connection
from shared.web.app import Problem
from shared.web.auth import Caller, NotSignedIn
from shared.web.desks import FINDS, NAMED
from shared.web.pages import Pages, notice_of
from shared.web.requests import parameters
from shared.web.sessions import form, page_caller
from shared.web.words import say

READERS = FINDS
EVERYBODY_THERE = frozenset({*NAMED, "admin"})
"""Roles that find everybody of their facilities; a program finds those who have an offer, seat, placement or stay at a
program there."""
A_FEW, A_PAGE = 8, 50
"""Patients below the box, and on the page, at most."""
FRAGMENT = "hx-request"
"""The header by which a script asks for the list alone."""


class Shown(NamedTuple):
    """Patients to show, the best first, and how many there are `of` them."""

    patients: Sequence[PatientFound]
    of: int


NOBODY = Shown((), 0)


@dataclass(frozen=True)
class Finding:
    """The page, with what it asks and how often one person may."""

    intake: Intake
    rates: RateLimits
    frame: Pages

    def routes(self) -> list[BaseRoute]:
        """GET and POST /find, and what every page needs: sign-in, sign-out, assets."""
        return [
            Route("/find", self.frame.page(self._empty), methods=["GET"]),
            Route("/find", self.frame.page(self._asked), methods=["POST"]),
            *self.frame.routes(),
        ]

    async def _empty(self, request: Request) -> Response:
        who = page_caller(request, *READERS)
        parameters(request, ())
        return self.frame.render(request, "find.html", who=who, question="", found=None, problem="")

    async def _asked(self, request: Request) -> Response:
        if FRAGMENT in request.headers:
            return await self._listed(request)
        who = page_caller(request, *READERS)
        text = (await form(request)).get("q", "").strip()
        shown, problem, status = await self._answer(who, text, A_PAGE)
        given = {"question": text[:LONGEST], "found": shown, "problem": problem}
        return self.frame.render(request, "find.html", status, who=who, **given)

    async def _listed(self, request: Request) -> Response:
        """The list alone; what is wrong is a sentence in its place."""
        try:
            who = page_caller(request, *READERS)
            shown, problem, status = await self._answer(who, (await form(request)).get("q", "").strip(), A_FEW)
        except NotSignedIn:
            text = say("You are not signed in any more: sign in and ask again.")
            shown, problem, status = NOBODY, text, HTTPStatus.UNAUTHORIZED
        except StepdownError as fault:
            notice = notice_of(fault)
            shown, problem, status = NOBODY, notice.text, HTTPStatus(notice.status)
        return self.frame.render(request, "found.html", status, found=shown, problem=problem)

    async def _answer(self, who: Caller, text: str, most: int) -> tuple[Shown, str, HTTPStatus]:
        """(Who is meant, what is wrong with the question or empty, the status)."""
        question = asked(text[: LONGEST + 1])
        if (wrong := unfit(text, question)) or not question.parts:
            return NOBODY, wrong, HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK
        try:
            self.rates.take(who)
        except Problem as fault:
            return NOBODY, too_often(fault), fault.status
        async with self.intake.database.begin() as connection:
            return await self._found(connection, who, question, most), "", HTTPStatus.OK

    async def _found(self, connection: Connection, who: Caller, question: Question, most: int) -> Shown:
        intake, at, placed = self.intake, self.intake.clock(), not who.roles & EVERYBODY_THERE
        wanted = finding.Wanted(question, who.scope, visited(who, intake), most, placed=placed)
        found = await finding.found(connection, wanted, intake.seal)
        ids = [place.patient_id for place in found.places]
        last = await finding.last_steps(connection, ids, who.scope)
        page = []
        patients = await views.with_survivors(connection, ids, who.scope)
        last |= await finding.last_steps(connection, {one.patient_id for one in patients} - {*ids}, who.scope)
        for one in patients:
            told = seen({each.facility: opened(each, intake.seal) for each in one.told_within(who.scope)})
            there = sorted(filter(who.may_see, one.facilities | one.placed))
            page.append(drawn(one.patient_id, told, there, last.get(one.patient_id), Look(at, intake.site)))
        await audited(connection, Asking(who, at), "patient-found", [one.patient_id for one in page], question)
        return Shown(page, found.of)


def unfit(text: str, question: Question) -> str:
    """What is wrong with a question, in a sentence; empty where nothing is."""
    if len(text) > LONGEST:
        return say("A question has {most} characters at most.", most=LONGEST)
    if len(question.parts) > MOST_PARTS:
        return say("Ask for {most} things at most: parts of a name, a birth date, a number.", most=MOST_PARTS)
    return ""


def too_often(fault: Problem) -> str:
    """That somebody has asked as often as they may, and when they may ask again."""
    seconds = fault.more.get("retry_after", 60)
    return say("You have asked as often as you may within a minute: ask again in {seconds} seconds.", seconds=seconds)
