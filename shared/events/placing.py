"""Search, offers, seats, waiting lists and placements: who takes the patient, when, at which level (contract 3.3).

Beyond the contract's fields there are only optional ones: ids that tell one search, offer or seat from another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, get_args

from msgspec import Meta, field
from msgspec.structs import force_setattr
from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema

from shared.events.base import CareFact, Code, Count, Day, Identifier, Instant, Writer, Years
from shared.events.levels import Level
from shared.events.open_lists import BegunBy, Open, SearchReason, read_as
from shared.events.published import PublishedStruct, always

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Mode = Literal["in-person", "telehealth", "phone"]

if TYPE_CHECKING:
    LevelOrNone = Level | Literal["none"]
else:

    class _LevelOrNone:
        """Its schema: a level, or `none`. msgspec tells no two kinds of text apart, so its reader takes any text."""

        def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
            return handler.generate_schema(Level | Literal["none"])

    LevelOrNone = Annotated[str, _LevelOrNone()]


class PlacingFact(CareFact):
    """What placement says while it looks for a program."""

    WRITERS: ClassVar[tuple[Writer, ...]] = ("placement",)


class Needs(PublishedStruct):
    """What the patient needs of a program, in codes of site config; what is absent asks for nothing."""

    payer: Annotated[Identifier | None, Meta(description="must: payer of site config")] = None
    age_years: Annotated[Years | None, Meta(description="must: whole years")] = None
    language: Annotated[Code | None, Meta(description="must: ISO 639 code")] = None
    start_by: Annotated[Day | None, Meta(description="must: a seat is free on or before this day")] = None
    track: Annotated[Code | None, Meta(description="preference: track of site config")] = None
    days: Annotated[tuple[Weekday, ...], Meta(description="preference: the program meets on these days only")] = always(
        ()
    )
    mode: Annotated[Mode | None, Meta(description="preference: how care is given")] = None
    accreditation: Annotated[Code | None, Meta(description="preference: accreditation of site config")] = None
    also: Annotated[
        dict[str, tuple[Code, ...]] | None,
        Meta(description="need of the site's vocabulary → its values; `yes` where it has none"),
    ] = None


class Searched(PlacingFact):
    """One search for a program; an episode has at most one that is open for each level."""

    search_id: Annotated[Identifier | None, Meta(description="tells this search from the episode's others")] = None


class SearchOpened(Searched):
    """A program is looked for."""

    TYPE: ClassVar[str] = "search-opened"
    from_level: Annotated[LevelOrNone, Meta(description="level that ended or is open; none where somebody referred")]
    recommended_level: Annotated[Level, Meta(description="by the policy of site config, whose version is `policy`")]
    needs: Annotated[Needs, Meta(description="what the patient needs of a program")]
    trigger: Annotated[
        Identifier | None,
        Meta(
            description="ce_id of the first statement of what asks: a discharge, completion, plan, referral, assessment"
        ),
    ] = None
    reasons: Annotated[tuple[Code, ...], Meta(description="names of the rules that recommended the level")] = always(())
    policy: Annotated[Code | None, Meta(description="version of site config in force")] = None
    begun_by: Annotated[
        Open[BegunBy] | None,
        Meta(description="what the search began with; absent: a discharge, completion or referral"),
    ] = None
    ready_on: Annotated[
        Day | None, Meta(description="first day looked for, while a stay is open; absent: the day on which one looks")
    ] = None

    def __post_init__(self) -> None:
        """A text that is no level is `none`, or nothing that is known here; a beginning that is new is `other`."""
        if self.from_level != "none":
            force_setattr(self, "from_level", Level(self.from_level))
        if self.begun_by is not None:
            force_setattr(self, "begun_by", read_as(get_args(BegunBy), self.begun_by))


class SearchClosed(Searched):
    """Nobody looks any more."""

    TYPE: ClassVar[str] = "search-closed"
    reason: Annotated[Open[SearchReason], Meta(description="why")]

    def __post_init__(self) -> None:
        """A word that is new is read as `other`."""
        force_setattr(self, "reason", read_as(get_args(SearchReason), self.reason))


class PatientSaid(PlacingFact):
    """What the patient said to a level or a program."""

    level: Annotated[Level, Meta(description="level talked about")]
    program: Annotated[Identifier | None, Meta(description="program talked about")] = None
    reason: Annotated[Code | None, Meta(description="the site's code")] = None


class PatientAgreed(PatientSaid):
    """The patient agrees."""

    TYPE: ClassVar[str] = "patient-agreed"


class PatientDeclined(PatientSaid):
    """The patient does not want it."""

    TYPE: ClassVar[str] = "patient-declined"


class Offer(PlacingFact):
    """One patient offered to one program."""

    offer_id: Annotated[Identifier, Meta(description="the offer, through all its moves")]
    program: Annotated[Identifier, Meta(description="program of site config")]
    start_date: Annotated[Day | None, Meta(description="first day, as proposed now; facility's zone")] = None
    reason: Annotated[Code | None, Meta(description="a code: why declined, withdrawn, countered, reopened")] = None
    search_id: Annotated[Identifier | None, Meta(description="search that it belongs to")] = None


class OfferSent(Offer):
    """The desk asks a program to take the patient."""

    TYPE: ClassVar[str] = "offer-sent"
    level: Annotated[Level | None, Meta(description="level of the program")] = None
    track: Annotated[Code | None, Meta(description="track asked for")] = None
    group: Annotated[Identifier | None, Meta(description="group asked for")] = None
    variance_reason: Annotated[Code | None, Meta(description="why another level than the recommended one")] = None
    expires_at: Annotated[Instant | None, Meta(description="no answer until then: it expires")] = None


class OfferCountered(Offer):
    """The program would take the patient on other terms; or, of an offer that it accepted, the desk asks for another
    first day, since the stay goes on longer."""

    TYPE: ClassVar[str] = "offer-countered"
    expires_at: Annotated[
        Instant | None, Meta(description="of the desk's: how long placement and seat are kept without an answer")
    ] = None


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
    expires_at: Annotated[Instant | None, Meta(description="no answer until then: it expires")] = None


class Seat(PlacingFact):
    """One seat of a program, and of a group where one is named."""

    program: Annotated[Identifier, Meta(description="program of site config")]
    group: Annotated[Identifier | None, Meta(description="group of the program")] = None
    until: Annotated[Instant | None, Meta(description="held until then; absent: until it is given back")] = None
    reason: Annotated[Code | None, Meta(description="a code: placed, discharge-cancelled, completed, …")] = None
    seat_id: Annotated[Identifier | None, Meta(description="tells this claim from the program's others")] = None
    placement_id: Annotated[Identifier | None, Meta(description="placement that it is for")] = None


class SeatHeld(Seat):
    """The seat is this patient's from a day on."""

    TYPE: ClassVar[str] = "seat-held"
    begins: Annotated[Instant | None, Meta(description="from then on; absent: at once")] = field(
        name="from", default=None
    )
    census: Annotated[
        Count | None,
        Meta(description="others counted there at the fullest moment of it, when the seat was claimed"),
    ] = None
    capacity: Annotated[Count | None, Meta(description="how many the program held, as the site then said")] = None
    group_census: Annotated[Count | None, Meta(description="the same of the group, where one is named")] = None
    group_capacity: Annotated[Count | None, Meta(description="how many the group held then")] = None
    asked_by: Annotated[
        Identifier | None, Meta(description="facility whose desk keeps it, where no placement is behind it")
    ] = None


