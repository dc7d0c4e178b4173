"""POST /hl7v2: HL7 messages as a request body; the answer has their acknowledgements.

The HTTP status says whether the messages were dealt with, the acknowledgements what became of them (decision 0114).
"""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.intake.hl7.charsets import charset_of
from services.intake.receiving.group_commit import Reception
from services.intake.receiving.read import AWAY, ER7, Answer, InboundMessage, Received
from services.intake.receiving.receive import Intake
from shared.errors import Transient
from shared.web import requests, tracing
from shared.web.app import caller
from shared.web.auth import Caller

DOOR = "http"
SENDERS = ("hospital", "coordinator")
TAKEN = (ER7, "application/hl7-v2", "application/hl7-v2+er7", "text/plain", "application/octet-stream")
"""Media types of ER7 text that senders use; its charset is the one named with it, else that of MSH-18."""


def routes(intake: Intake, reception: Reception[Received, list[InboundMessage], Answer]) -> list[Route]:
    """POST /hl7v2."""

    async def hl7v2(request: Request) -> Response:
        """ER7 messages → their acknowledgements, one after the other; 204: none is wanted; 503: send them again."""
        who = caller(request, *SENDERS)
        requests.media_type(request, TAKEN, absent=True)
        received = Received(
            await requests.body(request, intake.site.limits.message_bytes),
            DOOR,
            intake.clock(),
            tracing.of_the_request(),
            charset_of(request.headers.get("content-type", "")),
        )
        _within(who, received, intake)
        answer = await reception.hand_in(received)
        if answer.away:
            raise Transient(AWAY.text)
        if not answer.replies:
            return Response(status_code=HTTPStatus.NO_CONTENT)
        return Response(b"".join(answer.replies), media_type=ER7)

    return [Route("/hl7v2", hl7v2, methods=["POST"])]


def _within(who: Caller, received: Received, intake: Intake) -> None:
    """Refuse messages of facilities that are not the caller's, before anything is stored. Raises a Problem (403)."""
    if "*" not in who.facilities:
        for message in intake.messages_of(received):
            if message.stored or message.facility:
                requests.within(who, message.facility)
