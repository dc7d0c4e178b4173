"""A hospital tells by FHIR R4: encounters one by one, notifications, transactions; what it is answered."""

from __future__ import annotations

import itertools
import uuid
from typing import Any

import httpx
import orjson
import pytest
import sqlalchemy as sa

from services.intake.receiving.receive import Intake
from tests.intake.conftest import Hospital
from tests.intake.web.conftest import Asking

FHIR = {"content-type": "application/fhir+json"}
_COUNT = itertools.count(1)


class FhirHospital(Hospital):
    """One patient at GOODHEALTH of whom FHIR tells, too."""

    def patient(self) -> dict[str, Any]:
        return {
            "resourceType": "Patient",
            "id": "p1",
            "identifier": [{"system": "GH", "value": self.mrn, "type": {"coding": [{"code": "MR"}]}}],
            "name": [{"family": self.name, "given": ["GIVENMARKER"]}],
            "birthDate": "1980-01-01",
        }

    def encounter(self, status: str = "in-progress", **more: Any) -> dict[str, Any]:
        return {
            "resourceType": "Encounter",
            "identifier": [{"value": f"V1-{self.mrn}"}],
            "status": status,
            "class": {"code": "IMP"},
            "contained": [self.patient()],
            "subject": {"reference": "#p1"},
            "serviceProvider": {"display": "Good Health Hospital"},
            "period": {"start": "2026-03-10T09:00:00-04:00"},
            "location": [{"location": {"display": "3W"}}],
            "meta": {"lastUpdated": "2026-03-10T13:05:00Z"},
            **more,
        }

    def finished(self, **more: Any) -> dict[str, Any]:
        period = {"start": "2026-03-10T09:00:00-04:00", "end": "2026-03-12T10:00:00-04:00"}
        stay = {"dischargeDisposition": {"coding": [{"code": "home"}]}}
        meta = {"lastUpdated": "2026-03-12T14:00:00Z"}
        return self.encounter("finished", **{"period": period, "hospitalization": stay, "meta": meta, **more})


@pytest.fixture
def fhir_hospital(intake: Intake) -> FhirHospital:
    return FhirHospital(intake)


@pytest.fixture
def head(asking: Asking) -> dict[str, str]:
    return {**asking("hospital"), **FHIR}


def path(answer: httpx.Response) -> str:
    return httpx.URL(answer.headers["location"]).path


async def rows_of(intake: Intake, hospital: Hospital) -> int:
    query = sa.text("SELECT count(*) FROM messages WHERE patient_id = :patient")
    async with intake.database.read() as connection:
        return int((await connection.execute(query, {"patient": await hospital.patient_id()})).scalar_one())


async def test_an_encounter_that_is_posted_is_a_visit_and_can_be_read_at_once(
    http: httpx.AsyncClient, head: dict[str, str], fhir_hospital: FhirHospital
) -> None:
    answer = await http.post("/fhir/Encounter", json=fhir_hospital.encounter(), headers=head)
    assert (answer.status_code, answer.headers["etag"]) == (201, 'W/"1"'), answer.text
    assert answer.headers["content-type"] == "application/fhir+json"
    assert answer.json()["resourceType"] == "OperationOutcome"
    read = await http.get(path(answer), headers=head)
    assert read.status_code == 200, read.text
    told = read.json()
    assert (told["status"], told["class"]["code"]) == ("in-progress", "IMP")
    assert told["identifier"][0]["value"] == f"V1-{fhir_hospital.mrn}"
    assert told["period"] == {"start": "2026-03-10T13:00:00Z"}
    assert told["location"][0]["location"]["identifier"]["value"] == "3W"
    assert await fhir_hospital.standing() == {("admitted", "2026-03-10")}


async def test_the_same_encounter_again_is_answered_alike_and_stored_once(
    http: httpx.AsyncClient, head: dict[str, str], fhir_hospital: FhirHospital, intake: Intake
) -> None:
    body = orjson.dumps(fhir_hospital.encounter())
    one, other = [await http.post("/fhir/Encounter", content=body, headers=head) for _ in range(2)]
    assert (one.status_code, one.content, one.headers["location"]) == (201, other.content, other.headers["location"])
    assert other.status_code == 201
    assert await rows_of(intake, fhir_hospital) == 1


