"""What an assessment found (contract 3.3): the instrument's codes and figures, never its text."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from shared.events.base import CareFact, Code, Writer
from shared.events.levels import Level


class Assessed(CareFact):
    """Somebody assessed the patient with a known instrument; an episode may begin here."""

    TYPE: ClassVar[str] = "assessed"
    WRITERS: ClassVar[tuple[Writer, ...]] = ("intake", "placement", "aftercare")
    instrument: Annotated[Code, Meta(description="which one: LOCUS, ASAM, PHQ-9, C-SSRS, …")]
    version: Annotated[Code, Meta(description="its version, as its publisher names it")]
    phase: Annotated[Code, Meta(description="when in the care: intake, review, discharge, follow-up, …")]
    score: Annotated[float | None, Meta(description="the composite score, on the instrument's own scale")] = None
    severity: Annotated[Code | None, Meta(description="the instrument's own word for the score")] = None
    dimensions: Annotated[dict[str, float] | None, Meta(description="dimension → score, as the instrument has")] = None
    flags: Annotated[tuple[Code, ...] | None, Meta(description="codes of what stands out: suicide-risk, …")] = None
    recommended_level: Annotated[Level | None, Meta(description="the level that the assessment recommends")] = None
    needs: Annotated[
        tuple[Code, ...] | None,
        Meta(description="needs of the site's vocabulary: `transport`, `language:es`; `unknown`: it has none for it"),
    ] = None
