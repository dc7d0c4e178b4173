"""Offers over HTTP: the list, sending, and every answer; an acceptance claims the seat in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from services.placement.continuum.about import about
from services.placement.desk import views as desk_views
from services.placement.desk.answers import OfferShown
from services.placement.desk.commands import Accept, Because, CounterOffer, Decline, ReopenOffer, SendOffers
from services.placement.desk.frame import PROGRAMS, Listing, Parts, Rule, Subject, of_entries, write
from services.placement.desk.packet_passing import one_entity
from services.placement.desk.packets import packet_of
from services.placement.engine.act import Decided, Situation
from services.placement.programs.seats import Claim, held, released
from services.placement.search import offers
from services.placement.search.answering import answer_by
from services.placement.search.search import Desk
from services.placement.worklists import views
from services.placement.worklists.lists import EVERYBODY
from services.placement.worklists.views import Line
from shared.errors import Rejected
from shared.events.base import CareFact
from shared.events.placing import SeatHeld
from shared.events.planning import Assigned
from shared.site.config import Site
from shared.site.values import Program
from shared.storage.database import Connection
from shared.values import replace
from shared.web import openapi as api


def send(now: Situation, _: str, asked: SendOffers) -> Decided:
    """Offer the patient to one or several programs, all or none. Raises Rejected as search/offers.py `send` does."""
    wanted = [
        offers.OfferRequest(program, asked.start_date, asked.track, asked.group, asked.variance_reason)
        for program in map(now.rules.site.program, asked.asked)
        if program is not None
    ]
    sent = offers.send(now.desk(asked.search_id), wanted, asked.expires_at, partial(_answer_by, now))
    return Decided(sent, tuple(one.offer_id for one in sent))


def _answer_by(now: Situation, program: Program) -> datetime | None:
    """The program's own deadline for an offer that is sent now."""
    return answer_by(program, now.now, now.zone(program.facility))


def accept(now: Situation, offer_id: str, asked: Accept) -> Decided:
    """The program takes the patient where it has a seat; a seat that was held for this patient there is used for it.

    Raises Rejected as search/offers.py `accept` does, and `program-full`, `group-full`.
    """
    desk = _desk(now, offer_id)
    facts = offers.accept(desk, offer_id, now.zone(_program(now, desk, offer_id).facility), asked.start_date)
    return Decided(claiming(now, facts), (offer_id,))


def claiming(now: Situation, facts: Sequence[CareFact]) -> tuple[CareFact, ...]:
    """These facts with the seats among them counted: a placement's own seat is moved, one that was held for the patient
    is used. Raises Rejected: `program-full`, `group-full`."""
    stated: list[CareFact] = []
    for fact in facts:
        if isinstance(fact, SeatHeld):
            claim = _claim(fact, now.now)
            kept = _kept(now, claim)
            if moving := next((one for one in now.claimed if one.placement_id == claim.placement_id), None):
                claim, kept = replace(claim, seat_id=moving.seat_id), [moving]
                stated.append(held(about(now.folded, fact.facility), claim, now.now, "moved", now.count(claim, kept)))
                continue
            told = now.count(claim, kept)
            whose, at = about(now.folded, fact.facility), min(now.now, claim.since)
            given_up = [released(whose, one, now.now, "placed", at=at) for one in kept]
            stated = [*given_up, *stated, held(whose, claim, now.now, "placed", told)]
        else:
            stated.append(fact)
    return tuple(stated)


def _claim(seat: SeatHeld, now: datetime) -> Claim:
    since = seat.begins or now
    return Claim(str(seat.seat_id), seat.program, since, seat.until, seat.group, seat.placement_id)


def _kept(now: Situation, claim: Claim) -> list[Claim]:
    """Claims on seats that were held for the patient at this program; they are released for the placement's own."""
    kept = [one for one in now.claimed if one.program == claim.program and one.placement_id is None]
    return [one for one in kept if one.until is None or one.until > min(now.now, claim.since)]


