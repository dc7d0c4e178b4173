"""Dead letters given to their consumer again: an operator marks the row, the running service does it.

The mark is the row's state (dead_letter_desk.py). A replay is done once however many processes run: the letter is
locked in the transaction that applies it and changes its state, and its count moves from dead to the new outcome.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.errors import Transient
from shared.messaging import dead_letters as dead
from shared.messaging import positions
from shared.messaging.dead_letter_desk import content_of
from shared.messaging.positions import Slot, Tally
from shared.messaging.subscription import Subscription
from shared.storage.database import Database
from shared.storage.sealing import Seal
from shared.storage.tables import dead_letters
from shared.storage.tables import positions as stands

log = logging.getLogger(__name__)

_ASKED = (
    sa.select(dead_letters.c.id, dead_letters.c.topic, dead_letters.c.partition)
    .where(dead_letters.c.consumer == sa.bindparam("consumer"), dead_letters.c.state == "replay")
    .order_by(dead_letters.c.topic, dead_letters.c.partition, dead_letters.c.kafka_offset)
    .limit(100)
)
_SOMETHING = (
    "SELECT consumer FROM positions WHERE consumer = ANY($1::text[]) AND next_offset < 0 "
    "UNION SELECT consumer FROM dead_letters WHERE consumer = ANY($1::text[]) AND state = 'replay'"
)
_LOCK_POSITION = (
    sa.select(stands.c.next_offset)
    .where(
        stands.c.consumer == sa.bindparam("consumer"),
        stands.c.topic == sa.bindparam("topic"),
        stands.c.partition == sa.bindparam("partition"),
    )
    .with_for_update()
)
_LOCK_LETTER = (
    sa.select(dead_letters)
    .where(dead_letters.c.id == sa.bindparam("id"), dead_letters.c.state == "replay")
    .with_for_update(skip_locked=True)
)


async def asked_of(database: Database, consumers: Iterable[str]) -> set[str]:
    """Those of these consumers of which `stepdown positions reset` or `stepdown dead-letters replay` asks something."""
    return {row["consumer"] for row in await database.alone(_SOMETHING, list(consumers))}


async def replay_asked(subscription: Subscription) -> int:
    """Replay every letter marked for it, oldest first, each in a transaction of its own; returns how many were
    applied."""
    async with subscription.database.read() as connection:
        found = (await connection.execute(_ASKED, {"consumer": subscription.consumer_name})).all()
    return sum([await _one(subscription, row) for row in found])


async def _one(subscription: Subscription, place: Any) -> bool:
    try:
        return await _applied(subscription, place)
    except Transient:
        raise
    except Exception as fault:  # noqa: BLE001 - whatever it is: the letter stays dead and says why
        log.warning("dead letter stays dead", extra={"consumer": subscription.consumer_name, "letter": place.id})
        await _still_dead(subscription, place.id, dead.reason(fault))
        return False


async def _applied(subscription: Subscription, place: Any) -> bool:
    """Lock the position first, as every batch does, then the letter, then apply; True when it was applied."""
    async with subscription.database.begin() as connection:
        where = {"consumer": subscription.consumer_name, "topic": place.topic, "partition": place.partition}
        await connection.execute(_LOCK_POSITION, where)
        letter = (await connection.execute(_LOCK_LETTER, {"id": place.id})).first()
        if letter is None:
            return False  # another process was quicker
        slot, tally = Slot(letter.topic, letter.partition), Tally()
        await subscription.handle_again(connection, _record(letter, subscription.seal), tally)
        tally.add(slot, "dead", -1)
        await positions.count(connection, subscription.consumer_name, tally)
        await _settle(connection, letter.id, state="replayed")
    return True


def _record(letter: Any, seal: Seal) -> dead.Parked:
    inside = content_of(letter, seal)
    return dead.Parked(letter.topic, letter.partition, letter.kafka_offset, inside.key, inside.value, inside.headers)


async def _still_dead(subscription: Subscription, letter: str, why: str) -> None:
    async with subscription.database.begin() as connection:
        await _settle(connection, letter, state="dead", error=why)


async def _settle(connection: AsyncConnection, letter: str, **values: str) -> None:
    await connection.execute(
        sa.update(dead_letters)
        .where(dead_letters.c.id == letter, dead_letters.c.state == "replay")
        .values(attempts=dead_letters.c.attempts + 1, **values)
    )
