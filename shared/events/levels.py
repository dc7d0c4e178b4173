"""Levels of care, most to least intensive, and what is true of each; nothing else."""

from __future__ import annotations

from enum import StrEnum


class Level(StrEnum):
    """The continuum of care (contract 3: inpatient > residential > php > iop > outpatient)."""

    INPATIENT = "inpatient"
    RESIDENTIAL = "residential"
    PHP = "php"
    IOP = "iop"
    OUTPATIENT = "outpatient"


RANK: dict[str, int] = {level.value: rank for rank, level in enumerate(Level)}
"""0 is the most intensive."""

ROUND_THE_CLOCK = frozenset({Level.INPATIENT.value, Level.RESIDENTIAL.value})
"""24-hour levels: a less intensive stay is suspended under one of them (contract 3.6 rule 4)."""

WORDS: dict[str, str] = {
    "inpatient": "Inpatient",
    "residential": "Residential",
    "php": "Partial hospitalization (PHP)",
    "iop": "Intensive outpatient (IOP)",
    "outpatient": "Outpatient",
}
