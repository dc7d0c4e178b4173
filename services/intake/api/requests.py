"""POST /referrals and POST /assessments: JSON in, ids out; what they mean is decided behind requests/handlers.py."""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.intake.receiving import http_requests as ask
from services.intake.receiving.receive import Intake
from services.intake.requests import handlers
from services.intake.requests.commands import Assessment, Referral
from shared.web import requests
from shared.web.app import Problem, caller
from shared.web.auth import Caller

ASKERS = ("hospital", "coordinator")


def routes(intake: Intake, paces: ask.Paces) -> list[Route]:
    """The two of them."""

    async def referrals(request: Request) -> Response:
        return await _taken(request, Referral)

    async def assessments(request: Request) -> Response:
        return await _taken(request, Assessment)

    async def _taken(request: Request, model: type[Referral | Assessment]) -> Response:
        who = caller(request, *ASKERS)
        ask.media_type(request, ("application/json",))
        asked = requests.read(model, await requests.body(request))
        await _check(asked, who, intake)
        if asked.identity is not None:
            paces.take(who)
        key = key_of(request, who, intake)
        content = intake.seal.blind(asked.model_dump_json())
        try:
            body = await handlers.take(intake, handlers.Request(who, asked, key, content))
        except handlers.OtherRequest as no:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, no.code, no.text) from None
        except handlers.NoSuchEpisode as no:
            raise Problem(HTTPStatus.NOT_FOUND, no.code, no.text) from None
        return Response(body, HTTPStatus.CREATED, media_type="application/json")

    return [
        Route("/referrals", referrals, methods=["POST"]),
        Route("/assessments", assessments, methods=["POST"]),
    ]


async def _check(asked: Referral | Assessment, who: Caller, intake: Intake) -> None:
    place = intake.site.facility(asked.facility)
    if place is None:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "no-such-facility", "the site has no facility of that name")
    requests.within(who, place.name)
    if await intake.is_ahead(asked.occurred_at):
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "in-the-future", "occurred_at lies too far in the future")


def key_of(request: Request, who: Caller, intake: Intake) -> bytes | None:
    """The caller's Idempotency-Key as a keyed hash: its own at this door."""
    told = requests.given_key(request)
    if told is None:
        return None
    return intake.seal.blind(f"idempotency\x1f{who.subject}\x1f{request.url.path}\x1f{told}")