async def test_put_makes_and_replaces_under_the_senders_id(
    http: httpx.AsyncClient, head: dict[str, str], fhir_hospital: FhirHospital
) -> None:
    own = f"enc-{uuid.uuid4().hex[:8]}"
    made = await http.put(f"/fhir/Encounter/{own}", json=fhir_hospital.encounter(id=own), headers=head)
    assert (made.status_code, path(made)) == (201, f"/fhir/Encounter/{own}"), made.text
    stale = {**head, "if-match": 'W/"7"'}
    assert (
        await http.put(f"/fhir/Encounter/{own}", json=fhir_hospital.finished(id=own), headers=stale)
    ).status_code == 412
    seen = {**head, "if-match": made.headers["etag"]}
    ended = await http.put(f"/fhir/Encounter/{own}", json=fhir_hospital.finished(id=own), headers=seen)
    assert (ended.status_code, ended.headers["etag"]) == (200, 'W/"2"'), ended.text
    told = (await http.get(f"/fhir/Encounter/{own}", headers=head)).json()
    assert (told["status"], told["period"]["end"]) == ("finished", "2026-03-12T14:00:00Z")
    assert [one["code"] for one in told["hospitalization"]["dischargeDisposition"]["coding"]] == ["home", "01"]
    assert await fhir_hospital.standing() == {("admitted", "2026-03-10"), ("discharged", "2026-03-12")}
    again = fhir_hospital.encounter(id=own, meta={"lastUpdated": "2026-03-12T15:00:00Z"})
    assert (await http.put(f"/fhir/Encounter/{own}", json=again, headers=head)).status_code == 200
    assert await fhir_hospital.standing() == {("admitted", "2026-03-10")}
    wrong = fhir_hospital.encounter("entered-in-error", id=own, meta={"lastUpdated": "2026-03-12T16:00:00Z"})
    assert (await http.put(f"/fhir/Encounter/{own}", json=wrong, headers=head)).status_code == 200
    assert await fhir_hospital.standing() == set()
    assert (await http.get(f"/fhir/Encounter/{own}", headers=head)).json()["status"] == "entered-in-error"


async def test_a_visit_admitted_by_v2_and_ended_by_fhir_is_one_stay(
    http: httpx.AsyncClient, head: dict[str, str], fhir_hospital: FhirHospital
) -> None:
    await fhir_hospital.tells("A01", "20260310090000")
    assert (await http.post("/fhir/Encounter", json=fhir_hospital.finished(), headers=head)).status_code == 201
    assert await fhir_hospital.standing() == {("admitted", "2026-03-10"), ("discharged", "2026-03-12")}
    await fhir_hospital.tells("A13", "20260312110000")
    assert await fhir_hospital.standing() == {("admitted", "2026-03-10")}


@pytest.mark.parametrize("entry", [[], [{"resource": {"resourceType": "Encounter"}}]], ids=["empty", "of one"])
async def test_a_bundle_is_no_encounter(http: httpx.AsyncClient, head: dict[str, str], entry: list[Any]) -> None:
    bundle = {"resourceType": "Bundle", "id": "e", "type": "collection", "entry": entry}
    answers = [
        await http.post("/fhir/Encounter", json=bundle, headers=head),
        await http.put("/fhir/Encounter/e", json=bundle, headers=head),
    ]
    assert [(one.status_code, one.json()["issue"][0]["expression"]) for one in answers] == [(422, ["resourceType"])] * 2


async def test_an_encounter_is_made_only_once_where_the_condition_says_so(
    http: httpx.AsyncClient, head: dict[str, str], fhir_hospital: FhirHospital
) -> None:
    asked = {**head, "if-none-exist": f"identifier=|V1-{fhir_hospital.mrn}"}
    made = await http.post("/fhir/Encounter", json=fhir_hospital.encounter(), headers=asked)
    there = await http.post("/fhir/Encounter", json=fhir_hospital.finished(), headers=asked)
    assert (made.status_code, there.status_code) == (201, 200)
    assert made.headers["location"] == there.headers["location"]
    assert await fhir_hospital.standing() == {("admitted", "2026-03-10")}


