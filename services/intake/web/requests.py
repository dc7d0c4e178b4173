"""POST /referrals and POST /assessments: JSON in, ids out; what they mean is decided behind requests/handlers.py."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import get_args

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.intake.handlers import Intake
from services.intake.requests import handlers
from services.intake.requests.model import Assessment, Referral
from services.intake.web import asking as ask
from shared.auth import Caller
from shared.web import Problem, caller

ASKERS = ("hospital", "coordinator")
BODY_BYTES = 64 * 1024
LONGEST_KEY = 200


def routes(intake: Intake) -> list[Route]:
    """The two of them."""

    async def referrals(request: Request) -> Response:
        return await _taken(request, Referral)

    async def assessments(request: Request) -> Response:
        return await _taken(request, Assessment)

    async def _taken(request: Request, model: type[Referral | Assessment]) -> Response:
        who = caller(request, *ASKERS)
        ask.media_type(request, ("application/json",))
        asked = _read(model, await ask.body(request, BODY_BYTES))
        _check(asked, who, intake)
        key = _key(request, who, intake)
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


def _read(model: type[Referral | Assessment], raw: bytes) -> Referral | Assessment:
    try:
        return model.model_validate_json(raw)
    except ValidationError as unfit:
        errors = unfit.errors(include_input=False, include_context=False, include_url=False)
        if any(error["type"] == "json_invalid" for error in errors):
            raise ask.wrong("the body is not JSON") from None
        known = _names(model)
        fields = [{"field": _place(error["loc"], known), "problem": error["type"]} for error in errors]
        text = "some fields are not as they must be"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "unfit", text, fields=fields) from None


def _place(place: tuple[int | str, ...], known: frozenset[str]) -> str:
    """Where it is, by our own names; a name that the sender chose shows as `?`."""
    return ".".join(str(part) if isinstance(part, int) or part in known else "?" for part in place)


def _names(model: type[BaseModel]) -> frozenset[str]:
    """The fields of a model and of its parts."""
    found = set(model.model_fields)
    for field in model.model_fields.values():
        for part in _parts(field.annotation):
            found |= _names(part)
    return frozenset(found)


def _parts(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [part for inner in get_args(annotation) for part in _parts(inner)]


def _check(asked: Referral | Assessment, who: Caller, intake: Intake) -> None:
    if intake.site.facility(asked.facility) is None:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "no-such-facility", "the site has no facility of that name")
    ask.within(who, asked.facility)
    limit = intake.clock() + timedelta(minutes=intake.site.limits.future_minutes)
    if asked.occurred_at is not None and asked.occurred_at > limit:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "in-the-future", "occurred_at lies too far in the future")


def _key(request: Request, who: Caller, intake: Intake) -> bytes | None:
    """The caller's Idempotency-Key as a keyed hash: its own at this door."""
    told = request.headers.get("idempotency-key")
    if told is None:
        return None
    if not 1 <= len(told) <= LONGEST_KEY or not told.isascii() or not told.isprintable():
        raise ask.wrong(f"an Idempotency-Key has 1 to {LONGEST_KEY} printable ASCII characters")
    return intake.seal.blind(f"idempotency\x1f{who.subject}\x1f{request.url.path}\x1f{told}")
