"""Programs over HTTP: what the site says of each, how many seats are free, and in which order they suit a search."""

from __future__ import annotations

import pytest

from tests.placement.desk.conftest import Desk, bearer


async def test_a_program_is_shown_with_its_free_seats_and_without_what_only_billing_needs(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    await desk.places("E1", start_date="2026-05-04", group="A")
    shown = (await desk.get("/api/programs/gh-php1", role="program")).json()
    assert (shown["capacity"], shown["taken"], shown["free"], shown["first_free"]) == (20, 1, 19, "2026-05-04")
    assert [(one["id"], one["free"]) for one in shown["groups"]] == [("A", 9), ("B", 10)]
    assert shown["ages"] == {"from": 18}
    assert not {"npi", "billing"} & shown.keys()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"level": "residential"}, ["GH-RES", "RB-RES"]),
        ({"level": "php", "facility": "RIVERBEND"}, ["RB-PHP"]),
        ({"facility": "riverbend", "level": "inpatient"}, []),
    ],
)
async def test_programs_are_narrowed_down_by_level_and_facility(
    desk: Desk, query: dict[str, str], expected: list[str]
) -> None:
    assert [one["id"] for one in await desk.listed("programs", **query)] == expected


async def test_programs_for_a_search_come_best_first_with_what_speaks_for_and_against(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    search = (await desk.search("E1"))["search_id"]
    await desk.post(f"/api/searches/{search}/needs", {"payer": "ACME", "age_years": 40, "language": "es"})
    found = await desk.listed("programs", search_id=search)
    assert [one["id"] for one in found if one["fits"]] == ["GH-PHP1"] == [found[0]["id"]]
    best = {reason["rule"]: reason["words"] for reason in found[0]["reasons"]}
    assert best["payer"] == "takes ACME"
    assert best["wait"] == "no wait"
    against = next(one for one in found if one["id"] == "RB-PHP")
    assert "does not take ACME" in [reason["words"] for reason in against["reasons"] if not reason["holds"]]
    assert (await desk.get(f"/api/searches/{search}/programs")).json()["programs"] == found


async def test_a_program_that_is_full_does_not_fit_until_somebody_leaves(desk: Desk) -> None:
    episodes = [f"E{n}" for n in range(11)]
    await desk.leaves_the_ward(*episodes)
    for episode in episodes[:10]:
        await desk.places(episode, "GH-PHP-YOUTH")
    search = (await desk.search("E10"))["search_id"]
    youth = next(one for one in await desk.listed("programs", search_id=search) if one["id"] == "GH-PHP-YOUTH")
    assert (youth["fits"], "first_free" in youth and youth["first_free"]) == (False, None)
    [offer] = await desk.offers("E10", "GH-PHP-YOUTH")
    full = await desk.post(f"/api/offers/{offer}/accepted", role="program")
    assert (full.status_code, full.json()["type"], full.json()["state"]) == (
        409, "urn:stepdown:problem:program-full", "sent",
    )  # fmt: skip
    [placement] = await desk.listed("placements", episode_id="E3")
    await desk.post(f"/api/placements/{placement['id']}/cancelled", {"reason": "patient-declined"})
    assert (await desk.post(f"/api/offers/{offer}/accepted", role="program")).status_code == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/programs/SECRET", 404),
        ("/api/programs?search_id=SECRET", 404),
        ("/api/searches/SECRET/programs", 404),
        ("/api/programs?level=SECRET", 422),
        ("/api/programs?facility=SECRET", 422),
        ("/api/programs?SECRET=1", 422),
    ],
)
async def test_what_is_not_there_is_not_repeated(desk: Desk, path: str, status: int) -> None:
    answer = await desk.client.get(path, headers=bearer("coordinator"))
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert "SECRET" not in answer.text
