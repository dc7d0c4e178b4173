"""POST /api/bills/try: which service periods would be opened, changed or voided by facts that are not stated yet.

Nothing is stored but that it was asked. Who reads a message again sees so what it would do to bills before they apply
it; intake, which does not know bills, gives the facts (`stated`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, NamedTuple, NotRequired

import orjson
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from typing_extensions import TypedDict

from services.placement.desk.frame import Parts
from services.placement.engine import views, with_facts
from services.placement.engine.with_facts import ChangedPeriod, PeriodChanged
from shared.events.base import Day
from shared.events.levels import Level
from shared.facts.envelope import Fact, from_record
from shared.facts.values import UnknownFact
from shared.storage import audit
from shared.web import openapi as api
from shared.web import requests
from shared.web.app import JSON, caller
from shared.web.auth import Caller
from shared.web.commands import Command, Name

ASKERS: Final = ("interface",)
MOST: Final = 1000
"""Facts of one question."""
BODY_BYTES: Final = 4 * 1024 * 1024
Text = Annotated[str, Field(min_length=1, max_length=200)]


class ProposedFact(Command):
    """A fact as it would be on care.events: its CloudEvents attributes and its value, as intake shows it."""

    ce_id: Text
    ce_type: Text
    ce_source: Literal["/stepdown/intake"]
    ce_subject: Text
    ce_sequence: int = Field(ge=1)
    ce_time: Text
    ce_copyof: Text | None = None
    """The fact of a merged record that it is a copy of."""
    value: dict[str, Any]


class TryBills(Command):
    """Facts that would be stated."""

    facts: tuple[ProposedFact, ...] = Field(min_length=1, max_length=MOST)


class PeriodTried(TypedDict):
    """A service period that would be opened, changed or voided; of a void as it is."""

    change: PeriodChanged
    episode_id: str
    facility: str
    level: Level
    payer: Name
    start_date: Day
    end_date: Annotated[NotRequired[Day], Field(description="day after the last; absent while open")]
    fields: Annotated[list[str], Field(description="names of what changes in it")]


class BillsTried(NamedTuple):
    """What would change in the asker's scope; `behind`: facts that were stated before these have not come here yet."""

    periods: Sequence[ChangedPeriod]
    behind: bool


def routes(parts: Parts) -> Sequence[BaseRoute]:
    """The route."""

    async def shown(request: Request) -> Response:
        who = caller(request, *ASKERS)
        requests.media_type(request, ("application/json",))
        asked = requests.read(TryBills, await requests.body(request, BODY_BYTES))
        found = await tried(parts, who, asked)
        return JSON({"periods": [_shown(each) for each in found.periods], "behind": found.behind})

    return [Route("/api/bills/try", shown, methods=["POST"])]


async def tried(parts: Parts, who: Caller, asked: TryBills) -> BillsTried:
    """What the facts would change; that it was asked is audited. Raises InvalidMessage for what is no fact, a Problem
    for a facility or an episode that is not the caller's (403, 404) or that the site does not have (422)."""
    proposed = [_fact(each) for each in asked.facts]
    for facility in {fact.value.facility for fact in proposed}:
        requests.within(who, facility)
        if not parts.rules.has_facility(facility):
            raise requests.unfit("facts", "the site has no such facility")
    episodes = sorted({fact.subject for fact in proposed})
    async with parts.database.begin() as connection:
        known = await views.facts_of(connection, episodes)
        for facts in known.values():
            if not who.scope.has_any(tuple({fact.value.facility for fact in facts})):
                raise requests.missing()
        entries = [audit.Entry(parts.clock(), who.subject, "bills-tried", each) for each in episodes]
        await audit.note(connection, entries)
    changed = with_facts.bills_with(known, proposed, parts.rules)
    mine = [each for each in changed if who.may_see(each.period.facility)]
    return BillsTried(mine, with_facts.behind(known, proposed))


def _fact(told: ProposedFact) -> Fact:
    named = {name: value for name, value in told.model_dump(exclude_none=True).items() if name.startswith("ce_")}
    headers = [(name, str(value).encode()) for name, value in named.items()]
    fact = from_record(orjson.dumps(told.value), [*headers, ("ce_specversion", b"1.0")])
    if isinstance(fact.value, UnknownFact) or fact.writer not in fact.value.WRITERS:
        raise requests.unfit("facts", "intake states no such fact")
    if fact.value.episode_id != fact.subject:
        raise requests.unfit("facts", "a fact is about the episode that it names")
    return fact


def _shown(each: ChangedPeriod) -> dict[str, Any]:
    told = each.period.content
    end = {"end_date": each.period.end} if each.period.end else {}
    return {
        "change": each.change, "episode_id": told.episode_id, "facility": told.facility, "level": told.level,
        "payer": told.payer, "start_date": each.period.start, **end, "fields": list(each.changed),
    }  # fmt: skip


def paths() -> dict[str, Any]:
    """The path for the OpenAPI document."""
    told = api.operation(
        "tryBills", "Service periods that facts which are not stated yet would change; nothing is stored", ASKERS,
        api.anonymous(
            periods={"type": "array", "items": PeriodTried},
            behind={"type": "boolean", "description": "facts stated before these have not come yet: ask again"},
        ),
        problems=(400, 401, 403, 404, 413, 415, 422, 503),
    )  # fmt: skip
    return {
        "/api/bills/try": {"post": {**told, "requestBody": {"required": True, "content": api.json(TryBills)}}},
    }
