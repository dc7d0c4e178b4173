"""GET /api/offers/{id}/packet and the page /offers/{id}/packet: what a program reads of an offer, on one page to print.

Blind until it is interested (another day proposed) or accepts; then whole: diagnoses, medication that goes on, what the
payer allows, who is in charge (contract 3.7.6). Within the legal entity it leaves for treatment; to a program of
another one both steps pass the gate, and without a basis it reads a level, a first day and whom to ask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Final, NotRequired

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from typing_extensions import TypedDict

from services.placement.desk import reading
from services.placement.desk import views as own_views
from services.placement.desk.answers import HandedOver, PacketShown
from services.placement.desk.frame import Parts
from services.placement.desk.offers import LISTING
from services.placement.desk.packet_passing import NOT_DISCLOSED, PacketReading, Passing, passing, written
from services.placement.desk.packets import SUBSTANCE_USE, packet_of
from services.placement.gate.bases import NoBasisReason
from services.placement.gate.recipients import GateRules, gate_rules
from services.placement.worklists import views
from services.placement.worklists.care_drawing import NO_BASIS
from services.placement.worklists.drawing import packet_in_words
from services.placement.worklists.glance import Glance, level
from services.placement.worklists.views import Line, ListQuestion, Whose
from shared.scope import Scope
from shared.site.config import Site
from shared.storage.database import Connection
from shared.storage.exits import WHO_MAY
from shared.web import openapi as api
from shared.web import requests
from shared.web.app import JSON, caller
from shared.web.auth import Caller
from shared.web.pages import Pages
from shared.web.sessions import page_caller
from shared.web.wording import code_system, dated, day, spoken
from shared.web.words import say

WHOLE: Final = frozenset({"accepted", "countered"})
"""States of an offer in which its program reads the whole packet: it took the patient, or would on another day."""
MOST: Final = 100
_OF_MEDICATION: Final = ("system", "code", "prescriber_npi", "last_given", "next_due", "days_in_hand")
_ALLOWED: Final = frozenset({"requested", "pended", "approved", "extended", "denied"})


class DiagnosisShown(TypedDict):
    """A diagnosis by its code; rank 1 is the principal one."""

    system: str
    code: str
    rank: int


class AllowedShown(TypedDict):
    """What a payer was asked for or allowed."""

    status: str
    payer: NotRequired[str]
    level: NotRequired[str]
    to: NotRequired[str]


class WholePacket(PacketShown):
    """The packet of an offer; what stands behind `whole` is there only then."""

    whole: Annotated[bool, Field(description="the program is interested or took the patient, and may read it")]
    withheld: Annotated[
        NotRequired[NoBasisReason],
        Field(description="why a program of another entity is told nothing; for who sees the patient anyway"),
    ]
    basis: Annotated[NotRequired[str], Field(description="kind of what it rests on, where another entity reads it")]
    notice: Annotated[NotRequired[str], Field(description="goes with what is about Part 2 care (42 CFR 2.32)")]
    diagnoses: NotRequired[list[DiagnosisShown]]
    medication: NotRequired[list[HandedOver]]
    authorizations: NotRequired[list[AllowedShown]]
    coordinator: NotRequired[str]


class PacketPage:
    """Both addresses, for offers in their reader's scope."""

    def __init__(self, parts: Parts, frame: Pages) -> None:
        self.parts, self.frame, self.gate = parts, frame, gate_rules(parts.rules.site)

    def routes(self) -> Sequence[BaseRoute]:
        """The page's address."""
        return [Route("/offers/{id}/packet", self.frame.page(self._shown), methods=["GET"])]

    async def _shown(self, request: Request) -> Response:
        """Raises NotSignedIn, a 403 Problem for another role, 404 for an offer that is not in scope."""
        who, site, now = page_caller(request, *WHO_MAY["packet"]), self.parts.rules.site, self.parts.clock()
        requests.parameters(request, ())
        offer, packet = await packet_told(self.parts, self.gate, who, request.path_params["id"])
        zone = self.parts.rules.zone_of(offer.facility)
        program = site.program(offer.program) if offer.program else None
        told: dict[str, Any] = {
            "patient_id": offer.patient_id,
            "whole": packet["whole"],
            "program": program.title if program else offer.program,
            "first": day(date.fromisoformat(offer.content["start_date"])) if "start_date" in offer.content else "",
            "level": level(offer.content.get("level")),
            "blind": packet_in_words({"packet": packet}, Glance(now, site)).split(" · "),
            "diagnoses": [_in_words(each) for each in packet.get("diagnoses", ())],
            "medication": [_in_words(each) for each in packet.get("medication", ())],
            "authorizations": [_allowed(each) for each in packet.get("authorizations", ())],
            "coordinator": packet.get("coordinator", ""),
            "withheld": say(NO_BASIS[packet["withheld"]]) if "withheld" in packet else "",
            "told": len(packet.keys() - NOT_DISCLOSED) > 0,
            "redisclosure": packet.get("notice", ""),
            "basis": spoken(packet["basis"]) if "basis" in packet else "",
            "day": dated(now.astimezone(zone).date(), date.min),
            "payers": {each.id: each.title for each in site.payers},
        }
        return self.frame.render(request, "packet.html", who=who, **told)


