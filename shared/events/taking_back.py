"""How a writer takes back what it said (contract 3.5)."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from shared.events.base import CareFact, Code, Identifier, Writer


class FactCancelled(CareFact):
    """The fact named was never so; the episode is left as if it had not been stated. A cancel is not cancelled."""

    TYPE: ClassVar[str] = "fact-cancelled"
    WRITERS: ClassVar[tuple[Writer, ...]] = ("intake", "placement", "aftercare")
    cancels: Identifier = Field(description="ce_id of the writer's own fact; the cancel may come first")
    cancelled_type: str = Field(description="ce_type of that fact")
    reason: Code = Field(description="a code: cancelled-by-sender, corrected, derived-away, …")
