"""Intake's HTTP side: doors for messages and requests, who patients are, how the feeds do; no rule lives here."""

from __future__ import annotations

from starlette.routing import BaseRoute

from services.intake.handlers import Intake
from services.intake.reading import Answer, Letter, Received
from services.intake.reception import Reception
from services.intake.web import consents, feeds, front, matches, messages, openapi, patients, requests
from services.intake.web.asking import Paces
from shared.api import openapi as api


def routes(
    intake: Intake, reception: Reception[Received, list[Letter], Answer], desks: frozenset[str] = frozenset()
) -> list[BaseRoute]:
    """The service's own routes; pages of the `desks`' origins may ask who a patient is."""
    paces = Paces(intake.site.limits)
    return [
        *front.routes(),
        *messages.routes(intake, reception),
        *requests.routes(intake, paces),
        *consents.routes(intake, paces),
        *patients.routes(intake, paces, desks),
        *matches.routes(intake, paces),
        *feeds.routes(intake),
        api.route(openapi.document),
    ]
