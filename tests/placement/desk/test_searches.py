"""Searches over HTTP: they open by themselves, and a coordinator says what is needed, closes and opens again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import discharged
from tests.placement.desk.conftest import Desk


async def test_a_discharge_opens_a_search_with_the_level_and_why_in_words(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    [search] = await desk.listed("searches", state="open")
    assert (search["from_level"], search["recommended_level"], search["patient_id"]) == (
        "inpatient",
        "php",
        "patient-E1",
    )
    assert search["reasons"] == ["After inpatient care this site steps down to partial hospitalization."]
    assert search["offers"] == []
    assert search["opened_at"] == "2026-05-04T12:00:00+00:00"
    assert (search["waiting_since"], search["began_with"], search["began_on"]) == (
        "2026-05-04T11:00:00+00:00", "discharged", "2026-05-04",
    )  # fmt: skip


async def test_patients_wait_since_the_discharge_and_not_since_we_learnt_of_it(desk: Desk) -> None:
    """E2 was discharged on 9 March, of which we learn on 4 May, after E1's discharge of 4 May."""
    await desk.leaves_the_ward("E1")
    await desk.leaves_the_ward("E2", left="2026-03-09 24:00")
    await desk.leaves_the_ward("E3", left="2026-05-02 09:00")
    waiting = await desk.listed("searches", state="open")
    assert [(one["episode_id"], one["began_on"]) for one in waiting] == [
        ("E2", "2026-03-09"), ("E3", "2026-05-02"), ("E1", "2026-05-04"),
    ]  # fmt: skip
    work = (await desk.get("/api/worklists/searches-open")).json()["items"]
    assert [one["episode_id"] for one in work] == ["E2", "E3", "E1"]
    assert {one["opened_at"] for one in waiting} == {"2026-05-04T12:00:00+00:00"}


async def test_a_discharge_told_anew_at_another_time_moves_the_waiting_along(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    before = await desk.search("E1")
    corrected: dict[str, Any] = {"episode": "E1", "patient_id": "patient-E1", "sequence": 3}
    first = next(one for one in await desk.feed.kept("E1") if one.type == "care.discharged.v1")
    await desk.feed.bring(discharged("2026-05-03 09:00", replaces=first.ce_id, **corrected))
    after = await desk.search("E1")
    assert (after["search_id"], after["began_on"]) == (before["search_id"], "2026-05-03")


async def test_needs_are_changed_one_by_one_and_the_search_stays_where_it_was(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    search = await desk.search("E1")
    path = f"/api/searches/{search['search_id']}/needs"
    first = await desk.post(path, {"payer": "acme", "language": "es", "days": ["mon", "wed"]})
    assert (first.status_code, first.json()["needs"]["payer"]) == (200, "ACME")
    second = await desk.post(path, {"language": None, "mode": "in-person"})
    assert second.json()["needs"] == {"payer": "ACME", "days": ["mon", "wed"], "mode": "in-person"}
    again = await desk.search("E1")
    assert (again["search_id"], again["opened_at"]) == (search["search_id"], search["opened_at"])
    assert (await desk.said()).count("search-opened") == 3


async def test_what_a_person_closed_is_opened_again_by_a_person(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    search = await desk.search("E1")
    await desk.offers("E1", "GH-PHP1")
    closed = await desk.post(f"/api/searches/{search['search_id']}/closed", {"reason": "lost-contact"})
    assert (closed.status_code, closed.json()["state"], closed.json()["reason"]) == (200, "closed", "lost-contact")
    assert [one["state"] for one in await desk.listed("offers")] == ["withdrawn"]
    late = await desk.post(f"/api/searches/{search['search_id']}/closed", {"reason": "no-program"})
    assert (late.status_code, late.json()["state"], late.json()["possible"]) == (409, "closed", ["opened"])
    opened = await desk.post("/api/searches", {"episode_id": "E1", "needs": {"payer": "MEDICAID"}})
    assert (opened.status_code, opened.json()["state"], opened.json()["needs"]["payer"]) == (201, "open", "MEDICAID")
    assert len(await desk.listed("searches", episode_id="E1")) == 2
    twice = await desk.post("/api/searches", {"episode_id": "E1"})
    assert (twice.status_code, twice.json()["type"]) == (409, "urn:stepdown:problem:search-open")


async def test_nobody_searches_for_whom_nothing_asks_for_a_program(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    await desk.places("E1")
    answer = await desk.post("/api/searches", {"episode_id": "E1"})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:stepdown:problem:nothing-to-look-for")
    assert answer.json()["state"] == "between"


@pytest.mark.parametrize(
    ("path", "body", "fields"),
    [
        ("needs", {"payer": "SECRET"}, ["payer"]),
        ("needs", {"track": "SECRET"}, ["track"]),
        ("needs", {"accreditation": "SECRET"}, ["accreditation"]),
        ("needs", {"language": "SECRET"}, ["language"]),
        ("needs", {"days": ["mon", "SECRET"]}, ["days.1"]),
        ("needs", {"SECRET": 1}, ["?"]),
        ("needs", {"age_years": -1}, ["age_years"]),
        ("closed", {"reason": "SECRET"}, ["reason"]),
        ("closed", {}, ["reason"]),
    ],
)
async def test_a_code_that_the_site_does_not_have_is_named_by_its_field(
    desk: Desk, path: str, body: dict[str, Any], fields: list[str]
) -> None:
    await desk.leaves_the_ward("E1")
    search = await desk.search("E1")
    answer = await desk.post(f"/api/searches/{search['search_id']}/{path}", body)
    assert (answer.status_code, [one["field"] for one in answer.json()["fields"]]) == (422, fields)
    assert "SECRET" not in answer.text


async def test_needs_of_a_search_that_is_opened_name_the_field_within_them(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    answer = await desk.post("/api/searches", {"episode_id": "E1", "needs": {"payer": "SECRET"}})
    assert (answer.status_code, answer.json()["fields"][0]["field"]) == (422, "needs.payer")
