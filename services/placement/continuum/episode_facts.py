"""What the facts say about the episode itself, not about one stay: coverage, authorizations, placements, windows,
beginnings, ends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from operator import attrgetter
from typing import Any

from msgspec import structs

from services.placement.continuum.closing import TOLD
from services.placement.continuum.model import (
    Closing,
    CoverageFrom,
    Death,
    FirstReferral,
    Folded,
    LatestAssessment,
    StandingAuthorization,
    StandingCertification,
    StandingPlacement,
    Window,
)
from services.placement.continuum.order import OrderedFact
from services.placement.continuum.states import NoEffectReason
from shared.events import AUTHORIZATIONS, FOLLOW_UPS
from shared.events.aftercare import AftercareClosed, AftercareStarted
from shared.events.assessments import Assessed
from shared.events.authorizations import Authorization
from shared.events.base import CareFact
from shared.events.follow_ups import FollowUp, FollowUpDue
from shared.events.placing import Placed, PlacementCancelled
from shared.events.planning import Certified, EpisodeEnded
from shared.events.stays import CoverageChanged, PatientDied, Referred

_ASKING = frozenset({"requested", "pended", "denied"})
"""Moves of an authorization that allow nothing."""


class Around:
    """An episode's surroundings while facts go in, in order; `fields()` are the Folded's fields afterwards."""

    def __init__(self, folded: Folded) -> None:
        """Go on from what is folded."""
        self.referred_at: datetime | None = folded.referred_at
        self.assessed_at: datetime | None = folded.assessed_at
        self.aftercare_at: datetime | None = folded.aftercare_at
        self.coverage = {one.day: one for one in folded.coverage}
        self.windows = {one.follow_up_id: one for one in folded.windows}
        self.placements = list(folded.placements)
        self.authorizations = {one.auth_id: one for one in folded.authorizations}
        self.certifications = list(folded.certifications)
        self.referral = folded.referral
        self.assessment = folded.assessment
        self.deaths: list[Death] = [one for one in folded.deaths if one.told]
        self.closings: list[Closing] = [one for one in folded.closings if one.reason in TOLD]

    def take(self, told: OrderedFact) -> NoEffectReason | None:
        """Put one fact in; the word where it has no effect. Facts that are about a stay are not for here."""
        return _TAKES[type(told.value)](self, told)

    def fields(self) -> dict[str, Any]:
        """Field of Folded → its value now; closings are read with the stays, elsewhere."""
        return {
            "referred_at": self.referred_at,
            "assessed_at": self.assessed_at,
            "aftercare_at": self.aftercare_at,
            "coverage": tuple(self.coverage[day] for day in sorted(self.coverage)),
            "windows": tuple(sorted(self.windows.values(), key=lambda one: (one.due_to, one.follow_up_id))),
            "placements": tuple(self.placements),
            "authorizations": tuple(self.authorizations[auth_id] for auth_id in sorted(self.authorizations)),
            "certifications": tuple(self.certifications),
            "referral": self.referral,
            "assessment": self.assessment,
        }

    def referred(self, told: OrderedFact[Referred]) -> None:
        """The first referral counts."""
        if self.referred_at is None:
            self.referred_at, value = told.at, told.value
            self.referral = FirstReferral(
                told.at, value.facility, told.id, told.root, value.source, value.requested_level
            )

    def assessed(self, told: OrderedFact[Assessed]) -> None:
        """The first assessment began something; the latest that recommends a level is the one to go by."""
        self.assessed_at, value = self.assessed_at or told.at, told.value
        if value.recommended_level:
            self.assessment = LatestAssessment(told.at, value.recommended_level, told.id, value.instrument)

    def certified(self, told: OrderedFact[Certified]) -> None:
        """Each certification stands beside the others."""
        value = told.value
        self.certifications.append(
            StandingCertification(
                kind=value.kind, begins=value.begins, to=value.to, npi=value.npi, stay=value.stay, fact=told.id
            )
        )

    def authorized(self, told: OrderedFact[Authorization]) -> None:
        """What the payer allowed stays allowed until it says otherwise: asking for more takes nothing away."""
        value = told.value
        before = self.authorizations.get(value.auth_id)
        allowed = bool(before and before.in_force)
        status = told.name.removeprefix("authorization-")
        if before and allowed and status in _ASKING:
            self.authorizations[value.auth_id] = structs.replace(before, status=status)
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
            fact=told.id,
        )

    def aftercare_started(self, told: OrderedFact[AftercareStarted]) -> None:
        """The latest start of aftercare counts."""
        self.aftercare_at = told.at

    def covered(self, told: OrderedFact[CoverageChanged]) -> None:
        """Of two statements for one day the later said holds."""
        day = told.value.effective_from
        payers = tuple(sorted(told.value.coverage, key=attrgetter("order")))
        self.coverage[day] = CoverageFrom(day, payers, told.id, told.root)

    def window(self, told: OrderedFact[FollowUp]) -> None:
        """A window opens once; its outcome is the last one told."""
        value = told.value
        outcome: str | None = told.name.removeprefix("follow-up-")
        if isinstance(value, FollowUpDue):
            before = self.windows.get(value.follow_up_id)
            outcome = before.outcome if before else None
        self.windows[value.follow_up_id] = Window(value.follow_up_id, value.measure, value.due_to, outcome, told.id)

    def placed(self, told: OrderedFact[Placed]) -> None:
        """A placement stands from here on."""
        value = told.value
        self.placements.append(
            StandingPlacement(
                value.placement_id,
                told.at,
                told.id,
                value.program,
                value.level,
                value.start_date,
                value.variance_reason,
            )
        )

    def placement_cancelled(self, told: OrderedFact[PlacementCancelled]) -> NoEffectReason | None:
        """It stands no more; one that nobody placed can't be cancelled."""
        left = [one for one in self.placements if one.placement_id != told.value.placement_id]
        word = NoEffectReason.TARGET_UNKNOWN if len(left) == len(self.placements) else None
        self.placements = left
        return word

    def died(self, told: OrderedFact[PatientDied]) -> None:
        """Each facility's word stands for itself."""
        doubt = bool(told.value.contradicted)
        self.deaths.append(Death(told.at, told.value.facility, told.id, told.root, contradicted=doubt))

    def aftercare_closed(self, told: OrderedFact[AftercareClosed]) -> None:
        """Whether it had an effect is read later, with the stays."""
        self.closings.append(Closing(told.at, "aftercare-closed", told.id, told.root))

    def ended(self, told: OrderedFact[EpisodeEnded]) -> None:
        """Likewise."""
        self.closings.append(Closing(told.at, "episode-ended", told.id, told.root))


_TAKES: dict[type[CareFact], Callable[[Around, OrderedFact[Any]], NoEffectReason | None]] = {
    Referred: Around.referred,
    Assessed: Around.assessed,
    AftercareStarted: Around.aftercare_started,
    CoverageChanged: Around.covered,
    Certified: Around.certified,
    **dict.fromkeys(AUTHORIZATIONS, Around.authorized),
    **dict.fromkeys(FOLLOW_UPS, Around.window),
    Placed: Around.placed,
    PlacementCancelled: Around.placement_cancelled,
    PatientDied: Around.died,
    AftercareClosed: Around.aftercare_closed,
    EpisodeEnded: Around.ended,
}
