"""Authorizations over HTTP: what a payer was asked for and allowed, and how much of it is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field

from services.placement.billing import authorizing
from services.placement.desk.commands import Ask, Code, Misfit
from services.placement.desk.frame import Listing, Parts, Rule, Subject, of_entries, write
from services.placement.engine.act import Decided, Situation
from services.placement.worklists.lists import REVIEWING
from services.placement.worklists.views import Line
from shared.errors import Rejected
from shared.events.authorizations import AuthorizationUnit, Denial
from shared.events.base import Day
from shared.events.levels import Level
from shared.site.config import Site
from shared.storage.database import Connection
from shared.web.commands import Name

Unit = Literal["day", "session", "hour", "quarter-hour"]
Units = Annotated[int, Field(ge=0, le=10_000)]
QUARTER_HOUR = 15
"""Minutes."""
TELLERS = ("coordinator", "billing", "reviewer")


class RequestAuthorization(Ask):
    """Ask a payer."""

    episode_id: Name
    payer: Name
    level: Level
    unit: Unit | None = Field(default=None, description="absent: what the site's clock has for the payer and level")
    units: Units | None = Field(default=None, description="in all; absent: no limit is named")
    requested_units: Units | None = Field(default=None, description="absent: `units`")
    begins: Day = Field(alias="from")
    to: Day = Field(description="inclusive")
    number: Name | None = None
    next_review: Day | None = Field(default=None, description="day by which the payer wants to hear again")
    reference: Name | None = Field(default=None, description="the payer's number of this call, letter or answer")

    def misfit(self, site: Site) -> Misfit:
        """Refuses an unknown payer, a last day before the first, and no unit where the site has none."""
        if site.payer(self.payer) is None:
            return "payer", "the site has no such payer"
        if self.unit is None and ((row := site.clock(self.payer, self.level)) is None or row.unit is None):
            return "unit", "the site does not say what this payer authorizes for the level"
        return ("to", "the last day lies before the first") if self.to < self.begins else None


class Deny(Ask):
    """Until when something can be said against a denial; both days included."""

    peer_to_peer_by: Day | None = None
    appeal_by: Day | None = None


class MoveAuthorization(Ask):
    """What is another from now on; `units` is the sum of all."""

    number: Name | None = None
    unit: Unit | None = None
    units: Units | None = None
    requested_units: Units | None = None
    begins: Day | None = Field(default=None, alias="from")
    to: Day | None = None
    reason: Code | None = None
    next_review: Day | None = Field(default=None, description="absent: none is told any more")
    reference: Name | None = Field(default=None, description="the payer's number of this call, letter or answer")
    denial: Deny | None = Field(default=None, description="only where the payer denies")

    def misfit(self, site: Site) -> Misfit:  # noqa: ARG002 - days, no codes
        """Refuses a last day before the first."""
        wrong = self.begins is not None and self.to is not None and self.to < self.begins
        return ("to", "the last day lies before the first") if wrong else None


class Counted(NamedTuple):
    """A unit as facts have it, and its minutes where it is a part of an hour."""

    unit: AuthorizationUnit
    minutes: int | None = None


def _counted(unit: Unit) -> Counted:
    return Counted("hour", QUARTER_HOUR) if unit == "quarter-hour" else Counted(unit)


def request(now: Situation, _: str, asked: RequestAuthorization) -> Decided:
    """State that the payer was asked."""
    payer, row = now.rules.site.payer(asked.payer), now.rules.site.clock(asked.payer, asked.level)
    counted = _counted(asked.unit or (row and row.unit) or "day")
    terms = authorizing.Terms(
        payer=payer.id if payer else asked.payer,
        number=asked.number,
        level=asked.level,
        unit=counted.unit,
        units=asked.units,
        begins=asked.begins,
        to=asked.to,
        unit_minutes=counted.minutes,
        requested_units=asked.units if asked.requested_units is None else asked.requested_units,
        next_review=asked.next_review,
        reference=asked.reference,
    )
    told = authorizing.request(now.about(), now.ids(), terms, now.now)
    return Decided((told,), (told.auth_id,))


def _moved(to: str) -> Callable[[Situation, str, Any], Decided]:
    def decide(now: Situation, auth_id: str, asked: MoveAuthorization) -> Decided:
        counted = _counted(asked.unit) if asked.unit else None
        changed = authorizing.Changed(
            number=asked.number,
            unit=counted.unit if counted else None,
            unit_minutes=counted.minutes if counted else None,
            units=asked.units,
            begins=asked.begins,
            to=asked.to,
            reason=asked.reason,
            requested_units=_asked_for(to, asked),
            next_review=asked.next_review,
            reference=asked.reference,
            denial=_denial(to, asked),
        )
        told = authorizing.move(now.folded, now.own, auth_id, to=to, changed=changed, now=now.now)
        return Decided((told,), (auth_id,))

    return decide


def _asked_for(to: str, asked: MoveAuthorization) -> int | None:
    """The units that were asked for: where the payer is asked again, all of them unless something else is said."""
    return asked.units if to == "requested" and asked.requested_units is None else asked.requested_units


def _denial(to: str, asked: MoveAuthorization) -> Denial | None:
    """What is possible against a denial. Raises Rejected `not-denied` where the payer does not deny."""
    told = asked.denial
    if told is None or (told.peer_to_peer_by is None and told.appeal_by is None):
        return None
    if to != "denied":
        raise Rejected("not-denied", "only a denial says until when something can be said against it")
    return Denial(peer_to_peer_by=told.peer_to_peer_by, appeal_by=told.appeal_by)


async def _possible(_: Connection, __: Parts, found: list[Line]) -> list[dict[str, Any]]:
    return [
        {"possible": list(authorizing.possible(line.state, in_force=bool(line.content.get("in_force"))))}
        for line in found
    ]


_SUMMARIES = {
    "pended": ("pendAuthorization", "The payer wants to know more first"),
    "approved": ("approveAuthorization", "The payer allows these units on these days"),
    "denied": (
        "denyAuthorization",
        "The payer does not allow what it was asked for; what it allowed before stays allowed",
    ),
    "extended": ("extendAuthorization", "The payer allows more units or days"),
    "ended": ("endAuthorization", "The payer allows nothing after `to`"),
    "requested": ("requestAuthorizationAgain", "The payer is asked again, or for more"),
}
SUBJECT = Subject(
    Listing(
        "authorizations", "What payers were asked for and allowed: units, used, and left", REVIEWING,
        states=of_entries("authorization"), teller=_possible,
    ),
    (
        write(
            "/api/authorizations", RequestAuthorization, Rule(request), action="authorization-requested",
            operation="requestAuthorization", roles=TELLERS, summary="Ask a payer to authorize care",
        ),
        *(
            write(
                f"/api/authorizations/{{id}}/{to}", MoveAuthorization, Rule(_moved(to)), action=f"authorization-{to}",
                operation=operation, roles=TELLERS, summary=summary,
            )
            for to, (operation, summary) in _SUMMARIES.items()
        ),
    ),
)  # fmt: skip
