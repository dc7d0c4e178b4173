"""What an assessment found (contract 3.3): the instrument's codes and figures, never its text."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from shared.events.base import CareFact, Code, Writer
from shared.events.levels import Level


class Assessed(CareFact):
    """Somebody assessed the patient with a known instrument; an episode may begin here."""

    TYPE: ClassVar[str] = "assessed"
    WRITERS: ClassVar[tuple[Writer, ...]] = ("intake", "placement", "aftercare")
    instrument: Code = Field(description="which one: LOCUS, ASAM, PHQ-9, C-SSRS, …")
    version: Code = Field(description="its version, as its publisher names it")
    phase: Code = Field(description="when in the care: intake, review, discharge, follow-up, …")
    score: float | None = Field(default=None, description="the composite score, on the instrument's own scale")
    severity: Code | None = Field(default=None, description="the instrument's own word for the score")
    dimensions: dict[str, float] | None = Field(default=None, description="dimension → score, as the instrument has")
    flags: tuple[Code, ...] | None = Field(default=None, description="codes of what stands out: suicide-risk, …")
    recommended_level: Level | None = Field(default=None, description="the level that the assessment recommends")
