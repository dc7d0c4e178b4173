"""Who may read and do what at the desk, by role and facility; what somebody may not see is not there."""

from __future__ import annotations

from typing import Any

import pytest

from services.placement.desk.api import SUBJECTS
from shared.roles import ROLES
from tests.placement.desk.conftest import DAY, Desk, bearer

CARE = {"coordinator", "clinician", "billing", "auditor", "admin"}
REVIEWING = CARE | {"reviewer"}
READS = {
    "searches": CARE,
    "offers": CARE | {"program"},
    "placements": REVIEWING | {"program"},
    "seats": CARE | {"program"},
    "waitlist": CARE | {"program"},
    "programs": CARE | {"program"},
    "episodes": REVIEWING,
    "conflicts": CARE,
    "leftovers": CARE,
    "authorizations": REVIEWING,
    "sessions?episode_id=E1": REVIEWING | {"program"},
}
COORDINATOR, PROGRAM = {"coordinator", "admin"}, {"coordinator", "program", "admin"}
BILLING, CARERS = COORDINATOR | {"billing", "reviewer"}, COORDINATOR | {"clinician"}
REVIEWERS = CARERS | {"reviewer"}
WRITES: dict[str, tuple[set[str], dict[str, Any]]] = {
    "/api/searches": (COORDINATOR, {"episode_id": "E1"}),
    "/api/searches/{id}/needs": (COORDINATOR, {}),
    "/api/searches/{id}/closed": (COORDINATOR, {"reason": "no-program"}),
    "/api/offers": (COORDINATOR, {"episode_id": "E1", "program": "GH-PHP1"}),
    "/api/offers/{id}/accepted": (PROGRAM, {}),
    "/api/offers/{id}/declined": (PROGRAM, {"reason": "other"}),
    "/api/offers/{id}/countered": (PROGRAM, {"start_date": DAY}),
    "/api/offers/{id}/withdrawn": (COORDINATOR, {"reason": "other"}),
    "/api/offers/{id}/reopened": (COORDINATOR, {"reason": "other"}),
    "/api/placements/{id}/cancelled": (COORDINATOR, {"reason": "other"}),
    "/api/placements/{id}/start-missed": (PROGRAM, {}),
    "/api/placements/{id}/start-missed-withdrawn": (PROGRAM, {"reason": "other"}),
    "/api/placements/{id}/received": (PROGRAM, {}),
    "/api/placements/{id}/received-withdrawn": (PROGRAM, {"reason": "other"}),
    "/api/placements/{id}/first-day": (PROGRAM, {"start_date": DAY}),
    "/api/seats": (
        COORDINATOR,
        {"episode_id": "E1", "program": "GH-PHP1", "from": f"{DAY}T10:00:00Z", "until": f"{DAY}T11:00:00Z"},
    ),
    "/api/seats/{id}/released": (COORDINATOR, {"reason": "other"}),
    "/api/waitlist": (COORDINATOR, {"search_id": "S", "program": "GH-PHP1"}),
    "/api/waitlist/{id}/left": (COORDINATOR, {"reason": "other"}),
    "/api/episodes/{id}/covered": (
        {"coordinator", "billing", "admin"},
        {"effective_from": DAY, "coverage": [{"payer": "ACME"}]},
    ),
    "/api/placements/{id}/diagnosed": (
        {"coordinator", "clinician", "program", "admin"},
        {"system": "I10", "code": "F33.2"},
    ),
    "/api/placements/{id}/started": (PROGRAM, {"date": DAY}),
    "/api/placements/{id}/started-corrected": (PROGRAM, {"date": DAY}),
    "/api/placements/{id}/start-withdrawn": (PROGRAM, {"reason": "other"}),
    "/api/placements/{id}/completed": (PROGRAM, {"date": DAY, "reason": "goals-met"}),
    "/api/placements/{id}/discontinued": (PROGRAM, {"date": DAY, "reason": "other"}),
    "/api/placements/{id}/end-corrected": (PROGRAM, {"date": DAY}),
    "/api/placements/{id}/end-withdrawn": (PROGRAM, {"reason": "other"}),
    "/api/placements/{id}/leave-started": (PROGRAM, {"at": f"{DAY}T10:00:00Z", "kind": "other"}),
    "/api/placements/{id}/leave-ended": (PROGRAM, {"at": f"{DAY}T10:00:00Z"}),
    "/api/sessions": (PROGRAM | {"clinician"}, {"placement_id": "P", "session_id": "s", "date": DAY}),
    "/api/sessions/{id}/corrected": (PROGRAM | {"clinician"}, {"date": DAY}),
    "/api/sessions/{id}/withdrawn": (PROGRAM | {"clinician"}, {"reason": "other"}),
    "/api/authorizations": (
        BILLING,
        {"episode_id": "E1", "payer": "ACME", "level": "php", "unit": "day", "from": DAY, "to": DAY},
    ),
    **{
        f"/api/authorizations/{{id}}/{to}": (BILLING, {})
        for to in ("requested", "pended", "approved", "denied", "extended", "ended")
    },
    "/api/episodes/{id}/ended": (COORDINATOR, {"reason": "other"}),
    "/api/episodes/{id}/assigned": (COORDINATOR, {"user_id": "u", "role": "therapist"}),
    "/api/episodes/{id}/certified": (REVIEWERS, {"kind": "initial", "from": DAY, "to": DAY, "npi": "1000000012"}),
    "/api/episodes/{id}/plan": (
        REVIEWERS,
        {"level": "php", "hours_week": 20, "days_week": 5, "goals": 1, "review_due": DAY},
    ),
    "/api/episodes/{id}/discharge-planned": (CARERS, {"expected_at": f"{DAY}T10:00:00Z"}),
    "/api/episodes/{id}/discharge-plan-cancelled": (CARERS, {}),
    "/api/episodes/{id}/ready-for-step": (CARERS, {"waiting_for": "bed"}),
    "/api/episodes/{id}/ready-for-step-withdrawn": (CARERS, {"reason": "other"}),
    "/api/episodes/{id}/medication": (CARERS, {"code": "1721029"}),
    "/api/episodes/{id}/benefits": (
        {"coordinator", "billing", "reviewer", "admin"},
        {"payer": "ACME", "says": [{"item": "copay", "value": "20"}], "source": "portal"},
    ),
    "/api/episodes/{id}/price": ({"coordinator", "billing", "reviewer", "admin"}, {"program": "GH-IOP1"}),
    "/api/episodes/{id}/agreed": (CARERS, {"level": "php"}),
    "/api/episodes/{id}/declined": (CARERS, {"level": "php"}),
    "/api/episodes/{id}/assessed": (
        {"clinician", "admin"},
        {"instrument": "LOCUS", "version": "20", "phase": "intake"},
    ),
    "/api/conflicts/{id}/settled": (COORDINATOR | {"clinician"}, {"falls": []}),
    "/api/reviews/{id}/done": (CARERS | {"billing", "reviewer"}, {"reason": "other"}),
    "/api/leftovers/{id}/stays": (CARERS, {}),
    "/api/leftovers/{id}/goes-back": (CARERS, {}),
}
"""Path → who may, and a body that fits. Nothing is there in these tests: who may is told 404, who may not 403."""


