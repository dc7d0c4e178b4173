"""Intake's pages put together: the desk at `/`, finding a patient, the part of a patient's page, and a form's address
for every write of the API. For who is not signed in `/` says what is here."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.intake.api import front, writes
from services.intake.api.rate_limits import RateLimits
from services.intake.desk import taking_in, wording
from services.intake.desk.console.page import Console
from services.intake.desk.desk import IntakeDesk
from services.intake.desk.match import MatchPage
from services.intake.desk.page import Finding
from services.intake.desk.patient import READERS, PatientPart
from services.intake.receiving.receive import Intake
from shared.web import dead_letters
from shared.web.auth import NotSignedIn
from shared.web.dead_letters import WithDeadLetters
from shared.web.desk import FILTERS, Desk
from shared.web.form_posts import Acts
from shared.web.patient_parts import PATIENT, or_else, place, shown


def routes(intake: Intake, rates: RateLimits) -> Sequence[BaseRoute]:
    """All routes of intake's pages."""
    frame = front.FRAME
    desk = Desk(intake.database, intake.clock, intake.site, frame, WithDeadLetters(IntakeDesk(intake, rates)))
    part = PatientPart(intake, rates, frame)
    filters, page = FILTERS | {PATIENT}, or_else(part.part, desk.page)
    door = writes.door(intake, rates)
    acts = Acts(frame, door, intake.site, filters, page, wording.ABOUT, place, wording.WHY)

    async def home(request: Request) -> Response:
        try:
            return await desk.shown(request)
        except NotSignedIn:
            if request.query_params:
                raise
            return front.here(request)

    own = [
        Route("/", frame.page(home), methods=["GET"]),
        Route("/rail", frame.part(desk.rail), methods=["GET"]),
        Route("/matches/{match_id}", frame.page(MatchPage(intake, rates, frame).shown), methods=["GET"]),
        Route("/patients/{patient_id}/part", frame.page(shown(part.part, READERS)), methods=["GET"]),
    ]
    return [
        *own,
        *Finding(intake, rates, frame).routes(),
        *Console(intake, rates, frame).routes(),
        *acts.routes(taking_in.WRITES),
        *dead_letters.routes(desk),
    ]
