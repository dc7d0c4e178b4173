"""A seat that comes free is offered down the program's waiting line, one patient at a time, each offer in a transaction
of its own (contract 3.7.5). Order of locks as in act.py: the episode, then the program."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from services.placement.continuum.order import day_of, midnight
from services.placement.engine import act, store
from services.placement.engine.act import Decided, Situation
from services.placement.engine.change import Publishing
from services.placement.engine.publish import publish, seats_of
from services.placement.programs.seats import first_free
from services.placement.rules import Rules
from services.placement.search import offers
from services.placement.search.answering import answer_by, in_order
from services.placement.worklists import program_views, views
from services.placement.worklists import store as desk_store
from shared.clock import Clock
from shared.errors import Rejected
from shared.site.values import Program
from shared.storage import audit
from shared.storage.database import Connection, Database

ACTOR = "placement"


async def offer_free_seats(database: Database, rules: Rules, *, clock: Clock, ids: Callable[[], str]) -> int:
    """Offer a seat of every program that asks for it (`answering.line`) to the first of its waiting line, where one is
    free and none of the line has an unanswered offer of it; returns how many offers went out."""
    total = 0
    for program in rules.site.programs:
        if program.answering is None or not program.answering.line:
            continue
        for episode_id in await _first_of_line(database, rules, program, clock()):
            async with database.begin() as connection:
                done = await _offer(connection, episode_id, program, Publishing(rules, clock(), ids))
            if done:
                total += 1
                break
    return total


async def _first_of_line(database: Database, rules: Rules, program: Program, now: datetime) -> list[str]:
    """The episodes of the waiting line in the site's order; empty where one of them has an unanswered offer."""
    async with database.read() as connection:
        waiters, asked = await program_views.line_of(connection, program.id)
    if asked:
        return []
    today = day_of(now, rules.zone_of(program.facility))
    return [one.episode_id for one in in_order(rules.site.waiting_line, waiters, today)]


async def _offer(connection: Connection, episode_id: str, program: Program, by: Publishing) -> bool:
    """Send the offer, where the patient still waits and a seat is free; False where not."""
    row = (await store.lock_known(connection, [episode_id])).get(episode_id)
    if row is None:
        return False
    await desk_store.lock_programs(connection, [program.id])
    if (await program_views.line_of(connection, program.id))[1]:
        return False  # another process was first
    places = await views.places(connection, [program.id], by.now, by.now)
    facts = (await store.facts_of(connection, [episode_id]))[episode_id]
    zone = by.rules.zone_of(program.facility)
    today = midnight(day_of(by.now, zone), zone)
    free_at = first_free(seats_of(by.rules, program.id), places.get(program.id, ()), today, episode_id)
    if free_at is None or day_of(free_at, zone) > day_of(by.now, zone):
        return False

    def decide(now: Situation) -> Decided:
        asked = offers.OfferRequest(program, max(day_of(free_at, zone), day_of(by.now, zone)))
        if now.folded.deaths:
            raise Rejected("ask-before-calling", "somebody told that nobody is to be called for this patient now")
        return Decided(offers.send(now.desk(), [asked], answer_by(program, by.now, zone)))

    try:
        change, _ = act.decide_on(row, facts, places, decide, by)
    except Rejected:
        return False  # the search is over, or asks for another level: the line goes on
    await publish(connection, {episode_id: change}, by, [audit.Entry(by.now, ACTOR, "seat-offered", episode_id)])
    return True
