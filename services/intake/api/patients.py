"""GET /api/patients: who patients are, by their ids or by words to search for; every read is audited.

The question is in the URL by contract, so nothing of a URL is logged here, and no answer repeats it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from services.intake.api.answers import PatientShown
from services.intake.api.reads import Read, Reading
from services.intake.people import views
from services.intake.people.finding import views as finding
from services.intake.people.finding.question import LONGEST, MOST_PARTS, Question, asked
from services.intake.people.names import opened
from services.intake.people.person import seen
from services.intake.receiving.receive import Intake
from shared.storage import audit
from shared.storage.database import Connection
from shared.web import openapi, paging, requests
from shared.web.app import JSON, caller
from shared.web.auth import Caller, NotSignedIn
from shared.web.desks import NAMED

READERS = NAMED
USUAL, MOST = 20, 50
"""Patients on a page, usually and at most."""
ASKED = "names by their beginnings, three letters on; birth date, telephone, patient id, visit number; or `ids`"
MOST_IDS = 200
"""Ids in one question: as many as a page of a desk's lists may have."""


class Asking(NamedTuple):
    """Who asks, and when."""

    who: Caller
    at: datetime


async def _several(reading: Reading, request: Request) -> Response:
    """GET /api/patients: by `ids`, else by the question `q`."""
    return await (_named if "ids" in request.query_params else _listed)(reading, request)


async def _named(reading: Reading, request: Request) -> Response:
    """The patients with these ids, as far as the caller may see them."""
    who, intake = caller(request, *READERS), reading.intake
    ids = _ids(requests.parameters(request, ("ids",))["ids"])
    reading.rates.take(who)
    async with intake.database.begin() as connection:
        found = await views.patients(connection, ids, who.scope)
        await audited(connection, Asking(who, intake.clock()), "patient-read", [one.patient_id for one in found])
    return _page([shown(one, who, intake) for one in found], None)


async def _listed(reading: Reading, request: Request) -> Response:
    """A page of the patients whom a question means, who fits best first. For programs that bring a token: the question
    is in the address, where a person's name has no business; pages ask by a form."""
    if "authorization" not in request.headers:
        raise NotSignedIn("a bearer token is needed")
    who, intake = caller(request, *READERS), reading.intake
    asked_ = requests.parameters(request, {"q", *paging.PARAMETERS})
    most, after = paging.limit(asked_, USUAL, MOST), _place(paging.behind(asked_, 3))
    question = question_of(asked_.get("q", ""))
    reading.rates.take(who)
    async with intake.database.begin() as connection:
        wanted = finding.Wanted(question, who.scope, visited(who, intake), most + 1, after)
        found = await finding.found(connection, wanted, intake.seal)
        places, more = paging.page(
            found.places, most, lambda place: (str(place.rank), str(place.age), place.patient_id)
        )
        page = await views.with_survivors(connection, [place.patient_id for place in places], who.scope)
        await audited(
            connection, Asking(who, intake.clock()), "patient-listed", [one.patient_id for one in page], question
        )
    return _page([shown(one, who, intake) for one in page], more)


async def _one(reading: Reading, request: Request) -> Response:
    """GET /api/patients/{id}."""
    who, intake = caller(request, *READERS), reading.intake
    reading.rates.take(who)
    patient_id = request.path_params["id"]
    async with intake.database.begin() as connection:
        known = [] if "\0" in patient_id else [patient_id]
        found = await views.patients(connection, known, who.scope)
        if not found:
            raise requests.missing("no-such-patient", "there is no such patient that you may see")
        await audited(connection, Asking(who, intake.clock()), "patient-read", [patient_id])
    return JSON(shown(found[0], who, intake))


def _ids(text: str) -> list[str]:
    """The ids in `?ids=`, each once, in their order. Raises a Problem (422)."""
    ids = list(dict.fromkeys(filter(None, (each.strip() for each in text.split(",")))))
    if not 1 <= len(ids) <= MOST_IDS:
        raise requests.unfit("ids", f"ids are one to {MOST_IDS} ids of patients, with commas between them")
    return ids


def question_of(text: str) -> Question:
    """What a text asks for. Raises a Problem (422) where it is too long, or asks for nothing or for too much."""
    if len(text) > LONGEST:
        raise requests.unfit("q", f"q has {LONGEST} characters at most")
    question = asked(text)
    if not 1 <= len(question.parts) <= MOST_PARTS:
        raise requests.unfit(
            "q",
            f"q has one to {MOST_PARTS} of: beginning of a name, birth date, telephone, patient id, visit number",
        )
    return question


def visited(who: Caller, intake: Intake) -> frozenset[str]:
    """The names of the site's facilities whose visit numbers the caller may ask for."""
    return frozenset(filter(who.may_see, intake.site.facility_names))


def _place(told: Sequence[str] | None) -> finding.Place:
    """A cursor's place. Raises a Problem (422) for a cursor that no page gave."""
    if told is None:
        return finding.BEFORE_ALL
    try:
        place = finding.Place(int(told[0]), int(told[1]), told[2])
    except ValueError:
        raise paging.no_cursor() from None
    if place.rank not in finding.RANKS or abs(place.age) > finding.NEVER:
        raise paging.no_cursor()
    return place


def _told(place: finding.Place) -> Sequence[str]:
    return str(place.rank), str(place.age), place.patient_id


def _page(patients: Sequence[dict[str, Any]], more: str | None) -> Response:
    return JSON({"patients": patients, "next": more})


def shown(patient: views.Patient, who: Caller, intake: Intake) -> dict[str, Any]:
    """A patient by what the facilities told that the caller may see."""
    told = {one.facility: opened(one, intake.seal) for one in patient.told_within(who.scope)}
    places = sorted(place for place in patient.facilities | patient.placed if who.may_see(place))
    ours = {"patient_id": patient.patient_id, "facilities": places, "episodes": list(patient.episodes)}
    merged: dict[str, Any] = {"merged_into": patient.merged_into} if patient.merged_into else {}
    if patient.retired:
        merged["merged_from"] = list(patient.retired)
    return {**ours, **merged, **seen(told)}


async def audited(
    connection: Connection, asking: Asking, action: str, ids: Sequence[str], question: Question | None = None
) -> None:
    """Audit each patient that was shown, or that a question found nobody; of a question only which kinds of parts it
    has."""
    by = f"by-{'-and-'.join(question.kinds)}" if question else None
    reason = by if ids else "-".join(filter(None, ("none-found", by)))
    subjects = ids or ["nobody"]
    entries = [audit.Entry(asking.at, asking.who.subject, action, subject, reason) for subject in subjects]
    await audit.note(connection, entries)


READS = (
    Read(
        "/api/patients", "listPatients", "Whom a question means, or who patients are", READERS,
        openapi.page("patients", PatientShown), _several,
        (
            openapi.query("q", about=ASKED),
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
