"""The engine's consumer of care.events: records are decoded and checked, and batches of facts in order are applied."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from aiokafka import ConsumerRecord

from services.placement.continuum.readable import checked
from services.placement.engine import apply
from services.placement.engine.store import LockedEpisode
from services.placement.rules import Rules
from shared.clock import Clock
from shared.facts.envelope import Fact
from shared.messaging.handlers import InOrder, Transaction
from shared.messaging.subscription import Subscription, decode_fact
from shared.storage.database import Database


def subscription(
    database: Database, rules: Rules, *, clock: Clock, ids: Callable[[], str], topic: str = "care.events"
) -> Subscription:
    """The engine's consumer, with its handler."""
    facts = Subscription(
        "placement",
        topic,
        database,
        decode=partial(readable, has_facility=rules.has_facility),
        order=apply.INBOX,
    )

    @facts.router.subscriber(topic, group_id="stepdown-placement", max_records=10_000, **facts.options)
    async def on_facts(line: InOrder[LockedEpisode], connection: Transaction) -> None:
        """Fold the facts whose turn it is, and publish what changes by them."""
        await apply.apply(connection, line, rules=rules, clock=clock, ids=ids)

    return facts


def readable(record: ConsumerRecord, *, has_facility: Callable[[str], bool]) -> Fact:
    """A record as a fact that the fold can read. Raises InvalidMessage, which names a field and never its value."""
    return checked(decode_fact(record), has_facility)
