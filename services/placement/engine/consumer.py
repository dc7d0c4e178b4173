"""care.events as placement hears it: each record checked for what the fold will ask of it, batches to the handlers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from aiokafka import ConsumerRecord
from faststream.kafka import KafkaBroker

from services.placement.continuum.readable import checked
from services.placement.engine import apply
from services.placement.rules import Rules
from shared.clock import Clock
from shared.facts.envelope import Fact
from shared.messaging.subscription import Subscription, decode_fact
from shared.storage.database import Database


def subscription(
    broker: KafkaBroker,
    database: Database,
    rules: Rules,
    *,
    clock: Clock,
    ids: Callable[[], str],
    topic: str = "care.events",
) -> Subscription:
    """The one consumer that placement has."""
    return Subscription(
        broker,
        database,
        service="placement",
        topic=topic,
        apply=apply.inbox(rules=rules, clock=clock, ids=ids),
        decode=partial(readable, has_facility=rules.has_facility),
    )


def readable(record: ConsumerRecord, *, has_facility: Callable[[str], bool]) -> Fact:
    """A record as a fact that the fold can read. Raises InvalidMessage, naming a field and never its value."""
    return checked(decode_fact(record), has_facility)
