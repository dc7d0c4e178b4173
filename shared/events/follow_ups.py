"""Follow-up after a discharge: due, kept, missed, excluded (contract 3.4)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, Field

from shared.events.base import CareFact, Code, Day, Identifier, Writer
from shared.events.open_lists import OPEN, DecidedBy


class FollowUp(CareFact):
    """One follow-up window of one discharge; the days are the facility's, `due_to` inclusive.

    FUH-7 and FUH-30 count from the day after the discharge
    (NCQA HEDIS FUH: a visit on the discharge date does not count).
    """

    WRITERS: ClassVar[tuple[Writer, ...]] = ("aftercare",)
    follow_up_id: Identifier = Field(description="the same discharge and measure give the same id")
    measure: Code = Field(description="FUH-7, FUH-30, …")
    discharge: Identifier = Field(description="ce_id of the discharge that opened the window")
    due_from: Day = Field(description="first day that counts")
    due_to: Day = Field(description="last day that counts")


class FollowUpDue(FollowUp):
    """The window opened."""

    TYPE: ClassVar[str] = "follow-up-due"


class FollowUpKept(FollowUp):
    """A visit inside the window counted."""

    TYPE: ClassVar[str] = "follow-up-kept"
    kept_at: AwareDatetime = Field(description="when")
    mode: Literal["in-person", "telehealth", "phone"] = Field(description="how")
    provider_kind: Code = Field(description="kind of provider seen")
    by_fact: Identifier | None = Field(default=None, description="ce_id that shows it, where one does")
    reason: Code | None = Field(default=None, description="why, where a person decided it")
    decided_by: Annotated[DecidedBy, OPEN] | None = Field(default=None, description="absent: by rule")


class FollowUpMissed(FollowUp):
    """The window closed without a visit."""

    TYPE: ClassVar[str] = "follow-up-missed"


class FollowUpExcluded(FollowUp):
    """The discharge does not count for the measure."""

    TYPE: ClassVar[str] = "follow-up-excluded"
    reason: Code = Field(description="readmitted, deceased, transferred, …")
    decided_by: Annotated[DecidedBy, OPEN] | None = Field(default=None, description="absent: by rule")
