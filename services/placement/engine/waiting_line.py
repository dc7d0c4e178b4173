"""A seat that comes free is offered down the program's waiting line, one patient at a time, each offer in a transaction
of its own (contract 3.7.5). Order of locks as in act.py: the episode, then the program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from services.placement.continuum.order import day_of, midnight
from services.placement.engine import act, store
from services.placement.engine.act import Decided, Situation
from services.placement.engine.change import Publishing
from services.placement.engine.publish import ACTOR, publish, seats_of
from services.placement.programs.census import Place
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


async def offer_free_seats(database: Database, rules: Rules, *, clock: Clock, ids: Callable[[], str]) -> int:
    """Offer a seat of every program that asks for it (`answering.line`) to the first of its waiting line, where one is
    free and none of the line has an unanswered offer of it; returns how many offers went out."""
    total = 0
    for program in rules.site.programs:
        if program.answering is None or not program.answering.line:
            continue
        for episode_id in await _who_may_come(database, rules, program, clock()):
            async with database.begin() as connection:
                done = await _offer(connection, episode_id, program, Publishing(rules, clock(), ids))
            if done:
                total += 1
                break
    return total


async def _who_may_come(database: Database, rules: Rules, program: Program, now: datetime) -> list[str]:
    """The episodes of the waiting line for whom a seat is free today, in the site's order; none where one of the line
    has an unanswered offer. Nothing is locked for it."""
    async with database.read() as connection:
        waiters, asked = await program_views.line_of(connection, program.id)
        if asked or not waiters:
            return []
        places = (await views.places(connection, [program.id], now, now)).get(program.id, [])
    today = day_of(now, rules.zone_of(program.facility))
    line = in_order(rules.site.waiting_line, waiters, today)
    return [one.episode_id for one in line if _free_today(rules, program, places, now, one.episode_id)]


def _free_today(rules: Rules, program: Program, places: Sequence[Place], now: datetime, person: str) -> bool:
    """Whether a seat of the program comes free for this person today, and stays so."""
    zone = rules.zone_of(program.facility)
    today = day_of(now, zone)
    at = first_free(seats_of(rules, program.id), places, midnight(today, zone), person)
    return at is not None and day_of(at, zone) <= today


async def _offer(connection: Connection, episode_id: str, program: Program, by: Publishing) -> bool:
    """Send the offer, where the patient still waits and a seat is free; False where not."""
    row = (await store.lock_known(connection, [episode_id])).get(episode_id)
    if row is None:
        return False
    await desk_store.lock_programs(connection, [program.id])
    waiters, asked = await program_views.line_of(connection, program.id)
    if asked or episode_id not in {one.episode_id for one in waiters}:
        return False  # another process was first, or the patient waits no more
    places = (await views.places(connection, [program.id], by.now, by.now)).get(program.id, [])
    if not _free_today(by.rules, program, places, by.now, episode_id):
        return False
    facts = (await store.facts_of(connection, [episode_id]))[episode_id]
    zone = by.rules.zone_of(program.facility)

    def decide(now: Situation) -> Decided:
        if now.folded.deaths:
            raise Rejected("ask-before-calling", "somebody told that nobody is to be called for this patient now")
        request = offers.OfferRequest(program, day_of(by.now, zone))
        return Decided(offers.send(now.desk(), [request], answer_by(program, by.now, zone)))

    try:
        change, _ = act.decide_on(row, facts, {program.id: places}, decide, by)
    except Rejected:
        return False  # the search is over, or asks for another level: the line goes on
    await publish(connection, {episode_id: change}, by, [audit.Entry(by.now, ACTOR, "seat-offered", episode_id)])
    return True
