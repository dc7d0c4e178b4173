"""The types of what the desk's API answers for list entries, for its OpenAPI document; tests compare every answer with
them.

Lines of episodes are built as these types (showing.py), other answers are not. A field is NotRequired where it is left
out because it is unknown or not the reader's to see.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, NotRequired, get_args

from pydantic import AwareDatetime, Field
from typing_extensions import TypedDict

from shared.events.base import Stay
from shared.events.levels import Level
from shared.events.open_lists import ReviewKind
from shared.events.placing import Needs
from shared.events.reviews import ReviewSubject
from shared.events.stays import Service
from shared.web.marks import MarkFields

Count = Annotated[int, Field(ge=0)]


class _Line(MarkFields):
    """What every entry of a list has."""

    id: str
    episode_id: str
    patient_id: str
    facility: str
    state: str
    program: NotRequired[str]
    due: NotRequired[AwareDatetime]
    overdue: NotRequired[bool]


class SearchShown(_Line):
    """A search for a program."""

    waiting_since: AwareDatetime
    opened_at: AwareDatetime
    began_with: NotRequired[str]
    began_on: NotRequired[date]
    begun_by: NotRequired[str]
    ready_on: Annotated[NotRequired[date], Field(description="first day looked for, while a stay is open")]
    search_id: str
    from_level: str
    recommended_level: Level
    needs: Needs
    reasons: Annotated[list[str], Field(description="why this level, in words")]
    policy: Annotated[NotRequired[str], Field(description="version of site config that recommended it")]
    trigger: Annotated[NotRequired[str], Field(description="ce_id of what asks for it")]
    reason: Annotated[NotRequired[str], Field(description="why it was closed")]
    placement_id: NotRequired[str]
    offers: list[str]
    open_again: NotRequired[bool]


class _Dated(_Line):
    """An entry with the time since when it is so."""

    at: AwareDatetime


class AskShown(TypedDict):
    """Whom to ask about an offer."""

    facility: NotRequired[str]
    coordinator: NotRequired[str]


class PacketShown(TypedDict):
    """What a program may read of an offer before it answers: nothing of who it is, nothing of substance use without a
    basis."""

    ask: AskShown
    from_level: NotRequired[str]
    recommended_level: NotRequired[Level]
    why: Annotated[NotRequired[list[str]], Field(description="why this level, in words")]
    needs: NotRequired[Needs]
    age_years: Annotated[NotRequired[int], Field(description="90 for whoever is older")]


class OfferShown(_Dated):
    """An offer to a program."""

    offer_id: str
    search_id: NotRequired[str]
    level: NotRequired[Level]
    start_date: NotRequired[date]
    track: NotRequired[str]
    group: NotRequired[str]
    variance_reason: NotRequired[str]
    expires_at: NotRequired[AwareDatetime]
    reason: NotRequired[str]
    placement_id: NotRequired[str]
    sent_at: NotRequired[AwareDatetime]
    packet: Annotated[NotRequired[PacketShown], Field(description="what a program may read before it answers")]
    possible: Annotated[list[str], Field(description="what may be done with it now, as its paths name it")]


PlacementTimes = TypedDict("PlacementTimes", {"from": NotRequired[AwareDatetime], "to": NotRequired[AwareDatetime]})


class ReceiptShown(TypedDict):
    """What of a handover the program has confirmed."""

    arrived: bool
    plan_read: Annotated[bool, Field(description="it read the packet")]


class PlacementShown(_Dated, PlacementTimes):
    """A placement, and the stay that it became."""

    placement_id: str
    level: Level
    track: NotRequired[str]
    group: NotRequired[str]
    start_date: date
    recommended_level: NotRequired[Level]
    variance_reason: NotRequired[str]
    offer_id: NotRequired[str]
    seat: NotRequired[bool]
    days_between: Annotated[NotRequired[Count], Field(description="from the end of the stay, expected or told")]
    gap: Annotated[NotRequired[bool], Field(description="these are more days than the site takes for good")]
    stay_open: Annotated[NotRequired[bool], Field(description="it waits for the end of a 24-hour stay")]
    missed_days: Annotated[NotRequired[list[date]], Field(description="first days to which the patient did not come")]
    asked_day: Annotated[NotRequired[date], Field(description="first day that the program was asked for instead")]
    receipt: Annotated[NotRequired[ReceiptShown], Field(description="what of the handover the program has confirmed")]
    receipt_due: Annotated[NotRequired[AwareDatetime], Field(description="until then the site wants it confirmed")]
    receipt_told: Annotated[NotRequired[bool], Field(description="the program confirmed it by itself")]
    start_told: Annotated[NotRequired[bool], Field(description="it was told that the stay began, which has no effect")]
    stay: NotRequired[Stay]
    how: Annotated[NotRequired[str], Field(description="name of the fact that ended the stay")]
    reason: NotRequired[str]
    suspended: NotRequired[bool]
    on_leave: NotRequired[bool]
    sessions: NotRequired[Count]
    attended: NotRequired[Count]


SeatTimes = TypedDict("SeatTimes", {"from": AwareDatetime, "until": NotRequired[AwareDatetime]})


class GoneShown(TypedDict):
    """What was taken back has no entry any more."""

    id: str


class SeatShown(_Dated, SeatTimes):
    """A seat that is kept or taken."""

    seat_id: str
    group: NotRequired[str]
    placement_id: NotRequired[str]


class WaitingShown(_Dated):
    """Somebody in a program's line."""

    position: Annotated[int | None, Field(description="in the line today; null: waits no longer")]
    reason: NotRequired[str]


