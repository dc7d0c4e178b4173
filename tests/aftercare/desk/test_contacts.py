"""Contacts, the risks that they raise and clear, and follow-ups that a person keeps."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from shared.storage.database import Database
from tests.aftercare.builders import day, document, inpatient, stay
from tests.aftercare.desk.conftest import Desk
from tests.aftercare.desk.steps import contact
from tests.aftercare.test_handlers import sent, take_in


@pytest.mark.usefixtures("completed")
async def test_two_missed_contacts_raise_a_risk_and_a_kept_one_clears_it(desk: Desk) -> None:
    await contact(desk, day(1, 9), "no-answer")
    assert await desk.listed("risks") == []
    await contact(desk, day(1, 15), "left-message")
    [risk] = await desk.listed("risks", state="raised")
    assert risk["signals"] == ["missed-contacts"]
    await contact(desk, day(2, 9), "reached")
    [risk] = await desk.listed("risks", state="cleared")
    assert risk["reason"] == "patient-reached"


async def test_a_contact_recorded_in_error_takes_what_followed_from_it_along(desk: Desk, database: Database) -> None:
    await take_in(database, document(inpatient()))
    made = (await contact(desk, day(1), "reached", provider_kind="therapist")).json()["id"]
    assert {f["state"] for f in await desk.listed("follow-ups")} == {"kept"}
    path = f"/api/contacts/{made}/withdrawn"
    assert (await desk.post(path, {"reason": "wrong-patient"})).status_code == 200
    assert {f["state"] for f in await desk.listed("follow-ups")} == {"due"}
    assert await desk.listed("contacts") == []
    assert (await sent(database))[-3:] == ["6 fact-cancelled", "7 fact-cancelled", "8 fact-cancelled"]
    assert (await desk.post(path, {"reason": "other"})).status_code == 404


@pytest.mark.usefixtures("completed")
async def test_a_person_clears_a_risk_with_a_reason_once(desk: Desk, database: Database) -> None:
    for hour in (9, 15):
        await contact(desk, day(1, hour), "no-answer")
    [risk] = await desk.listed("risks")
    path = f"/api/risks/{risk['id']}/cleared"
    answer = await desk.post(path, {"reason": "seen-in-person"}, roles=("clinician",))
    assert (answer.status_code, answer.json()["state"], answer.json()["decided_by"]) == (200, "cleared", "person")
    assert (await sent(database))[-1].endswith("relapse-risk-cleared")
    assert (await desk.post(path, {"reason": "other"})).status_code == 409


async def test_a_telephone_visit_with_a_therapist_keeps_the_follow_up(desk: Desk, database: Database) -> None:
    await take_in(database, document(inpatient()))
    await contact(desk, day(1), "reached", provider_kind="peer")
    assert {f["state"] for f in await desk.listed("follow-ups")} == {"due"}
    await contact(desk, day(2, 9), "reached", provider_kind="therapist")
    assert {(f["state"], f["kept_at"][:10]) for f in await desk.listed("follow-ups")} == {("kept", "2026-04-03")}


@pytest.mark.parametrize(("at", "status"), [(day(1), 200), (day(0), 409), (day(2, 10) + timedelta(minutes=6), 422)])
async def test_a_follow_up_seen_elsewhere_is_kept_by_a_person(
    desk: Desk, database: Database, at: datetime, status: int
) -> None:
    await take_in(database, document(inpatient()))
    follow_up = (await desk.listed("follow-ups"))[0]["follow_up_id"]
    body = {"at": at.isoformat(), "mode": "in-person", "provider_kind": "psychiatrist", "reason": "seen-elsewhere"}
    answer = await desk.post(f"/api/follow-ups/{follow_up}/kept", body)
    assert answer.status_code == status
    state = (await desk.get(f"/api/follow-ups/{follow_up}")).json()["state"]
    assert state == ("kept" if status == 200 else "due")


async def test_what_a_person_decided_returns_when_a_readmission_that_stood_over_it_goes(
    desk: Desk, database: Database
) -> None:
    await take_in(database, document(inpatient()))
    follow_up = (await desk.listed("follow-ups"))[0]["follow_up_id"]
    path = f"/api/follow-ups/{follow_up}"
    assert (await desk.post(f"{path}/excluded", {"reason": "hospice"})).json()["reason"] == "hospice"
    await take_in(database, document(inpatient(), stay("inpatient", day(3), id="V2"), version=2))
    over = (await desk.get(path)).json()
    assert (over["state"], over["reason"]) == ("excluded", "readmitted")
    refused = await desk.post(f"{path}/excluded", {"reason": "other"})
    assert (refused.status_code, refused.json()["possible"]) == (409, [])
    await take_in(database, document(inpatient(), version=3))
    assert (await desk.get(path)).json()["reason"] == "hospice"
