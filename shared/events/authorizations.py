"""What a payer was asked for and allowed: authorizations through their moves (contract 3.3)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, field

from shared.events.base import CareFact, Code, Count, Day, Identifier, Writer
from shared.events.levels import Level
from shared.events.published import PublishedStruct

AuthorizationUnit = Literal["day", "session", "hour"]
MinutesOfAUnit = Annotated[int, Meta(ge=1, le=60)]


class Denial(PublishedStruct):
    """Until when something can be said against a denial; both days included."""

    peer_to_peer_by: Annotated[Day | None, Meta(description="last day for a call with the payer's physician")] = None
    appeal_by: Annotated[Day | None, Meta(description="last day for an appeal")] = None


class Authorization(CareFact):
    """One authorization as it is from now on, whole: `units` is the sum of all units, not what was added."""

    WRITERS: ClassVar[tuple[Writer, ...]] = ("placement",)
    auth_id: Annotated[Identifier, Meta(description="the authorization, through all its moves")]
    number: Annotated[Code | None, Meta(description="the payer's number")] = None
    payer: Annotated[Identifier, Meta(description="payer of site config")]
    level: Annotated[Level, Meta(description="level that it is for")]
    unit: Annotated[AuthorizationUnit, Meta(description="what a unit is")]
    units: Annotated[Count | None, Meta(description="units in all; absent: no limit was named")] = None
    begins: Annotated[Day, Meta(description="first day")] = field(name="from")
    to: Annotated[Day, Meta(description="last day, inclusive")]
    reason: Annotated[Code | None, Meta(description="why denied or ended, where the payer says so")] = None
    unit_minutes: Annotated[
        MinutesOfAUnit | None, Meta(description="minutes of a unit that is a part of an hour; `unit` is hour then")
    ] = None
    requested_units: Annotated[Count | None, Meta(description="units that were asked for")] = None
    next_review: Annotated[Day | None, Meta(description="day by which the payer wants to hear again")] = None
    reference: Annotated[Code | None, Meta(description="the payer's number of this call, letter or answer")] = None
    denial: Annotated[Denial | None, Meta(description="of a denial: what is possible until when")] = None


class AuthorizationRequested(Authorization):
    """The payer was asked; where it is approved already, for more."""

    TYPE: ClassVar[str] = "authorization-requested"


class AuthorizationPended(Authorization):
    """The payer wants to know more first."""

    TYPE: ClassVar[str] = "authorization-pended"


class AuthorizationApproved(Authorization):
    """The payer allows these units on these days."""

    TYPE: ClassVar[str] = "authorization-approved"


class AuthorizationDenied(Authorization):
    """The payer does not allow what it was asked for; what it allowed before stays allowed."""

    TYPE: ClassVar[str] = "authorization-denied"


class AuthorizationExtended(Authorization):
    """The payer allows more units or days."""

    TYPE: ClassVar[str] = "authorization-extended"


class AuthorizationEnded(Authorization):
    """The payer allows nothing after `to`."""

    TYPE: ClassVar[str] = "authorization-ended"
