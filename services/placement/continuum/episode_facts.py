"""Facts about the episode and not about one stay: coverage, authorizations, placements, follow-up windows, referrals,
deaths, closings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from operator import attrgetter
from typing import Any

from msgspec import structs

from services.placement.continuum.closing import TOLD
from services.placement.continuum.model import Closing, CoverageFrom, Death, Folded
from services.placement.continuum.order import OrderedFact
from services.placement.continuum.standing import (
    ExpectedArrival,
    FirstReferral,
    LatestAssessment,
    ReviewAnswer,
    StandingAuthorization,
    StandingCertification,
    StandingPlacement,
    StandingPlan,
    StandingReview,
    Window,
)
from services.placement.continuum.states import NoEffectReason
from shared.events import AUTHORIZATIONS, FOLLOW_UPS
from shared.events.aftercare import AftercareClosed, AftercareStarted
from shared.events.assessments import Assessed
from shared.events.authorizations import Authorization
from shared.events.base import CareFact
from shared.events.follow_ups import FollowUp, FollowUpDue
from shared.events.placing import Placed, PlacementCancelled
from shared.events.planning import Certified, EpisodeEnded, PlanRecorded
from shared.events.reviews import ReviewDone, ReviewDue
from shared.events.stays import ArrivalCancelled, ArrivalExpected, CoverageChanged, PatientDied, Referred

_ASKING = frozenset({"requested", "pended", "denied"})
"""States of an authorization in which the payer has allowed nothing by that fact."""


class EpisodeFacts:
    """What an episode's facts say beside its stays: facts are taken in, in clinical order, and `fields` gives the
    result."""

    def __init__(self, folded: Folded) -> None:
        """Start from an episode that is folded already."""
        self.referred_at: datetime | None = folded.referred_at
        self.assessed_at: datetime | None = folded.assessed_at
        self.aftercare_at: datetime | None = folded.aftercare_at
        self.coverage = {one.day: one for one in folded.coverage}
        self.windows = {one.follow_up_id: one for one in folded.windows}
        self.placements = list(folded.placements)
        self.authorizations = {one.auth_id: one for one in folded.authorizations}
        self.certifications = list(folded.certifications)
        self.plans = list(folded.plans)
        self.referral = folded.referral
        self.assessment = folded.assessment
        self.arrivals = {one.stay: one for one in folded.arrivals}
        self.reviews = {one.review_id: one for one in folded.reviews}
        self.answers = {one.review_id: one for one in folded.answers}
        self.called_off: set[str] = set()
        self.deaths: list[Death] = [one for one in folded.deaths if one.told]
        self.closings: list[Closing] = [one for one in folded.closings if one.reason in TOLD]

    def take(self, fact: OrderedFact) -> NoEffectReason | None:
        """Take one fact in, which must not be about a stay. Returns why it has no effect, else None."""
        return _TAKES[type(fact.value)](self, fact)

    def fields(self) -> dict[str, Any]:
        """Field of Folded → its new value; deaths and closings are not among them, since they also depend on the
        stays."""
        return {
            "referred_at": self.referred_at,
            "assessed_at": self.assessed_at,
            "aftercare_at": self.aftercare_at,
            "coverage": tuple(self.coverage[day] for day in sorted(self.coverage)),
            "windows": tuple(sorted(self.windows.values(), key=lambda one: (one.due_to, one.follow_up_id))),
            "placements": tuple(self.placements),
            "authorizations": tuple(self.authorizations[auth_id] for auth_id in sorted(self.authorizations)),
            "certifications": tuple(self.certifications),
            "plans": tuple(self.plans),
            "reviews": tuple(self._answered(self.reviews[name]) for name in sorted(self.reviews)),
            "answers": tuple(self.answers[name] for name in sorted(self.answers)),
            "referral": self.referral,
            "assessment": self.assessment,
            "arrivals": tuple(self.arrivals[stay] for stay in sorted(self.arrivals) if stay not in self.called_off),
        }

    def expected(self, fact: OrderedFact[ArrivalExpected]) -> None:
        """An arrival that a hospital expects: no stay begins by it."""
        value = fact.value
        self.arrivals[value.stay.id] = ExpectedArrival(
            stay=value.stay.id, facility=value.facility, at=value.at, said_at=fact.at, root=fact.root, unit=value.unit,
            level=value.level, program=value.program,
        )  # fmt: skip

    def called_off_by(self, fact: OrderedFact[ArrivalCancelled]) -> None:
        """An arrival that is expected no more, while this stands."""
        self.called_off.add(fact.value.stay.id)

    def referred(self, fact: OrderedFact[Referred]) -> None:
        """A referral: only the first counts."""
        if self.referred_at is None:
            self.referred_at, value = fact.at, fact.value
            self.referral = FirstReferral(
                fact.at, value.facility, fact.id, fact.root, value.source, value.requested_level, value.needs or ()
            )

    def assessed(self, fact: OrderedFact[Assessed]) -> None:
        """An assessment: the time of the first counts, and the latest one that recommends a level."""
        self.assessed_at, value = self.assessed_at or fact.at, fact.value
        if value.recommended_level:
            self.assessment = LatestAssessment(
                fact.at,
                value.recommended_level,
                fact.id,
                value.instrument,
                needs=value.needs or (),
                root=fact.root,
                facility=value.facility,
            )

    def certified(self, fact: OrderedFact[Certified]) -> None:
        """A certification: all of them count."""
        value = fact.value
        self.certifications.append(
            StandingCertification(
                kind=value.kind,
                begins=value.begins,
                to=value.to,
                npi=value.npi,
                stay=value.stay,
                fact=fact.id,
                signed_at=value.signed_at,
                told_at=fact.at,
            )
        )

    def planned(self, fact: OrderedFact[PlanRecorded]) -> None:
        """A plan of care: all of them stay known, the latest of a facility is the one in force."""
        value = fact.value
        self.plans.append(
            StandingPlan(fact.at, value.facility, value.level, value.hours_week, value.review_due, fact.id)
        )

    def authorized(self, fact: OrderedFact[Authorization]) -> None:
        """A fact about an authorization: what the payer allowed stays allowed when more is asked for, pended or
        denied."""
        value = fact.value
        before = self.authorizations.get(value.auth_id)
        allowed = bool(before and before.in_force)
        status = fact.name.removeprefix("authorization-")
        if before and allowed and status in _ASKING:
            self.authorizations[value.auth_id] = structs.replace(
                before, status=status, next_review=value.next_review, denial=value.denial, told=fact.id,
                told_at=fact.at, requested_units=value.requested_units or before.requested_units,
                reference=value.reference or before.reference,
            )  # fmt: skip
            return
        self.authorizations[value.auth_id] = StandingAuthorization(
            auth_id=value.auth_id,
            number=value.number,
            payer=value.payer,
            level=value.level,
            unit=value.unit,
            units=value.units,
            begins=value.begins,
            to=value.to,
            facility=value.facility,
            status=status,
            in_force=status not in _ASKING and (status != "ended" or allowed),
            fact=fact.id,
            unit_minutes=value.unit_minutes,
            requested_units=value.requested_units or (before.requested_units if before else None),
            next_review=value.next_review,
            reference=value.reference or (before.reference if before else None),
            denial=value.denial,
            told=fact.id,
            told_at=fact.at,
        )

    def due(self, fact: OrderedFact[ReviewDue]) -> None:
        """A review that is due: of facts about the same one the latest counts."""
        value = fact.value
        self.reviews[value.review_id] = StandingReview(
            review_id=value.review_id, kind=value.kind, of=value.of, due=value.due, at=fact.at, facility=value.facility,
            fact=fact.id, overdue=bool(value.overdue), stay=value.stay,
        )  # fmt: skip

    def did(self, fact: OrderedFact[ReviewDone]) -> None:
        """A review was done, whether or not it was said to be due before: of two facts about the same one the later
        counts."""
        value = fact.value
        self.answers[value.review_id] = ReviewAnswer(value.review_id, value.by, value.on, fact.id, value.derived_from)

    def _answered(self, due: StandingReview) -> StandingReview:
        if (told := self.answers.get(due.review_id)) is None:
            return due
        return structs.replace(due, done=told.by, done_on=told.on, done_fact=told.fact, done_from=told.derived_from)

    def aftercare_started(self, fact: OrderedFact[AftercareStarted]) -> None:
        """A start of aftercare: the latest counts."""
        self.aftercare_at = fact.at

    def covered(self, fact: OrderedFact[CoverageChanged]) -> None:
        """The payers from a day on: of two facts for one day the later counts."""
        day = fact.value.effective_from
        payers = tuple(sorted(fact.value.coverage, key=attrgetter("order")))
        self.coverage[day] = CoverageFrom(day, payers, fact.id, fact.root)

    def window(self, fact: OrderedFact[FollowUp]) -> None:
        """A fact about a follow-up window: the latest outcome counts, and opening it again changes no outcome."""
        value = fact.value
        outcome: str | None = fact.name.removeprefix("follow-up-")
        if isinstance(value, FollowUpDue):
            before = self.windows.get(value.follow_up_id)
            outcome = before.outcome if before else None
        self.windows[value.follow_up_id] = Window(value.follow_up_id, value.measure, value.due_to, outcome, fact.id)

    def placed(self, fact: OrderedFact[Placed]) -> None:
        """A placement, which stands from now on."""
        value = fact.value
        self.placements.append(
            StandingPlacement(
                value.placement_id,
                fact.at,
                fact.id,
                value.program,
                value.level,
                value.start_date,
                value.variance_reason,
            )
        )

    def placement_cancelled(self, fact: OrderedFact[PlacementCancelled]) -> NoEffectReason | None:
        """The end of a placement before its first day; without effect where no such placement stands."""
        left = [one for one in self.placements if one.placement_id != fact.value.placement_id]
        reason = NoEffectReason.TARGET_UNKNOWN if len(left) == len(self.placements) else None
        self.placements = left
        return reason

    def died(self, fact: OrderedFact[PatientDied]) -> None:
        """A death as one facility reports it: all reports count."""
        doubt = bool(fact.value.contradicted)
        self.deaths.append(Death(fact.at, fact.value.facility, fact.id, fact.root, contradicted=doubt))

    def aftercare_closed(self, fact: OrderedFact[AftercareClosed]) -> None:
        """The end of aftercare; closing.py decides whether it closes the episode."""
        self.closings.append(Closing(fact.at, "aftercare-closed", fact.id, fact.root))

    def ended(self, fact: OrderedFact[EpisodeEnded]) -> None:
        """The end of the episode, stated by a person; closing.py decides whether it closes the episode."""
        self.closings.append(Closing(fact.at, "episode-ended", fact.id, fact.root))


_TAKES: dict[type[CareFact], Callable[[EpisodeFacts, OrderedFact[Any]], NoEffectReason | None]] = {
    Referred: EpisodeFacts.referred,
    Assessed: EpisodeFacts.assessed,
    AftercareStarted: EpisodeFacts.aftercare_started,
    CoverageChanged: EpisodeFacts.covered,
    Certified: EpisodeFacts.certified,
    PlanRecorded: EpisodeFacts.planned,
    ReviewDue: EpisodeFacts.due,
    ReviewDone: EpisodeFacts.did,
    **dict.fromkeys(AUTHORIZATIONS, EpisodeFacts.authorized),
    **dict.fromkeys(FOLLOW_UPS, EpisodeFacts.window),
    Placed: EpisodeFacts.placed,
    PlacementCancelled: EpisodeFacts.placement_cancelled,
    PatientDied: EpisodeFacts.died,
    ArrivalExpected: EpisodeFacts.expected,
    ArrivalCancelled: EpisodeFacts.called_off_by,
    AftercareClosed: EpisodeFacts.aftercare_closed,
    EpisodeEnded: EpisodeFacts.ended,
}
