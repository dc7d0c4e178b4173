"""What was said of benefits and prices, as rows of a patient's page, each with its day and source. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from services.placement.desk.showing import voided
from services.placement.engine.visible import Part
from services.placement.worklists.glance import Glance, level
from shared.events.benefits import BenefitsTold
from shared.web.listing import Row
from shared.web.tables import NO_BADGE
from shared.web.wording import day, spoken
from shared.web.words import say


def rows_of(part: Part, patient_id: str, now: Glance) -> Iterator[Row]:
    """The latest first; what was taken back is not shown."""
    gone = voided(part.facts, part.folded)
    for fact in sorted(part.facts, key=lambda one: one.value.occurred_at, reverse=True):
        told = fact.value
        if isinstance(told, BenefitsTold) and fact.id not in gone:
            yield Row(
                _what(told, now), NO_BADGE, told.facility, patient_id, details=tuple(filter(None, _details(told)))
            )


def _what(told: BenefitsTold, now: Glance) -> str:
    if told.kind == "self-pay-price":
        return say("Price of {program} for who pays alone", program=now.program(told.program))
    return say("Benefits by {payer}", payer=now.payer(told.payer or ""))


def _details(told: BenefitsTold) -> Iterator[str]:
    yield level(told.level) if told.level else ""
    yield ", ".join(f"{spoken(one.item)}: {spoken(one.value)}" for one in told.says)
    yield say("said {day}, {source}", day=day(told.on), source=spoken(told.source))
    yield say("reference {number}", number=told.reference) if told.reference else ""
