"""What people ask of aftercare: checked values with the codes that are known; nothing is decided here."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import AwareDatetime, Field

from shared.events.aftercare import Mode
from shared.events.open_lists import ReferralKind
from shared.web.commands import Command, Name

Whose = Literal["provider", "patient"]
ContactOutcome = Literal[
    "reached", "attended", "no-answer", "left-message", "no-show", "declined", "wrong-number", "cancelled", "other"
]
ProviderKind = Literal[
    "psychiatrist",
    "psychologist",
    "social-worker",
    "therapist",
    "psychiatric-nurse",
    "primary-care",
    "care-coordinator",
    "peer",
    "other",
]
MoveReason = Literal[
    "no-capacity",
    "waitlist",
    "payer-not-accepted",
    "needs-other-level",
    "out-of-area",
    "found-other-care",
    "patient-declined",
    "lost-contact",
    "made-in-error",
    "other",
]


class Refer(Command):
    """Refer the patient to somebody."""

    episode_id: Name
    kind: ReferralKind
    provider: Name | None = None
    due_by: date | None = None
    instead_of: Name | None = Field(default=None, description="referral that was declined or cancelled")


class Move(Command):
    """Move a referral on."""

    by: Whose = "provider"


class MoveWithReason(Move):
    """Move a referral where it does not go on."""

    reason: MoveReason


class MoveToAppointment(Move):
    """Move a referral to an appointment."""

    at: AwareDatetime
    mode: Mode = "in-person"


class RecordContact(Command):
    """Record an attempt to reach or see the patient. `call_again_on`: of one that reached nobody, the day on which the
    call that is asked for stands in the list again."""

    episode_id: Name
    at: AwareDatetime
    mode: Mode
    outcome: ContactOutcome
    provider_kind: ProviderKind | None = None
    appointment_id: Name | None = None
    call_again_on: date | None = None


class Withdraw(Command):
    """Take back what was recorded in error."""

    reason: Literal["wrong-patient", "wrong-time", "wrong-outcome", "recorded-twice", "other"]


class Schedule(Command):
    """Record an appointment of the patient."""

    episode_id: Name
    at: AwareDatetime
    mode: Mode = "in-person"


class MarkKept(Command):
    """Say that a follow-up was kept, though nothing here shows it."""

    at: AwareDatetime
    mode: Mode
    provider_kind: ProviderKind
    reason: Literal["seen-elsewhere", "record-corrected", "other"]


class MarkExcluded(Command):
    """Say that a discharge does not count for the measure."""

    reason: Literal["hospice", "deceased", "transferred", "moved-away", "not-eligible", "other"]


class ClearRisk(Command):
    """Say that a risk of relapse is over."""

    reason: Literal["seen-in-person", "reached-by-family", "in-other-care", "judged-safe", "raised-in-error", "other"]


class DecideCalls(Command):
    """Say whether to call a patient where that was to be asked first."""

    decision: Literal["go-on", "stop"]


class SayWhose(Command):
    """Say whose it is that a merge left; there is nothing to say besides."""


class ClosePlan(Command):
    """End aftercare."""

    outcome: Literal[
        "goals-met", "in-other-care", "declined", "lost-contact", "moved-away", "incarcerated", "deceased", "other"
    ]
