"""The routes below /fhir at intake: POST and PUT of resources, $process-message, transactions and batches, and the
Encounter of a visit read back (contract 6)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from hashlib import sha256
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.intake.api.fhir import persons
from services.intake.api.fhir.commands import COMMANDS
from services.intake.api.fhir.conditions import Entered, ToEnter, number_of
from services.intake.api.fhir.entering import (
    DOOR,
    SENDERS,
    Entrance,
    RefusedEntries,
    check,
    enter_all,
    enter_message,
    id_of,
    only_facility,
    problem_of,
    within,
)
from services.intake.api.fhir.transactions import transaction
from services.intake.fhir.bodies import READERS, Body, body_of, with_contained
from services.intake.fhir.model import ToldResource
from services.intake.fhir.telling import encounter
from services.intake.hl7.model import Refused
from services.intake.receiving import encounters
from services.intake.receiving.read import Received
from shared.fhir.capability import TypeTold
from shared.fhir.outcomes import TAKEN
from shared.web import requests, smart, tracing
from shared.web.app import Problem, caller
from shared.web.auth import Caller
from shared.web.fhir import answering, fhir, may, resource
from shared.web.fhir_reads import Reads

KINDS = (*READERS, *COMMANDS)
"""The resources that are taken in."""
_ID = 64
"""Characters of an id at most (FHIR R4, id)."""


def routes(entrance: Entrance) -> list[Route]:
    """The routes."""
    every: list[tuple[str, str, Callable[[Entrance, Request], Awaitable[Response]]]] = [
        ("/fhir/$process-message", "POST", process_message),
        ("/fhir", "POST", bundle),
        ("/fhir/Encounter/{id}", "GET", read_encounter),
    ]
    found = [Route(path, answering(partial(answer, entrance)), methods=[method]) for path, method, answer in every]
    found += [Route(f"/fhir/{kind}", answering(partial(create, entrance, kind)), methods=["POST"]) for kind in KINDS]
    found += [
        Route(f"/fhir/{kind}/{{id}}", answering(partial(replace, entrance, kind)), methods=["PUT"]) for kind in READERS
    ]
    intake = entrance.intake
    reads = Reads(
        persons.types(intake, entrance.rates), intake.database, intake.clock, [_taken(kind) for kind in KINDS]
    )
    return [*found, smart.route((*KINDS, *reads.types)), *reads.routes()]


def _taken(kind: str) -> TypeTold:
    """What a CapabilityStatement says of a type that is taken in."""
    read = ("read",) if kind == "Encounter" else ()
    return TypeTold(kind, (), (), (), (*read, "create", *(("update",) if kind in READERS else ())))


async def _body(entrance: Entrance, request: Request, kind: str = "") -> tuple[bytes, Body]:
    """The body, and its resources. Raises a Problem."""
    requests.media_type(request, TAKEN)
    raw = await requests.body(request, entrance.intake.site.limits.message_bytes)
    try:
        body = body_of(raw)
    except Refused as refused:
        raise problem_of(refused.fault) from None
    if kind and (body.bundle is not None or body.every[0].kind != kind):
        raise requests.unfit("resourceType", f"at this address it is {kind}")
    return raw, body


def _received(entrance: Entrance, who: Caller, raw: bytes, own_id: str = "") -> Received:
    intake = entrance.intake
    facility = only_facility(who, intake)
    return Received(raw, DOOR, intake.clock(), tracing.of_the_request(), fhir=True, own_id=own_id, facility=facility)


async def process_message(entrance: Entrance, request: Request) -> Response:
    """A message Bundle, as Da Vinci's notifications are → an OperationOutcome."""
    who = caller(request, *SENDERS)
    may(who, "Encounter", "c")
    raw, body = await _body(entrance, request)
    if body.kind != "message":
        raise requests.unfit("Bundle.type", "a message is a Bundle of type message")
    if body.header is None:
        raise requests.unfit("Bundle.entry", "a message has a MessageHeader")
    received = _received(entrance, who, raw)
    within(who, received, entrance.intake)
    answer = await entrance.reception.hand_in(received)
    check(answer)
    return fhir(answer.replies[0])


