"""Who patients are, for those who care for them: one by id, or those whom a question means; every read is audited.

The question is in the URL by contract, so nothing of a URL is logged here, and no answer repeats it.
"""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.intake.people import views
from services.intake.people.finding import MOST_PARTS, asked
from services.intake.people.names import opened
from services.intake.people.person import seen
from services.intake.receiving import http_requests as ask
from services.intake.receiving.receive import Intake
from shared.storage import audit
from shared.storage.database import Connection
from shared.web import cross_origin, requests
from shared.web.app import JSON, Problem, caller
from shared.web.auth import Caller

READERS = ("coordinator", "clinician", "identity")
USUAL, MOST, LONGEST = 20, 50, 200
MOST_IDS = 200
"""A page of any list of a desk, in one question."""


def routes(intake: Intake, paces: ask.Paces, desks: frozenset[str] = frozenset()) -> list[Route]:
    """GET /api/patients?q=, ?ids= and /api/patients/{patient_id}; pages of the `desks`' origins ask by ids alone."""
    reader = cross_origin.asking(desks)

    async def several(request: Request) -> Response:
        return await (named if "ids" in request.query_params else listed)(request)

    async def named(request: Request) -> Response:
        who = reader(request, *READERS)
        ids = _ids(ask.parameters(request, ("ids",))["ids"])
        paces.take(who)
        async with intake.database.begin() as connection:
            found = await views.patients(connection, ids, who.scope)
            await _audited(connection, intake, who, "patient-read", [one.patient_id for one in found])
        return JSON({"patients": [_shown(one, who, intake) for one in found], "next": None})

    async def listed(request: Request) -> Response:
        who = caller(request, *READERS)
        given = ask.parameters(request, ("q", "limit", "cursor"))
        most, after = ask.limit(given.get("limit"), USUAL, MOST), ask.behind(given.get("cursor"))
        groups = [[intake.seal.blind(word) for word in group] for group in _groups(given.get("q", ""))]
        paces.take(who)
        async with intake.database.begin() as connection:
            ids = await views.found(connection, groups, scope=who.scope, after=after, most=most + 1)
            page = await views.patients(connection, ids[:most], who.scope)
            await _audited(connection, intake, who, "patient-listed", [one.patient_id for one in page])
        following = ask.cursor(ids[most - 1]) if len(ids) > most else None
        return JSON({"patients": [_shown(one, who, intake) for one in page], "next": following})

    async def one(request: Request) -> Response:
        who = reader(request, *READERS)
        paces.take(who)
        patient_id = request.path_params["patient_id"]
        async with intake.database.begin() as connection:
            known = [] if "\0" in patient_id else [patient_id]
            found = await views.patients(connection, known, who.scope)
            if not found:
                raise Problem(HTTPStatus.NOT_FOUND, "no-such-patient", "there is no such patient that you may see")
            await _audited(connection, intake, who, "patient-read", [patient_id])
        return JSON(_shown(found[0], who, intake))

    return [
        Route("/api/patients", cross_origin.readable(several, desks), methods=["GET"]),
        Route("/api/patients/{patient_id}", cross_origin.readable(one, desks), methods=["GET"]),
    ]


def _ids(text: str) -> frozenset[str]:
    ids = frozenset(filter(None, (each.strip() for each in text.split(","))))
    if not 1 <= len(ids) <= MOST_IDS:
        raise requests.invalid(f"ids are one to {MOST_IDS} ids of patients, with commas between them")
    return ids


def _groups(question: str) -> list[frozenset[str]]:
    if len(question) > LONGEST:
        raise requests.invalid(f"q has {LONGEST} characters at most")
    groups = asked(question)
    if not 1 <= len(groups) <= MOST_PARTS:
        raise requests.invalid(
            f"q has one to {MOST_PARTS} of: part of a name, birth date, telephone number, patient id"
        )
    return groups


def _shown(patient: views.Patient, who: Caller, intake: Intake) -> dict[str, Any]:
    told = {one.facility: opened(one, intake.seal) for one in patient.told_within(who.scope)}
    places = sorted(place for place in patient.facilities | patient.placed if who.may_see(place))
    ours = {"patient_id": patient.patient_id, "facilities": places, "episodes": list(patient.episodes)}
    return {**ours, **seen(told)}


async def _audited(connection: Connection, intake: Intake, who: Caller, action: str, ids: Sequence[str]) -> None:
    """A row for each patient that was shown, and one for a question that meant nobody."""
    now, reason = intake.clock(), None if ids else "none-found"
    subjects = ids or ["nobody"]
    await audit.note(connection, [audit.Entry(now, who.subject, action, subject, reason) for subject in subjects])
