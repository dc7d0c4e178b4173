"""What operators see of the feeds: counts and reasons, and nothing of a message."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from services.intake.receiving import views
from services.intake.receiving.receive import Intake
from shared.run import ServiceProcess
from shared.scope import EVERYTHING
from shared.site.config import Site
from tests.answers import client_of
from tests.intake.conftest import Hospital
from tests.intake.web.conftest import Asking


@pytest.fixture
async def feeds(own: ServiceProcess, own_intake: Intake) -> AsyncIterator[tuple[httpx.AsyncClient, Hospital]]:
    """A client, and messages of a patient: applied, waiting, AE, not mapped, of nowhere, refused."""
    hospital = Hospital(own_intake)
    wrong = hospital.message("A01", pv1={44: "soon"})
    nowhere = hospital.message("A01", unit="NEWWING", visit="V9").replace(b"|GOODHEALTH|", b"|SECRETPLACE|")
    again = hospital.message("A01", visit="V8", unit="NEWWING")
    waits = hospital.message("A03", "20260312100000", visit="V7")
    await hospital.says(hospital.message("A01"), waits, wrong, again, nowhere, hospital.message("A56"))
    async with client_of(own.web, "intake", "http://intake") as client:
        yield client, hospital


async def test_operators_see_what_came_and_what_they_should_look_at(
    feeds: tuple[httpx.AsyncClient, Hospital], asking: Asking
) -> None:
    http, hospital = feeds
    answer = await http.get("/api/feeds", headers=asking("auditor"))
    assert answer.status_code == 200
    found = {each["facility"]: each for each in answer.json()["facilities"]}
    assert set(found) == {"GOODHEALTH", "RIVERBEND", "other"}
    here = found["GOODHEALTH"]
    numbers = {name: here[name] for name in ("messages", "waiting", "ae", "unmapped", "unmapped_units")}
    assert numbers == {"messages": 5, "waiting": 1, "ae": 1, "unmapped": 1, "unmapped_units": 1}
    assert {(c["door"], c["trigger"], c["answer"]): c["count"] for c in here["counts"]} == {
        ("mllp", "A01", "AA"): 2,
        ("mllp", "A03", "AA"): 1,
        ("mllp", "A01", "AE"): 1,
        ("mllp", "other", "AR"): 1,
    }
    (waiting,) = here["oldest_waiting"]
    (error,) = here["oldest_ae"]
    assert (waiting["trigger"], waiting["reason"], waiting["since"][:10]) == ("A03", "waiting", "2026-03-20")
    assert (error["code"], error["location"]) == (102, "PV1-44")
    assert (found["other"]["unmapped"], found["RIVERBEND"]["last_at"]) == (1, None)
    for secret in (hospital.mrn, hospital.name, "SECRETPLACE", "soon", "NEWWING"):
        assert secret not in answer.text


async def test_everybody_sees_the_own_facilities(feeds: tuple[httpx.AsyncClient, Hospital], asking: Asking) -> None:
    http, _ = feeds
    answer = await http.get("/api/feeds", headers=asking("coordinator", "RIVERBEND"))
    assert [each["facility"] for each in answer.json()["facilities"]] == ["RIVERBEND"]
    listed = await http.get("/api/messages?state=waiting", headers=asking("coordinator", "RIVERBEND"))
    assert listed.json() == {"messages": [], "next": None}
    other = await http.get(
        "/api/messages?state=waiting&facility=GOODHEALTH", headers=asking("coordinator", "RIVERBEND")
    )
    assert other.status_code == 403


@pytest.mark.parametrize(("state", "number"), [("waiting", 1), ("ae", 1), ("unmapped", 2)])
async def test_messages_are_listed_by_id_and_reason_page_by_page(
    feeds: tuple[httpx.AsyncClient, Hospital], asking: Asking, state: str, number: int
) -> None:
    http, hospital = feeds
    given: dict[str, Any] = {"state": state, "limit": 1}
    seen = []
    while True:
        answer = await http.get("/api/messages", params=given, headers=asking("admin"))
        assert hospital.mrn not in answer.text
        seen += [one["message_id"] for one in answer.json()["messages"]]
        if answer.json()["next"] is None:
            break
        given["cursor"] = answer.json()["next"]
    assert len(seen) == len(set(seen)) == number


@pytest.mark.parametrize("query", ["?note=SECRET", "?state=SECRET", "?state=ae&limit=201", "?state=ae&more=1"])
async def test_a_list_that_is_not_known_is_refused(
    feeds: tuple[httpx.AsyncClient, Hospital], asking: Asking, query: str
) -> None:
    http, _ = feeds
    answer = await http.get(f"/api/messages{query}", headers=asking("auditor"))
    assert answer.status_code == 422
    assert "SECRET" not in answer.text


@pytest.mark.parametrize("path", ["/api/feeds", "/api/messages?state=ae"])
async def test_the_feeds_are_for_operators(
    feeds: tuple[httpx.AsyncClient, Hospital], asking: Asking, path: str
) -> None:
    http, _ = feeds
    assert (await http.get(path)).status_code == 401
    assert (await http.get(path, headers=asking("hospital"))).status_code == 403


async def test_who_adds_units_and_codes_to_the_site_sees_which_are_missing(
    own: ServiceProcess, own_intake: Intake, asking: Asking
) -> None:
    hospital = Hospital(own_intake)
    await hospital.says(
        hospital.message("A01", visit="V1", pv1={4: "ZED", 14: "1"}) + b"IN1|1|GOLD|ACME\rIN1|2||0815 HEALTH\r",
        hospital.message("A08", "20260306100000", visit="V1", pv1={4: "ZED"}),
        hospital.message("A01", visit="V2", pv1={4: "ZED"}),
        hospital.message("A01", visit="V3", unit="NEWWING"),
    )
    async with client_of(own.web, "intake", "http://intake") as http:
        for role, expected in (
            (
                "interface",
                [
                    ("admission-type", "PV1-4", "ZED", 2),
                    ("payer", "IN1-3", "0815 HEALTH", 1),
                    ("plan", "IN1-2", "GOLD", 1),
                    ("unit", "PV1-3.1", "NEWWING", 1),
                ],
            ),
            ("auditor", []),
        ):
            answer = await http.get("/api/feeds", headers=asking(role, "GOODHEALTH"))
            (place,) = answer.json()["facilities"]
            found = [tuple(one[name] for name in ("kind", "field", "code", "count")) for one in place["unmapped_codes"]]
            assert found == expected, role
        elsewhere = await http.get("/api/feeds", headers=asking("coordinator", "RIVERBEND"))
        assert "ZED" not in elsewhere.text
    mended = own_intake.site.model_copy(update={"admission_types": {"1": ("E", "ZED")}})
    again = replace(own_intake, site=Site.model_validate(mended.model_dump(by_alias=True)))
    assert await again.derive_again() == 1
    assert await again.derive_again() == 0
    async with own_intake.database.read() as connection:
        left = await views.unmapped_codes(connection, scope=EVERYTHING, most=50)
    assert sorted(one.code for one in left) == ["0815 HEALTH", "GOLD", "NEWWING"]
