"""Authorizations over HTTP: what a payer was asked for and allowed, and how much of it is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from pydantic import Field

from services.placement.billing import authorizing
from services.placement.desk.commands import Ask, Code, Misfit
from services.placement.desk.frame import Listing, Parts, Rule, Subject, of_entries, write
from services.placement.engine.act import Decided, Situation
from services.placement.worklists.lists import REVIEWING
from services.placement.worklists.views import Line
from shared.events.base import Day
from shared.events.levels import Level
from shared.site.config import Site
from shared.storage.database import Connection
from shared.web.commands import Name

Unit = Literal["day", "session", "hour"]
TELLERS = ("coordinator", "billing", "reviewer")


class RequestAuthorization(Ask):
    """Ask a payer."""

    episode_id: Name
    payer: Name
    level: Level
    unit: Unit
    units: int | None = Field(default=None, ge=0, le=10_000, description="in all; absent: no limit is named")
    begins: Day = Field(alias="from")
    to: Day = Field(description="inclusive")
    number: Name | None = None

    def misfit(self, site: Site) -> Misfit:
        """Refuses an unknown payer, and a last day before the first."""
        if site.payer(self.payer) is None:
            return "payer", "the site has no such payer"
        return ("to", "the last day lies before the first") if self.to < self.begins else None


class MoveAuthorization(Ask):
    """What is another from now on; `units` is the sum of all."""

    number: Name | None = None
    unit: Unit | None = None
    units: int | None = Field(default=None, ge=0, le=10_000)
    begins: Day | None = Field(default=None, alias="from")
    to: Day | None = None
    reason: Code | None = None

    def misfit(self, site: Site) -> Misfit:  # noqa: ARG002 - days, no codes
        """Refuses a last day before the first."""
        wrong = self.begins is not None and self.to is not None and self.to < self.begins
        return ("to", "the last day lies before the first") if wrong else None


def request(now: Situation, _: str, asked: RequestAuthorization) -> Decided:
    """State that the payer was asked."""
    payer = now.rules.site.payer(asked.payer)
    terms = authorizing.Terms(
        payer=payer.id if payer else asked.payer,
        number=asked.number,
        level=asked.level,
        unit=asked.unit,
        units=asked.units,
        begins=asked.begins,
        to=asked.to,
    )
    told = authorizing.request(now.about(), now.ids(), terms, now.now)
    return Decided((told,), (told.auth_id,))


def _moved(to: str) -> Callable[[Situation, str, Any], Decided]:
    def decide(now: Situation, auth_id: str, asked: MoveAuthorization) -> Decided:
        changed = authorizing.Changed(asked.number, asked.unit, asked.units, asked.begins, asked.to, asked.reason)
        told = authorizing.move(now.folded, now.own, auth_id, to=to, changed=changed, now=now.now)
        return Decided((told,), (auth_id,))

    return decide


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
