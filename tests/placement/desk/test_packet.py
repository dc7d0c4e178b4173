"""What a program reads of an offer before it answers: age, level and why, days, payer, needs, whom to ask; not who."""

from __future__ import annotations

from typing import Any

import pytest

from services.placement.desk.packets import OLDEST
from tests.browsing import Browser
from tests.placement.desk.conftest import DAY, Desk, token

PHP = "Adult partial hospitalization"
WHY = "After inpatient care this site steps down to partial hospitalization."


async def offered(desk: Desk, program: str = "GH-PHP1", facility: str = "GOODHEALTH", **needs: Any) -> dict[str, Any]:
    """The packet of an offer, as staff of the program's facility reads it."""
    await desk.leaves_the_ward("E1")
    search = (await desk.search("E1"))["search_id"]
    assert (await desk.post(f"/api/searches/{search}/needs", {"payer": "ACME", **needs})).status_code == 200
    await desk.post("/api/episodes/E1/assigned", {"user_id": "maria", "role": "coordinator"})
    await desk.offers("E1", program)
    answer = await desk.get("/api/offers", role="program", facilities=(facility,))
    [one] = answer.json()["offers"]
    found: dict[str, Any] = one["packet"]
    return found


async def test_the_packet_has_age_level_and_why_payer_needs_and_whom_to_ask(desk: Desk) -> None:
    assert await offered(desk, age_years=57, language="es", start_by=DAY) == {
        "age_years": 57,
        "from_level": "inpatient",
        "recommended_level": "php",
        "why": [WHY],
        "needs": {"payer": "ACME", "language": "es", "start_by": DAY},
        "ask": {"facility": "Good Health Hospital", "coordinator": "maria"},
    }


@pytest.mark.parametrize(("age", "told"), [(89, 89), (90, OLDEST), (104, OLDEST)])
async def test_ninety_and_over_is_one_age(desk: Desk, age: int, told: int) -> None:
    assert (await offered(desk, age_years=age))["age_years"] == told


@pytest.mark.parametrize(("track", "told"), [("mood", "mood"), ("substance-use", None)])
async def test_substance_use_is_not_told_without_a_basis(desk: Desk, track: str, told: str | None) -> None:
    assert (await offered(desk, track=track))["needs"].get("track") == told


async def test_a_program_of_another_facility_reads_only_whom_to_ask_beside_level_and_first_day(desk: Desk) -> None:
    assert await offered(desk, "RB-PHP", "RIVERBEND", age_years=57) == {"ask": {"facility": "Good Health Hospital"}}


async def test_the_program_s_own_list_shows_it_beside_the_offer(nobody: Browser, desk: Desk) -> None:
    await offered(desk, age_years=57)
    await nobody.enter(token("program", ("GOODHEALTH",)))
    for shown in (await nobody.open("/", list="offers"), await nobody.open("/patients/patient-E1")):
        for words in (
            "57 years of age",
            "after inpatient",
            WHY,
            "payer: Acme Health Plan",
            "ask maria, Good Health Hospital",
        ):
            assert words in shown.text
