"""Aftercare's plan, referrals, contacts, risk and end, and the consents that disclosures rest on (contract 3.4)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, get_args

from msgspec import Meta, field
from msgspec.structs import force_setattr
from pydantic import Field

from shared.events.base import CareFact, Code, Day, Identifier, Instant, Writer
from shared.events.open_lists import DecidedBy, Open, ReferralKind, read_as

Mode = Literal["in-person", "telehealth", "phone"]
_WORD = r"^[a-z0-9][a-z0-9-]{0,59}$"
Word = Annotated[str, Field(pattern=_WORD), Meta(pattern=_WORD)]
"""A code of ours or of the site: small letters, digits, hyphens; nobody's own words."""


class AftercareFact(CareFact):
    """A fact that aftercare states."""

    WRITERS: ClassVar[tuple[Writer, ...]] = ("aftercare",)


class AftercareStarted(AftercareFact):
    """Aftercare began: a program was completed, a discharge led to no further level, or outreach is due."""

    TYPE: ClassVar[str] = "aftercare-started"
    trigger: Annotated[Identifier, Meta(description="ce_id of the completed, discharged or discontinued that began it")]
    plan_id: Annotated[Identifier | None, Meta(description="the plan; the same trigger gives the same id")] = None
    template: Annotated[Code | None, Meta(description="template of site config that the plan is made from")] = None


class AftercareReferred(AftercareFact):
    """The patient was referred to somebody who goes on caring."""

    TYPE: ClassVar[str] = "aftercare-referred"
    referral_id: Annotated[Identifier, Meta(description="the referral")]
    kind: Annotated[Open[ReferralKind], Meta(description="what for")]
    provider: Annotated[Identifier | None, Meta(description="to whom, by the site's id; absent while it is open")] = (
        None
    )
    due_by: Annotated[Day | None, Meta(description="the day by which it ought to be settled, facility's zone")] = None
    plan_id: Annotated[Identifier | None, Meta(description="the plan it belongs to")] = None
    template: Annotated[Code | None, Meta(description="template of site config that asked for it")] = None
    instead_of: Annotated[Identifier | None, Meta(description="referral_id of the one that came to nothing")] = None
    need: Annotated[Code | None, Meta(description="need of the site's vocabulary that it answers")] = None
    search_id: Annotated[Identifier | None, Meta(description="the search that has the need")] = None

    def __post_init__(self) -> None:
        """A word that is new is read as `other`."""
        force_setattr(self, "kind", read_as(get_args(ReferralKind), self.kind))


class ReferralMove(AftercareFact):
    """One move of a referral's main state (after BSeR and IHE 360X)."""

    referral_id: Annotated[Identifier, Meta(description="the referral")]
    by: Annotated[Literal["provider", "patient"], Meta(description="whose doing it was")]
    reason: Annotated[Word | None, Meta(description="why, as a code")] = None


class ReferralReceived(ReferralMove):
    """The provider has it."""

    TYPE: ClassVar[str] = "referral-received"


class ReferralAccepted(ReferralMove):
    """The provider takes the patient."""

    TYPE: ClassVar[str] = "referral-accepted"


class ReferralDeclined(ReferralMove):
    """The provider does not take the patient, or the patient does not want to go."""

    TYPE: ClassVar[str] = "referral-declined"


class ReferralScheduled(ReferralMove):
    """There is an appointment."""

    TYPE: ClassVar[str] = "referral-scheduled"
    appointment_id: Annotated[Identifier | None, Meta(description="the appointment")] = None


class ReferralNoShow(ReferralMove):
    """The patient did not come to the appointment."""

    TYPE: ClassVar[str] = "referral-no-show"


class ReferralRescheduled(ReferralMove):
    """There is another appointment."""

    TYPE: ClassVar[str] = "referral-rescheduled"
    appointment_id: Annotated[Identifier | None, Meta(description="the new appointment")] = None


class ReferralCancellationRequested(ReferralMove):
    """Somebody asked for the referral to be cancelled; the provider has not confirmed it."""

    TYPE: ClassVar[str] = "referral-cancellation-requested"


class ReferralCancelled(ReferralMove):
    """The referral was cancelled."""

    TYPE: ClassVar[str] = "referral-cancelled"


class ReferralCompleted(ReferralMove):
    """What it was for is done: the loop is closed."""

    TYPE: ClassVar[str] = "referral-completed"


