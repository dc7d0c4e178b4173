"""Facts brought to the gate, batch by batch, and what came of them; consents as intake states them; no broker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import sqlalchemy as sa

from services.placement.gate import apply
from services.placement.gate.recipients import GateRules, gate_rules
from services.placement.gate.tables import disclosures, withheld
from shared.clock import Clock
from shared.events import Disclosed
from shared.events.disclosures import read_disclosed
from shared.facts.envelope import Fact, from_record
from shared.messaging import outbox
from shared.messaging.positions import Incoming, Slot, Tally
from shared.site.config import SAMPLE, Site, load
from shared.storage.database import Database
from tests.builders import fact

SLOT = Slot("care.events", 0)
CLINIC = "valley-clinic"
BOARD = "county-board"


def site_with(*recipients: dict[str, Any]) -> Site:
    """The sample site with these recipients beside its own."""
    sample = load(SAMPLE)
    told = sample.model_dump(by_alias=True)
    return Site.model_validate(told | {"recipients": [*told["recipients"], *recipients]})


def board(**more: Any) -> dict[str, Any]:
    """A recipient that gets discharges and completions of RIVERBEND for payment, Part 2 among them by an agreement."""
    return {
        "id": BOARD,
        "title": "County Board",
        "class": "payer",
        "purpose": "payment",
        "facilities": ["RIVERBEND"],
        "receives": [{"type": "discharged", "fields": ["level"]}, {"type": "completed", "fields": ["level"]}],
        "agreements": [
            {"id": "board-qsoa", "covers": ["PSY", "SUD", "PART2"], "from": "2026-01-01", "to": "2026-12-31"}
        ],
        **more,
    }


def two_recipients() -> GateRules:
    """The sample site's clinic, and the board."""
    return gate_rules(site_with(board()))


def consent(
    when: str = "2026-03-01 09:00",
    *,
    consent_id: str = "consent-1",
    recipient: str | None = CLINIC,
    scope: Iterable[str] = ("PSY",),
    begins: str = "2026-03-01",
    to: str | None = None,
    name: str = "consent-recorded",
    **more: Any,
) -> Fact:
    """The patient consents that GOODHEALTH tells the clinic, for treatment, from 1 March on."""
    own: dict[str, Any] = {
        "consent_id": consent_id,
        "discloser": "GOODHEALTH",
        "recipient": recipient,
        "purpose": "treatment",
    }
    own |= {"scope": list(scope), "from": begins, "to": to, "labels": ()}
    return fact(name, when, **(own | more))


def revoked(when: str = "2026-03-20 09:00", **more: Any) -> Fact:
    """The patient takes the consent back."""
    return consent(when, name="consent-revoked", **more)


@dataclass
class Gate:
    """Brings facts in batches as one partition's records."""

    database: Database
    rules: GateRules
    clock: Clock
    offset: int = 0
    total: Counter[str] = field(default_factory=Counter)
    refused: list[tuple[str, str]] = field(default_factory=list)
    numbers: Any = field(default_factory=lambda: count(1))

    def ids(self) -> str:
        """d-1, d-2, …"""
        return f"d-{next(self.numbers)}"

    async def bring(self, *batch: Fact) -> Counter[str]:
        """One batch, one transaction; what came of it."""
        incoming = [Incoming(SLOT, self.offset + n, one.subject.encode(), one) for n, one in enumerate(batch)]
        self.offset += len(batch)
        tally = Tally()
        async with self.database.begin() as connection:
            if line := await apply.INBOX(connection, incoming, tally):
                await apply.apply(connection, line, rules=self.rules, clock=self.clock, ids=self.ids)
        found = tally.total()
        assert sum(found.values()) == len(batch), "received = applied + repeated + waiting + dead"
        self.total.update(found)
        self.refused += [(one.fact.id, why) for one, why in tally.refused]
        return found

    async def looks_again(self, most: int = 100) -> int:
        """What the timer does, once."""
        async with self.database.begin() as connection:
            return await apply.look_again(connection, rules=self.rules, clock=self.clock, ids=self.ids, most=most)

    async def out(self, recipient: str = CLINIC) -> list[Fact[Disclosed]]:
        """What is on its way to a recipient, in its order."""
        async with self.database.read() as connection:
            waiting = await outbox.stored(connection)
        topic = f"out.{recipient}"
        return [from_record(one.value, one.headers, read_disclosed) for one in waiting if one.topic == topic]

    async def told(self, recipient: str = CLINIC) -> list[str]:
        """The facts that it was told, by their ids, in order."""
        return [one.value.fact_id for one in await self.out(recipient)]

    async def ledger(self) -> list[Any]:
        """The ledger, as it was written."""
        async with self.database.read() as connection:
            query = sa.select(disclosures).order_by(
                disclosures.c.recipient, disclosures.c.episode_id, disclosures.c.sequence
            )
            return list((await connection.execute(query)).all())

    async def waiting(self, recipient: str = CLINIC) -> list[tuple[str, str]]:
        """(fact, reason) of what is withheld from a recipient, in the order of the episode."""
        query = sa.select(withheld.c.fact_id, withheld.c.reason).where(withheld.c.recipient == recipient)
        async with self.database.read() as connection:
            rows = await connection.execute(query.order_by(withheld.c.episode_id, withheld.c.place))
        return [(row.fact_id, row.reason) for row in rows]
