"""Programs over HTTP: what the site says of each, how many seats are free, and in which order they suit a search."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.builders import admitted, fact
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


async def test_patients_who_came_by_adt_take_seats_like_everybody_else(desk: Desk) -> None:
    """31 admissions to a unit of 30 seats: nobody is sent there, and it is shown as over."""
    for number in range(31):
        await desk.is_admitted(f"A{number}", "GH-IOP1", "iop")
    shown = (await desk.get("/api/programs/GH-IOP1")).json()
    assert (shown["taken"], shown["free"], shown["over"]) == (31, 0, 1)
    assert (shown["first_free"], shown["warnings"]) == (None, ["over-capacity"])
    await desk.leaves_the_ward("E1")
    search = (await desk.search("E1"))["search_id"]
    iop = next(one for one in await desk.listed("programs", search_id=search) if one["id"] == "GH-IOP1")
    assert "has no seat that is known to come free" in [reason["words"] for reason in iop["reasons"]]
    [offer] = await desk.offers("E1", "GH-IOP1", variance_reason="patient-preference")
    full = await desk.post(f"/api/offers/{offer}/accepted", role="program")
    assert (full.status_code, full.json()["type"]) == (409, "urn:stepdown:problem:program-full")
    kept = await desk.post(
        "/api/seats", {"episode_id": "E1", "program": "GH-IOP1", "from": SOON, "until": LATER}
    )  # fmt: skip
    assert (kept.status_code, kept.json()["type"]) == (409, "urn:stepdown:problem:program-full")
    assert (await desk.post("/api/waitlist", {"search_id": search, "program": "GH-IOP1"})).status_code == 201


SOON, LATER = "2026-05-06T09:00:00-04:00", "2026-05-09T09:00:00-04:00"


async def test_a_patient_who_has_a_seat_and_is_there_counts_once(desk: Desk) -> None:
    await desk.leaves_the_ward("E1")
    await desk.places("E1", start_date="2026-05-04")
    assert (await taken(desk)) == (1, 0), "a seat held from today on"
    named: dict[str, Any] = {"episode": "E1", "patient_id": "patient-E1", "visit": "V2", "sequence": 3}
    await desk.feed.bring(admitted("2026-05-04 08:00", level="php", program="GH-PHP1", **named))
    assert (await taken(desk)) == (1, 1), "and there, by ADT"
    [placement] = await desk.listed("placements", episode_id="E1")
    told = await desk.post(f"/api/placements/{placement['id']}/started", {"date": "2026-05-04"}, role="program")
    assert told.status_code == 200, told.text
    assert (await taken(desk)) == (1, 1), "and by the desk's word"


async def test_a_seat_that_is_expected_to_be_left_may_be_promised_from_then_on(desk: Desk) -> None:
    for number in range(10):
        await desk.is_admitted(f"A{number}", "GH-PHP-YOUTH")
    youth = await desk.get("/api/programs/GH-PHP-YOUTH")
    assert youth.json()["first_free"] is None
    plan: dict[str, Any] = {"episode": "A3", "patient_id": "patient-A3", "stay": ("visit", "V1"), "sequence": 2}
    await desk.feed.bring(fact("discharge-planned", "2026-05-04 07:30", expected_at="2026-05-05T14:00:00Z", **plan))
    youth = await desk.get("/api/programs/GH-PHP-YOUTH")
    assert (youth.json()["first_free"], youth.json()["free"]) == ("2026-05-06", 0)
    await desk.leaves_the_ward("E1")
    await desk.places("E1", "GH-PHP-YOUTH")
    desk.clock.forward(timedelta(days=3))
    youth = await desk.get("/api/programs/GH-PHP-YOUTH")
    assert (youth.json()["taken"], youth.json()["over"]) == (11, 1), "expected to leave, and did not"


async def taken(desk: Desk, program: str = "GH-PHP1") -> tuple[int, int]:
    """Persons with a seat now, and of them those who are there."""
    shown = (await desk.get(f"/api/programs/{program}")).json()
    return shown["taken"], shown["there"]


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
