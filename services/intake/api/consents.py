"""Consents over HTTP: shown and listed; they are given and taken back by writes.py."""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.intake.api.writes import ASKERS
from services.intake.receiving import http_requests as ask
from services.intake.receiving.receive import Intake
from services.intake.requests.consents import handlers, views
from shared.storage import audit
from shared.web import requests
from shared.web.app import JSON, Problem, caller

READERS = ("coordinator", "auditor")


def routes(intake: Intake) -> list[Route]:
    """All of them."""

    async def shown(request: Request) -> Response:
        who = caller(request, *ASKERS, *READERS)
        consent_id = request.path_params["id"].replace("\0", "")
        await handlers.count_revoked(intake, [consent_id])
        async with intake.database.begin() as connection:
            found = await views.consent(connection, consent_id, scope=who.scope)
            if not found:
                raise Problem(HTTPStatus.NOT_FOUND, "no-such-consent", "there is no such consent that you may see")
            await audit.note(connection, [audit.Entry(intake.clock(), who.subject, "consents-read", consent_id)])
        return JSON(found)

    async def listed(request: Request) -> Response:
        who = caller(request, *READERS)
        patient_id = ask.parameters(request, ("patient_id",)).get("patient_id")
        if not patient_id:
            raise requests.invalid("patient_id is needed")
        async with intake.database.begin() as connection:
            given = await views.consents(connection, patient_id, scope=who.scope)
        if revoking := [each["consent_id"] for each in given if each["state"] == "revoking"]:
            await handlers.count_revoked(intake, revoking)
        async with intake.database.begin() as connection:
            found = await views.consents(connection, patient_id, scope=who.scope)
            await audit.note(connection, [audit.Entry(intake.clock(), who.subject, "consents-read", patient_id)])
        return JSON({"consents": found})

    return [
        Route("/consents/{id}", shown),
        Route("/api/consents", listed),
    ]
