"""Follow-up after a discharge: due, kept, missed, excluded (contract 3.4)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, get_args

from msgspec import Meta
from msgspec.structs import force_setattr

from shared.events.base import CareFact, Code, Day, Identifier, Instant, Writer
from shared.events.open_lists import DecidedBy, Open, read_as


class FollowUp(CareFact):
    """One follow-up window of one discharge; the days are the facility's, `due_to` inclusive.

    FUH-7 and FUH-30 count from the day after the discharge
    (NCQA HEDIS FUH: a visit on the discharge date does not count).
    """

    WRITERS: ClassVar[tuple[Writer, ...]] = ("aftercare",)
    follow_up_id: Annotated[Identifier, Meta(description="the same discharge and measure give the same id")]
    measure: Annotated[Code, Meta(description="FUH-7, FUH-30, …")]
    discharge: Annotated[Identifier, Meta(description="ce_id of the discharge that opened the window")]
    due_from: Annotated[Day, Meta(description="first day that counts")]
    due_to: Annotated[Day, Meta(description="last day that counts")]


class FollowUpDue(FollowUp):
    """The window opened."""

    TYPE: ClassVar[str] = "follow-up-due"


class FollowUpKept(FollowUp):
    """A visit inside the window counted."""

    TYPE: ClassVar[str] = "follow-up-kept"
    kept_at: Annotated[Instant, Meta(description="when")]
    mode: Annotated[Literal["in-person", "telehealth", "phone"], Meta(description="how")]
    provider_kind: Annotated[Code, Meta(description="kind of provider seen")]
    by_fact: Annotated[Identifier | None, Meta(description="ce_id that shows it, where one does")] = None
    reason: Annotated[Code | None, Meta(description="why, where a person decided it")] = None
    decided_by: Annotated[Open[DecidedBy] | None, Meta(description="absent: by rule")] = None

    def __post_init__(self) -> None:
        """A word that is new is read as `other`."""
        force_setattr(self, "decided_by", read_as(get_args(DecidedBy), self.decided_by))


class FollowUpMissed(FollowUp):
    """The window closed without a visit."""

    TYPE: ClassVar[str] = "follow-up-missed"


class FollowUpExcluded(FollowUp):
    """The discharge does not count for the measure."""

    TYPE: ClassVar[str] = "follow-up-excluded"
    reason: Annotated[Code, Meta(description="readmitted, deceased, transferred, …")]
    decided_by: Annotated[Open[DecidedBy] | None, Meta(description="absent: by rule")] = None

    def __post_init__(self) -> None:
        """A word that is new is read as `other`."""
        force_setattr(self, "decided_by", read_as(get_args(DecidedBy), self.decided_by))
