"""Who may see who a patient is, by which questions, and that it is written down."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from services.intake.api.rate_limits import RateLimit
from services.intake.people.finding.views import DATED
from services.intake.people.finding.words import beginning, hashes, whole
from shared.web.app import Problem
from shared.web.paging import cursor
from shared.web.sessions import SESSION
from tests.intake.conftest import Hospital
from tests.intake.web.conftest import Asking


async def audited(hospital: Hospital, subject: str) -> list[tuple[str, str]]:
    """(who, what) of the audit about somebody."""
    query = sa.text("SELECT actor, action FROM audit WHERE subject = :subject ORDER BY id")
    async with hospital.intake.database.read() as connection:
        return [(row.actor, row.action) for row in (await connection.execute(query, {"subject": subject})).all()]


async def found(http: httpx.AsyncClient, question: str, headers: dict[str, str], **more: Any) -> list[dict[str, Any]]:
    """The patients whom a question means."""
    answer = await http.get("/api/patients", params={"q": question, **more}, headers=headers)
    assert answer.status_code == 200, answer.text
    patients: list[dict[str, Any]] = answer.json()["patients"]
    return patients


async def test_a_patient_is_found_by_name_birth_date_and_number_and_every_read_is_audited(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    hospital.name = f"Müller{hospital.mrn}"
    await hospital.tells("A01")
    for question in (hospital.mrn, f"muller{hospital.mrn} givenmarker", f"1980-01-01 MULLER{hospital.mrn}"):
        (patient,) = await found(http, question, asking("coordinator"))
    assert patient["name"] == {"family": hospital.name, "given": "GIVENMARKER"}
    assert patient["identifiers"] == [{"id": hospital.mrn, "assigning_authority": "GH", "type": "MR"}]
    assert (patient["birth_date"], patient["facilities"]) == ("1980-01-01", ["GOODHEALTH"])
    (fact,) = await hospital.facts()
    assert (patient["patient_id"], patient["episodes"]) == (fact.as_json["patient_id"], [fact.subject])
    one = await http.get(f"/api/patients/{patient['patient_id']}", headers=asking("clinician"))
    assert one.json() == patient
    assert await audited(hospital, patient["patient_id"]) == [
        *[("a-coordinator", "patient-listed")] * 3,
        ("a-clinician", "patient-read"),
    ]


async def test_what_a_later_message_changes_is_found_by_the_new_words_alone(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    hospital.name = f"Old{hospital.mrn}"
    await hospital.tells("A01")
    hospital.name = f"New{hospital.mrn}"
    await hospital.tells("A08", "20260311090000")
    assert await found(http, f"Old{hospital.mrn}", asking("coordinator")) == []
    (patient,) = await found(http, f"New{hospital.mrn}", asking("coordinator"))
    assert patient["birth_date"] == "1980-01-01"


async def test_only_those_of_ones_own_facilities_are_found(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    await hospital.tells("A01")
    (patient,) = await found(http, hospital.mrn, asking("coordinator", "GOODHEALTH"))
    elsewhere = asking("coordinator", "RIVERBEND")
    assert await found(http, hospital.mrn, elsewhere) == []
    answer = await http.get(f"/api/patients/{patient['patient_id']}", headers=elsewhere)
    nobody = await http.get("/api/patients/nobody", headers=elsewhere)
    assert (answer.status_code, answer.json()) == (404, nobody.json())


async def test_a_page_of_patients_is_one_question_and_those_of_others_are_simply_not_there(
    http: httpx.AsyncClient, another: Any, asking: Asking
) -> None:
    patients = [another() for _ in range(2)]
    for patient in patients:
        await patient.tells("A01")
    ids = [str(await patient.patient_id()) for patient in patients]
    answer = await http.get("/api/patients", params={"ids": ",".join([*ids, "nobody"])}, headers=asking("clinician"))
    each = [(await http.get(f"/api/patients/{one}", headers=asking("coordinator"))).json() for one in ids]
    assert answer.json() == {"patients": each, "next": None}
    assert ("a-clinician", "patient-read") in await audited(patients[0], ids[1])
    elsewhere = await http.get("/api/patients", params={"ids": ",".join(ids)}, headers=asking("clinician", "RIVERBEND"))
    assert (elsewhere.status_code, elsewhere.json()) == (200, {"patients": [], "next": None})


async def test_pages_follow_one_another_and_end(http: httpx.AsyncClient, another: Any, asking: Asking) -> None:
    patients = [another() for _ in range(5)]
    for patient in patients:
        patient.name = f"Page{patients[0].mrn}"
        await patient.tells("A01")
    given: dict[str, Any] = {"q": f"page{patients[0].mrn}", "limit": 2}
    seen: list[str] = []
    while True:
        answer = (await http.get("/api/patients", params=given, headers=asking("coordinator"))).json()
        seen += [one["patient_id"] for one in answer["patients"]]
        if answer["next"] is None:
            break
        given["cursor"] = answer["next"]
    assert len(seen) == len(set(seen)) == 5


async def test_pages_of_more_patients_than_are_sorted_by_their_visits_follow_one_another_too(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    many, name = DATED + 3, f"many{hospital.mrn.lower()}"
    words = hashes({beginning(name), whole(name)}, hospital.intake.seal)
    made = (
        "WITH p AS (INSERT INTO patients (patient_id) SELECT :mrn || n FROM generate_series(1, :many) AS n "
        "RETURNING patient_id), f AS (INSERT INTO patient_facilities SELECT patient_id, 'GOODHEALTH' FROM p) "
        "INSERT INTO identity_words SELECT patient_id, 'GOODHEALTH', CAST(:words AS bigint[]) FROM p"
    )
    async with hospital.intake.database.begin() as connection:
        await connection.execute(sa.text(made), {"mrn": hospital.mrn, "many": many, "words": words})
    given: dict[str, Any] = {"q": name, "limit": 50}
    seen: list[str] = []
    while True:
        answer = (await http.get("/api/patients", params=given, headers=asking("coordinator"))).json()
        seen += [one["patient_id"] for one in answer["patients"]]
        if answer["next"] is None:
            break
        given["cursor"] = answer["next"]
    assert len(seen) == len(set(seen)) == many


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/patients", 422),
        ("/api/patients?q=", 422),
        ("/api/patients?q=SECRETNAME&limit=0", 422),
        ("/api/patients?q=SECRETNAME&limit=51", 422),
        ("/api/patients?q=SECRETNAME&q=SECRETNAME", 422),
        ("/api/patients?q=SECRETNAME&SECRETNAME=1", 422),
        ("/api/patients?q=SECRETNAME%00", 422),
        ("/api/patients?q=SECRETNAME&cursor=!", 422),
        (f"/api/patients?q=SECRETNAME&cursor={cursor('7', '0', 'SECRETNAME')}", 422),
        (f"/api/patients?q=SECRETNAME&cursor={cursor('0', str(2**64), 'SECRETNAME')}", 422),
        (f"/api/patients?q=SECRETNAME&cursor={cursor('SECRETNAME')}", 422),
        ("/api/patients?q=SECRETNAME+b+c+d+e+f+g", 422),
        ("/api/patients?q=SECRETNAME" + "x" * 200, 422),
        ("/api/patients?ids=", 422),
        ("/api/patients?ids=,SECRETNAME%00", 422),
        ("/api/patients?ids=SECRETNAME&q=SECRETNAME", 422),
        ("/api/patients?ids=" + ",".join(f"SECRETNAME{number}" for number in range(201)), 422),
        ("/api/patients/SECRETNAME", 404),
        ("/api/patients/SECRETNAME%00", 404),
    ],
)
async def test_what_cannot_be_answered_says_why_and_repeats_nothing(
    http: httpx.AsyncClient, asking: Asking, path: str, status: int
) -> None:
    answer = await http.get(path, headers=asking("coordinator"))
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert "SECRETNAME" not in answer.text


@pytest.mark.parametrize("role", ["hospital", "program", "billing", "auditor"])
async def test_identity_is_for_those_who_care_for_the_patient(
    http: httpx.AsyncClient, asking: Asking, role: str
) -> None:
    for path in ("/api/patients?q=any", "/api/patients/any"):
        assert (await http.get(path, headers=asking(role))).status_code == 403
        assert (await http.get(path)).status_code == 401


async def test_a_question_that_means_nobody_is_audited_without_the_question(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    headers = asking("coordinator", subject=f"u-{hospital.mrn}")
    assert await found(http, "NOSUCHPERSON", headers) == []
    assert (f"u-{hospital.mrn}", "patient-listed") in await audited(hospital, "nobody")


async def test_who_reads_out_the_register_is_slowed_down() -> None:
    now = [0.0]
    limit = RateLimit(3, 60, lambda: now[0])
    for _ in range(3):
        limit.take("one")
    with pytest.raises(Problem) as told:
        limit.take("one")
    assert (told.value.status, told.value.more["retry_after"]) == (429, 61)
    limit.take("another")
    now[0] = 60.0
    limit.take("one")


async def test_no_word_of_a_person_lies_open(hospital: Hospital) -> None:
    hospital.name = f"Open{hospital.mrn}"
    await hospital.tells("A01")
    query = "SELECT string_agg(w::text, '') FROM {} AS w"
    async with hospital.intake.database.read() as connection:
        for table in ("identity_words", "identities", "patient_identifiers", "patient_facilities", "audit"):
            whole = (await connection.execute(sa.text(query.format(table)))).scalar_one()
            assert hospital.name.lower() not in whole.lower()
            assert hospital.mrn.encode().hex() not in whole


@pytest.mark.parametrize(
    ("site", "signed_in", "status"),
    [
        ("same-origin", True, 200),
        ("same-origin", False, 401),
        ("same-site", True, 401),
        ("cross-site", True, 401),
        ("none", True, 401),
        (None, True, 401),
    ],
)
async def test_a_page_of_this_host_asks_with_its_readers_cookie_and_no_other_page_does(
    http: httpx.AsyncClient,
    hospital: Hospital,
    asking: Asking,
    *,
    site: str | None,
    signed_in: bool,
    status: int,
) -> None:
    await hospital.tells("A01")
    (patient,) = await found(http, hospital.mrn, asking("coordinator"))
    session = (await http.post("/session", headers=asking("coordinator"))).json()["session"]
    headers = {"cookie": f"{SESSION}={session}"} if signed_in else {}
    headers |= {"sec-fetch-site": site} if site else {}
    for at in ("", "/intake"):
        answer = await http.get(f"{at}/api/patients/{patient['patient_id']}", headers=headers)
        assert answer.status_code == status
        page = await http.get(f"{at}/api/patients", params={"ids": patient["patient_id"]}, headers=headers)
        assert page.status_code == status
        assert "access-control-allow-origin" not in page.headers
    by_question = await http.get("/api/patients", params={"q": hospital.mrn}, headers=headers)
    assert by_question.status_code == 401, "a list is for programs that have a token"
