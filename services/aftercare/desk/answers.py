"""The types of what aftercare's API answers, for its OpenAPI document; tests compare every answer with them.

A window, a measure's row and the heading of an entry are built as these types (showing.py, rates.py). A field is
NotRequired where it is left out because it is unknown or not the reader's to see.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, NotRequired

from pydantic import AwareDatetime, Field
from typing_extensions import TypedDict

from shared.web.marks import MarkFields

Count = Annotated[int, Field(ge=0)]


class EntryShown(MarkFields):
    """What every entry of a list has."""

    id: str
    episode_id: str
    patient_id: str
    facility: str
    state: str


CallDays = TypedDict("CallDays", {"from": AwareDatetime, "to": AwareDatetime})


class CallShown(CallDays):
    """A call of the plan's template: when it is to be made, and by which contact it was."""

    name: str
    kept_by: NotRequired[str]
    late: NotRequired[bool]


class PlanShown(EntryShown):
    """Aftercare after one end of care."""

    trigger: Annotated[str, Field(description="ce_id of the end of care that it follows")]
    started_at: AwareDatetime
    aftercare_since: NotRequired[AwareDatetime]
    template: NotRequired[str]
    outcome: NotRequired[str]
    contacts: list[CallShown]
    referrals: list[str]
    contact_due: NotRequired[AwareDatetime]
    calls_stopped: Annotated[NotRequired[str], Field(description="why nobody is to call")]
    search: Annotated[NotRequired[str], Field(description="state of the search for a program, where one is open")]
    next_start: NotRequired[date]
    missed_start: Annotated[
        NotRequired[date], Field(description="first day at a program to which the patient did not come")
    ]
    overdue: NotRequired[bool]


class MoveShown(TypedDict):
    """One move of a referral: when, and by whom."""

    move: str
    at: AwareDatetime
    by: str
    reason: NotRequired[str]


class ReferralShown(EntryShown):
    """A referral within a plan."""

    kind: str
    provider: NotRequired[str]
    need: Annotated[NotRequired[str], Field(description="need of the site's vocabulary that it answers")]
    due_by: NotRequired[date]
    plan_id: NotRequired[str]
    template: NotRequired[str]
    instead_of: NotRequired[str]
    unreplaced: NotRequired[bool]
    referred_at: AwareDatetime
    history: list[MoveShown]
    possible: list[str]
    stopped: NotRequired[str]
    overdue: NotRequired[bool]


class AftercareContactShown(EntryShown):
    """An attempt to reach or see the patient."""

    at: AwareDatetime
    mode: str
    outcome: str
    provider_kind: NotRequired[str]
    appointment_id: NotRequired[str]


class AppointmentShown(EntryShown):
    """An appointment."""

    at: AwareDatetime
    mode: NotRequired[str]
    referral_id: NotRequired[str]
    overdue: NotRequired[bool]


class RiskShown(EntryShown):
    """A risk of relapse that was seen."""

    signals: list[str]
    raised_at: AwareDatetime
    cleared_at: NotRequired[AwareDatetime]
    reason: NotRequired[str]
    decided_by: NotRequired[str]


class LeftoverShown(EntryShown):
    """What a merge that was taken back left with the patient who stays; `merged`: the other patient's episode."""

    at: AwareDatetime
    facts: Annotated[list[str], Field(description="names of the facts")]
    merged: str


class FollowUpShown(MarkFields):
    """A follow-up window of a discharge."""

    follow_up_id: str
    episode_id: str
    patient_id: str
    facility: str
    measure: str
    discharge: Annotated[str, Field(description="ce_id of the discharge")]
    due_from: date
    due_to: date
    state: str
    kept_at: NotRequired[AwareDatetime]
    by_fact: NotRequired[str]
    reason: NotRequired[str]


class GoneShown(TypedDict):
    """What was taken back has no entry any more."""

    id: str


class RateShown(TypedDict):
    """Follow-ups of one facility by one measure; excluded discharges are in neither number."""

    facility: str
    measure: str
    excluded_by: Annotated[dict[str, int], Field(description="reason → how many")]
    due: Count
    kept: Count
    missed: Count
    excluded: Count
    numerator: Count
    denominator: Count
    rate: float | None


RatesShown = TypedDict("RatesShown", {"from": date, "to": date, "items": list[RateShown]})


ANSWERS: dict[str, type] = {
    "plan": PlanShown,
    "referral": ReferralShown,
    "contact": AftercareContactShown,
    "appointment": AppointmentShown,
    "risk": RiskShown,
    "leftover": LeftoverShown,
    "follow-up": FollowUpShown,
}
"""Kind of an entry → its form."""
