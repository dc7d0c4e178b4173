"""The gate's own consumer of care.events, `placement.gate`: it has its own positions, and checks facts as the engine's
consumer does."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from aiokafka import ConsumerRecord

from services.placement.continuum.readable import checked
from services.placement.gate import apply
from services.placement.gate.recipients import GateRules
from services.placement.gate.store import GateRow
from shared.clock import Clock
from shared.facts.envelope import Fact
from shared.messaging.handlers import InOrder, Transaction
from shared.messaging.subscription import Subscription, decode_fact
from shared.storage.database import Database


def subscription(
    database: Database, rules: GateRules, *, clock: Clock, ids: Callable[[], str], topic: str = "care.events"
) -> Subscription:
    """The gate's consumer, `placement.gate`, with its handler."""
    facts = Subscription(
        "placement", "gate", database, decode=partial(passable, rules=rules), order=apply.INBOX, pace=0.1
    )

    @facts.router.subscriber(topic, group_id="stepdown-placement-gate", max_records=10_000, **facts.options)
    async def on_facts(line: InOrder[GateRow], connection: Transaction) -> None:
        """Decide on the facts whose turn it is: what goes out to whom, and what is withheld."""
        await apply.apply(connection, line, rules=rules, clock=clock, ids=ids)

    return facts


def passable(record: ConsumerRecord, *, rules: GateRules) -> Fact:
    """A record as a fact that the gate can decide on. Raises InvalidMessage, which names a field and never its value.

    Refused is a fact without readable labels or without a field that its type needs. A type that this release does not
    know is let through here, but never goes out (docket.of_interest).
    """
    return checked(decode_fact(record), rules.has_facility)
