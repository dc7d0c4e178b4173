"""Intake's HTTP side: doors for messages and requests, who patients are, how the feeds do; no rule lives here."""

from __future__ import annotations

from starlette.routing import BaseRoute

from services.intake.api import front, openapi, reads, writes
from services.intake.api.paces import Paces
from services.intake.receiving import http
from services.intake.receiving.group_commit import Reception
from services.intake.receiving.read import Answer, InboundMessage, Received
from services.intake.receiving.receive import Intake
from shared.web import openapi as api


def routes(
    intake: Intake, reception: Reception[Received, list[InboundMessage], Answer], desks: frozenset[str] = frozenset()
) -> list[BaseRoute]:
    """The service's own routes; pages of the `desks`' origins may ask who a patient is."""
    paces = Paces(intake.site.limits)
    return [
        *front.routes(),
        *http.routes(intake, reception),
        *writes.routes(intake, paces),
        *reads.routes(reads.Reading(intake, paces, desks), openapi.READS),
        api.route(openapi.document),
    ]
