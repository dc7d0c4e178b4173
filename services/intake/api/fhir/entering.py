"""The way of resources from their bytes to their answers.

One message (Encounter, Patient, Coverage, Condition) goes through the reception, as an HL7 message does. Requests
(ServiceRequest, Observation, QuestionnaireResponse, Consent) and the entries of a transaction are carried out together
in a database transaction of their own: all, or nothing. The same body of the same caller again gets the first answer.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from typing import TypeAlias

import msgspec
import orjson

from services.intake.api.fhir.commands import COMMANDS, Came
from services.intake.api.fhir.conditions import Entered, ToEnter, there, unchanged
from services.intake.api.rate_limits import RateLimits
from services.intake.api.writes import WRITES, door
from services.intake.fhir.bodies import READERS, alone
from services.intake.hl7.model import Fault, Refused
from services.intake.receiving import encounters
from services.intake.receiving.group_commit import Reception
from services.intake.receiving.read import Answer, InboundMessage, Received
from services.intake.receiving.read_fhir import TAKEN_IN, inbound_of, status_of
from services.intake.receiving.receive import TRIES, Intake, intake_work, take_in
from services.intake.requests.commands import Assessment, Referral
from services.intake.requests.consents.commands import ConsentGiven
from shared.errors import Transient
from shared.fhir.outcomes import informed
from shared.storage.database import Connection
from shared.web import idempotency, posts, requests, tracing
from shared.web.app import Problem
from shared.web.auth import Caller

log = logging.getLogger(__name__)
DOOR = "fhir"
SENDERS = ("hospital", "coordinator")
"""Roles that may tell by FHIR."""
Command: TypeAlias = Referral | Assessment | ConsentGiven
_WRITES = {write.asks: write for write in WRITES}


@dataclass(frozen=True, slots=True)
class Entrance:
    """What the doors are made of."""

    intake: Intake
    reception: Reception[Received, list[InboundMessage], Answer]
    rates: RateLimits


class RefusedEntries(Exception):
    """Resources of a transaction are refused, and so are all: the place of each, and why."""

    def __init__(self, every: Sequence[tuple[str, Fault]]) -> None:
        super().__init__("entries are refused")
        self.every = every


def only_facility(who: Caller, intake: Intake) -> str:
    """The facility of a caller who has one alone; "" for several."""
    names = intake.site.facility_names if "*" in who.facilities else who.facilities
    return next(iter(names)) if len(names) == 1 else ""


def id_of(intake: Intake, who: Caller, kind: str, raw: bytes) -> str:
    """The id under which what was posted is kept: the same for the same body of the same caller; it tells nothing."""
    return intake.seal.blind(f"fhir-id\x1f{who.subject}\x1f{kind}\x1f{sha256(raw).hexdigest()}").hex()[:32]


def problem_of(fault: Fault) -> Problem:
    """The Problem for what is refused; it names the element."""
    fields = [{"field": fault.segment, "problem": "unfit"}] if fault.segment not in {"", "MSH"} else []
    return Problem(HTTPStatus(fault.code), "unfit", fault.text, fields=fields)


async def enter_message(entrance: Entrance, who: Caller, received: Received, kind: str, *, known: bool) -> Entered:
    """Hand one message in at the reception. `known`: something is kept under its id already. Raises a Problem where it
    is refused, or of a facility that is not the caller's; Transient where it can't be stored now."""
    within(who, received, entrance.intake)
    answer = await entrance.reception.hand_in(received)
    check(answer)
    version = None
    if kind == "Encounter":
        async with entrance.intake.database.read() as connection:
            kept = await encounters.kept_under(connection, received.own_id, who.scope)
            version = await encounters.version_of(connection, kept) if kept else 1
    return Entered(200 if known else 201, kind, received.own_id, version, answer.replies[0])


def within(who: Caller, received: Received, intake: Intake) -> None:
    """Refuse what is of facilities that are not the caller's, before anything is stored. Raises a Problem (403)."""
    if "*" not in who.facilities:
        for message in intake.messages_of(received):
            if message.facility or message.stored:
                requests.within(who, message.facility)


class _Issue(msgspec.Struct):
    code: str
    details: dict[str, str]
    expression: list[str] = []


class _Outcome(msgspec.Struct):
    issue: list[_Issue]


_STATUS = {"invalid": 422, "structure": 400, "too-long": 413, "transient": 503, "forbidden": 403}


def check(answer: Answer) -> None:
    """Raise a Problem, or Transient, where a body was not taken."""
    if answer.code == "AA":
        return
    issues = [one for reply in answer.replies for one in msgspec.json.decode(reply, type=_Outcome).issue]
    told = next(one for one in issues if one.code != "informational")
    if answer.away or told.code == "transient":
        raise Transient(told.details["text"])
    fields = [{"field": each, "problem": told.code} for each in told.expression]
    raise Problem(HTTPStatus(_STATUS.get(told.code, 500)), told.code, told.details["text"], fields=fields)


# ── requests and transactions ─────────────────────────────────────────────────────────────────────────────────────────


