"""GET /api/openapi.json of intake (OpenAPI 3.1), made from the same tables as the routes."""

from __future__ import annotations

from typing import Any

from services.intake.api import consents, feeds, hanging, matches, messages, needs, patients, trials, visit_numbers
from services.intake.api.fhir import documented
from services.intake.api.reads import Read, paths
from services.intake.api.writes import EVERY
from services.intake.receiving import http
from services.intake.receiving.read import ER7
from services.intake.requests.consents.commands import ConsentStated
from shared.web import openapi as api

READS: tuple[Read, ...] = (
    *consents.READS,
    *patients.READS,
    *matches.READS,
    *feeds.READS,
    *hanging.READS,
    *messages.READS,
    *trials.READS,
    *visit_numbers.READS,
    *needs.READS,
)


def document() -> dict[str, Any]:
    """The OpenAPI document."""
    told: dict[str, Any] = {"/hl7v2": {"post": _hl7v2()}, **api.written(EVERY, 415, 429), **documented.paths()}
    for path, methods in paths(READS).items():
        told[path] = {**methods, **told.get(path, {})}
    later = {"description": "stated; ask how it stands at `location`", "content": api.json(ConsentStated)}
    told["/consents/{id}/revoked"]["post"]["responses"]["202"] = later
    about = "Messages, requests and consents in; who patients are, and how the feeds do, out."
    return api.document("Stepdown intake", about, told)


def _hl7v2() -> dict[str, Any]:
    """The operation of POST /hl7v2, the one whose bodies are not JSON."""
    told = api.operation("sendMessage", "An HL7 v2 message", http.SENDERS, api.TEXT, problems=(401, 403, 413, 415, 503))
    er7 = {"description": "the HL7 acknowledgements, one after the other", "content": {ER7: {"schema": api.TEXT}}}
    none = {"description": "dealt with; the message wants no acknowledgement"}
    what = "The status says whether the message was dealt with; MSA-1 says what became of it."
    return {
        **told,
        "description": f"{what} {told['description']}",
        "requestBody": {"required": True, "content": {kind: {"schema": api.TEXT} for kind in http.TAKEN}},
        "responses": {**told["responses"], "200": er7, "204": none},
    }
