"""GET /api/patients: who patients are, by their ids or by words to search for; every read is audited.

The question is in the URL by contract, so nothing of a URL is logged here, and no answer repeats it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.intake.api.answers import PatientShown
from services.intake.api.reads import Read, Reading, reader
from services.intake.people import views
from services.intake.people.finding import MOST_PARTS, asked
from services.intake.people.names import opened
from services.intake.people.person import seen
from services.intake.receiving.receive import Intake
from shared.storage import audit
from shared.storage.database import Connection
from shared.web import openapi, paging, requests
from shared.web.app import JSON, caller
from shared.web.auth import Caller

READERS = ("coordinator", "clinician", "identity")
USUAL, MOST, LONGEST = 20, 50, 200
"""Patients on a page, usually and at most; characters of a question at most."""
MOST_IDS = 200
"""Ids in one question: as many as a page of a desk's lists may have."""


async def _several(reading: Reading, request: Request) -> Response:
    """GET /api/patients: by `ids`, else by the question `q`."""
    return await (_named if "ids" in request.query_params else _listed)(reading, request)


async def _named(reading: Reading, request: Request) -> Response:
    """The patients with these ids, as far as the caller may see them."""
    who, intake = reader(request, *READERS), reading.intake
    ids = _ids(requests.parameters(request, ("ids",))["ids"])
    reading.rates.take(who)
    async with intake.database.begin() as connection:
        found = await views.patients(connection, ids, who.scope)
        await _audited(connection, intake, who, "patient-read", [one.patient_id for one in found])
    return JSON({"patients": [_shown(one, who, intake) for one in found], "next": None})


async def _listed(reading: Reading, request: Request) -> Response:
    """A page of the patients whom a question means."""
    who, intake = caller(request, *READERS), reading.intake
    asked = requests.parameters(request, {"q", *paging.PARAMETERS})
    most, [after] = paging.limit(asked, USUAL, MOST), paging.behind(asked, 1) or [""]
    groups = [[intake.seal.blind(word) for word in group] for group in _groups(asked.get("q", ""))]
    reading.rates.take(who)
    async with intake.database.begin() as connection:
        found = await views.found(connection, groups, scope=who.scope, after=after, most=most + 1)
        ids, more = paging.page(found, most, lambda patient_id: (patient_id,))
        page = await views.patients(connection, ids, who.scope)
        await _audited(connection, intake, who, "patient-listed", [one.patient_id for one in page])
    return JSON({"patients": [_shown(one, who, intake) for one in page], "next": more})


async def _one(reading: Reading, request: Request) -> Response:
    """GET /api/patients/{id}."""
    who, intake = reader(request, *READERS), reading.intake
    reading.rates.take(who)
    patient_id = request.path_params["id"]
    async with intake.database.begin() as connection:
        known = [] if "\0" in patient_id else [patient_id]
        found = await views.patients(connection, known, who.scope)
        if not found:
            raise requests.missing("no-such-patient", "there is no such patient that you may see")
        await _audited(connection, intake, who, "patient-read", [patient_id])
    return JSON(_shown(found[0], who, intake))


def _ids(text: str) -> list[str]:
    """The ids in `?ids=`, each once, in their order. Raises a Problem (422)."""
    ids = list(dict.fromkeys(filter(None, (each.strip() for each in text.split(",")))))
    if not 1 <= len(ids) <= MOST_IDS:
        raise requests.unfit("ids", f"ids are one to {MOST_IDS} ids of patients, with commas between them")
    return ids


def _groups(question: str) -> list[frozenset[str]]:
    """The parts of `?q=`, each as the words that a patient may have for it. Raises a Problem (422)."""
    if len(question) > LONGEST:
        raise requests.unfit("q", f"q has {LONGEST} characters at most")
    groups = asked(question)
    if not 1 <= len(groups) <= MOST_PARTS:
        raise requests.unfit(
            "q", f"q has one to {MOST_PARTS} of: part of a name, birth date, telephone number, patient id"
        )
    return groups


def _shown(patient: views.Patient, who: Caller, intake: Intake) -> dict[str, Any]:
    """A patient by what the facilities told that the caller may see."""
    told = {one.facility: opened(one, intake.seal) for one in patient.told_within(who.scope)}
    places = sorted(place for place in patient.facilities | patient.placed if who.may_see(place))
    ours = {"patient_id": patient.patient_id, "facilities": places, "episodes": list(patient.episodes)}
    return {**ours, **seen(told)}


async def _audited(connection: Connection, intake: Intake, who: Caller, action: str, ids: Sequence[str]) -> None:
    """Audit each patient that was shown, or that a question found nobody."""
    now, reason = intake.clock(), None if ids else "none-found"
    subjects = ids or ["nobody"]
    await audit.note(connection, [audit.Entry(now, who.subject, action, subject, reason) for subject in subjects])


READS = (
    Read(
        "/api/patients", "listPatients", "Whom a question means, or who patients are", READERS,
        openapi.page("patients", PatientShown), _several,
        (
            openapi.query("q", about="whole words: parts of names, birth date, telephone number, patient id; or `ids`"),
            openapi.query("ids", about=f"Stepdown's ids of up to {MOST_IDS} patients, with commas; no page follows"),
            {**openapi.PARAMETERS["Limit"], "schema": {"type": "integer", "minimum": 1, "maximum": MOST}},
            openapi.parameter("Cursor"),
        ),
        (429,),
    ),
    Read(
        "/api/patients/{id}", "getPatient", "Who a patient is", READERS, PatientShown, _one, (), (429,),
    ),
)  # fmt: skip