def _allowed(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **one,
        "status": spoken(one["status"]),
        **({"to": day(date.fromisoformat(one["to"]))} if "to" in one else {}),
    }


def _in_words(one: Mapping[str, Any]) -> dict[str, Any]:
    days = {name: day(date.fromisoformat(one[name])) for name in ("last_given", "next_due") if name in one}
    return {**one, **days, "system": code_system(str(one.get("system", "")))}


def routes(parts: Parts) -> Sequence[BaseRoute]:
    """The API's address."""
    gate = gate_rules(parts.rules.site)

    async def packet(request: Request) -> Response:
        who = caller(request, *WHO_MAY["packet"])
        requests.parameters(request, ())
        return JSON((await packet_told(parts, gate, who, request.path_params["id"]))[1])

    return [Route("/api/offers/{id}/packet", packet, methods=["GET"])]


async def packet_told(parts: Parts, gate: GateRules, who: Caller, offer_id: str) -> tuple[Line, dict[str, Any]]:
    """(The offer, its packet), once the ledger has it. Raises a 404 Problem for an offer that is not in scope."""
    async with parts.database.begin() as connection:
        offer = await reading.visible(connection, parts, LISTING, who, offer_id)
        if offer is None:
            raise requests.missing()
        named = [str(offer.content["search_id"])] if "search_id" in offer.content else []
        search = next(iter(await views.named(connection, "search", named)), None)
        assigned = (await own_views.assigned(connection, {offer.episode_id})).get(offer.episode_id, [])
        by = PacketReading(parts, gate, who, offer)
        how = await passing(connection, by, search.facility) if search is not None else None
        sees, covered = how is not None and how.open, how is not None and how.basis is not None
        packet = packet_of(offer, search, assigned, parts.rules.site, sees=sees, substance_use=covered)
        whole = offer.state in WHOLE and sees
        if how is not None:
            packet |= await _rest(connection, parts, offer, how, packet) if whole else {}
            packet |= _rests_on(how, parts.rules.site)
            await written(connection, by, how, packet, whole=whole)
        await reading.noted(connection, parts, who, "packet-read", [offer])
    return offer, {**packet, "whole": whole}


def _rests_on(how: Passing, site: Site) -> dict[str, Any]:
    """What a packet to another entity rests on; to who sees the patient anyway, why there is nothing."""
    if how.same:
        return {}
    found: dict[str, Any] = {"notice": site.redisclosure_notice} if how.noticed else {}
    if how.basis is not None:
        return {**found, "basis": how.basis.kind}
    return {**found, "withheld": how.reason} if how.inside else found


async def _rest(
    connection: Connection, parts: Parts, offer: Line, how: Passing, blind: Mapping[str, Any]
) -> dict[str, Any]:
    """What only the whole packet has, of the discloser's own. Substance use is told to programs that treat it and on a
    basis that covers it: else no diagnosis of it by its code, and no medication of who is treated for it, since that
    may be for it."""
    about = ListQuestion(Whose(Scope(frozenset({how.discloser}))), MOST, episode_id=offer.episode_id)
    mine = [line for kind in ("medication", "authorization") for line in await views.lines(connection, kind, about)]
    own = [line for line in mine if line.facility == how.discloser]
    stays = [one for one in how.folded.stays if one.facility == how.discloser] if how.folded else []
    hidden = how.basis is None and _treats_no_substance_use(offer, parts.rules.site)
    return {
        **{name: blind["ask"][name] for name in ("coordinator",) if name in blind["ask"]},
        "diagnoses": [
            {"system": one.system, "code": one.code, "rank": one.rank}
            for stay in stays
            for one in stay.diagnoses
            if not (hidden and _of_substance_use(one.code))
        ],
        "medication": [
            {name: value for name, value in line.content.items() if name in _OF_MEDICATION}
            for line in own
            if line.kind == "medication" and line.state == "active"
            if not (hidden and (how.folded is None or how.labels & SUBSTANCE_USE))
        ],
        "authorizations": [
            {"status": line.state, **{n: line.content[n] for n in ("payer", "level", "to") if n in line.content}}
            for line in own
            if line.kind == "authorization" and line.state in _ALLOWED
        ],
    }


def _treats_no_substance_use(offer: Line, site: Site) -> bool:
    program = site.program(offer.program) if offer.program else None
    return program is None or not {*program.labels} & SUBSTANCE_USE


def _of_substance_use(code: str) -> bool:
    """ICD-10-CM F10 to F19 (and the poisonings that go with them stay: they name no disorder)."""
    return code.upper().startswith("F1")


def paths() -> dict[str, Any]:
    """The path for the OpenAPI document."""
    return {
        "/api/offers/{id}/packet": api.one(
            "getPacket", "What a program reads of an offer: blind, and whole once it is interested or accepts",
            WHO_MAY["packet"], WholePacket,
        )
    }  # fmt: skip