async def create(entrance: Entrance, kind: str, request: Request) -> Response:
    """POST of a resource; with If-None-Exist an Encounter only where the caller's facilities have none like it."""
    who = caller(request, *SENDERS)
    may(who, kind, "c")
    raw, body = await _body(entrance, request, kind)
    own_id = id_of(entrance.intake, who, kind, raw)
    condition = request.headers.get("if-none-exist")
    if condition is not None:
        number_of(kind, condition)
    if kind in COMMANDS or condition is not None:
        one = _to_enter(entrance, who, raw, body, own_id)._replace(condition=condition or "")
        return _answer(request, await _entered(entrance, who, one, sha256(kind.encode() + raw).digest()))
    received = _received(entrance, who, raw, own_id)
    return _answer(request, await enter_message(entrance, who, received, kind, known=False))


def _to_enter(entrance: Entrance, who: Caller, raw: bytes, body: Body, own_id: str) -> ToEnter:
    """A resource that came alone."""
    one, facility = body.every[0], only_facility(who, entrance.intake) or None
    told = ToldResource(one, with_contained(one, [one]), own_id, own_id=own_id, facility=facility)
    return ToEnter(told, body, raw=raw)


async def _entered(entrance: Entrance, who: Caller, one: ToEnter, key: bytes) -> Entered:
    """Take in a resource that came alone, in a transaction of its own. Raises a Problem where it is refused."""
    try:
        (entered,) = await enter_all(entrance, who, [one], key)
    except RefusedEntries as refused:
        raise problem_of(refused.every[0][1]) from None
    return entered


async def replace(entrance: Entrance, kind: str, request: Request) -> Response:
    """PUT of a resource under its sender's id: made, or told anew. With If-Match only where the version is that one."""
    who = caller(request, *SENDERS)
    may(who, kind, "u")
    raw, body = await _body(entrance, request, kind)
    own_id = request.path_params["id"]
    if len(own_id) > _ID or not own_id.isascii() or not own_id.replace("-", "").replace(".", "").isalnum():
        raise requests.unfit(f"{kind}.id", "an id has 1 to 64 letters, digits, hyphens and dots")
    if body.every[0].id != own_id:
        raise Problem(HTTPStatus.BAD_REQUEST, "invalid", "id and address differ", fields=[{"field": f"{kind}.id"}])
    if seen := request.headers.get("if-match", ""):
        one = _to_enter(entrance, who, raw, body, own_id)._replace(put=True, seen=seen)
        return _answer(request, await _entered(entrance, who, one, b""))
    async with entrance.intake.database.read() as connection:
        kept = await encounters.kept_under(connection, own_id, who.scope, kind)
    received = _received(entrance, who, raw, own_id)
    return _answer(request, await enter_message(entrance, who, received, kind, known=kept is not None))


async def read_encounter(entrance: Entrance, request: Request) -> Response:
    """The Encounter of a visit, as it was told."""
    who = caller(request, *SENDERS)
    may(who, "Encounter", "r")
    async with entrance.intake.database.read() as connection:
        found = await encounters.told(connection, entrance.intake, request.path_params["id"], who.scope)
    if found is None:
        raise requests.missing()
    tag = _tag(found.version)
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"etag": tag})
    return resource(encounter(found), headers={"etag": tag})


async def bundle(entrance: Entrance, request: Request) -> Response:
    """POST of a Bundle: a transaction is carried out whole or not at all, of a batch each entry by itself."""
    who = caller(request, *SENDERS)
    raw, body = await _body(entrance, request)
    if body.kind not in {"transaction", "batch"}:
        raise requests.unfit("Bundle.type", "at this address it is a transaction or a batch")
    return await transaction(entrance, who, raw, body, base(request))


def base(request: Request) -> str:
    """The FHIR base that was asked."""
    return f"{request.url.scheme}://{request.url.netloc}/fhir"


def _tag(version: int) -> str:
    return f'W/"{version}"'


def _answer(request: Request, entered: Entered) -> Response:
    """The answer to POST and PUT: where it is, its version, and an OperationOutcome."""
    headers: dict[str, Any] = {"location": f"{base(request)}/{entered.kind}/{entered.id}"}
    if entered.version is not None:
        headers["etag"] = _tag(entered.version)
    return fhir(entered.outcome, entered.status, headers)