def test_every_write_is_in_the_table_of_who_may() -> None:
    assert {write.path for subject in SUBJECTS for write in subject.writes} == WRITES.keys()


@pytest.mark.parametrize("path", WRITES)
async def test_only_those_who_may_get_beyond_the_door(desk: Desk, path: str) -> None:
    may, body = WRITES[path]
    for role in ROLES:
        answer = await desk.post(path.replace("{id}", "nobody"), body, role=role)
        assert (role, answer.status_code) == (role, 404 if role in may else 403)
    assert (await desk.client.post(path, json=body)).status_code == 401


@pytest.mark.parametrize("name", READS)
async def test_only_those_who_may_read_a_list_and_one_of_it(desk: Desk, name: str) -> None:
    for role in ROLES:
        path = f"/api/{name.partition('?')[0]}/nobody"
        listed, one = await desk.client.get(f"/api/{name}", headers=bearer(role)), await desk.get(path, role=role)
        expected = (200, 404) if role in READS[name] else (403, 403)
        assert (role, listed.status_code, one.status_code) == (role, *expected)


async def test_a_program_sees_offers_to_it_and_a_hospital_those_of_its_patients_wherever_they_went(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    here, there = await desk.offers("E1", "GH-PHP1", "RB-PHP")

    async def seen(role: str, facility: str) -> set[str]:
        answer = await desk.get("/api/offers", role=role, facilities=(facility,))
        return {one["id"] for one in answer.json()["offers"]}

    assert await seen("coordinator", "GOODHEALTH") == {here, there}
    assert await seen("program", "GOODHEALTH") == {here}
    assert await seen("program", "RIVERBEND") == await seen("coordinator", "RIVERBEND") == {there}
    assert await seen("program", "ELSEWHERE") == set()
    for facility, status in (("GOODHEALTH", 404), ("ELSEWHERE", 404), ("RIVERBEND", 200)):
        answer = await desk.post(f"/api/offers/{there}/accepted", role="program", facilities=(facility,))
        assert (facility, answer.status_code) == (facility, status)


async def test_another_facilitys_patients_are_not_there_to_read_or_write(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    search = (await desk.search("E1"))["search_id"]
    elsewhere = ("RIVERBEND",)
    assert (await desk.get("/api/searches", facilities=elsewhere)).json()["searches"] == []
    assert (await desk.get("/api/searches", {"facility": "GOODHEALTH"}, facilities=elsewhere)).status_code == 403
    answers = [
        await desk.get(f"/api/searches/{search}", facilities=elsewhere),
        await desk.get(f"/api/searches/{search}/programs", facilities=elsewhere),
        await desk.post(f"/api/searches/{search}/needs", {}, facilities=elsewhere),
        await desk.post("/api/offers", {"episode_id": "E1", "program": "RB-PHP"}, facilities=elsewhere),
        await desk.post("/api/offers", {"search_id": search, "program": "RB-PHP"}, facilities=elsewhere),
        await desk.post("/api/waitlist", {"search_id": search, "program": "RB-PHP"}, facilities=elsewhere),
        await desk.get("/api/searches/nobody", facilities=elsewhere),
        await desk.get("/api/searches/a%00b"),
    ]
    assert [one.status_code for one in answers] == [404] * 8
    assert len({one.content for one in answers}) == 1


async def test_every_reading_and_every_act_leaves_a_row_of_audit(desk: Desk) -> None:
    await desk.leaves_the_ward("E1", "E2")
    await desk.listed("searches")
    search = (await desk.search("E1"))["search_id"]
    await desk.get(f"/api/searches/{search}", role="auditor")
    await desk.get(f"/api/searches/{search}/programs", role="clinician")
    await desk.offers("E1", "GH-PHP1")
    rows = {(actor, action, subject) for actor, action, subject, _ in await desk.feed.audited()}
    assert {
        ("a-coordinator", "search-listed", "E2"),
        ("a-auditor", "search-read", "E1"),
        ("a-clinician", "search-matched", "E1"),
        ("a-coordinator", "offer-sent", "E1"),
    } <= rows


async def test_pages_of_a_list_follow_each_other(desk: Desk) -> None:
    await desk.leaves_the_ward(*(f"E{n}" for n in range(7)))
    whole = [one["id"] for one in await desk.listed("searches")]
    seen: list[str] = []
    query = {"limit": "3"}
    for _ in range(4):
        page = (await desk.get("/api/searches", query)).json()
        seen += [one["id"] for one in page["searches"]]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert seen == whole
    assert len(whole) == 7


@pytest.mark.parametrize(
    ("name", "query", "field"),
    [
        ("searches", {"state": "SECRET"}, "state"),
        ("offers", {"limit": "0"}, "limit"),
        ("placements", {"cursor": "SECRET"}, "cursor"),
        ("waitlist", {"cursor": "MjAyNi0wNC0wMXwA"}, "cursor"),
        ("seats", {"at": "SECRET"}, "at"),
        ("seats", {"at": "2026-05-04T10:00:00"}, "at"),
        ("seats", {"state": "open"}, "?"),
        ("offers", {"SECRET": "1"}, "?"),
        ("offers", {"program": "a\0b"}, "program"),
    ],
)
async def test_a_list_that_cannot_be_asked_for_is_422(desk: Desk, name: str, query: dict[str, str], field: str) -> None:
    answer = await desk.get(f"/api/{name}", query)
    assert (answer.status_code, answer.json()["fields"][0]["field"]) == (422, field)
    assert "SECRET" not in answer.text


async def test_a_body_that_is_no_json_or_too_long_is_refused(desk: Desk) -> None:
    for content, status in ((b"{", 400), (b" " * 70_000, 413), (b"[]", 422)):
        headers = dict((await desk.get("/api/programs")).request.headers)
        kept = {"authorization": headers["authorization"]}
        answer = await desk.client.post("/api/offers", content=content, headers=kept)
        assert answer.status_code == status