class AppointmentScheduled(AftercareFact):
    """The patient has an appointment."""

    TYPE: ClassVar[str] = "appointment-scheduled"
    at: Annotated[Instant, Meta(description="when it is")]
    mode: Annotated[Mode, Meta(description="how")]
    appointment_id: Annotated[Identifier | None, Meta(description="the appointment")] = None
    referral_id: Annotated[Identifier | None, Meta(description="the referral that it fulfils")] = None


class ContactAttempted(AftercareFact):
    """Somebody tried to reach or see the patient."""

    TYPE: ClassVar[str] = "contact-attempted"
    at: Annotated[Instant, Meta(description="when")]
    mode: Annotated[Mode, Meta(description="how")]
    outcome: Annotated[Word, Meta(description="reached, attended, no-answer, left-message, no-show, …")]
    contact_id: Annotated[Identifier | None, Meta(description="the contact")] = None
    provider_kind: Annotated[Word | None, Meta(description="kind of provider who made it; measures ask for some")] = (
        None
    )
    appointment_id: Annotated[Identifier | None, Meta(description="the appointment that it was")] = None


class RelapseRiskRaised(AftercareFact):
    """There are signs that the patient may relapse."""

    TYPE: ClassVar[str] = "relapse-risk-raised"
    signals: Annotated[tuple[Word, ...], Meta(description="missed-contacts, readmitted, …")]
    reason: Annotated[Word | None, Meta(description="why, where somebody said so")] = None
    risk_id: Annotated[Identifier | None, Meta(description="the risk")] = None


class RelapseRiskCleared(AftercareFact):
    """The risk is over: the patient was reached, or somebody judged so."""

    TYPE: ClassVar[str] = "relapse-risk-cleared"
    signals: Annotated[tuple[Word, ...], Meta(description="the signals that are over")]
    reason: Annotated[Word | None, Meta(description="why")] = None
    risk_id: Annotated[Identifier | None, Meta(description="the risk")] = None
    decided_by: Annotated[Open[DecidedBy] | None, Meta(description="absent: by rule")] = None

    def __post_init__(self) -> None:
        """A word that is new is read as `other`."""
        force_setattr(self, "decided_by", read_as(get_args(DecidedBy), self.decided_by))


class CallsDecided(AftercareFact):
    """A person says whether the patient is called on, where it was to be asked first (contract 3.6 rule 13)."""

    TYPE: ClassVar[str] = "calls-decided"
    decision: Annotated[Literal["go-on", "stop"], Meta(description="whether calls go on at this facility")]
    about: Annotated[Identifier, Meta(description="what was asked; when it changes it is asked anew")]


class AftercareClosed(AftercareFact):
    """Aftercare ended; an admission takes the episode up again."""

    TYPE: ClassVar[str] = "aftercare-closed"
    outcome: Annotated[
        Word, Meta(description="goals-met, in-other-care, declined, lost-contact, moved-away, deceased, …")
    ]
    plan_id: Annotated[Identifier | None, Meta(description="the plan that ended")] = None


class Consent(CareFact):
    """A patient's consent to a disclosure; either one recipient or a class of them."""

    WRITERS: ClassVar[tuple[Writer, ...]] = ("intake",)
    consent_id: Annotated[Identifier, Meta(description="the consent")]
    discloser: Annotated[Identifier, Meta(description="who may disclose")]
    recipient: Annotated[Identifier | None, Meta(description="to whom")] = None
    recipient_class: Annotated[Code | None, Meta(description="to which kind of recipient")] = field(
        name="class", default=None
    )
    purpose: Annotated[Code, Meta(description="what for: treatment, payment, operations, …")]
    scope: Annotated[tuple[Code, ...], Meta(description="labels that it covers: PSY, SUD, PART2, …")]
    begins: Annotated[Day, Meta(description="first day")] = field(name="from")
    ends: Annotated[Day | None, Meta(description="last day; absent: until it is revoked")] = field(
        name="to", default=None
    )


class ConsentRecorded(Consent):
    """The patient consented."""

    TYPE: ClassVar[str] = "consent-recorded"


class ConsentRevoked(Consent):
    """The patient took the consent back; what was disclosed before stays so."""

    TYPE: ClassVar[str] = "consent-revoked"


class ConsentExpired(Consent):
    """The last day of the consent is over."""

    TYPE: ClassVar[str] = "consent-expired"