class SeatReleased(Seat):
    """The seat is free again from `occurred_at` on; `derived_from` names the cause where a fact caused it."""

    TYPE: ClassVar[str] = "seat-released"


class Waiting(PlacingFact):
    """A place in a program's line."""

    program: Annotated[Identifier, Meta(description="program of site config")]


class Waitlisted(Waiting):
    """The patient waits for a seat."""

    TYPE: ClassVar[str] = "waitlisted"
    position: Annotated[int, Meta(ge=1, description="1 is next")]


class WaitlistLeft(Waiting):
    """The patient waits no longer."""

    TYPE: ClassVar[str] = "waitlist-left"
    reason: Annotated[Code, Meta(description="a code: seated, patient-declined, search-closed, …")]


class Placement(PlacingFact):
    """The promise that a program takes the patient on a day; its stay has the same id."""

    placement_id: Annotated[Identifier, Meta(description="the placement")]


class Placed(Placement):
    """A program took the patient; the first day is agreed."""

    TYPE: ClassVar[str] = "placed"
    program: Annotated[Identifier, Meta(description="program of site config")]
    level: Annotated[Level, Meta(description="level of the program")]
    track: Annotated[Code | None, Meta(description="track of the program")] = None
    group: Annotated[Identifier | None, Meta(description="group of the program")] = None
    start_date: Annotated[Day, Meta(description="first day agreed, facility's zone")]
    recommended_level: Annotated[Level, Meta(description="level that the policy recommended")]
    variance_reason: Annotated[Code | None, Meta(description="why another level than the recommended one")] = None
    offer_id: Annotated[Identifier | None, Meta(description="offer that was accepted")] = None


class PlacementCancelled(Placement):
    """The placement will not be."""

    TYPE: ClassVar[str] = "placement-cancelled"
    reason: Annotated[Code, Meta(description="a code: patient-declined, discharge-cancelled, start-missed, …")]


class StartMissed(Placement):
    """The first day came and the patient did not."""

    TYPE: ClassVar[str] = "start-missed"
    start_date: Annotated[
        Day | None, Meta(description="first day that was missed; absent: the one agreed when it was stated")
    ] = None


class HandoverReceived(Placement):
    """The program that took the patient confirms what was handed over to it."""

    TYPE: ClassVar[str] = "handover-received"
    arrived: Annotated[bool, Meta(description="the patient is there")]
    plan_read: Annotated[bool, Meta(description="the packet was read: plan, diagnoses, medication")]
