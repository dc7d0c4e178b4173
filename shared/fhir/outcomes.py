"""OperationOutcome, the answer of FHIR to what went wrong: a code, the place in what was sent, never a value of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

MEDIA = "application/fhir+json"
"""The media type of FHIR in JSON."""
TAKEN = (MEDIA, "application/json", "application/json+fhir")
"""Media types under which JSON of FHIR is taken."""
ISSUES = {
    400: "structure",
    401: "login",
    403: "forbidden",
    404: "not-found",
    405: "not-supported",
    409: "conflict",
    412: "conflict",
    413: "too-long",
    415: "not-supported",
    422: "invalid",
    429: "throttled",
    503: "transient",
}
"""HTTP status → the code of the issue (FHIR R4 IssueType); any other is `exception`."""


def issue(code: str, text: str, expression: Sequence[str] = (), severity: str = "error") -> dict[str, Any]:
    """One issue. `expression`: FHIRPaths of the elements that it is about."""
    found: dict[str, Any] = {"severity": severity, "code": code, "details": {"text": text}}
    return {**found, "expression": list(expression)} if expression else found


def outcome(*issues: dict[str, Any]) -> bytes:
    """An OperationOutcome as JSON."""
    return orjson.dumps({"resourceType": "OperationOutcome", "issue": list(issues)})


def refusal(status: int, text: str, expression: Sequence[str] = ()) -> bytes:
    """The OperationOutcome of an HTTP status that is an error."""
    return outcome(issue(ISSUES.get(status, "exception"), text, expression))


def informed(text: str, *warnings: str) -> bytes:
    """The OperationOutcome of what was taken in, with what was odd about it."""
    told = [issue("informational", text, severity="information")]
    return outcome(*told, *(issue("informational", one, severity="warning") for one in warnings))
