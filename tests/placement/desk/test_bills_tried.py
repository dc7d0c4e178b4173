"""What facts that are not stated yet would change of bills is said before they are, and nothing is stored."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import sqlalchemy as sa

from services.placement.tables import METADATA
from shared.facts.envelope import Fact
from tests.browsing import Browser, Form
from tests.builders import a_story, admitted, cancelled, discharged
from tests.placement.desk.conftest import Desk, token

HERE: dict[str, Any] = {"episode": "E1", "facility": "GOODHEALTH", "patient_id": "patient-E1"}
STORY = a_story(admitted("2026-05-01 10:00", **HERE), discharged("2026-05-04 07:00", **HERE))
BEGUN, ENDED = STORY


def told(*facts: Fact) -> dict[str, Any]:
    """Facts as intake shows them, which somebody asks with."""
    return {
        "facts": [
            {
                "ce_id": fact.id, "ce_type": fact.type, "ce_source": f"/stepdown/{fact.writer}",
                "ce_subject": fact.subject, "ce_sequence": fact.sequence, "ce_time": fact.time, "value": fact.as_json,
            }
            for fact in facts
        ]
    }  # fmt: skip


async def everything(desk: Desk) -> dict[str, str]:
    """Table → a digest of all its rows, but of the audit's."""
    found = {}
    async with desk.feed.database.read() as connection:
        for table in METADATA.sorted_tables:
            rows = sorted(map(str, (await connection.execute(sa.select(table))).all()))
            found[table.name] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return found


async def test_the_end_of_a_stay_closes_its_bill_before_anybody_states_it(desk: Desk) -> None:
    await desk.feed.bring(BEGUN)
    before = await everything(desk)
    answer = await desk.post("/api/bills/try", told(ENDED), role="interface", facilities=("GOODHEALTH",))
    assert answer.status_code == 200, answer.text
    (one,) = answer.json()["periods"]
    assert (one["change"], one["level"], one["end_date"]) == ("changed", "inpatient", "2026-05-04")
    assert {"end_date", "discharged_at", "patient_status"} <= set(one["fields"])
    assert answer.json()["behind"] is False
    assert await everything(desk) == before
    await desk.feed.bring(ENDED)
    sent = [one.value for one in await desk.feed.sent("billing.service-periods")]
    assert sent[-1]["end_date"] == one["end_date"], "what was shown is what comes of it"
    async with desk.feed.database.read() as connection:
        noted = await connection.execute(sa.text("SELECT actor, subject FROM audit WHERE action = 'bills-tried'"))
        assert list(noted) == [("a-interface", "E1")]


async def test_a_bill_that_opens_and_one_that_is_void_are_told_so(desk: Desk) -> None:
    opened = await desk.post("/api/bills/try", told(BEGUN), role="interface")
    assert [(one["change"], "end_date" in one) for one in opened.json()["periods"]] == [("opened", False)]
    await desk.feed.bring(BEGUN)
    [_, gone] = a_story(admitted("2026-05-01 10:00", **HERE), cancelled(BEGUN, **HERE))
    void = await desk.post("/api/bills/try", told(gone), role="interface")
    assert [one["change"] for one in void.json()["periods"]] == ["voided"]


async def test_facts_that_have_not_come_yet_are_told_of(desk: Desk) -> None:
    answer = await desk.post("/api/bills/try", told(ENDED), role="interface")
    assert answer.json()["behind"] is True


async def test_only_who_runs_the_interface_of_the_facility_is_told(desk: Desk) -> None:
    await desk.feed.bring(BEGUN)
    for role in ("coordinator", "billing", "program", "auditor"):
        assert (await desk.post("/api/bills/try", told(ENDED), role=role)).status_code == 403, role
    elsewhere = ("RIVERBEND",)
    other = await desk.post("/api/bills/try", told(ENDED), role="interface", facilities=elsewhere)
    assert other.status_code == 403
    theirs = a_story(admitted("2026-05-01 10:00", **{**HERE, "facility": "RIVERBEND"}))
    found = await desk.post("/api/bills/try", told(*theirs), role="interface", facilities=elsewhere)
    assert found.status_code == 404, "an episode of another facility is not there"


async def test_what_is_no_fact_is_refused_and_not_repeated(desk: Desk) -> None:
    secret = "Doe-778"
    changes: list[dict[str, Any]] = [
        {"ce_type": "care.nonsense.v1"}, {"ce_type": "care.placed.v1"},
        {"ce_source": "/stepdown/placement"}, {"ce_time": secret}, {"ce_subject": "E2"}, {"value": {}},
    ]  # fmt: skip
    for change in changes:
        body = {"facts": [{**told(ENDED)["facts"][0], **change}]}
        answer = await desk.post("/api/bills/try", body, role="interface")
        assert answer.status_code in {400, 422}, change
        assert secret not in answer.text


async def test_a_copy_of_a_merged_records_fact_is_taken_as_one(desk: Desk) -> None:
    copied = told(BEGUN)
    copied["facts"][0]["ce_copyof"] = "a-fact-of-the-retired-record"
    answer = await desk.post("/api/bills/try", copied, role="interface")
    assert [one["change"] for one in answer.json()["periods"]] == ["opened"]


async def test_intakes_page_is_told_in_words(desk: Desk, nobody: Browser) -> None:
    await desk.feed.bring(BEGUN)
    await nobody.enter(token("interface", ("GOODHEALTH",)))
    page = await nobody.open("/")
    part = await nobody.send(page, Form("", "/bills/try", {"facts": json.dumps(told(ENDED))}))
    assert part.status == 200
    assert "Changed: inpatient" in part.text
    assert "last day: still open → " in part.text
    none = await nobody.send(page, Form("", "/bills/try", {"facts": json.dumps(told(BEGUN))}))
    assert "No bill changes." in none.text


async def test_who_may_not_be_told_is_told_why(desk: Desk, nobody: Browser) -> None:
    await nobody.enter(token("coordinator"))
    page = await nobody.open("/")
    part = await nobody.send(page, Form("", "/bills/try", {"facts": json.dumps(told(ENDED))}))
    assert part.status == 200
    assert "Placement does not say what would change of bills: this needs one of the roles" in part.text
