"""What was said of money before care: what a payer's benefits are, and a program's own price (contract 3.3)."""

from __future__ import annotations

from typing import Annotated, ClassVar, get_args

from msgspec import Meta
from msgspec.structs import force_setattr

from shared.events.base import CareFact, Code, Day, Identifier, Writer
from shared.events.levels import Level
from shared.events.open_lists import BenefitKind, Open, read_as
from shared.events.published import PublishedStruct


class Benefit(PublishedStruct):
    """One thing that was said."""

    item: Annotated[Code, Meta(description="what: covered, copay, deductible-left, days-left, price, …")]
    value: Annotated[Code, Meta(description="a number, a code, yes or no; no text of anybody")]


class BenefitsTold(CareFact):
    """What was said on a day, by whom; it decides nothing."""

    TYPE: ClassVar[str] = "benefits-told"
    WRITERS: ClassVar[tuple[Writer, ...]] = ("placement",)
    kind: Annotated[Open[BenefitKind], Meta(description="a payer's answer, or the program's price for who pays alone")]
    payer: Annotated[Identifier | None, Meta(description="payer of site config, of a payer's answer")] = None
    level: Annotated[Level | None, Meta(description="level that it is about")] = None
    program: Annotated[Identifier | None, Meta(description="program of site config that it is about")] = None
    says: Annotated[tuple[Benefit, ...], Meta(description="what was said")]
    source: Annotated[Code, Meta(description="portal, telephone, 271, letter, program-table, …")]
    on: Annotated[Day, Meta(description="day on which it was said")]
    reference: Annotated[Code | None, Meta(description="number of the call or answer; version of the table")] = None

    def __post_init__(self) -> None:
        """A word that is new is read as `other`."""
        force_setattr(self, "kind", read_as(get_args(BenefitKind), self.kind))
