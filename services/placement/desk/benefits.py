"""Benefits and prices over HTTP: what a payer said, and a program's own price, each with its date and source."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from services.placement.continuum.about import about
from services.placement.continuum.order import day_of
from services.placement.desk.commands import Ask, Code, Misfit
from services.placement.desk.frame import Rule, Subject, write
from services.placement.engine.act import Decided, Situation
from shared.errors import Rejected
from shared.events.base import Day
from shared.events.benefits import Benefit, BenefitsTold
from shared.events.levels import Level
from shared.site.config import Site
from shared.web.commands import Command, Name

TELLERS = ("coordinator", "billing", "reviewer")
OF_THE_TABLE = "program-table"
Value = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9][A-Za-z0-9.,%-]*$")]
"""A number, a code, yes or no."""


class Said(Command):
    """One thing that was said."""

    item: Code
    value: Value


class TellBenefits(Ask):
    """What a payer said of benefits."""

    payer: Name
    level: Level | None = None
    says: tuple[Said, ...] = Field(min_length=1, max_length=30)
    source: Code
    on: Day | None = Field(default=None, description="day on which it was said; absent: today")
    reference: Name | None = None

    def misfit(self, site: Site) -> Misfit:
        """Refuses an unknown payer."""
        return None if site.payer(self.payer) else ("payer", "the site has no such payer")


class TellPrice(Ask):
    """The patient was told a program's price for who pays alone."""

    program: Name

    def misfit(self, site: Site) -> Misfit:
        """Refuses a program that the site does not have, or that has no price."""
        found = site.program(self.program)
        if found is None:
            return "program", "the site has no such program"
        return None if found.self_pay else ("program", "the program has no price for who pays alone")


def tell(now: Situation, episode_id: str, asked: TellBenefits) -> Decided:
    """State what a payer said. Raises Rejected `in-the-future`."""
    whose = now.about()
    today = day_of(now.now, now.zone(whose.facility))
    if asked.on is not None and asked.on > today:
        raise Rejected("in-the-future", "that day has not come yet", possible=("later",))
    payer = now.rules.site.payer(asked.payer)
    told = BenefitsTold(
        **whose.heading(now.now),
        kind="eligibility",
        payer=payer.id if payer else asked.payer,
        level=asked.level,
        says=tuple(Benefit(item=one.item, value=one.value) for one in asked.says),
        source=asked.source,
        on=asked.on or today,
        reference=asked.reference,
    )
    return Decided((told,), (episode_id,))


def price(now: Situation, episode_id: str, asked: TellPrice) -> Decided:
    """State the price that the program's table has today. Raises Rejected `no-price`."""
    program = now.rules.site.program(asked.program)
    if program is None or program.self_pay is None:
        raise Rejected("no-price", "the program has no price for who pays alone")
    found = program.self_pay
    told = BenefitsTold(
        **about(now.folded, program.facility).heading(now.now),
        kind="self-pay-price",
        level=program.level,
        program=program.id,
        says=(
            Benefit(item="price", value=found.amount),
            Benefit(item="currency", value=found.currency),
            Benefit(item="per", value=found.per),
        ),
        source=OF_THE_TABLE,
        on=day_of(now.now, now.zone(program.facility)),
        reference=now.rules.site.version,
    )
    return Decided((told,), (episode_id,))


SUBJECT = Subject(
    None,
    (
        write(
            "/api/episodes/{id}/benefits", TellBenefits, Rule(tell), action="benefits-told", operation="tellBenefits",
            roles=TELLERS, summary="What a payer said of benefits, on which day and by which way",
        ),
        write(
            "/api/episodes/{id}/price", TellPrice, Rule(price), action="price-told", operation="tellPrice",
            roles=TELLERS, summary="The patient was told what a program costs who pays alone, by its table",
        ),
    ),
)  # fmt: skip
