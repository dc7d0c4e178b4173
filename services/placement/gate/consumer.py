"""care.events as the gate hears it: a second consumer of placement, with positions of its own; checked alike."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from aiokafka import ConsumerRecord

from services.placement.continuum.readable import checked
from services.placement.gate import apply
from services.placement.gate.consents import ENDS, RECORDED, recorded
from services.placement.gate.docket import of_interest
from services.placement.gate.recipients import GateRules
from services.placement.gate.store import GateRow
from shared.clock import Clock
from shared.errors import InvalidMessage
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

    What the fold can't read goes nowhere either. Of types that it keeps unread, the gate reads those that may go out.
    """
    fact = checked(decode_fact(record), rules.has_facility)
    if of_interest(fact, rules):
        for name, fits in _SHAPES.items():
            if not _fits(fact.value.get(name), fits):
                raise InvalidMessage(f"the {fact.name} fact has no readable {name}")
        if fact.value["episode_id"] != fact.subject:
            raise InvalidMessage("the episode_id is not the ce_subject")
        if not rules.has_facility(fact.value["facility"]):
            raise InvalidMessage("the site config has no such facility; add it, then replay the dead letter")
        _check_consent(fact)
    return fact


def _check_consent(fact: Fact) -> None:
    if fact.name in ENDS and not isinstance(fact.value.get("consent_id"), str):
        raise InvalidMessage("the field consent_id is unreadable")
    if fact.name == RECORDED:
        try:
            recorded(fact, datetime.now(UTC))
        except (KeyError, TypeError, ValueError):
            raise InvalidMessage("the terms of the consent are unreadable") from None


def _fits(told: Any, fits: Callable[[Any], bool]) -> bool:
    try:
        return fits(told)
    except (TypeError, ValueError, KeyError):
        return False


def _text(told: Any) -> bool:
    return isinstance(told, str) and bool(told)


_SHAPES: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("episode_id", "patient_id", "facility"), _text),
    "occurred_at": lambda told: datetime.fromisoformat(told).tzinfo is not None,
    "labels": lambda told: told is None or (isinstance(told, list) and all(map(_text, told))),
    "stay": lambda told: told is None or (_text(told["kind"]) and _text(told["id"])),
}
"""What the gate looks at of every fact that may go out; above all labels: what can't be read would be let through."""
