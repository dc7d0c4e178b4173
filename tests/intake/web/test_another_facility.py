"""Another facility's patient stays unseen: nothing of it is answered, shown, found, overwritten or disclosed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from services.intake.api import routes
from services.intake.api.rate_limits import RateLimits
from services.intake.app import reception_of
from services.intake.receiving.receive import Intake
from shared.ids import first_id
from shared.site.limits import Limits
from shared.web.app import web_app
from shared.web.auth import DEV_ISSUER, Tokens
from tests.answers import client_of
from tests.intake.conftest import NOW, Hospital
from tests.intake.test_app import SECRET
from tests.intake.web.conftest import Asking
from tests.intake.web.test_requests import assessment, posted, referral

EVIL = {"family": "EVIL", "given": "E"}


def elsewhere(hospital: Hospital, **identity: Any) -> dict[str, Any]:
    """A referral to RIVERBEND of GOODHEALTH's patient."""
    body = referral(hospital, facility="RIVERBEND", source="self")
    body["identity"] |= identity
    return body


def of(body: dict[str, Any], path: str) -> dict[str, Any]:
    """The same identity asked for at another door."""
    common = {"facility": body["facility"], "identity": body["identity"]}
    consent = {"recipient": "valley-clinic", "purpose": "treatment", "scope": ["PSY"]}
    return {"/referrals": body, "/assessments": assessment() | common, "/consents": common | consent}[path]


async def places(intake: Intake, patient_id: str) -> set[str]:
    """Whose patient it is."""
    query = sa.text("SELECT facility FROM patient_facilities WHERE patient_id = :patient")
    async with intake.database.read() as connection:
        return set((await connection.execute(query, {"patient": patient_id})).scalars())


@pytest.mark.parametrize("path", ["/referrals", "/assessments", "/consents"])
@pytest.mark.parametrize("role", ["hospital", "coordinator"])
async def test_a_request_by_identity_finds_nobody_elses_patient_and_answers_alike(
    http: httpx.AsyncClient, hospital: Hospital, another: Any, asking: Asking, path: str, role: str
) -> None:
    unknown = another()
    await hospital.tells("A01")
    theirs = str(await hospital.patient_id())
    [fact] = await hospital.facts()
    here = asking(role, "RIVERBEND")
    known_there = await http.post(path, json=of(elsewhere(hospital, name=EVIL), path), headers=here)
    known_nowhere = await http.post(path, json=of(elsewhere(unknown, name=EVIL), path), headers=here)
    assert (known_there.status_code, known_nowhere.status_code) == (201, 201)
    told, fresh = known_there.json(), known_nowhere.json()
    assert told.keys() == fresh.keys()
    assert [len(each["patient_id"]) for each in (told, fresh)] == [32, 32]
    assert theirs not in known_there.text
    assert fact.subject not in known_there.text
    again = await posted(http, path, of(elsewhere(hospital), path), here)
    assert again["patient_id"] == told["patient_id"], "its own record is found again"
    assert await places(hospital.intake, theirs) == {"GOODHEALTH"}
    for reader in (asking("coordinator", "RIVERBEND"), asking("clinician", "RIVERBEND")):
        assert (await http.get(f"/api/patients/{theirs}", headers=reader)).status_code == 404
        listed = (await http.get("/api/patients", params={"q": hospital.mrn}, headers=reader)).json()["patients"]
        assert [one["patient_id"] for one in listed] == [told["patient_id"]]


