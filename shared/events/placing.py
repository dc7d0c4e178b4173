"""Search, offers, seats, waiting lists and placements: who takes the patient, when, at which level (contract 3.3).

Beyond the contract's fields there are only optional ones: ids that tell one search, offer or seat from another.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, Field

from shared.events.base import CareFact, Code, Day, Identifier, Writer
from shared.events.levels import Level
from shared.events.open_lists import OPEN, SearchReason
from shared.events.published import Published

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Mode = Literal["in-person", "telehealth", "phone"]


class PlacingFact(CareFact):
    """What placement says while it looks for a program."""

    WRITERS: ClassVar[tuple[Writer, ...]] = ("placement",)


class Needs(Published):
    """What the patient needs of a program, in codes of site config; what is absent asks for nothing."""

    payer: Identifier | None = Field(default=None, description="must: payer of site config")
    age_years: int | None = Field(default=None, ge=0, le=150, description="must: whole years")
    language: Code | None = Field(default=None, description="must: ISO 639 code")
    start_by: Day | None = Field(default=None, description="must: a seat is free on or before this day")
    track: Code | None = Field(default=None, description="preference: track of site config")
    days: tuple[Weekday, ...] = Field(default=(), description="preference: the program meets on these days only")
    mode: Mode | None = Field(default=None, description="preference: how care is given")
    accreditation: Code | None = Field(default=None, description="preference: accreditation of site config")


class Searched(PlacingFact):
    """One search for a program; an episode has at most one that is open."""

    search_id: Identifier | None = Field(default=None, description="tells this search from the episode's others")


class SearchOpened(Searched):
    """A program is looked for."""

    TYPE: ClassVar[str] = "search-opened"
    from_level: Level | Literal["none"] = Field(description="level that ended; none where somebody referred")
    recommended_level: Level = Field(description="by the policy of site config, whose version is `policy`")
    needs: Needs = Field(description="what the patient needs of a program")
    trigger: Identifier | None = Field(
        default=None, description="ce_id of the first statement of the discharge, completion or referral that asks"
    )
    reasons: tuple[Code, ...] = Field(default=(), description="names of the rules that recommended the level")
    policy: Code | None = Field(default=None, description="version of site config in force")


class SearchClosed(Searched):
    """Nobody looks any more."""

    TYPE: ClassVar[str] = "search-closed"
    reason: Annotated[SearchReason, OPEN] = Field(description="why")


class PatientSaid(PlacingFact):
    """What the patient said to a level or a program."""

    level: Level = Field(description="level talked about")
    program: Identifier | None = Field(default=None, description="program talked about")
    reason: Code | None = Field(default=None, description="the site's code")


class PatientAgreed(PatientSaid):
    """The patient agrees."""

    TYPE: ClassVar[str] = "patient-agreed"


class PatientDeclined(PatientSaid):
    """The patient does not want it."""

    TYPE: ClassVar[str] = "patient-declined"


class Offer(PlacingFact):
    """One patient offered to one program."""

    offer_id: Identifier = Field(description="the offer, through all its moves")
    program: Identifier = Field(description="program of site config")
    start_date: Day | None = Field(default=None, description="first day, as proposed now; facility's zone")
    reason: Code | None = Field(default=None, description="a code: why declined, withdrawn, countered, reopened")
    search_id: Identifier | None = Field(default=None, description="search that it belongs to")


class OfferSent(Offer):
    """The desk asks a program to take the patient."""

    TYPE: ClassVar[str] = "offer-sent"
    level: Level | None = Field(default=None, description="level of the program")
    track: Code | None = Field(default=None, description="track asked for")
    group: Identifier | None = Field(default=None, description="group asked for")
    variance_reason: Code | None = Field(default=None, description="why another level than the recommended one")
    expires_at: AwareDatetime | None = Field(default=None, description="no answer until then: it expires")


class OfferCountered(Offer):
    """The program would take the patient on other terms."""

    TYPE: ClassVar[str] = "offer-countered"


class OfferAccepted(Offer):
    """The program takes the patient; the first acceptance of a search wins."""

    TYPE: ClassVar[str] = "offer-accepted"


class OfferDeclined(Offer):
    """The program does not take the patient."""

    TYPE: ClassVar[str] = "offer-declined"


class OfferExpired(Offer):
    """Nobody answered in time."""

    TYPE: ClassVar[str] = "offer-expired"


class OfferWithdrawn(Offer):
    """The desk asks no longer."""

    TYPE: ClassVar[str] = "offer-withdrawn"


class OfferReopened(Offer):
    """The desk asks again, after a decline, an expiry or a withdrawal."""

    TYPE: ClassVar[str] = "offer-reopened"
    expires_at: AwareDatetime | None = Field(default=None, description="no answer until then: it expires")


class Seat(PlacingFact):
    """One seat of a program, and of a group where one is named."""

    program: Identifier = Field(description="program of site config")
    group: Identifier | None = Field(default=None, description="group of the program")
    until: AwareDatetime | None = Field(default=None, description="held until then; absent: until it is given back")
    reason: Code | None = Field(default=None, description="a code: placed, discharge-cancelled, completed, …")
    seat_id: Identifier | None = Field(default=None, description="tells this claim from the program's others")
    placement_id: Identifier | None = Field(default=None, description="placement that it is for")


class SeatHeld(Seat):
    """The seat is this patient's from a day on."""

    TYPE: ClassVar[str] = "seat-held"
    begins: AwareDatetime | None = Field(default=None, alias="from", description="from then on; absent: at once")
    census: int | None = Field(
        default=None, ge=0, description="others counted there at the fullest moment of it, when the seat was claimed"
    )
    capacity: int | None = Field(default=None, ge=0, description="how many the program held, as the site then said")
    group_census: int | None = Field(default=None, ge=0, description="the same of the group, where one is named")
    group_capacity: int | None = Field(default=None, ge=0, description="how many the group held then")
    asked_by: Identifier | None = Field(
        default=None, description="facility whose desk keeps it, where no placement is behind it"
    )


