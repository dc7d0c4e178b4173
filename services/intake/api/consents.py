"""Consents over HTTP: shown and listed; they are given and taken back by writes.py."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from services.intake.api.answers import ConsentShown, ConsentsShown
from services.intake.api.reads import Read, Reading
from services.intake.api.writes import ASKERS
from services.intake.requests.consents import handlers, views
from shared.storage import audit
from shared.web import openapi, requests
from shared.web.app import JSON, caller

READERS = ("coordinator", "auditor")


async def _shown(reading: Reading, request: Request) -> Response:
    """GET /consents/{id}."""
    who, intake = caller(request, *ASKERS, *READERS), reading.intake
    consent_id = request.path_params["id"].replace("\0", "")
    await handlers.count_revoked(intake, [consent_id])
    async with intake.database.begin() as connection:
        found = await views.consent(connection, consent_id, scope=who.scope)
        if not found:
            raise requests.missing("no-such-consent", "there is no such consent that you may see")
        await audit.note(connection, [audit.Entry(intake.clock(), who.subject, "consents-read", consent_id)])
    return JSON(found)


async def _listed(reading: Reading, request: Request) -> Response:
    """GET /api/consents?patient_id=."""
    who, intake = caller(request, *READERS), reading.intake
    patient_id = requests.parameters(request, ("patient_id",)).get("patient_id")
    if not patient_id:
        raise requests.unfit("patient_id", "patient_id is needed")
    async with intake.database.begin() as connection:
        given = await views.consents(connection, patient_id, scope=who.scope)
    if revoking := [each["consent_id"] for each in given if each["state"] == "revoking"]:
        await handlers.count_revoked(intake, revoking)
    async with intake.database.begin() as connection:
        found = await views.consents(connection, patient_id, scope=who.scope)
        await audit.note(connection, [audit.Entry(intake.clock(), who.subject, "consents-read", patient_id)])
    return JSON({"consents": found})


READS = (
    Read("/consents/{id}", "getConsent", "A consent", (*ASKERS, "auditor"), ConsentShown, _shown),
    Read(
        "/api/consents", "listConsents", "The consents of a patient", READERS, ConsentsShown, _listed,
        (openapi.query("patient_id", required=True, about="Stepdown's id of the patient"),),
    ),
)  # fmt: skip
