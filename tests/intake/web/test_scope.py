"""Another facility's patient stays unseen: every route of intake, as every role, with a token of another facility."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import orjson
import pytest

from services.intake.receiving.kafka import keep_episodes
from services.intake.receiving.receive import Intake
from shared.events import EPISODE_TYPE
from shared.events.episodes import read_document
from shared.facts.envelope import Fact
from shared.messaging.positions import Incoming, Slot, Tally
from shared.roles import ROLES
from shared.run import ServiceProcess
from tests.intake.conftest import NOW, Hospital
from tests.intake.web.conftest import Asking
from tests.intake.web.fhir_of_another import body_for
from tests.scoping import Tried, reads, routes_of, told_of

THERE, HERE = "RIVERBEND", "GOODHEALTH"
CONSENT: dict[str, Any] = {"recipient": "valley-clinic", "purpose": "treatment", "scope": ["PSY"]}
WORDS = ("GIVENMARKER", "1980-01-01", "19800101")
"""What the hospital's message says of the person, beside a name that nobody else has."""


PAGES = ("/matches/", "/rail", "/patients/", "/acts/", "/dead-letters/", "/messages")
"""Where addresses of pages begin, which know a session alone: test_desk_scope.py has them."""


QUESTIONS = ("/api/messages/find", "/fhir/Patient/_search", "/fhir/Consent/_search")
"""What is asked by POST, since it has a patient's number in it, and changes nothing."""


class Known:
    """A patient of GOODHEALTH with a consent, ids and words of whom nobody else may be told."""

    def __init__(self, hospital: Hospital, patient: str, episode: str, consent: str, told: tuple[str, str]) -> None:
        self.patient, self.episode, self.consent, self.mrn = patient, episode, consent, hospital.mrn
        self.message, self.visit = told
        self.name = hospital.name
        self.secrets = {*WORDS, self.name, patient, episode, consent, hospital.mrn, f"V1-{hospital.mrn}", *told}


@pytest.fixture
async def known(http: httpx.AsyncClient, hospital: Hospital, asking: Asking) -> Known:
    hospital.name = "".join(chr(ord("A") + int(sign, 16)) for sign in uuid.uuid4().hex)  # the database is shared
    await hospital.tells("A01")
    await hospital.tells("A02", unit="NOWHERE")
    patient = await hospital.patient_id()
    assert patient
    body = {"facility": HERE, "patient_id": patient, **CONSENT}
    answer = await http.post("/consents", json=body, headers=asking("hospital", HERE))
    assert answer.status_code == 201, answer.text
    episode = (await hospital.facts())[0].subject
    [(message, visit), *_] = await hospital.rows("message_id, visit_id")
    return Known(hospital, patient, episode, answer.json()["consent_id"], (message, visit))


def is_read(method: str, path: str) -> bool:
    """Whether it reads or searches by FHIR, which test_fhir_reads.py asks."""
    return path.endswith("/_search") or (method == "GET" and path != "/fhir/Encounter/{id}")


def trying(method: str, path: str, known: Known) -> list[Tried]:
    """Everything that a route may be asked with of what the other facility has."""
    if path.startswith("/fhir/") and path.endswith("/_search"):
        return [Tried(role, method, path, None, asked_by_fhir(path, known)) for role in ROLES]
    if path in {"/fhir/Patient", "/fhir/Consent"} and method == "GET":
        return list(reads(path, [], [asked_by_fhir(path, known)]))
    if method == "GET":
        queries = [{"q": known.mrn}, {"q": f"{known.name} 1980-01-01"}, {"patient_id": known.patient}]
        queries += [{"state": each} for each in ("waiting", "ae", "unmapped")] + [{"ids": known.patient}]
        queries += [{"state": "unmapped", "facility": HERE}, {}, {"facility": HERE, "trigger": "A01"}]
        ids = {"messages": known.message, "consents": known.consent, "Consent": known.consent, "Encounter": known.visit}
        one = next((each for part, each in ids.items() if part in path), known.patient)
        return list(reads(path, [one], queries))
    if path.startswith("/fhir"):
        where, body = path.replace("{id}", "x1"), body_for(path, known.mrn, HERE)
        return [Tried(role, method, where, None, body) for role in ROLES]
    assessed = {"instrument": "LOCUS", "version": "20", "phase": "intake", "episode_id": known.episode}
    consent = {"facility": THERE, **CONSENT}
    message = b"MSH|^~\\&|ADT|GOODHEALTH|SD|SD|20260310||ADT^A08|C9|P|2.5.1\rPID|1||%s^^^GH^MR\r" % known.mrn.encode()
    referred = {"facility": HERE, "source": "self", "identity": {"identifiers": [{"id": known.mrn, "type": "MR"}]}}
    bodies: dict[str, list[Any]] = {
        "/assessments": [{"facility": THERE, **assessed}],
        "/consents": [consent | {"patient_id": known.patient}, consent | {"episode_id": known.episode}],
        "/consents/{id}/revoked": [{}],
        **{f"/api/matches/{{id}}/{act}": [{}] for act in ("same", "different", "taken-back")},
        "/referrals": [referred],
        "/hl7v2": [message],
        "/find": [{"q": known.mrn}],
        "/api/messages/try": [message],
        "/api/messages/{id}/read-again": [{"expected": "x"}],
        "/api/visit-numbers/{id}/own": [{}],
        "/api/visit-numbers/{id}/holder": [{}],
        "/api/visit-numbers/{id}/taken-back": [{}],
        "/api/unknown-needs/{id}/mapped": [{"need": "transport"}],
        "/api/unknown-needs/{id}/set-aside": [{}],
        "/api/unknown-needs/{id}/taken-back": [{}],
        "/api/messages/{id}/agreed": [{}],
        "/api/messages/{id}/agreed-taken-back": [{}],
        "/api/messages/find": [{"mrn": known.mrn, "authority": "GH"}, {"visit_number": f"V1-{known.mrn}"}],
    }
    where = path.replace("{id}", known.message if "messages" in path else known.consent)
    return [Tried(role, "POST", where, None, body) for body in bodies[path] for role in ROLES]


