"""Several who tell of the same Encounter at the same moment, on a real database: one outcome, nothing lost, repeats
answered alike."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from typing import Any

import httpx
import pytest

from services.intake.receiving.receive import Intake
from tests.intake.conftest import Hospital
from tests.intake.web.test_fhir import FhirHospital, fhir_hospital, head, path, rows_of

__all__ = ["fhir_hospital", "head"]
AT_ONCE = 6


@pytest.fixture
def own() -> str:
    return f"enc-{uuid.uuid4().hex[:8]}"


def differing(hospital: FhirHospital, **more: Any) -> list[dict[str, Any]]:
    """The Encounter as several tell it, each a minute later and at another unit."""
    units = ["3W", "DTX", "RES", "PHP1", "IOP1", "OPC"]
    return [
        hospital.encounter(
            **more,
            meta={"lastUpdated": f"2026-03-10T14:0{number}:00Z"},
            location=[{"location": {"display": unit}, "period": {"start": "2026-03-10T09:00:00-04:00"}}],
        )
        for number, unit in enumerate(units[:AT_ONCE])
    ]


def statuses(answers: list[httpx.Response]) -> Counter[int]:
    return Counter(one.status_code for one in answers)


async def test_puts_at_once_are_all_taken_and_the_one_that_was_said_last_stands(
    http: httpx.AsyncClient, head: dict[str, str], fhir_hospital: FhirHospital, intake: Intake, own: str
) -> None:
    every = differing(fhir_hospital, id=own)
    answers = await asyncio.gather(
        *(http.put(f"/fhir/Encounter/{own}", json=one, headers=head) for one in reversed(every))
    )
    assert set(statuses(answers)) <= {200, 201}
    assert await rows_of(intake, fhir_hospital) == AT_ONCE
    told = await http.get(f"/fhir/Encounter/{own}", headers=head)
    assert told.headers["etag"] == f'W/"{AT_ONCE}"'
    [place] = told.json()["location"]
    assert place["location"]["identifier"]["value"] == "OPC"


async def test_the_same_put_at_once_is_stored_once(
    http: httpx.AsyncClient, head: dict[str, str], fhir_hospital: FhirHospital, intake: Intake, own: str
) -> None:
    one = fhir_hospital.encounter(id=own)
    answers = await asyncio.gather(
        *(http.put(f"/fhir/Encounter/{own}", json=one, headers=head) for _ in range(AT_ONCE))
    )
    assert set(statuses(answers)) <= {200, 201}
    assert {(each.content, each.headers["etag"]) for each in answers} == {(answers[0].content, 'W/"1"')}
    assert await rows_of(intake, fhir_hospital) == 1


async def test_of_puts_at_once_that_have_seen_the_same_version_one_is_taken(
    http: httpx.AsyncClient, head: dict[str, str], fhir_hospital: FhirHospital, intake: Intake, own: str
) -> None:
    made = await http.put(f"/fhir/Encounter/{own}", json=fhir_hospital.encounter(id=own), headers=head)
    seen = {**head, "if-match": made.headers["etag"]}
    every = differing(fhir_hospital, id=own)
    answers = await asyncio.gather(*(http.put(f"/fhir/Encounter/{own}", json=one, headers=seen) for one in every))
    assert statuses(answers) == {200: 1, 412: AT_ONCE - 1}
    assert await rows_of(intake, fhir_hospital) == 2
    [(taken, body)] = [(one, body) for one, body in zip(answers, every, strict=True) if one.status_code == 200]
    again = await http.put(f"/fhir/Encounter/{own}", json=body, headers=seen)
    assert (again.status_code, again.content, again.headers["etag"]) == (200, taken.content, 'W/"2"')
    told = (await http.get(f"/fhir/Encounter/{own}", headers=head)).json()
    unit = body["location"][0]["location"]["display"]
    assert [one["location"]["identifier"]["value"] for one in told["location"]] == [unit]


async def test_a_put_that_has_seen_a_version_counts_what_is_told_by_v2_at_once(
    http: httpx.AsyncClient, head: dict[str, str], fhir_hospital: FhirHospital, intake: Intake, own: str
) -> None:
    made = await http.put(f"/fhir/Encounter/{own}", json=fhir_hospital.encounter(id=own), headers=head)
    seen = {**head, "if-match": made.headers["etag"]}
    moved, _ = await asyncio.gather(
        http.put(f"/fhir/Encounter/{own}", json=differing(fhir_hospital, id=own)[1], headers=seen),
        Hospital.tells(fhir_hospital, "A02", "20260310120000", unit="RES"),
    )
    assert moved.status_code in {200, 412}
    assert await rows_of(intake, fhir_hospital) == (3 if moved.status_code == 200 else 2)


@pytest.mark.parametrize("alike", [True, False], ids=["the same body", "another body each"])
async def test_of_conditional_creates_at_once_one_makes_it_and_the_others_find_it(
    http: httpx.AsyncClient, head: dict[str, str], fhir_hospital: FhirHospital, intake: Intake, alike: bool
) -> None:
    asked = {**head, "if-none-exist": f"identifier=|V1-{fhir_hospital.mrn}"}
    every = differing(fhir_hospital)
    every = [every[0]] * AT_ONCE if alike else every
    answers = await asyncio.gather(*(http.post("/fhir/Encounter", json=one, headers=asked) for one in every))
    assert statuses(answers) == {201: 1, 200: AT_ONCE - 1}
    assert len({path(one) for one in answers}) == 1
    assert await rows_of(intake, fhir_hospital) == 1


async def test_of_transactions_at_once_with_the_same_condition_one_makes_it(
    http: httpx.AsyncClient, head: dict[str, str], fhir_hospital: FhirHospital, intake: Intake
) -> None:
    asked = {"method": "POST", "url": "Encounter", "ifNoneExist": f"identifier=|V1-{fhir_hospital.mrn}"}
    bundles = [
        {"resourceType": "Bundle", "type": "transaction", "entry": [{"resource": one, "request": asked}]}
        for one in differing(fhir_hospital)
    ]
    answers = await asyncio.gather(*(http.post("/fhir", json=one, headers=head) for one in bundles))
    assert statuses(answers) == {200: AT_ONCE}
    responses = [one.json()["entry"][0]["response"] for one in answers]
    assert Counter(one["status"] for one in responses) == {"201 Created": 1, "200 OK": AT_ONCE - 1}
    assert len({one["location"] for one in responses}) == 1
    assert await rows_of(intake, fhir_hospital) == 1


async def test_any_version_that_there_is_may_be_asked_for(
    http: httpx.AsyncClient, head: dict[str, str], fhir_hospital: FhirHospital, own: str
) -> None:
    async def put(one: dict[str, Any], seen: str) -> int:
        return (await http.put(f"/fhir/Encounter/{own}", json=one, headers={**head, "if-match": seen})).status_code

    first, second, third = differing(fhir_hospital, id=own)[:3]
    assert await put(first, "*") == 412
    assert await put(first, 'W/"0"') == 201
    assert await put(second, "*") == 200
    assert await put(third, 'W/"1", W/"2"') == 200