class SessionShown(_Dated):
    """A session: who came, who did not, and whether it counts."""

    placement_id: str
    session_id: str
    date: date
    group: NotRequired[str]
    services: NotRequired[list[Service]]
    reason: NotRequired[str]
    effect: SessionEffect


class SessionEffect(TypedDict):
    """Whether a session counts; where it does not, the word for why and what that means."""

    counts: bool
    word: NotRequired[str]
    means: NotRequired[str]


AuthorizationDays = TypedDict("AuthorizationDays", {"from": date, "to": date})


class AuthorizationShown(_Dated, AuthorizationDays):
    """What a payer was asked for and allowed, and what is used of it."""

    auth_id: str
    number: NotRequired[str]
    payer: str
    level: Level
    unit: str
    units: NotRequired[int]
    reason: NotRequired[str]
    status: str
    in_force: bool
    used: NotRequired[Count]
    left: Annotated[NotRequired[int], Field(description="absent: no limit was named")]
    over: Annotated[NotRequired[int], Field(description="given beyond what was allowed")]
    unit_minutes: Annotated[NotRequired[int], Field(description="of a unit that is a part of an hour")]
    requested_units: NotRequired[Count]
    next_review: NotRequired[date]
    reference: NotRequired[str]
    denial: NotRequired[DenialShown]
    last_covered_day: Annotated[NotRequired[date], Field(description="of the open stay that it is for")]
    possible: list[str]


class DenialShown(TypedDict):
    """Until when something can be said against a denial."""

    peer_to_peer_by: NotRequired[date]
    appeal_by: NotRequired[date]


class ReviewShown(_Dated):
    """Something to be looked at by a day. State: ahead (before the site's lead day), due, overdue, done."""

    review_id: str
    kind: Annotated[str, Field(examples=list(get_args(ReviewKind)))]
    of: ReviewSubject
    due_on: Annotated[date, Field(description="last day on which it is in time")]
    level: NotRequired[Level]
    payer: NotRequired[str]
    stay: NotRequired[Stay]
    since: NotRequired[AwareDatetime]
    done_by: NotRequired[str]
    done_on: NotRequired[date]
    number: NotRequired[str]
    reference: NotRequired[str]
    unit: NotRequired[str]
    unit_minutes: NotRequired[int]
    units: NotRequired[Count]
    requested_units: NotRequired[Count]
    used: NotRequired[Count]
    left: NotRequired[int]
    over: NotRequired[int]
    next_review: NotRequired[date]


