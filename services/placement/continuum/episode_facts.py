"""What the facts say about the episode itself, not about one stay: coverage, authorizations, placements, windows,
beginnings, ends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from msgspec import structs

from services.placement.continuum.closing import TOLD, as_told
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
from shared.events.published import read_as_struct
from shared.events.stays import Coverage

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
        return _TAKES[told.name](self, told)

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

    def referred(self, told: OrderedFact) -> None:
        """The first referral counts."""
        if self.referred_at is None:
            self.referred_at = told.at
            terms = _kept(told, "source", "requested_level")
            self.referral = FirstReferral(told.at, told.value["facility"], told.id, told.root, **terms)

    def assessed(self, told: OrderedFact) -> None:
        """The first assessment began something; the latest that recommends a level is the one to go by."""
        self.assessed_at = self.assessed_at or told.at
        if told.value.get("recommended_level"):
            value = told.value
            self.assessment = LatestAssessment(told.at, value["recommended_level"], told.id, value.get("instrument"))

    def certified(self, told: OrderedFact) -> None:
        """Each certification stands beside the others."""
        terms = _kept(told, "kind", "from", "to", "npi", "stay")
        self.certifications.append(read_as_struct(StandingCertification, {**terms, "fact": told.id}))

    def authorized(self, told: OrderedFact) -> None:
        """What the payer allowed stays allowed until it says otherwise: asking for more takes nothing away."""
        before = self.authorizations.get(told.value["auth_id"])
        status = told.name.removeprefix("authorization-")
        if before and before.in_force and status in _ASKING:
            self.authorizations[before.auth_id] = structs.replace(before, status=status)
            return
        terms = _kept(told, "auth_id", "number", "payer", "level", "unit", "units", "from", "to", "facility")
        in_force = status not in _ASKING and (status != "ended" or bool(before and before.in_force))
        now = {**terms, "status": status, "in_force": in_force, "fact": told.id}
        self.authorizations[terms["auth_id"]] = read_as_struct(StandingAuthorization, now)

    def aftercare_started(self, told: OrderedFact) -> None:
        """The latest start of aftercare counts."""
        self.aftercare_at = told.at

    def covered(self, told: OrderedFact) -> None:
        """Of two statements for one day the later said holds."""
        day = date.fromisoformat(told.value["effective_from"])
        payers = [read_as_struct(Coverage, {"order": 1, **one}) for one in told.value.get("coverage") or ()]
        payers.sort(key=lambda one: one.order)
        self.coverage[day] = CoverageFrom(day, tuple(payers), told.id, told.root)

    def window(self, told: OrderedFact) -> None:
        """A window opens once; its outcome is the last one told."""
        value = told.value
        outcome: str | None = told.name.removeprefix("follow-up-")
        if outcome == "due":
            before = self.windows.get(value["follow_up_id"])
            outcome = before.outcome if before else None
        due_to = date.fromisoformat(value["due_to"])
        self.windows[value["follow_up_id"]] = Window(value["follow_up_id"], value["measure"], due_to, outcome, told.id)

    def placed(self, told: OrderedFact) -> None:
        """A placement stands from here on."""
        begins = told.value.get("start_date")
        terms = _kept(told, "program", "level", "variance_reason")
        first_day = date.fromisoformat(begins) if begins else None
        placement = StandingPlacement(told.value["placement_id"], told.at, told.id, start_date=first_day, **terms)
        self.placements.append(placement)

    def placement_cancelled(self, told: OrderedFact) -> NoEffectReason | None:
        """It stands no more; one that nobody placed can't be cancelled."""
        left = [one for one in self.placements if one.placement_id != told.value.get("placement_id")]
        word = NoEffectReason.TARGET_UNKNOWN if len(left) == len(self.placements) else None
        self.placements = left
        return word

    def died(self, told: OrderedFact) -> None:
        """Each facility's word stands for itself."""
        doubt = bool(told.value.get("contradicted"))
        self.deaths.append(Death(told.at, told.value["facility"], told.id, told.root, contradicted=doubt))

    def closing(self, told: OrderedFact) -> None:
        """Whether it had an effect is read later, with the stays."""
        self.closings.append(as_told(told))


def _kept(told: OrderedFact, *names: str) -> dict[str, Any]:
    """These fields of a fact, where it has them."""
    return {name: told.value[name] for name in names if told.value.get(name) is not None}


_TAKES: dict[str, Callable[[Around, OrderedFact], NoEffectReason | None]] = {
    "referred": Around.referred,
    "assessed": Around.assessed,
    "aftercare-started": Around.aftercare_started,
    "coverage-changed": Around.covered,
    "certified": Around.certified,
    **dict.fromkeys(
        (f"authorization-{name}" for name in (*sorted(_ASKING), "approved", "extended", "ended")), Around.authorized
    ),
    "follow-up-due": Around.window,
    "follow-up-kept": Around.window,
    "follow-up-missed": Around.window,
    "follow-up-excluded": Around.window,
    "placed": Around.placed,
    "placement-cancelled": Around.placement_cancelled,
    "patient-died": Around.died,
    "aftercare-closed": Around.closing,
    "episode-ended": Around.closing,
}