def asked_by_fhir(path: str, known: Known) -> dict[str, str]:
    """A search by FHIR for the other's patient."""
    return {"identifier": known.mrn} if "/Patient" in path else {"patient": known.patient}


async def asked(http: httpx.AsyncClient, one: Tried, headers: dict[str, str]) -> httpx.Response:
    if isinstance(one.body, bytes):
        headers = headers | {"content-type": "x-application/hl7-v2+er7"}
        return await http.request(one.method, one.path, content=one.body, headers=headers)
    if one.path.endswith("/_search"):
        return await http.request(one.method, one.path, data=one.body, headers=headers)
    return await http.request(one.method, one.path, params=one.query, json=one.body, headers=headers)


async def test_nothing_of_another_facilitys_patient_is_in_any_answer(
    http: httpx.AsyncClient, service: ServiceProcess, asking: Asking, known: Known
) -> None:
    telling = set()
    every = {
        (method, path)
        for method, path in routes_of(service.web)
        if not path.startswith(PAGES) and not (path.startswith("/fhir") and is_read(method, path))
    }
    for method, path in sorted(every):
        for one in trying(method, path, known):
            answer = await asked(http, one, asking(one.role, THERE))
            assert told_of(answer, {*known.secrets, HERE}) == set(), (one, answer.text)
            assert answer.status_code < 500
            reading = method == "GET" or path in QUESTIONS
            assert reading or answer.status_code in {401, 403, 404}, (one, answer.text)
            if reading:
                there = await asked(http, one, asking(one.role, HERE))
                telling |= {path} if told_of(there, {*known.secrets, HERE}) else set()
            nothing = await asked(http, one, asking(one.role, "ELSEWHERE"))
            assert told_of(nothing, known.secrets) == set()
    of_other_patients = {
        "/",
        "/find",
        "/api/matches",
        "/api/visit-numbers",
        "/api/hanging-visits",
        "/api/unknown-needs",
    }
    """What has nothing of this patient; it may tell of the facility what others have there."""
    reads_of_patients = {path for method, path in every if method == "GET" or path in QUESTIONS} - of_other_patients
    assert telling - of_other_patients == reads_of_patients


async def placed_at(intake: Intake, known: Known, *facilities: str) -> None:
    """care.episodes says who has the episode."""
    value = {"episode_id": known.episode, "patient_id": known.patient, "state": "between", "stays": [], "version": 7}
    body = orjson.dumps(value | {"facilities": facilities})
    document = read_document(body)
    fact = Fact("doc", EPISODE_TYPE, "placement", known.episode, 7, NOW.isoformat(), document, body)
    async with intake.database.begin() as connection:
        await keep_episodes(connection, [Incoming(Slot("care.episodes", 0), 1, b"", fact)], Tally())


async def test_who_has_a_patient_by_a_placement_alone_sees_the_id_and_nothing_that_another_told(
    http: httpx.AsyncClient, intake: Intake, asking: Asking, known: Known
) -> None:
    path = f"/api/patients/{known.patient}"
    assert (await http.get(path, headers=asking("coordinator", THERE))).status_code == 404
    await placed_at(intake, known, HERE, THERE)
    answer = await http.get(path, headers=asking("coordinator", THERE))
    own = {"patient_id": known.patient, "facilities": [THERE], "episodes": [known.episode]}
    assert (answer.status_code, answer.json()) == (200, own)
    whole = (await http.get(path, headers=asking("coordinator", HERE))).json()
    assert whole["name"]["family"] == known.name
    assert whole["facilities"] == [HERE]
    found = await http.get("/api/patients", params={"q": known.mrn}, headers=asking("coordinator", THERE))
    assert known.mrn not in found.text
    question = {"patient_id": known.patient}
    consents = await http.get("/api/consents", params=question, headers=asking("coordinator", THERE))
    assert consents.json() == {"consents": []}


async def test_an_episode_of_the_patient_at_another_facility_is_not_named(
    http: httpx.AsyncClient, intake: Intake, asking: Asking, known: Known
) -> None:
    """Both facilities told of the patient; each has an episode of its own."""
    identity = {"identifiers": [{"id": known.mrn, "assigning_authority": "GH", "type": "MR"}]}
    at = "2025-01-01T10:00:00Z"
    body = {"facility": THERE, "source": "self", "identity": identity, "occurred_at": at}
    told = (await http.post("/referrals", json=body, headers=asking("hospital"))).json()
    if told["patient_id"] != known.patient or told["episode_id"] == known.episode:
        pytest.skip("another facility's number finds nobody here, or the episode is the same")
    for facility, episode in ((HERE, known.episode), (THERE, told["episode_id"])):
        answer = await http.get(f"/api/patients/{known.patient}", headers=asking("coordinator", facility))
        assert answer.json()["episodes"] == [episode]