class SeatReleased(Seat):
    """The seat is free again from `occurred_at` on; `derived_from` names the cause where a fact caused it."""

    TYPE: ClassVar[str] = "seat-released"


class Waiting(PlacingFact):
    """A place in a program's line."""

    program: Identifier = Field(description="program of site config")


class Waitlisted(Waiting):
    """The patient waits for a seat."""

    TYPE: ClassVar[str] = "waitlisted"
    position: int = Field(ge=1, description="1 is next")


class WaitlistLeft(Waiting):
    """The patient waits no longer."""

    TYPE: ClassVar[str] = "waitlist-left"
    reason: Code = Field(description="a code: seated, patient-declined, search-closed, …")


class Placement(PlacingFact):
    """The promise that a program takes the patient on a day; its stay has the same id."""

    placement_id: Identifier = Field(description="the placement")


class Placed(Placement):
    """A program took the patient; the first day is agreed."""

    TYPE: ClassVar[str] = "placed"
    program: Identifier = Field(description="program of site config")
    level: Level = Field(description="level of the program")
    track: Code | None = Field(default=None, description="track of the program")
    group: Identifier | None = Field(default=None, description="group of the program")
    start_date: Day = Field(description="first day agreed, facility's zone")
    recommended_level: Level = Field(description="level that the policy recommended")
    variance_reason: Code | None = Field(default=None, description="why another level than the recommended one")
    offer_id: Identifier | None = Field(default=None, description="offer that was accepted")


class PlacementCancelled(Placement):
    """The placement will not be."""

    TYPE: ClassVar[str] = "placement-cancelled"
    reason: Code = Field(description="a code: patient-declined, discharge-cancelled, start-missed, …")


class StartMissed(Placement):
    """The first day came and the patient did not."""

    TYPE: ClassVar[str] = "start-missed"
