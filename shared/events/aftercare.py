"""Aftercare's plan, referrals, contacts, risk and end, and the consents that disclosures rest on (contract 3.4)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, Field

from shared.events.base import CareFact, Code, Day, Identifier, Writer
from shared.events.open_lists import OPEN, DecidedBy, ReferralKind

Mode = Literal["in-person", "telehealth", "phone"]
Word = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,59}$")]
"""A code of ours or of the site: small letters, digits, hyphens; nobody's own words."""


class AftercareFact(CareFact):
    """A fact that aftercare states."""

    WRITERS: ClassVar[tuple[Writer, ...]] = ("aftercare",)


class AftercareStarted(AftercareFact):
    """Aftercare began: a program was completed, a discharge led to no further level, or outreach is due."""

    TYPE: ClassVar[str] = "aftercare-started"
    trigger: Identifier = Field(description="ce_id of the completed, discharged or discontinued that began it")
    plan_id: Identifier | None = Field(default=None, description="the plan; the same trigger gives the same id")
    template: Code | None = Field(default=None, description="template of site config that the plan is made from")


class AftercareReferred(AftercareFact):
    """The patient was referred to somebody who goes on caring."""

    TYPE: ClassVar[str] = "aftercare-referred"
    referral_id: Identifier = Field(description="the referral")
    kind: Annotated[ReferralKind, OPEN] = Field(description="what for")
    provider: Identifier | None = Field(default=None, description="to whom, by the site's id; absent while it is open")
    due_by: Day | None = Field(default=None, description="the day by which it ought to be settled, facility's zone")
    plan_id: Identifier | None = Field(default=None, description="the plan it belongs to")
    template: Code | None = Field(default=None, description="template of site config that asked for it")
    instead_of: Identifier | None = Field(default=None, description="referral_id of the one that came to nothing")


class ReferralMove(AftercareFact):
    """One move of a referral's main state (after BSeR and IHE 360X)."""

    referral_id: Identifier = Field(description="the referral")
    by: Literal["provider", "patient"] = Field(description="whose doing it was")
    reason: Word | None = Field(default=None, description="why, as a code")


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
    appointment_id: Identifier | None = Field(default=None, description="the appointment")


class ReferralNoShow(ReferralMove):
    """The patient did not come to the appointment."""

    TYPE: ClassVar[str] = "referral-no-show"


class ReferralRescheduled(ReferralMove):
    """There is another appointment."""

    TYPE: ClassVar[str] = "referral-rescheduled"
    appointment_id: Identifier | None = Field(default=None, description="the new appointment")


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
    at: AwareDatetime = Field(description="when it is")
    mode: Mode = Field(description="how")
    appointment_id: Identifier | None = Field(default=None, description="the appointment")
    referral_id: Identifier | None = Field(default=None, description="the referral that it fulfils")


class ContactAttempted(AftercareFact):
    """Somebody tried to reach or see the patient."""

    TYPE: ClassVar[str] = "contact-attempted"
    at: AwareDatetime = Field(description="when")
    mode: Mode = Field(description="how")
    outcome: Word = Field(description="reached, attended, no-answer, left-message, no-show, …")
    contact_id: Identifier | None = Field(default=None, description="the contact")
    provider_kind: Word | None = Field(default=None, description="kind of provider who made it; measures ask for some")
    appointment_id: Identifier | None = Field(default=None, description="the appointment that it was")


class RelapseRiskRaised(AftercareFact):
    """There are signs that the patient may relapse."""

    TYPE: ClassVar[str] = "relapse-risk-raised"
    signals: tuple[Word, ...] = Field(description="missed-contacts, readmitted, …")
    reason: Word | None = Field(default=None, description="why, where somebody said so")
    risk_id: Identifier | None = Field(default=None, description="the risk")


class RelapseRiskCleared(AftercareFact):
    """The risk is over: the patient was reached, or somebody judged so."""

    TYPE: ClassVar[str] = "relapse-risk-cleared"
    signals: tuple[Word, ...] = Field(description="the signals that are over")
    reason: Word | None = Field(default=None, description="why")
    risk_id: Identifier | None = Field(default=None, description="the risk")
    decided_by: Annotated[DecidedBy, OPEN] | None = Field(default=None, description="absent: by rule")


class CallsDecided(AftercareFact):
    """A person says whether the patient is called on, where it was to be asked first (contract 3.6 rule 13)."""

    TYPE: ClassVar[str] = "calls-decided"
    decision: Literal["go-on", "stop"] = Field(description="whether calls go on at this facility")
    about: Identifier = Field(description="what was asked; when it changes it is asked anew")


class AftercareClosed(AftercareFact):
    """Aftercare ended; an admission takes the episode up again."""

    TYPE: ClassVar[str] = "aftercare-closed"
    outcome: Word = Field(description="goals-met, in-other-care, declined, lost-contact, moved-away, deceased, …")
    plan_id: Identifier | None = Field(default=None, description="the plan that ended")


class Consent(CareFact):
    """A patient's consent to a disclosure; either one recipient or a class of them."""

    WRITERS: ClassVar[tuple[Writer, ...]] = ("intake",)
    consent_id: Identifier = Field(description="the consent")
    discloser: Identifier = Field(description="who may disclose")
    recipient: Identifier | None = Field(default=None, description="to whom")
    recipient_class: Code | None = Field(default=None, alias="class", description="to which kind of recipient")
    purpose: Code = Field(description="what for: treatment, payment, operations, …")
    scope: tuple[Code, ...] = Field(description="labels that it covers: PSY, SUD, PART2, …")
    begins: Day = Field(alias="from", description="first day")
    ends: Day | None = Field(default=None, alias="to", description="last day; absent: until it is revoked")


class ConsentRecorded(Consent):
    """The patient consented."""

    TYPE: ClassVar[str] = "consent-recorded"


class ConsentRevoked(Consent):
    """The patient took the consent back; what was disclosed before stays so."""

    TYPE: ClassVar[str] = "consent-revoked"


class ConsentExpired(Consent):
    """The last day of the consent is over."""

    TYPE: ClassVar[str] = "consent-expired"
