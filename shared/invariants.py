"""How a check of the invariants of contract 5 reports: how much was checked, and what is broken, by ids only."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

PROMISES: dict[int, str] = {
    1: "a message that was acknowledged is not lost, and a fact is applied once",
    2: "each writer's facts are in order, without a gap, without a false repeat",
    3: "the stored state is what the standing facts come to",
    4: "the latest service periods are what the facts come to",
    5: "seats taken and held never exceed capacity",
    6: "outboxes are empty, every consumer is at the end, and its counts add up",
    7: "whatever left by out.* had a basis",
    8: "no database and no topic lacks what the other has",
}
"""Contract 5, point by point."""


class Broken(NamedTuple):
    """One broken invariant: its number in contract 5, what it is broken for (an id, a consumer's name), and a
    sentence."""

    promise: int
    subject: str
    text: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.text}"


Checked = Callable[[int, int], None]
"""Called with a promise's number and how many things were looked at for it."""


def nobody(promise: int, number: int) -> None:
    """For a caller that does not need the counts of what was checked."""
