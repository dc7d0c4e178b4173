"""Searches over HTTP: they open by themselves, and a coordinator says what is needed, closes and opens again."""

from __future__ import annotations

from typing import Any

import pytest

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
