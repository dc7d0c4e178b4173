"""Intake's HTTP side: messages and requests in; patients, matches, consents and feeds out. It decides nothing."""

from __future__ import annotations

from starlette.routing import BaseRoute

from services.intake.api import front, openapi, reads, writes
from services.intake.api.fhir import doors as fhir
from services.intake.api.fhir.entering import Entrance
from services.intake.api.rate_limits import RateLimits
from services.intake.receiving import http
from services.intake.receiving.group_commit import Reception
from services.intake.receiving.read import Answer, InboundMessage, Received
from services.intake.receiving.receive import Intake
from shared.web import openapi as api
from shared.web import session_door
from shared.web.sign_in import SignInPages


def routes(
    intake: Intake, reception: Reception[Received, list[InboundMessage], Answer], rates: RateLimits
) -> list[BaseRoute]:
    """The service's own routes. `rates`: how often one person may ask, here and on pages together."""
    return [
        *SignInPages(front.FRAME).ways_back(),
        *session_door.routes(),
        *http.routes(intake, reception),
        *fhir.routes(Entrance(intake, reception, rates)),
        *writes.routes(intake, rates),
        *reads.routes(reads.Reading(intake, rates), openapi.READS),
        api.route(openapi.document),
    ]
