"""The packet of an offer: blind until the program is interested or accepts, then whole, on one page; each is in the
ledger."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from shared.storage.desk_tables import exits
from tests.browsing import Browser
from tests.builders import a_story, admitted, diagnosed, discharged
from tests.placement.desk.conftest import Desk, token

MED = {"code": "1721029", "last_given": "2026-04-20", "next_due": "2026-05-08", "prescriber_npi": "1000000079"}


async def offered(desk: Desk, program: str = "GH-PHP1") -> str:
    """An offer of a patient with two diagnoses, a medication and an authorization."""
    named: dict[str, Any] = {"episode": "E1", "facility": "GOODHEALTH", "patient_id": "patient-E1"}
    told = [diagnosed("2026-05-01 10:30", code=code, rank=n, **named) for n, code in ((1, "F32.2"), (2, "F10.20"))]
    await desk.feed.bring(
        *a_story(admitted("2026-05-01 10:00", **named), *told, discharged("2026-05-04 07:00", **named))
    )
    answer = await desk.post("/api/episodes/E1/medication", MED, role="clinician")
    assert answer.status_code == 200, answer.text
    asked = {"episode_id": "E1", "payer": "ACME", "level": "php", "unit": "day", "units": 9, "from": "2026-05-06"}
    assert (await desk.post("/api/authorizations", asked | {"to": "2026-05-15"})).status_code == 201
    await desk.post("/api/episodes/E1/assigned", {"user_id": "maria", "role": "coordinator"})
    [offer] = await desk.offers("E1", program)
    return offer


async def packet(desk: Desk, offer: str, facility: str = "GOODHEALTH") -> dict[str, Any]:
    """The packet as the program's staff reads it."""
    answer = await desk.get(f"/api/offers/{offer}/packet", role="program", facilities=(facility,))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def ledger(desk: Desk) -> list[tuple[str, str, str]]:
    """(way, what, purpose) of everything that left."""
    async with desk.feed.database.read() as connection:
        rows = await connection.execute(sa.select(exits.c.way, exits.c.what, exits.c.purpose))
        return [tuple(row) for row in rows.all()]


@pytest.mark.parametrize("answer", [None, "countered", "accepted", "declined"])
async def test_it_is_whole_once_the_program_is_interested_or_accepts(desk: Desk, answer: str | None) -> None:
    offer = await offered(desk)
    body = {
        "countered": {"start_date": "2026-05-20", "reason": "no-seat-before"}, "declined": {"reason": "no-capacity"},
    }  # fmt: skip
    if answer is not None:
        said = await desk.post(f"/api/offers/{offer}/{answer}", body.get(answer, {}), role="program")
        assert said.status_code == 200, said.text
    told = await packet(desk, offer)
    whole = answer in {"countered", "accepted"}
    assert told["whole"] is whole
    assert (told["from_level"], told["recommended_level"]) == ("inpatient", "php")
    assert ("medication" in told, "authorizations" in told, "coordinator" in told) == (whole, whole, whole)
    assert await ledger(desk) == ([("packet", "packet", "treatment")] if whole else [])
    if whole:
        [medication] = told["medication"]
        shown = {name: medication[name] for name in MED}
        assert (shown, medication["system"]) == (MED, "RXNORM")
        assert told["coordinator"] == "maria"
        assert [(one["status"], one["payer"]) for one in told["authorizations"]] == [("requested", "ACME")]


@pytest.mark.parametrize(("labels", "told"), [(("PSY",), True), (("PSY", "SUD"), False), (("PART2",), False)])
async def test_medication_of_who_is_treated_for_substance_use_is_told_to_programs_that_treat_it_alone(
    desk: Desk, labels: tuple[str, ...], told: bool
) -> None:
    named: dict[str, Any] = {"episode": "E1", "patient_id": "patient-E1", "labels": labels}
    await desk.feed.bring(*a_story(admitted("2026-05-01 10:00", **named), discharged("2026-05-04 07:00", **named)))
    assert (await desk.post("/api/episodes/E1/medication", MED, role="clinician")).status_code == 200
    [offer] = await desk.offers("E1", "GH-PHP1", variance_reason="patient-choice")
    await desk.post(f"/api/offers/{offer}/accepted", role="program")
    shown = await packet(desk, offer)
    assert (shown["whole"], bool(shown["medication"])) == (True, told)


async def test_a_program_of_another_facility_reads_no_whole_packet(desk: Desk) -> None:
    offer = await offered(desk, "RB-PHP")
    await desk.post(f"/api/offers/{offer}/accepted", role="program")
    told = await packet(desk, offer, "RIVERBEND")
    assert told == {"ask": {"facility": "Good Health Hospital"}, "whole": False}
    assert (await desk.get(f"/api/offers/{offer}/packet", role="billing")).status_code == 403
    assert (await desk.get("/api/offers/none/packet", role="program")).status_code == 404


async def test_a_dose_that_is_due_before_the_first_day_is_listed_until_it_is_not(desk: Desk) -> None:
    offer = await offered(desk)
    path = "/api/worklists/doses-due"
    [listed] = (await desk.get(path)).json()["items"]
    assert (listed["code"], listed["next_due"]) == ("1721029", "2026-05-08")
    later = MED | {"last_given": "2026-05-04", "next_due": "2026-06-03"}
    await desk.post("/api/episodes/E1/medication", later, role="clinician")
    assert (await desk.get(path)).json()["items"] == [], "not within a week"
    await desk.post("/api/episodes/E1/medication", MED, role="clinician")
    await desk.post(f"/api/offers/{offer}/accepted", role="program")
    assert (await desk.get(path)).json()["items"] == [], "the first day is before it"
    assert (await desk.get(path, role="program")).status_code == 403


@pytest.mark.parametrize(
    ("more", "field"),
    [({"next_due": "2026-04-01"}, "next_due"), ({"code": "a drug"}, "code"), ({"days_in_hand": -1}, "days_in_hand")],
)
async def test_a_medication_that_does_not_fit_is_named_by_its_field(
    desk: Desk, more: dict[str, Any], field: str
) -> None:
    await desk.leaves_the_ward("E1")
    answer = await desk.post("/api/episodes/E1/medication", MED | more, role="clinician")
    assert (answer.status_code, [one["field"] for one in answer.json()["fields"]]) == (422, [field])


async def test_the_page_has_it_on_one_sheet(nobody: Browser, desk: Desk) -> None:
    offer = await offered(desk)
    await nobody.enter(token("program", ("GOODHEALTH",)))
    blind = await nobody.open(f"/offers/{offer}/packet")
    assert "shown once the program is interested or accepts" in blind.text
    assert "1721029" not in blind.text
    await desk.post(f"/api/offers/{offer}/accepted", role="program")
    whole = await nobody.open(f"/offers/{offer}/packet")
    for words in ("F32.2", "ICD-10", "1721029", "RxNorm", "Mon 20 Apr", "Fri 8 May", "maria", "Acme Health Plan"):
        assert words in whole.text, words
    assert [code for code in ("I10", "RXNORM") if code in whole.text] == [], "code systems are told by their names"
    assert "The packet" in (await nobody.open("/", list="offers")).text or "Nobody" not in whole.text
