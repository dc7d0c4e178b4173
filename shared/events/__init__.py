"""The registry of the published language: every type by its name, every topic with its key and its writers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from shared.events.aftercare import (
    AftercareClosed,
    AftercareReferred,
    AftercareStarted,
    AppointmentScheduled,
    CallsDecided,
    ConsentExpired,
    ConsentRecorded,
    ConsentRevoked,
    ContactAttempted,
    ReferralAccepted,
    ReferralCancellationRequested,
    ReferralCancelled,
    ReferralCompleted,
    ReferralDeclined,
    ReferralNoShow,
    ReferralReceived,
    ReferralRescheduled,
    ReferralScheduled,
    RelapseRiskCleared,
    RelapseRiskRaised,
)
from shared.events.assessments import Assessed
from shared.events.authorizations import (
    Authorization,
    AuthorizationApproved,
    AuthorizationDenied,
    AuthorizationEnded,
    AuthorizationExtended,
    AuthorizationPended,
    AuthorizationRequested,
)
from shared.events.base import CareFact, Stay, type_name
from shared.events.benefits import BenefitsTold
from shared.events.billing import PeriodAmended, PeriodClosed, PeriodOpened, PeriodVoided, ServicePeriod, billing_type
from shared.events.continuum import Closed, ConflictRaised, Readmitted, Reopened, SteppedDown, SteppedUp
from shared.events.disclosures import OUT_TYPE, Disclosed
from shared.events.episodes import EpisodeState
from shared.events.follow_ups import FollowUpDue, FollowUpExcluded, FollowUpKept, FollowUpMissed
from shared.events.merging import LeftoverSettled, MergeEnded
from shared.events.placing import (
    HandoverReceived,
    OfferAccepted,
    OfferCountered,
    OfferDeclined,
    OfferExpired,
    OfferReopened,
    OfferSent,
    OfferWithdrawn,
    PatientAgreed,
    PatientDeclined,
    Placed,
    PlacementCancelled,
    SearchClosed,
    SearchOpened,
    SeatHeld,
    SeatReleased,
    StartMissed,
    Waitlisted,
    WaitlistLeft,
)
from shared.events.planning import (
    Assigned,
    Certified,
    ConflictSettled,
    DischargePlanCancelled,
    DischargePlanned,
    EpisodeEnded,
    MedicationRecorded,
    PlanRecorded,
    ReadyForStep,
)
from shared.events.published import Published, PublishedStruct
from shared.events.reviews import ReviewDone, ReviewDue
from shared.events.stays import (
    Absent,
    Admitted,
    ArrivalCancelled,
    ArrivalExpected,
    Attended,
    Completed,
    CoverageChanged,
    DiagnosisRecorded,
    Discharged,
    Discontinued,
    LeaveEnded,
    LeaveStarted,
    PatientDied,
    PatientsLinked,
    PatientsMerged,
    PatientsUnlinked,
    PatientsUnmerged,
    Referred,
    Started,
    Transferred,
    VisitEnded,
    VisitStarted,
)
from shared.events.taking_back import FactCancelled

STAY_FACTS: tuple[type[CareFact], ...] = (
    Referred,
    VisitStarted,
    VisitEnded,
    Admitted,
    Started,
    Transferred,
    LeaveStarted,
    LeaveEnded,
    Discharged,
    Completed,
    Discontinued,
    Attended,
    Absent,
    DiagnosisRecorded,
    CoverageChanged,
    PatientsMerged,
    PatientsUnmerged,
    PatientDied,
    ArrivalExpected,
    ArrivalCancelled,
    PatientsLinked,
    PatientsUnlinked,
)
ASSESSMENTS: tuple[type[CareFact], ...] = (Assessed,)
ANNOUNCEMENTS: tuple[type[CareFact], ...] = (SteppedDown, SteppedUp, Readmitted, ConflictRaised, Closed, Reopened)
PLACING: tuple[type[CareFact], ...] = (
    SearchOpened,
    SearchClosed,
    PatientAgreed,
    PatientDeclined,
    OfferSent,
    OfferCountered,
    OfferAccepted,
    OfferDeclined,
    OfferExpired,
    OfferWithdrawn,
    OfferReopened,
    SeatHeld,
    SeatReleased,
    Waitlisted,
    WaitlistLeft,
    Placed,
    PlacementCancelled,
    StartMissed,
    HandoverReceived,
)
PLANNING: tuple[type[CareFact], ...] = (
    PlanRecorded,
    Certified,
    Assigned,
    MedicationRecorded,
    EpisodeEnded,
    ConflictSettled,
    DischargePlanned,
    DischargePlanCancelled,
    ReadyForStep,
)
REVIEWS: tuple[type[CareFact], ...] = (ReviewDue, ReviewDone)
BENEFITS: tuple[type[CareFact], ...] = (BenefitsTold,)
AUTHORIZATIONS: tuple[type[Authorization], ...] = (
    AuthorizationRequested,
    AuthorizationPended,
    AuthorizationApproved,
    AuthorizationDenied,
    AuthorizationExtended,
    AuthorizationEnded,
)
FOLLOW_UPS: tuple[type[CareFact], ...] = (FollowUpDue, FollowUpKept, FollowUpMissed, FollowUpExcluded)
REFERRAL_MOVES: tuple[type[CareFact], ...] = (
    ReferralReceived,
    ReferralAccepted,
    ReferralDeclined,
    ReferralScheduled,
    ReferralNoShow,
    ReferralRescheduled,
    ReferralCancellationRequested,
    ReferralCancelled,
    ReferralCompleted,
)
AFTERCARE: tuple[type[CareFact], ...] = (
    AftercareStarted,
    AftercareReferred,
    *REFERRAL_MOVES,
    AppointmentScheduled,
    ContactAttempted,
    RelapseRiskRaised,
    RelapseRiskCleared,
    CallsDecided,
    AftercareClosed,
)
CONSENTS: tuple[type[CareFact], ...] = (ConsentRecorded, ConsentRevoked, ConsentExpired)
TAKING_BACK: tuple[type[CareFact], ...] = (FactCancelled,)
MERGING: tuple[type[CareFact], ...] = (MergeEnded, LeftoverSettled)
CARE_FACTS: dict[str, type[CareFact]] = {
    type_name(fact.TYPE): fact
    for fact in (
        *STAY_FACTS,
        *ASSESSMENTS,
        *ANNOUNCEMENTS,
        *PLACING,
        *PLANNING,
        *AUTHORIZATIONS,
        *REVIEWS,
        *BENEFITS,
        *FOLLOW_UPS,
        *AFTERCARE,
        *CONSENTS,
        *TAKING_BACK,
        *MERGING,
    )
}
BILLING: dict[str, type[ServicePeriod]] = {
    billing_type(period.TYPE): period for period in (PeriodOpened, PeriodAmended, PeriodClosed, PeriodVoided)
}
EPISODE_TYPE = "care.episode.v1"


class Topic(NamedTuple):
    """One topic of contract 2: its key, who writes and reads it, whether only the last record of a key is kept."""

    name: str
    key: str
    writers: tuple[str, ...]
    compacted: bool
    retention_ms: int
    about: str
    readers: tuple[str, ...] = ()


FOREVER = -1
SHORT = 7 * 24 * 3600 * 1000
_ALL = ("intake", "placement", "aftercare")
TOPICS: tuple[Topic, ...] = (
    Topic(
        "hospital.adt",
        "facility|MRN",
        ("hospitals",),
        False,
        SHORT,
        "HL7 v2 ER7 text or FHIR R4 message Bundle",
        ("intake",),
    ),
    Topic(
        "hospital.acks",
        "as received",
        ("intake",),
        False,
        SHORT,
        "the acknowledgement of each record of hospital.adt",
        ("hospitals",),
    ),
    Topic("care.events", "episode_id", _ALL, False, FOREVER, "facts; kept for ever", ("placement",)),
    Topic(
        "care.episodes",
        "episode_id",
        ("placement",),
        True,
        FOREVER,
        "latest state of each episode",
        ("intake", "aftercare"),
    ),
    Topic(
        "billing.service-periods",
        "episode_id",
        ("placement",),
        False,
        FOREVER,
        "service periods, every version",
        ("billing",),
    ),
    Topic(
        "billing.periods",
        "period_id",
        ("placement",),
        True,
        FOREVER,
        "service periods, the latest version of each",
        ("billing",),
    ),
    *(
        Topic(
            f"dead.{service}",
            "original key",
            (service,),
            False,
            SHORT,
            f"records that {service} could not read or apply",
            ("operators",),
        )
        for service in _ALL
    ),
    Topic(
        "ops.writers",
        "service|topic|partition",
        _ALL,
        True,
        FOREVER,
        "how far each service has written to each partition: what its start compares its tables with",
        ("operators",),
    ),
)

OUT = Topic(
    "out.<recipient>",
    "episode_id",
    ("placement",),
    False,
    FOREVER,
    "what one recipient of site config may know; nothing else leaves",
    ("recipients",),
)
"""One such topic for each recipient that site config names."""


def out_topic(recipient: str) -> Topic:
    """The topic out.<recipient>."""
    return OUT._replace(name=f"out.{recipient}")


def topics_of(service: str, recipients: Iterable[str] = ()) -> tuple[str, ...]:
    """The names of the topics that a service writes its records to; `recipients`: the ids of the site config's."""
    named = tuple(topic.name for topic in TOPICS if service in topic.writers and topic.name != "ops.writers")
    return (*named, *(out_topic(each).name for each in recipients if service in OUT.writers))


__all__ = [
    "AFTERCARE",
    "ANNOUNCEMENTS",
    "ASSESSMENTS",
    "AUTHORIZATIONS",
    "BENEFITS",
    "BILLING",
    "CARE_FACTS",
    "CONSENTS",
    "EPISODE_TYPE",
    "FOLLOW_UPS",
    "MERGING",
    "OUT",
    "OUT_TYPE",
    "PLACING",
    "PLANNING",
    "REFERRAL_MOVES",
    "REVIEWS",
    "STAY_FACTS",
    "TAKING_BACK",
    "TOPICS",
    "CareFact",
    "Disclosed",
    "EpisodeState",
    "Published",
    "PublishedStruct",
    "ServicePeriod",
    "Stay",
    "Topic",
    "billing_type",
    "out_topic",
    "topics_of",
    "type_name",
]
