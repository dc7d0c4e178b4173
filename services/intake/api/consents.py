"""Consents over HTTP: given, taken back, shown and listed; what they mean is decided behind them."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime
from http import HTTPStatus
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.intake.api.requests import ASKERS, key_of
from services.intake.receiving import http_requests as ask
from services.intake.receiving.receive import Intake
from services.intake.requests.consents import handlers, views
from services.intake.requests.consents.commands import ConsentGiven, ConsentTakenBack
from services.intake.requests.handlers import NoSuchEpisode, OtherRequest
from shared.site.config import Site
from shared.storage import audit
from shared.web import requests
from shared.web.app import JSON, Problem, caller
from shared.web.auth import Caller

READERS = ("coordinator", "auditor")
Told = TypeVar("Told")


def routes(intake: Intake, paces: ask.Paces) -> list[Route]:
    """All of them."""

    async def given(request: Request) -> Response:
        who = caller(request, *ASKERS)
        ask.media_type(request, ("application/json",))
        asked = requests.read(ConsentGiven, await requests.body(request))
        await _check(asked, who, intake)
        if asked.identity is not None:
            paces.take(who)
        told = handlers.ConsentRequest(who, key_of(request, who, intake), intake.seal.blind(asked.model_dump_json()))
        return await _told(handlers.record(intake, told, asked), HTTPStatus.CREATED)

    async def revoked(request: Request) -> Response:
        who = caller(request, *ASKERS)
        ask.media_type(request, ("application/json",), absent=True)
        asked = requests.read(ConsentTakenBack, await requests.body(request) or b"{}")
        await _not_ahead(asked.occurred_at, intake)
        content = intake.seal.blind(f"{request.url.path}\x1f{asked.model_dump_json()}")
        told = handlers.ConsentRequest(who, key_of(request, who, intake), content)
        consent_id = request.path_params["consent_id"].replace("\0", "")
        found = await _found(handlers.revoke(intake, told, consent_id, asked))
        status = HTTPStatus.ACCEPTED if found.state == "revoking" else HTTPStatus.OK
        return JSON(found.model_dump(), status, {"location": f"/consents/{found.consent_id}"})

    async def shown(request: Request) -> Response:
        who = caller(request, *ASKERS, *READERS)
        consent_id = request.path_params["consent_id"].replace("\0", "")
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
        Route("/consents", given, methods=["POST"]),
        Route("/consents/{consent_id}/revoked", revoked, methods=["POST"]),
        Route("/consents/{consent_id}", shown),
        Route("/api/consents", listed),
    ]


async def _told(work: Awaitable[bytes], status: HTTPStatus) -> Response:
    return Response(await _found(work), status, media_type="application/json")


async def _found(work: Awaitable[Told]) -> Told:
    try:
        return await work
    except OtherRequest as no:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, no.code, no.text) from None
    except (NoSuchEpisode, handlers.NoSuchPatient, handlers.NoSuchConsent) as no:
        raise Problem(HTTPStatus.NOT_FOUND, no.code, no.text) from None


async def _check(asked: ConsentGiven, who: Caller, intake: Intake) -> None:
    """What only the site config knows: facility, discloser, recipient or class; the first two are the caller's.

    A consent is given to who discloses (42 CFR 2.31(a)(3)): nobody records one for another facility.
    """
    site = intake.site
    place = site.facility(asked.facility)
    if place is None:
        raise _unfit("facility", "no-such-facility", "the site has no facility of that name")
    requests.within(who, place.name)
    for discloser in _disclosers(asked, site):
        requests.within(who, discloser)
    if asked.recipient is not None and asked.recipient not in {each.id for each in site.recipients}:
        raise _unfit("recipient", "no-such-recipient", "the site has no recipient of that id")
    if asked.recipient_class is not None and asked.recipient_class not in {r.recipient_class for r in site.recipients}:
        raise _unfit("recipient_class", "no-such-recipient", "the site has no recipient of that class")
    await _not_ahead(asked.occurred_at, intake)


def _disclosers(asked: ConsentGiven, site: Site) -> list[str]:
    """The facilities that a consent lets disclose, where it names any."""
    if asked.discloser is None:
        return []
    if asked.discloser == site.name:
        return [each.name for each in site.facilities]
    place = site.facility(asked.discloser)
    if place is None:
        raise _unfit("discloser", "no-such-facility", "the discloser is a facility, or the site's own name")
    return [place.name]


async def _not_ahead(at: datetime | None, intake: Intake) -> None:
    if await intake.is_ahead(at):
        raise _unfit("occurred_at", "in-the-future", "occurred_at lies too far in the future")


def _unfit(field: str, code: str, text: str) -> Problem:
    fields: list[dict[str, Any]] = [{"field": field, "problem": code}]
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, code, text, fields=fields)
