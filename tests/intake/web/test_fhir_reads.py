"""Patients and consents are read and searched by FHIR R4, by what the caller's facilities told, and each look is
audited."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from services.intake.receiving.receive import Intake
from tests.intake.conftest import Hospital
from tests.intake.web.conftest import Asking
from tests.intake.web.test_consents import consent, given


@pytest.fixture
async def told(hospital: Hospital) -> str:
    """Our id of a patient of whom GOODHEALTH told."""
    assert await hospital.tells("A01") == "AA"
    found = await hospital.patient_id()
    assert found
    return found


async def searched(http: httpx.AsyncClient, address: str, head: dict[str, str]) -> dict[str, Any]:
    answer = await http.get(f"/fhir/{address}", headers=head)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def ids(bundle: dict[str, Any]) -> list[str]:
    return [one["resource"]["id"] for one in bundle.get("entry", ())]


async def test_a_patient_is_read_as_the_hospital_told(
    http: httpx.AsyncClient, asking: Asking, hospital: Hospital, told: str
) -> None:
    answer = await http.get(f"/fhir/Patient/{told}", headers=asking("coordinator"))
    assert answer.headers["content-type"] == "application/fhir+json"
    one = answer.json()
    assert (one["resourceType"], one["id"], one["active"]) == ("Patient", told, True)
    assert one["name"] == [{"use": "official", "family": "MARKERNAME", "given": ["GIVENMARKER"]}]
    assert (one["gender"], one["birthDate"]) == ("female", "1980-01-01")
    assert [each["value"] for each in one["identifier"]] == [hospital.mrn]
    again = {**asking("coordinator"), "if-none-match": answer.headers["etag"]}
    assert (await http.get(f"/fhir/Patient/{told}", headers=again)).status_code == 304


async def test_a_patient_is_found_by_us_cores_searches_and_no_link_names_what_was_asked(
    http: httpx.AsyncClient, asking: Asking, hospital: Hospital, told: str
) -> None:
    head = asking("coordinator")
    for asked in (
        f"_id={told}",
        f"identifier={hospital.mrn}",
        f"identifier=GH|{hospital.mrn}",
        f"name=marker&identifier={hospital.mrn}",
        f"birthdate=1980-01-01&family=MARKERNAME&identifier={hospital.mrn}",
        f"family=marker&gender=female&identifier={hospital.mrn}",
        f"given=given&birthdate=1980-01-01&identifier={hospital.mrn}",
    ):
        bundle = await searched(http, f"Patient?{asked}", head)
        assert ids(bundle) == [told], asked
        if "_id" not in asked:
            assert bundle["link"] == [{"relation": "self", "url": "http://intake/fhir/Patient"}]
    posted = await http.post("/fhir/Patient/_search", data={"identifier": hospital.mrn}, headers=head)
    assert ids(posted.json()) == [told]
    for asked in (f"identifier=XX|{hospital.mrn}", f"identifier={hospital.mrn}&gender=male", "identifier=NOBODYHAS1"):
        assert ids(await searched(http, f"Patient?{asked}", head)) == []


async def test_another_facility_learns_nothing(
    http: httpx.AsyncClient, asking: Asking, hospital: Hospital, told: str
) -> None:
    elsewhere = asking("coordinator", "RIVERBEND")
    hidden = await http.get(f"/fhir/Patient/{told}", headers=elsewhere)
    nowhere = await http.get("/fhir/Patient/nobody", headers=elsewhere)
    assert (hidden.status_code, hidden.json()) == (404, nowhere.json())
    assert ids(await searched(http, f"Patient?identifier={hospital.mrn}", elsewhere)) == []


async def test_every_look_is_audited(
    http: httpx.AsyncClient, asking: Asking, hospital: Hospital, told: str, intake: Intake
) -> None:
    head = asking("coordinator", subject=f"looks-{told}")
    await http.get(f"/fhir/Patient/{told}", headers=head)
    await searched(http, f"Patient?identifier={hospital.mrn}", head)
    await searched(http, "Patient?identifier=NOBODYHAS1", head)
    query = sa.text("SELECT action, subject FROM audit WHERE actor = :actor ORDER BY id")
    async with intake.database.read() as connection:
        rows = (await connection.execute(query, {"actor": f"looks-{told}"})).all()
    assert [tuple(row) for row in rows] == [
        ("fhir-read", told), ("fhir-searched", told), ("fhir-searched", "nobody"),
    ]  # fmt: skip


async def test_a_consent_is_read_and_searched_by_its_patient(
    http: httpx.AsyncClient, asking: Asking, hospital: Hospital, told: str
) -> None:
    await given(http, consent(hospital), asking("hospital"))
    [found] = (await searched(http, f"Consent?patient=Patient/{told}", asking("coordinator")))["entry"]
    one = found["resource"]
    assert (one["status"], one["patient"]) == ("active", {"reference": f"Patient/{told}"})
    read = await http.get(f"/fhir/Consent/{one['id']}", headers=asking("auditor"))
    assert (read.status_code, read.json()) == (200, one)
    assert ids(await searched(http, f"Consent?patient={told}", asking("coordinator", "RIVERBEND"))) == []


@pytest.mark.parametrize(
    ("address", "role", "status"),
    [
        ("Patient", "coordinator", 400),
        ("Patient?gender=female", "coordinator", 400),
        ("Patient?SECRET=1", "coordinator", 400),
        ("Patient?name:above=SECRET", "coordinator", 400),
        ("Patient?identifier=%00SECRET", "coordinator", 400),
        ("Patient?birthdate=SECRET", "coordinator", 400),
        ("Patient?name=a+b+c+d+e+f+g+h", "coordinator", 400),
        ("Patient?identifier=x&_cursor=SECRET", "coordinator", 400),
        ("Patient?identifier=x&_cursor=YXxifGM", "coordinator", 400),
        ("Patient?_id=%20,x,,", "coordinator", 200),
        ("Patient/%00", "coordinator", 404),
        ("Patient?identifier=x", "hospital", 403),
        ("Consent", "coordinator", 400),
        ("Consent?patient=x", "clinician", 403),
    ],
)
async def test_what_is_asked_amiss_is_refused_by_an_outcome(
    http: httpx.AsyncClient, asking: Asking, address: str, role: str, status: int
) -> None:
    answer = await http.get(f"/fhir/{address}", headers=asking(role))
    assert answer.status_code == status, answer.text
    assert "SECRET" not in answer.text
    if status != 200:
        assert answer.json()["resourceType"] == "OperationOutcome"


async def test_the_statement_says_what_is_taken_and_what_is_read(http: httpx.AsyncClient) -> None:
    [rest] = (await http.get("/fhir/metadata")).json()["rest"]
    can = {one["type"]: [each["code"] for each in one["interaction"]] for one in rest["resource"]}
    assert can["Encounter"] == ["read", "create", "update"]
    assert can["Patient"] == ["read", "search-type", "create", "update"]
    assert can["Consent"] == ["read", "search-type", "create"]
    assert can["Observation"] == ["create"]