async def test_no_id_that_another_facility_may_see_tells_how_old_it_is(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    await hospital.tells("A01")
    [fact] = await hospital.facts()
    told = await posted(http, "/referrals", elsewhere(hospital), asking("hospital", "RIVERBEND"))
    read = sa.text("SELECT match_id FROM matches WHERE :patient IN (one, other)")
    async with hospital.intake.database.read() as connection:
        matches = (await connection.execute(read, {"patient": told["patient_id"]})).scalars().all()
    ids = [fact.subject, fact.value.patient_id, told["patient_id"], told["episode_id"], *matches]
    assert len(set(ids)) == 5
    made_then = first_id(NOW)[:8]  # to five minutes or so
    assert fact.id.startswith(made_then), "that of a fact does: each fact tells its time"
    assert [each for each in ids if each.startswith(made_then)] == []


async def test_what_one_facility_tells_of_a_person_overwrites_nothing_of_anothers(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    first = {"contacts": [{"system": "phone", "value": "555 010 1111", "safe": False}], "safe_to_contact": False}
    body = referral(hospital)
    body["identity"] |= first | {"name": {"family": "Right", "given": "R"}}
    await posted(http, "/referrals", body, asking("hospital", "GOODHEALTH"))
    evil = {"contacts": [{"system": "phone", "value": "666-0000", "safe": True}], "safe_to_contact": True, "name": EVIL}
    both = asking("hospital", "GOODHEALTH", "RIVERBEND")
    told = await posted(http, "/referrals", elsewhere(hospital, **evil), both)
    one = f"/api/patients/{told['patient_id']}"
    here = (await http.get(one, headers=asking("coordinator", "GOODHEALTH"))).json()
    assert (here["name"]["family"], here["safe_to_contact"]) == ("Right", False)
    assert [each["value"] for each in here["contacts"]] == ["555 010 1111"]
    assert here["facilities"] == ["GOODHEALTH"]
    there = (await http.get(one, headers=asking("coordinator", "RIVERBEND"))).json()
    assert (there["name"]["family"], there["safe_to_contact"]) == ("EVIL", True)
    whole = (await http.get(one, headers=asking("coordinator"))).json()
    assert whole["safe_to_contact"] is False, "no of anybody is no"
    assert whole["told_differently"]["safe_to_contact"] == {"GOODHEALTH": False, "RIVERBEND": True}
    for facility, name, found in (
        ("GOODHEALTH", "right", 1), ("GOODHEALTH", "evil", 0), ("RIVERBEND", "right", 0), ("RIVERBEND", "evil", 1),
    ):  # fmt: skip
        question = {"q": f"{name} {hospital.mrn}"}
        answer = await http.get("/api/patients", params=question, headers=asking("coordinator", facility))
        assert len(answer.json()["patients"]) == found


async def test_an_episode_is_shown_and_found_by_who_told_something_in_it(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    await hospital.tells("A01", at="20250110090000")
    await hospital.tells("A03", at="20250120090000")
    both = asking("hospital", "GOODHEALTH", "RIVERBEND")
    told = await posted(http, "/referrals", elsewhere(hospital), both)
    [admitted, *_] = await hospital.facts()
    assert admitted.subject != told["episode_id"], "it is another episode: a year lies between"
    there = asking("coordinator", "RIVERBEND")
    one = (await http.get(f"/api/patients/{told['patient_id']}", headers=there)).json()
    assert one["episodes"] == [told["episode_id"]]
    for episode, status in ((told["episode_id"], 201), (admitted.subject, 404)):
        asked = assessment(facility="RIVERBEND", episode_id=episode)
        assert (await http.post("/assessments", json=asked, headers=there)).status_code == status


@pytest.mark.parametrize(
    ("discloser", "facilities", "status"),
    [
        ("GOODHEALTH", ["RIVERBEND"], 403),
        ("Good Health Hospital", ["RIVERBEND"], 403),
        ("goodhealth-network", ["RIVERBEND"], 403),
        ("goodhealth-network", ["RIVERBEND", "GOODHEALTH"], 201),
        ("GOODHEALTH", ["RIVERBEND", "GOODHEALTH"], 201),
        ("RIVERBEND", ["RIVERBEND"], 201),
        (None, ["RIVERBEND"], 201),
        ("nowhere", ["RIVERBEND"], 422),
    ],
)
async def test_nobody_records_that_another_facility_may_disclose(
    http: httpx.AsyncClient,
    hospital: Hospital,
    asking: Asking,
    discloser: str | None,
    facilities: list[str],
    status: int,
) -> None:
    body = of(elsewhere(hospital), "/consents") | ({"discloser": discloser} if discloser else {})
    answer = await http.post("/consents", json=body, headers=asking("hospital", *facilities))
    assert answer.status_code == status


@pytest.fixture
async def strict(intake: Intake) -> AsyncIterator[httpx.AsyncClient]:
    """Intake at a site where a person may ask twice a minute, a machine four times."""
    limits = Limits(identity_questions=2, machine_identity_questions=4)
    made = Intake(intake.database, intake.site.model_copy(update={"limits": limits}), intake.seal, intake.clock)
    tokens = Tokens(SECRET, DEV_ISSUER, ("HS256",))
    app = web_app(
        title="intake",
        tokens=tokens,
        ready=_ready,
        routes=routes(made, reception_of(made), RateLimits(made.site.limits)),
    )
    async with client_of(app, "intake", "http://intake") as client:
        yield client


async def _ready() -> dict[str, str]:
    return {}


@pytest.mark.parametrize("path", ["/referrals", "/assessments", "/consents"])
@pytest.mark.parametrize(("role", "most"), [("coordinator", 2), ("hospital", 4)])
async def test_asking_by_identity_is_slowed_down_and_machines_have_their_own_limit(
    strict: httpx.AsyncClient, hospital: Hospital, asking: Asking, path: str, role: str, most: int
) -> None:
    headers = asking(role, "RIVERBEND")
    codes = [
        (await strict.post(path, json=of(elsewhere(hospital), path), headers=headers)).status_code for _ in "12345"
    ]
    assert codes == [201] * most + [429] * (5 - most)
    if role == "coordinator":  # whichever way it asks
        for also in ("/api/patients?q=anybody", "/api/patients?ids=any", "/api/patients/any"):
            assert (await strict.get(also, headers=headers)).status_code == 429


async def test_a_request_by_our_own_ids_is_no_question_of_who_somebody_is(
    strict: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    await hospital.tells("A01")
    [fact] = await hospital.facts()
    body = assessment(episode_id=fact.subject)
    codes = [(await strict.post("/assessments", json=body, headers=asking("coordinator"))).status_code for _ in "123"]
    assert codes == [201] * 3