def counter(now: Situation, offer_id: str, asked: CounterOffer) -> Decided:
    """The program would take the patient on another day."""
    return Decided(offers.counter(_desk(now, offer_id), offer_id, asked.start_date, asked.reason), (offer_id,))


def decline(now: Situation, offer_id: str, asked: Decline) -> Decided:
    """The program does not take the patient."""
    return Decided(offers.decline(_desk(now, offer_id), offer_id, asked.reason), (offer_id,))


def withdraw(now: Situation, offer_id: str, asked: Because) -> Decided:
    """The desk withdraws the offer."""
    return Decided(offers.withdraw(_desk(now, offer_id), offer_id, asked.reason), (offer_id,))


def reopen(now: Situation, offer_id: str, asked: ReopenOffer) -> Decided:
    """The desk makes the offer again."""
    desk = _desk(now, offer_id)
    expires_at = asked.expires_at or _answer_by(now, _program(now, desk, offer_id))
    return Decided(offers.reopen(desk, offer_id, asked.reason, expires_at), (offer_id,))


def _desk(now: Situation, offer_id: str) -> Desk:
    """The search that the offer belongs to, with what its decisions need."""
    return now.desk(now.search_of(offer_id))


def _program(now: Situation, desk: Desk, offer_id: str) -> Program:
    """The program that was asked. Raises Rejected where the site no longer has it."""
    asked = [one.program for one in desk.search.offers if one.offer_id == offer_id] if desk.search else []
    found = now.rules.site.program(asked[0]) if asked else None
    if found is None:
        raise Rejected("unknown-program", "the site has this program no more", possible=("offer-withdrawn",))
    return found


async def _packets(connection: Connection, parts: Parts, found: list[Line]) -> list[dict[str, Any]]:
    """For each offer what a program may read before it answers; by two queries. To a program of another entity a list
    tells no more than whom to ask: the packet itself passes the gate."""
    site = parts.rules.site
    named = {str(one.content["search_id"]) for one in found if "search_id" in one.content}
    searches = {one.id: one for one in await views.named(connection, "search", named)}
    assigned = await desk_views.assigned(connection, {one.episode_id for one in found})
    return [{"packet": _blind(one, searches.get(one.content.get("search_id", "")), assigned, site)} for one in found]


def _blind(offer: Line, search: Line | None, assigned: Mapping[str, Sequence[Assigned]], site: Site) -> dict[str, Any]:
    sees = search is not None and one_entity(site, search.facility, offer.facility)
    return packet_of(offer, search, assigned.get(offer.episode_id, ()), site, sees=sees)


LISTING = Listing(
    "offers", "Offers of patients to programs", EVERYBODY,
    ("state", "episode_id", "program", "facility"), of_entries("offer"), teller=_packets,
)  # fmt: skip
SUBJECT = Subject(
    LISTING,
    (
        write(
            "/api/offers", SendOffers, Rule(send), action="offer-sent", operation="sendOffers",
            summary="Ask programs to take the patient",
            told=api.anonymous(offers={"type": "array", "items": OfferShown}),
        ),
        write(
            "/api/offers/{id}/accepted", Accept, Rule(accept, claims=True), action="offer-accepted",
            operation="acceptOffer", roles=PROGRAMS,
            summary="The program takes the patient: the seat is held, all other offers are withdrawn",
        ),
        write(
            "/api/offers/{id}/declined", Decline, Rule(decline), action="offer-declined",
            operation="declineOffer", roles=PROGRAMS, summary="The program does not take the patient",
        ),
        write(
            "/api/offers/{id}/countered", CounterOffer, Rule(counter), action="offer-countered",
            operation="counterOffer", roles=PROGRAMS, summary="The program would take the patient on another day",
        ),
        write(
            "/api/offers/{id}/withdrawn", Because, Rule(withdraw, asker=True), action="offer-withdrawn",
            operation="withdrawOffer", summary="The desk asks no longer",
        ),
        write(
            "/api/offers/{id}/reopened", ReopenOffer, Rule(reopen, asker=True), action="offer-reopened",
            operation="reopenOffer", summary="The desk asks again",
        ),
    ),
)  # fmt: skip
