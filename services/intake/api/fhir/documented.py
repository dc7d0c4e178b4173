"""The doors of FHIR in the OpenAPI document: what they take and answer is FHIR R4's, named by its media type."""

from __future__ import annotations

from typing import Any

from services.intake.api.fhir import persons
from services.intake.api.fhir.commands import COMMANDS
from services.intake.api.fhir.entering import SENDERS
from services.intake.fhir.bodies import READERS
from shared.fhir.outcomes import MEDIA, TAKEN
from shared.web import fhir_documented
from shared.web import openapi as api

_RESOURCE = {"type": "object", "required": ["resourceType"], "properties": {"resourceType": {"type": "string"}}}
_FAULTS = {
    400: "it is no JSON, or its id is not that of the address",
    401: "sign in first",
    403: "this needs another role, scope or facility",
    404: "there is none that you may see",
    412: "its version is another one now, or several have this number",
    413: "it is longer or deeper than the site takes",
    415: "the content-type is another one",
    422: "an element is missing or not as it must be; `expression` names it",
    429: "who is asked for too often",
    503: "it can't be stored now; send it again",
}


def paths() -> dict[str, Any]:
    """The paths of the doors."""
    told: dict[str, Any] = {
        "/fhir/$process-message": {
            "post": _operation("processMessage", "A message Bundle, as Da Vinci's notifications are", {200}),
        },
        "/fhir": {"post": _operation("sendFhirBundle", "A transaction, taken whole or not at all, or a batch", {200})},
    }
    for kind in (*READERS, *COMMANDS):
        told[f"/fhir/{kind}"] = {"post": _operation(f"create{kind}", f"{_a(kind)} {kind}", {200, 201}, 412)}
    for kind in READERS:
        put = _operation(f"replace{kind}", f"{_a(kind)} {kind} under its sender's id", {200, 201}, 412)
        told[f"/fhir/{kind}/{{id}}"] = {"put": {**put, "parameters": [api.parameter("Id")]}}
    read = _operation("readEncounter", "The Encounter of a visit, as it was told", {200, 304}, 404, body=False)
    told["/fhir/Encounter/{id}"]["get"] = {**read, "parameters": [api.parameter("Id")]}
    for kind, roles, parameters in persons.ROWS:
        for path, methods in fhir_documented.paths(kind, roles, parameters, stamped=False).items():
            told.setdefault(path, {}).update(methods)
    return told | fhir_documented.metadata()


def _a(kind: str) -> str:
    return "An" if kind[0] in "AEIO" else "A"


def _operation(name: str, summary: str, good: set[int], *more: int, body: bool = True) -> dict[str, Any]:
    content = {MEDIA: {"schema": _RESOURCE}}
    faults = {401, 403, 503, *more, *({400, 413, 415, 422, 429} if body else ())}
    answers = {str(status): {"description": "done", "content": content} for status in sorted(good - {304})}
    answers |= {str(status): {"description": "it is what you have"} for status in good & {304}}
    answers |= {str(status): {"description": _FAULTS[status], "content": content} for status in sorted(faults)}
    told: dict[str, Any] = {
        "operationId": name,
        "summary": summary,
        "description": f"Roles: {', '.join((*SENDERS, 'admin'))}. Errors are OperationOutcome.",
        "parameters": [],
        "responses": answers,
    }
    taken = {kind: {"schema": _RESOURCE} for kind in TAKEN}
    return {**told, "requestBody": {"required": True, "content": taken}} if body else told