async def enter_all(entrance: Entrance, who: Caller, every: Sequence[ToEnter], key: bytes) -> list[Entered]:
    """Take in resources together. `key`: a hash of what was sent, under which the answer is kept. Raises RefusedEntries
    where one is refused, a Problem (403, 404, 422, 429), or Transient; then nothing is stored."""
    commands = await _commands(entrance, who, every)
    for attempt in range(1, TRIES + 1):
        try:
            async with entrance.intake.database.begin() as connection:
                done = await _carried_out(connection, entrance, who, every, commands, key)
            return await _versioned(entrance, who, done)
        except Transient:
            if attempt == TRIES:
                raise
    raise Transient("not reached")


async def _versioned(entrance: Entrance, who: Caller, every: list[Entered]) -> list[Entered]:
    """The answers with the versions that their Encounters have now."""
    ids = {one.id for one in every if one.kind == "Encounter" and one.outcome}
    if not ids:
        return every
    async with entrance.intake.database.read() as connection:
        found = await encounters.versions(connection, ids, who.scope)
    return [
        one._replace(version=found.get(one.id, 1)) if one.kind == "Encounter" and one.outcome else one for one in every
    ]


async def _commands(entrance: Entrance, who: Caller, every: Sequence[ToEnter]) -> dict[int, Command]:
    """Place in `every` → the request that a resource is. All are checked as at their JSON doors."""
    intake, refused = entrance.intake, list[tuple[str, Fault]]()
    found: dict[int, Command] = {}
    for number, one in enumerate(every):
        kind = one.told.resource.kind
        if kind in COMMANDS:
            try:
                found[number] = COMMANDS[kind](Came(one.told, intake.rules, intake.clock(), intake.site))
            except Refused as no:
                refused.append((one.place, no.fault))
    if refused:
        raise RefusedEntries(refused)
    checks = door(intake, entrance.rates)
    for command in found.values():
        await checks.fit(posts.Posted(_WRITES[type(command)], who, "", command, None, None))
    return found


async def _carried_out(  # noqa: PLR0917 - what one transaction needs
    connection: Connection, entrance: Entrance, who: Caller, every: Sequence[ToEnter], commands: dict[int, Command],
    key: bytes,
) -> list[Entered]:  # fmt: skip
    """All of it inside a transaction: requests first, then messages, whose writes come at its end."""
    intake = entrance.intake
    asked = idempotency.HashedRequest("", intake.seal.blind(f"fhir\x1f{who.subject}\x1f{key.hex()}").hex(), key)
    before = await idempotency.begin(connection, asked, intake.clock()) if commands else None
    if before is not None:
        return _unpacked(before.body)
    done = await there(connection, who, every)
    for number, command in commands.items():
        write = _WRITES[type(command)]
        told = await write.decide(intake, connection, who, "", command)
        made = getattr(told, "consent_id", "") or getattr(told, "fact_id", "")
        done[number] = Entered(201, every[number].told.resource.kind, made, None, informed(TAKEN_IN))
    messages = {n: one for n, one in enumerate(every) if one.told.resource.kind in READERS and n not in done}
    done |= await _messages(connection, entrance, who, messages)
    result = [done[number] for number in sorted(done)]
    if commands:
        await idempotency.finish(connection, asked, idempotency.Answered(200, _packed(result), None))
    return result


async def _messages(
    connection: Connection, entrance: Entrance, who: Caller, every: dict[int, ToEnter]
) -> dict[int, Entered]:
    intake = entrance.intake
    found: dict[int, InboundMessage] = {}
    known: dict[int, bool] = {}
    for number, one in every.items():
        raw = one.raw or alone(one.told, one.body)
        received = Received(
            raw, DOOR, intake.clock(), tracing.of_the_request(), fhir=True, own_id=one.told.own_id or "",
            seen=one.seen, facility=one.told.facility or "",
        )  # fmt: skip
        found[number] = message = inbound_of(received, one.told, raw, intake.rules, intake.seal)
        if message.outcome.code == "AA":
            requests.within(who, message.facility)
        if one.put:
            known[number] = await unchanged(connection, who, one, message)
    _refuse(found, every)
    with intake_work(list(found.values())):
        await take_in(connection, list(found.values()), intake)
    _refuse(found, every)
    return {
        number: Entered(200 if known.get(number) else 201, one.told.resource.kind, one.told.own_id or "", 1,
                        found[number].replies[0])
        for number, one in every.items()
    }  # fmt: skip


def _refuse(found: dict[int, InboundMessage], every: dict[int, ToEnter]) -> None:
    """Raise RefusedEntries where messages are refused."""
    refused = [(every[number].place, _fault(message)) for number, message in found.items() if not _taken(message)]
    if refused:
        raise RefusedEntries(refused)


def _taken(message: InboundMessage) -> bool:
    return message.outcome.code == "AA"


def _fault(message: InboundMessage) -> Fault:
    """Why a message is refused, with the HTTP status as its code."""
    fault = message.outcome.fault or Fault(0, "", 0, "it was refused before")
    return fault._replace(code=status_of(message.outcome))


def _packed(every: Sequence[Entered]) -> bytes:
    return orjson.dumps([[*one[:4], one.outcome.decode()] for one in every])


def _unpacked(body: bytes) -> list[Entered]:
    every = orjson.loads(body)
    return [Entered(status, kind, own, version, told.encode()) for status, kind, own, version, told in every]
