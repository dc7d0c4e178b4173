"""Doors of FHIR R4: what they answer with, OperationOutcome for whatever went wrong, and SMART's scopes.

A door below /fhir is an endpoint wrapped by `answering`: whatever it raises becomes an OperationOutcome with the status
that the same fault has elsewhere; places are named, never values.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

import orjson
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from shared.errors import InvalidMessage, Rejected, Transient
from shared.fhir.outcomes import ISSUES, MEDIA, issue, outcome
from shared.web.app import Problem
from shared.web.auth import Caller, NotSignedIn

log = logging.getLogger(__name__)
Endpoint = Callable[[Request], Awaitable[Response]]
_RIGHTS = {"read": "rs", "write": "cud", "*": "cruds"}
"""A word of SMART's scopes of version 1 → the letters of version 2."""


def fhir(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer in FHIR's JSON."""
    return Response(body, status, dict(headers or {}), MEDIA)


def resource(told: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A resource as the answer."""
    return fhir(orjson.dumps(told), status, headers)


def answering(endpoint: Endpoint) -> Endpoint:
    """The endpoint with an OperationOutcome for whatever it raises."""

    async def answered(request: Request) -> Response:
        try:
            return await endpoint(request)
        except Exception as fault:  # noqa: BLE001 - each becomes an answer
            return refused(fault)

    return answered


def refused(fault: Exception) -> Response:
    """The OperationOutcome of a fault."""
    if isinstance(fault, Problem):
        again = {"retry-after": str(fault.more["retry_after"])} if "retry_after" in fault.more else {}
        return _outcome(fault.status, fault.text, _places(fault.more.get("fields", ())), again)
    if isinstance(fault, ValidationError):
        errors = fault.errors(include_input=False, include_context=False, include_url=False)
        return _outcome(422, "some elements are not as they must be", [_dotted(one["loc"]) for one in errors])
    for kind, status, headers in _FAULTS:
        if isinstance(fault, kind):
            return _outcome(status, str(fault), headers=headers)
    log.error("a request of FHIR failed", exc_info=fault)
    return _outcome(500, "something failed here; nothing was changed")


_FAULTS: tuple[tuple[type[Exception], int, Mapping[str, str]], ...] = (
    (NotSignedIn, 401, {"www-authenticate": "Bearer"}),
    (Rejected, 409, {}),
    (InvalidMessage, 400, {}),
    (Transient, 503, {"retry-after": "2"}),
)


def _outcome(status: int, text: str, places: Iterable[str] = (), headers: Mapping[str, str] | None = None) -> Response:
    told = outcome(issue(ISSUES.get(int(status), "exception"), text, list(places)))
    return fhir(told, int(status), headers)


def _places(fields: Iterable[Mapping[str, str]]) -> list[str]:
    return [one["field"] for one in fields if one.get("field", "?") != "?"]


def _dotted(place: Iterable[int | str]) -> str:
    return ".".join(str(part) for part in place)


def may(who: Caller, kind: str, right: str) -> None:
    """Check SMART's scopes of a token that has any (`system/Encounter.c`, `user/*.cud`, `system/*.write`): `right` is
    one of c, r, u, d, s. A token without such scopes may what its roles may. A scope of one patient (`patient/…`) or of
    some resources (`?category=…`) allows nothing: it would have to be narrower than it can be here. Raises a Problem
    (403)."""
    told = [one for one in who.scopes if one.startswith(("system/", "user/", "patient/"))]
    if told and not any(_allows(one, kind, right) for one in told if not one.startswith("patient/")):
        raise Problem(HTTPStatus.FORBIDDEN, "forbidden", f"the token's scopes lack {kind}.{right}")


def _allows(scope: str, kind: str, right: str) -> bool:
    of, _, rights = scope.partition("/")[2].partition(".")
    return of in {"*", kind} and "?" not in rights and right in _RIGHTS.get(rights, rights)
