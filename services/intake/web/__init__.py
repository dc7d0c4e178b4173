"""Intake's HTTP doors: a message as a request body, answered like any other; no rule lives here."""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.intake.reading import ER7, Answer, Received
from services.intake.reception import Reception
from shared.clock import Clock
from shared.site_values import Limits
from shared.web import Problem, caller

DOOR = "http"


def routes(reception: Reception[Received, Answer], clock: Clock, limits: Limits) -> list[BaseRoute]:
    """The service's own routes."""

    async def hl7v2(request: Request) -> Response:
        """An ER7 message → its acknowledgements, one after the other; the HL7 answer says what became of it."""
        caller(request, "hospital")
        raw = await _body(request, limits.message_bytes)
        answer = await reception.hand_in(Received(raw, DOOR, clock()))
        return Response(b"".join(answer.replies), media_type=ER7)

    return [Route("/hl7v2", hl7v2, methods=["POST"])]


async def _body(request: Request, limit: int) -> bytes:
    found = bytearray()
    try:
        async for part in request.stream():
            found += part
            if len(found) > limit:
                raise Problem(
                    HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-long", f"a message may have {limit} bytes at most"
                )
    except ClientDisconnect:
        raise Problem(HTTPStatus.BAD_REQUEST, "cut-short", "the body ended before its end") from None
    return bytes(found)
