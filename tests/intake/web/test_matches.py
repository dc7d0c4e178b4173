"""Who may be one person is listed for those who may say so, by what both facilities told; never a value."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from services.intake.receiving.read import Received
from tests.intake.conftest import NOW, Hospital
from tests.intake.web.conftest import Asking
from tests.intake.web.test_another_facility import elsewhere
from tests.intake.web.test_requests import posted


async def listed(http: httpx.AsyncClient, headers: dict[str, str], *patients: str) -> list[dict[str, Any]]:
    """The matches between these patients."""
    found: list[dict[str, Any]] = []
    given: dict[str, Any] = {"limit": 200}
    while True:
        answer = await http.get("/api/matches", params=given, headers=headers)
        assert answer.status_code == 200, answer.text
        found += answer.json()["matches"]
        if answer.json()["next"] is None:
            return [one for one in found if set(one["patient_ids"]) == set(patients)]
        given["cursor"] = answer.json()["next"]


def pid(raw: bytes, fields: str) -> bytes:
    """The message with another PID segment."""
    lines = raw.decode().split("\r")
    return "\r".join(f"PID|1||{fields}" if line.startswith("PID") else line for line in lines).encode()


async def test_two_people_with_one_number_of_the_state_are_listed_with_what_speaks_for_and_against(
    http: httpx.AsyncClient, hospital: Hospital, another: Any, asking: Asking
) -> None:
    other, ssn = another(), f"9{int(hospital.mrn[-6:], 16) % 100000000:08}"
    one = pid(hospital.message("A01"), f"{hospital.mrn}^^^GH^MR~{ssn}^^^USSSA^SS||DOE^JANE||19800101|F")
    two = pid(other.message("A01"), f"{other.mrn}^^^GH^MR~{ssn}^^^USSSA^SS||DOE^JANE||19550101|M")
    await hospital.says(one, two, one)
    patients = [str(await each.patient_id()) for each in (hospital, other)]
    [match] = await listed(http, asking("identity"), *patients)
    assert match["for"] == ["same-name", "same-ssn"]
    assert match["against"] == ["birth-date-differs", "other-number-of-same-authority", "sex-differs"]
    assert (match["state"], sorted(match["patient_ids"])) == ("open", sorted(patients))
    assert match["since"].startswith("2026-03-20T12:00:00")
    assert match.keys() == {"match_id", "patient_ids", "for", "against", "since", "state"}
    query = sa.text("SELECT count(*) FROM audit WHERE subject = :id AND action = 'match-listed'")
    async with hospital.intake.database.read() as connection:
        assert (await connection.execute(query, {"id": match["match_id"]})).scalar_one() == 1


async def test_a_match_over_two_facilities_is_for_those_who_hold_both(
    http: httpx.AsyncClient, hospital: Hospital, asking: Asking
) -> None:
    await hospital.tells("A01")
    here = asking("hospital", "RIVERBEND")
    told = await posted(http, "/referrals", elsewhere(hospital, birth_date="1980-01-01"), here)
    patients = [str(await hospital_patient(hospital)), told["patient_id"]]
    assert await listed(http, asking("identity", "RIVERBEND"), *patients) == []
    assert await listed(http, asking("identity", "GOODHEALTH"), *patients) == []
    for scope in (("RIVERBEND", "GOODHEALTH"), ("*",)):
        [match] = await listed(http, asking("identity", *scope), *patients)
        assert match["for"] == ["same-birth-date", "same-identifier"]
        assert match["against"] == []


async def test_matches_are_listed_page_by_page_in_the_order_they_were_found(
    http: httpx.AsyncClient, hospital: Hospital, another: Any, asking: Asking
) -> None:
    days, patients = [3, 1, 2, 2], []
    for day in days:
        first, second, ssn = another(), another(), f"8{int(another().mrn[-6:], 16) % 100000000:08}"
        at = NOW + timedelta(days=day)
        for each in (first, second):
            raw = pid(each.message("A01"), f"{each.mrn}^^^GH^MR~{ssn}^^^USSSA^SS||DOE^JANE||19800101|F")
            await hospital.intake.receive([hospital.intake.messages_of(Received(raw, "mllp", at))])
        patients.append({str(await each.patient_id()) for each in (first, second)})
    found: list[dict[str, Any]] = []
    given: dict[str, Any] = {"limit": 1}
    while True:
        answer = (await http.get("/api/matches", params=given, headers=asking("identity", "GOODHEALTH"))).json()
        found += answer["matches"]
        if answer["next"] is None:
            break
        given["cursor"] = answer["next"]
    assert [one["since"] for one in found] == sorted(one["since"] for one in found)
    mine = [days[patients.index(set(one["patient_ids"]))] for one in found if set(one["patient_ids"]) in patients]
    assert mine == [1, 2, 2, 3]


async def hospital_patient(hospital: Hospital) -> str | None:
    """The patient whom the hospital told of."""
    query = sa.text("SELECT patient_id FROM visits WHERE visit_key = :key")
    async with hospital.intake.database.read() as connection:
        found: str | None = (await connection.execute(query, {"key": f"V1-{hospital.mrn}"})).scalar_one_or_none()
        return found


@pytest.mark.parametrize(
    ("role", "status"),
    [("identity", 200), ("admin", 200), ("coordinator", 403), ("hospital", 403), ("auditor", 403), ("clinician", 403)],
)
async def test_the_list_is_for_who_may_say_who_is_who(
    http: httpx.AsyncClient, asking: Asking, role: str, status: int
) -> None:
    assert (await http.get("/api/matches", headers=asking(role))).status_code == status
    assert (await http.get("/api/matches")).status_code == 401


@pytest.mark.parametrize("query", ["?limit=0", "?limit=201", "?cursor=!", "?q=any"])
async def test_what_cannot_be_answered_is_told(http: httpx.AsyncClient, asking: Asking, query: str) -> None:
    assert (await http.get(f"/api/matches{query}", headers=asking("identity"))).status_code == 422


async def test_a_number_that_many_have_speaks_for_nothing(
    http: httpx.AsyncClient, hospital: Hospital, another: Any, asking: Asking
) -> None:
    people = [another() for _ in range(9)]
    for each in people:
        told = f"{each.mrn}^^^GH^MR~S{hospital.mrn}^^^NY^DL||DOE^JANE||19800101|F"
        await each.says(pid(each.message("A01"), told))
    last = [str(await each.patient_id()) for each in people[-2:]]
    assert await listed(http, asking("identity"), *last) == []
