"""The types of a visit's statements, and of the stays that they make step by step (moves.py makes them)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from msgspec import Struct

from services.intake.hl7.model import VisitMessage
from services.intake.hl7.triggers import StatementKind
from shared.events.levels import Level
from shared.events.open_lists import VisitClass
from shared.site.values import Setting, Unit

State = Literal["none", "visit", "open", "on-leave", "ended"]
StepFact = Literal[
    "visit-started", "admitted", "transferred", "leave-started", "leave-ended", "discharged", "visit-ended"
]
"""The facts that a step of a stay may be, by the names of their types."""


class Statement(Struct, frozen=True, gc=False):
    """What one message says that opens, changes or ends a stay; `turn` is its place in the order said.

    `rank` orders statements of one instant. `unit` is PV1-3.1, "" where there is none; `mapped` is what that is at this
    site, None where the site does not say, and for a statement that goes to no unit. `by_cancel`: it is a cancel that
    names another unit: a transfer there, at the cancel's own time (contract 6).
    """

    said: VisitMessage
    kind: StatementKind
    at: datetime
    rank: int
    turn: int
    unit: str
    mapped: Unit | None
    by_cancel: bool = False

    @property
    def trigger(self) -> str:
        """MSH-9.2."""
        return self.said.adt.trigger


class At(Struct, frozen=True, gc=False):
    """Where a stay is: unit, level and program, or the class of a visit without level."""

    unit: str | None
    level: Level | None
    program: str | None
    visit_class: VisitClass | None
    setting: Setting | None = None


class Step(Struct, frozen=True, gc=False):
    """What a statement did to its stay: the fact's name, and where the stay was before and is after."""

    fact: StepFact
    statement: Statement
    at: datetime
    before: At | None
    after: At


@dataclass(slots=True)
class Stay:
    """One stay of a visit, as far as its statements are worked off; `number` counts the visit's stays from 1."""

    number: int
    begun: datetime
    place: At
    """Where it is now."""
    steps: list[Step] = field(default_factory=list)
    state: State = "none"
    others: list[Statement] = field(default_factory=list)
    """Statements that met this stay and did nothing."""
    after: datetime | None = None
    """When the visit's stay before it ended."""
