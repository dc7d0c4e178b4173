"""GET /api/visit-numbers: visit numbers that two patients of a facility have; and what a person says of one (POST)."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Literal

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from services.intake.api.answers import NumberConflictShown
from services.intake.api.reads import Read, Reading
from services.intake.receiving import number_decisions
from services.intake.receiving.number_decisions import NumberConflict
from services.intake.receiving.receive import Intake
from services.intake.receiving.shared_numbers import NumberDecision
from shared.storage import audit
from shared.storage.database import Connection
from shared.web import openapi, paging, requests
from shared.web.app import JSON, Problem, caller
from shared.web.auth import Caller
from shared.web.commands import Command

DECIDERS = ("identity",)


class NumberDecided(Command):
    """`POST /api/visit-numbers/{id}/own`, `holder`, `taken-back`: the address says it all."""


class NumberStated(BaseModel):
    """A visit number and what is decided of it."""

    conflict_id: str
    facility: str
    visit_number: str
    patient_ids: list[str]
    since: datetime
    state: Literal["open", "own", "holder"]


async def _listed(reading: Reading, request: Request) -> Response:
    """GET /api/visit-numbers."""
    who, intake = caller(request, *DECIDERS), reading.intake
    asked = requests.parameters(request, paging.PARAMETERS)
    most, after = paging.limit(asked), paging.after(asked)
    async with intake.database.begin() as connection:
        found = await number_decisions.listed(connection, who.scope, after, most + 1)
        page, more = paging.page(found, most, lambda one: (paging.at(one.since), one.conflict_id))
        now, subjects = intake.clock(), [one.conflict_id for one in page] or ["nobody"]
        await audit.note(connection, [audit.Entry(now, who.subject, "visit-number-listed", each) for each in subjects])
    return JSON({"visit_numbers": [_shown(one).model_dump() for one in page], "next": more})


async def _decide(
    decision: NumberDecision | None, intake: Intake, connection: Connection, who: Caller, conflict_id: str, _: Command
) -> NumberStated:
    """Note what the caller says of a number. Raises Rejected, and a Problem (404) where it is not the caller's."""
    found = None
    if "\0" not in conflict_id:
        found = await number_decisions.decide(connection, intake, who.scope, conflict_id, decision)
    if found is None:
        raise Problem(HTTPStatus.NOT_FOUND, "not-found", "there is no such visit number in your scope")
    action = f"visit-number-{decision or 'taken-back'}"
    await audit.note(connection, [audit.Entry(intake.clock(), who.subject, action, conflict_id)])
    return _shown(found)


own, of_holder, taken_back = (partial(_decide, decision) for decision in ("own", "holder", None))


def _shown(one: NumberConflict) -> NumberStated:
    return NumberStated(
        conflict_id=one.conflict_id,
        facility=one.facility,
        visit_number=one.visit_number,
        patient_ids=[each for each in (one.holder, one.patient_id) if each],
        since=one.since,
        state=one.decision or "open",
    )


READS = (
    Read(
        "/api/visit-numbers", "listVisitNumbers",
        "Visit numbers that two patients of a facility have: the first of the two patients had it first",
        DECIDERS, openapi.page("visit_numbers", NumberConflictShown), _listed,
        (openapi.parameter("Limit"), openapi.parameter("Cursor")),
    ),
)  # fmt: skip