@pytest.mark.parametrize(
    ("change", "status", "expression"),
    [
        ({"status": None}, 422, "Encounter.status"),
        ({"status": "MARKERVALUE"}, 422, "Encounter.status"),
        ({"subject": None, "contained": []}, 422, "Encounter.subject"),
        ({"period": {"start": "MARKERVALUE"}}, 422, "Encounter.period.start"),
        ({"period": {"start": "2031-01-01T00:00:00Z"}}, 422, "Encounter.period.start"),
        ({"class": [{"code": "MARKERVALUE"}]}, 422, "Encounter.class"),
        ({"period": "MARKERVALUE"}, 422, "Encounter.period"),
        ({"location": [{"location": {"identifier": {"value": {"MARKERVALUE": 1}}}}]}, 422,
         "Encounter.location[0].location.identifier.value"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_named_and_no_value_of_it(
    http: httpx.AsyncClient, head: dict[str, str], fhir_hospital: FhirHospital, change: dict[str, Any], status: int,
    expression: str,
) -> None:  # fmt: skip
    answer = await http.post("/fhir/Encounter", json={**fhir_hospital.encounter(), **change}, headers=head)
    told = answer.json()["issue"][0]
    assert (answer.status_code, told["expression"]) == (status, [expression]), answer.text
    assert "MARKERVALUE" not in answer.text
    assert fhir_hospital.mrn not in answer.text


async def test_each_refusal_has_its_status_and_an_operation_outcome(
    http: httpx.AsyncClient, head: dict[str, str], asking: Asking, fhir_hospital: FhirHospital
) -> None:
    good = orjson.dumps(fhir_hospital.encounter())
    elsewhere = {**asking("hospital", "RIVERBEND"), **FHIR}
    reader = {**asking("billing"), **FHIR}
    plain = {**head, "content-type": "text/plain"}
    deep = b'{"resourceType":"Encounter","a":' + b"[" * 200 + b"]" * 200 + b"}"
    cases: list[tuple[bytes, dict[str, str], int]] = [
        (b"{", head, 400), (b"[]", head, 422), (b'"x"', head, 422), (good, FHIR, 401), (good, elsewhere, 403),
        (good, reader, 403), (good, plain, 415), (deep, head, 413), (b" " * 2_000_000, head, 413),
        (b'{"resourceType":"Patient"}', head, 422), (b"\xff\xfe", head, 400),
    ]  # fmt: skip
    for body, headers, status in cases:
        answer = await http.post("/fhir/Encounter", content=body, headers=headers)
        assert (answer.status_code, answer.json()["resourceType"]) == (status, "OperationOutcome"), (
            body[:40],
            answer.text,
        )
        assert answer.headers["content-type"] == "application/fhir+json"
    assert (await http.get("/fhir/Encounter/none", headers=head)).status_code == 404
    for method, where, status in (("DELETE", "/fhir/Encounter/none", 405), ("GET", "/fhir/Nothing", 404)):
        answer = await http.request(method, where, headers=head)
        assert (answer.status_code, answer.json()["resourceType"]) == (status, "OperationOutcome")
        assert answer.headers["content-type"] == "application/fhir+json"
    assert await fhir_hospital.patient_id() is None


def notification(hospital: FhirHospital, event: str, encounter: dict[str, Any], stamp: str) -> dict[str, Any]:
    encounter = {**encounter, "id": "e1", "contained": [], "subject": {"reference": "urn:uuid:p"}}
    encounter.pop("meta", None)
    header = {
        "resourceType": "MessageHeader",
        "id": uuid.uuid4().hex,
        "eventCoding": {
            "system": "http://hl7.org/fhir/us/davinci-alerts/CodeSystem/notification-event",
            "code": f"notification-{event}",
        },
        "source": {"name": "EHR", "endpoint": "https://ehr.example.org"},
        "focus": [{"reference": "urn:uuid:e"}],
    }
    entries = [("h", header), ("e", encounter), ("p", hospital.patient())]
    return {
        "resourceType": "Bundle",
        "id": uuid.uuid4().hex,
        "type": "message",
        "timestamp": stamp,
        "entry": [{"fullUrl": f"urn:uuid:{name}", "resource": one} for name, one in entries],
    }


async def test_notifications_admit_transfer_discharge_and_take_back(
    http: httpx.AsyncClient, head: dict[str, str], fhir_hospital: FhirHospital
) -> None:
    async def says(event: str, encounter: dict[str, Any], stamp: str) -> None:
        body = notification(fhir_hospital, event, encounter, stamp)
        answer = await http.post("/fhir/$process-message", json=body, headers=head)
        assert (answer.status_code, answer.json()["issue"][0]["severity"]) == (200, "information"), answer.text

    await says("admit", fhir_hospital.encounter(), "2026-03-10T13:05:00Z")
    to_res = [{"location": {"display": "RES"}}]
    await says("transfer", fhir_hospital.encounter(location=to_res), "2026-03-11T13:00:00Z")
    assert await fhir_hospital.standing() == {("admitted", "2026-03-10"), ("transferred", "2026-03-11")}
    await says("discharge", fhir_hospital.finished(location=to_res), "2026-03-12T14:00:00Z")
    assert ("discharged", "2026-03-12") in await fhir_hospital.standing()
    await says("discharge-cancel", fhir_hospital.encounter(location=to_res), "2026-03-12T15:00:00Z")
    assert await fhir_hospital.standing() == {("admitted", "2026-03-10"), ("transferred", "2026-03-11")}
    await says("admit-cancel", fhir_hospital.encounter(location=to_res), "2026-03-12T16:00:00Z")
    assert await fhir_hospital.standing() == set()


def entry(one: dict[str, Any], method: str = "POST", **request: str) -> dict[str, Any]:
    url = one["resourceType"] if method == "POST" else f"{one['resourceType']}/{one['id']}"
    request = {"method": method, "url": url, **request}
    return {"fullUrl": f"urn:uuid:{one.get('id') or uuid.uuid4()}", "resource": one, "request": request}


def referral(hospital: FhirHospital) -> dict[str, Any]:
    return {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "order",
        "category": [{"coding": [{"code": "hospital"}]}],
        "code": {"coding": [{"code": "php"}]},
        "orderDetail": [{"coding": [{"code": "language:es"}]}],
        "subject": {"reference": "urn:uuid:p1"},
        "performer": [{"display": "GOODHEALTH"}],
        "authoredOn": "2026-03-12T10:00:00-04:00",
    }


def bundle(kind: str, *entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


async def test_a_transaction_is_taken_whole(
    http: httpx.AsyncClient, head: dict[str, str], fhir_hospital: FhirHospital
) -> None:
    told = fhir_hospital.encounter(subject={"reference": "urn:uuid:p1"}, contained=[])
    body = bundle("transaction", entry(fhir_hospital.patient(), "PUT"), entry(told), entry(referral(fhir_hospital)))
    for _ in range(2):
        answer = await http.post("/fhir", json=body, headers=head)
        assert answer.status_code == 200, answer.text
        statuses = [one["response"]["status"] for one in answer.json()["entry"]]
        assert (answer.json()["type"], statuses[1:]) == ("transaction-response", ["201 Created", "201 Created"])
    where = httpx.URL(answer.json()["entry"][1]["response"]["location"]).path
    assert (await http.get(where, headers=head)).json()["status"] == "in-progress"
    assert await fhir_hospital.standing() == {("referred", "2026-03-12"), ("admitted", "2026-03-10")}
    assert sorted(await fhir_hospital.names()) == ["admitted", "referred"]


async def test_of_a_transaction_with_one_wrong_entry_nothing_is_kept(
    http: httpx.AsyncClient, head: dict[str, str], fhir_hospital: FhirHospital
) -> None:
    told = fhir_hospital.encounter(subject={"reference": "urn:uuid:p1"}, contained=[])
    wrong = {**referral(fhir_hospital), "status": "MARKERVALUE"}
    body = bundle("transaction", entry(fhir_hospital.patient(), "PUT"), entry(told), entry(wrong))
    answer = await http.post("/fhir", json=body, headers=head)
    assert (answer.status_code, answer.json()["issue"][0]["expression"]) == (
        422, ["Bundle.entry[2].resource.ServiceRequest.status"]
    ), answer.text  # fmt: skip
    assert await fhir_hospital.patient_id() is None
    late = fhir_hospital.encounter(period={"start": "MARKERVALUE"}, contained=[], subject={"reference": "urn:uuid:p1"})
    body = bundle("transaction", entry(fhir_hospital.patient(), "PUT"), entry(referral(fhir_hospital)), entry(late))
    assert (await http.post("/fhir", json=body, headers=head)).status_code == 422
    assert await fhir_hospital.patient_id() is None


async def test_an_entry_with_a_condition_makes_an_encounter_only_once(
    http: httpx.AsyncClient, head: dict[str, str], fhir_hospital: FhirHospital
) -> None:
    condition = f"identifier=|V1-{fhir_hospital.mrn}"
    for status, told in (("201 Created", fhir_hospital.encounter()), ("200 OK", fhir_hospital.finished())):
        body = bundle("transaction", entry(told, ifNoneExist=condition))
        answer = await http.post("/fhir", json=body, headers=head)
        assert answer.json()["entry"][0]["response"]["status"] == status, answer.text
    assert await fhir_hospital.standing() == {("admitted", "2026-03-10")}


async def test_of_a_message_with_two_encounters_the_one_that_is_wrong_is_named(
    http: httpx.AsyncClient, head: dict[str, str], fhir_hospital: FhirHospital
) -> None:
    body = notification(fhir_hospital, "admit", fhir_hospital.encounter(), "2026-03-10T13:05:00Z")
    wrong = {"resourceType": "Encounter", "id": "e2", "status": "MARKERVALUE"}
    body["entry"].append({"fullUrl": "urn:uuid:e2", "resource": wrong})
    body["entry"][0]["resource"]["focus"].append({"reference": "urn:uuid:e2"})
    answer = await http.post("/fhir/$process-message", json=body, headers=head)
    assert (answer.status_code, answer.json()["issue"][0]["expression"]) == (422, ["Encounter.status"])


async def test_of_a_batch_each_entry_is_by_itself(
    http: httpx.AsyncClient, head: dict[str, str], fhir_hospital: FhirHospital
) -> None:
    wrong = {**referral(fhir_hospital), "status": "revoked"}
    body = bundle("batch", entry(fhir_hospital.encounter()), entry(wrong), entry({"resourceType": "Basic"}))
    answer = await http.post("/fhir", json=body, headers=head)
    assert [one["response"]["status"] for one in answer.json()["entry"]] == ["201 Created", "422", "422"], answer.text
    assert await fhir_hospital.standing() == {("admitted", "2026-03-10")}


async def test_a_referral_an_assessment_and_a_consent_are_what_their_json_doors_take(
    http: httpx.AsyncClient, head: dict[str, str], fhir_hospital: FhirHospital
) -> None:
    who = {"subject": {"identifier": {"system": "GH", "value": fhir_hospital.mrn}}}
    score = {
        "resourceType": "Observation", "status": "final", "code": {"coding": [{"code": "PHQ-9"}]},
        "valueInteger": 17, "interpretation": [{"coding": [{"code": "moderately-severe"}]}],
        "performer": [{"display": "GOODHEALTH"}], "effectiveDateTime": "2026-03-12T11:00:00-04:00", **who,
    }  # fmt: skip
    form = {
        "resourceType": "QuestionnaireResponse", "status": "completed",
        "questionnaire": "http://goodhealth.example/Questionnaire/LOCUS|20", "authored": "2026-03-12T12:00:00-04:00",
        "item": [{"linkId": "score", "answer": [{"valueInteger": 18}]},
                 {"linkId": "dimensions", "item": [{"linkId": "risk-of-harm", "answer": [{"valueInteger": 3}]}]},
                 {"linkId": "recommended-level", "answer": [{"valueCoding": {"code": "iop"}}]}],
        "author": {"display": "Good Health Hospital"}, **who,
    }  # fmt: skip
    consent = {
        "resourceType": "Consent", "status": "active", "patient": who["subject"],
        "dateTime": "2026-03-12T12:30:00-04:00", "organization": [{"display": "GOODHEALTH"}],
        "provision": {"type": "permit", "purpose": [{"code": "TREAT"}], "securityLabel": [{"code": "PSY"}],
                      "actor": [{"role": {"coding": [{"code": "IRCP"}]},
                                 "reference": {"identifier": {"value": "valley-clinic"}}}]},
    }  # fmt: skip
    asked = {**referral(fhir_hospital), **who}
    for one in (asked, score, form, consent):
        answer = await http.post(f"/fhir/{one['resourceType']}", json=one, headers=head)
        assert answer.status_code == 201, (one["resourceType"], answer.text)
        again = await http.post(f"/fhir/{one['resourceType']}", json=one, headers=head)
        assert (again.status_code, again.headers["location"]) == (201, answer.headers["location"])
    assert sorted(await fhir_hospital.names()) == ["assessed", "assessed", "consent-recorded", "referred"]


async def test_smart_scopes_narrow_what_a_token_may(http: httpx.AsyncClient, fhir_hospital: FhirHospital) -> None:
    from datetime import UTC, datetime, timedelta  # noqa: PLC0415

    import jwt  # noqa: PLC0415

    from shared.web.auth import AUDIENCE, DEV_ISSUER  # noqa: PLC0415
    from tests.intake.test_app import SECRET  # noqa: PLC0415

    def told(scope: str) -> dict[str, str]:
        claims = {"sub": "s", "roles": ["hospital"], "facilities": ["GOODHEALTH"], "iss": DEV_ISSUER, "aud": AUDIENCE}
        until = datetime.now(UTC) + timedelta(hours=1)
        return {"authorization": f"Bearer {jwt.encode({**claims, 'exp': until, 'scope': scope}, SECRET)}", **FHIR}

    one = fhir_hospital.encounter()
    for scope, status in [("system/Encounter.rs", 403), ("system/Patient.cud", 403), ("system/*.cud", 201),
                          ("system/Encounter.c", 201), ("openid system/*.write", 201), ("", 201)]:  # fmt: skip
        assert (await http.post("/fhir/Encounter", json=one, headers=told(scope))).status_code == status, scope
