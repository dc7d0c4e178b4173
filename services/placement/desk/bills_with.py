"""POST /api/bills-with: which service periods would be opened, changed or voided if facts were stated that intake shows
before it states them. Nothing is stored but that somebody asked; a record number may be in them, so they are a body."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from typing_extensions import TypedDict

from services.placement.desk.frame import Parts
from services.placement.engine.bills_with import PeriodLine, bills_with
from shared.errors import InvalidMessage, SetUpError
from shared.facts.envelope import Fact, shown_fact
from shared.storage import audit
from shared.web import openapi as api
from shared.web import requests
from shared.web.app import JSON, Problem, caller
from shared.web.auth import Caller

ROLES: Final = ("interface",)
"""Who reads messages again at intake."""
PATH: Final = "/api/bills-with"
MOST: Final = 2000
_Attribute = Annotated[str, Field(min_length=1, max_length=200)]


class ProposedFact(BaseModel):
    """A fact as intake would publish it, with its CloudEvents attributes."""

    model_config = ConfigDict(extra="forbid")

    ce_id: _Attribute
    ce_type: _Attribute
    ce_source: Literal["/stepdown/intake"]
    ce_subject: _Attribute
    ce_sequence: int = Field(ge=1)
    ce_time: _Attribute
    ce_copyof: _Attribute | None = None
    value: dict[str, Any]


class ProposedFacts(BaseModel):
    """Facts of `GET /api/messages/{id}/read-again` at intake: its `stated`."""

    model_config = ConfigDict(extra="forbid")

    stated: tuple[ProposedFact, ...] = Field(max_length=MOST)


class PeriodWith(TypedDict):
    """A service period that would change; `fields`: the names of what changes in it."""

    change: Literal["opened", "changed", "voided"]
    episode_id: str
    facility: str
    level: str
    payer: str
    start: date
    end: Annotated[date | None, Field(description="the day after the last one; null: it is open")]
    fields: list[str]


def routes(parts: Parts) -> Sequence[BaseRoute]:
    """The route."""

    async def asked(request: Request) -> Response:
        who = caller(request, *ROLES)
        requests.media_type(request, ("application/json",))
        told = requests.read(ProposedFacts, await requests.body(request))
        return JSON({"periods": [_shown(each) for each in await found(parts, who, told)]})

    return [Route(PATH, asked, methods=["POST"])]


async def found(parts: Parts, who: Caller, told: ProposedFacts) -> list[PeriodLine]:
    """The service periods at facilities in the caller's scope that would change; that it was asked is audited. Raises a
    Problem: 403 for a fact of another facility, 422 for what is no fact of intake's."""
    facts = [_fact(each) for each in told.stated]
    for fact in facts:
        requests.within(who, fact.value.facility or "")
    try:
        async with parts.database.begin() as connection:
            lines = await bills_with(connection, parts.rules, facts)
            now, episodes = parts.clock(), sorted({fact.subject for fact in facts})
            await audit.note(connection, [audit.Entry(now, who.subject, "bills-asked", each) for each in episodes])
    except SetUpError:
        text = "a fact or an episode names a facility that the site does not have"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "unfit", text) from None
    return [each for each in lines if who.may_see(each.facility)]


def _fact(told: ProposedFact) -> Fact:
    try:
        fact = shown_fact(told.model_dump())
    except InvalidMessage:
        raise _no_fact() from None
    if fact.writer not in getattr(type(fact.value), "WRITERS", ()):
        raise _no_fact()
    return fact


def _no_fact() -> Problem:
    return requests.unfit("stated", "this is no fact that intake states")


def _shown(one: PeriodLine) -> PeriodWith:
    return {
        "change": one.change, "episode_id": one.episode_id, "facility": one.facility, "level": one.level,
        "payer": one.payer, "start": one.start, "end": one.end, "fields": list(one.fields),
    }  # fmt: skip


def paths() -> dict[str, Any]:
    """The path for the OpenAPI document."""
    told = api.operation(
        "billsWith", "Which service periods would change if these facts were stated; nothing is stored", ROLES,
        api.anonymous(periods={"type": "array", "items": PeriodWith}), problems=(400, 401, 403, 413, 415, 422, 503),
    )  # fmt: skip
    return {PATH: {"post": {**told, "requestBody": {"required": True, "content": api.json(ProposedFacts)}}}}