class FactInWords(TypedDict):
    """A fact in one sentence; where it has no effect, the word for why and what that means."""

    ce_id: str
    type: str
    writer: str
    says: str
    word: NotRequired[str]
    means: NotRequired[str]


class ConflictShown(_Dated):
    """Facts that cannot all be so."""

    conflict_id: str
    kind: str | None
    facts: list[FactInWords]
    falls: NotRequired[list[str]]


class LeftoverShown(_Dated):
    """What a merge that was taken back left with the patient who stays; `merged`: the other patient's episode."""

    facts: list[FactInWords]
    merged: str


class PlanShown(_Dated):
    """A plan of care whose review is due."""

    level: Level
    hours_week: NotRequired[float]
    days_week: NotRequired[int]
    goals: NotRequired[int]
    review_due: date


class HandedOver(TypedDict):
    """A medication that goes on."""

    system: str
    code: str
    prescriber_npi: NotRequired[str]
    last_given: NotRequired[date]
    next_due: NotRequired[date]
    days_in_hand: NotRequired[Count]


class MedicationShown(_Dated, HandedOver):
    """A medication that is handed over, as it was told last."""

    first_day: Annotated[NotRequired[date], Field(description="at a program, where one is known")]
    cared_for: Annotated[NotRequired[bool], Field(description="a program or unit has the patient now")]


class IneffectiveShown(_Dated):
    """What was told of an episode and has no effect."""

    facts: list[FactInWords]


class ArrivalShown(_Dated):
    """Who is expected, and has not come."""

    expected_at: AwareDatetime
    day: date
    program: NotRequired[str]
    unit: NotRequired[str]
    level: NotRequired[Level]


class LeavingShown(_Dated):
    """Who is expected to leave a stay."""

    stay: Stay
    level: Level
    expected_at: AwareDatetime
    day: Annotated[date, Field(description="the expected last day")]
    listed_from: AwareDatetime
    start_date: Annotated[NotRequired[date], Field(description="first day at the next program")]
    payer: NotRequired[str]


WaitingSpan = TypedDict("WaitingSpan", {"waiting_for": str, "from": date})


class ReadyShown(_Dated):
    """Who is ready to step down, and waits."""

    stay: Stay
    level: Level
    waiting_for: str
    since: Annotated[date, Field(description="waits for this since")]
    ready_since: date
    spans: list[WaitingSpan]
    payer: NotRequired[str]


class ProposalShown(_Dated):
    """A step up that a referral or an assessment proposes: from the level where the patient is."""

    stay: Stay
    level: Level
    proposed: Level
    by: str
    instrument: NotRequired[str]
    payer: NotRequired[str]


class WithheldLine(_Dated):
    """What waits for a basis to leave; its state is what it waits for."""

    recipient: str
    fact_id: str
    fact_type: str
    recipient_title: str


class EpisodeLine(TypedDict):
    """An episode in a list."""

    episode_id: str
    patient_id: str
    facility: str
    state: str
    level: NotRequired[Level]
    since: NotRequired[AwareDatetime]
    ineffective: Count
    conflicts: Count
    version: int


ANSWERS: dict[str, type] = {
    "search": SearchShown,
    "offer": OfferShown,
    "placement": PlacementShown,
    "seat": SeatShown,
    "waiting": WaitingShown,
    "session": SessionShown,
    "authorization": AuthorizationShown,
    "review": ReviewShown,
    "conflict": ConflictShown,
    "episode": EpisodeLine,
    "leftover": LeftoverShown,
}
"""Kind of an entry → its form."""
ITEMS: tuple[type, ...] = (
    SearchShown, OfferShown, PlacementShown, SeatShown, AuthorizationShown, ConflictShown, PlanShown, IneffectiveShown,
    WithheldLine, ArrivalShown, LeavingShown, ReadyShown, ReviewShown, LeftoverShown, MedicationShown,
    ProposalShown,
)  # fmt: skip
"""What worklists have."""
