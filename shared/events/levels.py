"""The levels of care, from most to least intensive, each as one row with everything that is true of it.

A new level is a new row, and a v2 of the published types that name levels (decision 0175).
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, Self


class Traits(NamedTuple):
    """What is true of a level, whatever the site."""

    words: str
    """As a heading."""
    spoken: str
    """Within a sentence."""
    short: str = ""
    """In a table, where the words are long."""
    round_the_clock: bool = False
    """A 24-hour level: a less intensive stay is suspended under one of them (contract 3.6 rule 4)."""
    acute: bool = False
    """A hospital's own: coming back soon is a readmission, and no program is paid beside it (42 CFR 412.402)."""
    counts_as_follow_up: bool = False
    """Where the site says nothing, a stay of this level keeps a follow-up window."""
    a_step_down: bool = True
    """A site's rule for the `next` level may recommend it; False for a place to live, where nobody is treated."""


class Level(StrEnum):
    """The continuum of care (contract 3: inpatient > residential > php > iop > outpatient)."""

    _value_: str
    traits: Traits

    def __new__(cls, name: str, *row: Traits) -> Self:
        """Called for each row with its name on the wire and its traits; `Level("php")` looks a level up by name."""
        level = str.__new__(cls, name)
        level._value_, (level.traits,) = name, row
        return level

    INPATIENT = "inpatient", Traits("Inpatient", "inpatient", round_the_clock=True, acute=True)
    RESIDENTIAL = "residential", Traits("Residential", "residential", round_the_clock=True)
    PHP = (
        "php",
        Traits(
            "Partial hospitalization (PHP)",
            "partial hospitalization",
            "PHP",
            counts_as_follow_up=True,
        ),
    )
    IOP = (
        "iop",
        Traits(
            "Intensive outpatient (IOP)",
            "intensive outpatient",
            "IOP",
            counts_as_follow_up=True,
        ),
    )
    OUTPATIENT = "outpatient", Traits("Outpatient", "outpatient", counts_as_follow_up=True)


RANK: dict[str, int] = {level.value: rank for rank, level in enumerate(Level)}
"""0 is the most intensive; in this order."""
LEAST_INTENSIVE = list(Level)[-1].value
"""After it no further level is looked for."""
ROUND_THE_CLOCK = frozenset(level.value for level in Level if level.traits.round_the_clock)
ACUTE = frozenset(level.value for level in Level if level.traits.acute)
WORDS: dict[str, str] = {level.value: level.traits.words for level in Level}
SHORT: dict[str, str] = {level.value: level.traits.short or level.traits.words for level in Level}
SPOKEN: dict[str, str] = {level.value: level.traits.spoken for level in Level}
