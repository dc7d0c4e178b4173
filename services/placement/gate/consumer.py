"""care.events as the gate hears it: a second consumer of placement, with positions of its own; checked alike."""

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
    """The gate's consumer, `placement.gate`."""
    facts = Subscription(
        "placement", "gate", database, decode=partial(passable, rules=rules), order=apply.INBOX, pace=0.1
    )

    @facts.router.subscriber(topic, group_id="stepdown-placement-gate", max_records=10_000, **facts.options)
    async def on_facts(line: InOrder[GateRow], connection: Transaction) -> None:
        """Rule on the facts whose turn it is: what goes out to whom, and what is withheld."""
        await apply.apply(connection, line, rules=rules, clock=clock, ids=ids)

    return facts


def passable(record: ConsumerRecord, *, rules: GateRules) -> Fact:
    """A record as a fact that the gate can rule on. Raises InvalidMessage, naming a field and never its value.

    What has no readable labels, or lacks a field of its type, is refused here; of a type that this release does not
    know nothing ever goes out (docket.of_interest).
    """
    return checked(decode_fact(record), rules.has_facility)
