"""What a payer was asked for and allowed: authorizations through their moves (contract 3.3)."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from shared.events.base import CareFact, Code, Day, Identifier, Writer
from shared.events.levels import Level


class Authorization(CareFact):
    """One authorization as it is from now on, whole: `units` is the sum of all units, not what was added."""

    WRITERS: ClassVar[tuple[Writer, ...]] = ("placement",)
    auth_id: Identifier = Field(description="the authorization, through all its moves")
    number: Code | None = Field(default=None, description="the payer's number")
    payer: Identifier = Field(description="payer of site config")
    level: Level = Field(description="level that it is for")
    unit: Literal["day", "session", "hour"] = Field(description="what a unit is")
    units: int | None = Field(default=None, ge=0, description="units in all; absent: no limit was named")
    begins: Day = Field(alias="from", description="first day")
    to: Day = Field(description="last day, inclusive")
    reason: Code | None = Field(default=None, description="why denied or ended, where the payer says so")


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
