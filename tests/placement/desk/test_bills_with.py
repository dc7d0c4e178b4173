"""What facts that are not stated yet would change of the bills: by the API and as the part of intake's page."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from shared.facts.envelope import Fact, headers
from shared.storage.database import Database
from shared.web.app import COOKIE
from shared.web.sessions import token_of
from tests.builders import a_story, admitted, discharged
from tests.placement.desk.conftest import Desk, token

PATH, PAGE = "/api/bills-with", "/bills-with"
WHO: dict[str, Any] = {"episode": "E1", "facility": "GOODHEALTH", "patient_id": "patient-E1"}
STORY = a_story(admitted("2026-05-01 10:00", **WHO), discharged("2026-05-03 09:00", **WHO))


def shown(*facts: Fact) -> dict[str, Any]:
    """The facts as intake's API shows them."""
    told = []
    for fact in facts:
        given = {name: text.decode() for name, text in headers(fact) if name.startswith("ce_")}
        kept = ("ce_id", "ce_type", "ce_source", "ce_subject", "ce_time", "ce_copyof")
        told.append(
            {name: given[name] for name in kept if name in given}
            | {
                "ce_sequence": fact.sequence,
                "value": fact.as_json,
            }
        )
    return {"stated": told}


async def everything(database: Database) -> list[str]:
    """A digest of each table but the audit."""
    found = []
    async with database.read() as connection:
        query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'audit' ORDER BY 1"
        for (name,) in (await connection.execute(sa.text(query))).all():
            digest = f"SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {name} AS t"
            found.append(f"{name} {(await connection.execute(sa.text(digest))).scalar_one()}")
    return found


async def test_an_end_that_is_stated_closes_the_bill_and_nothing_is_stored(desk: Desk, database: Database) -> None:
    await desk.feed.bring(STORY[0])
    before = await everything(database)
    answer = await desk.post(PATH, shown(STORY[1]), role="interface")
    assert answer.status_code == 200, answer.text
    [line] = answer.json()["periods"]
    assert (line["change"], line["episode_id"], line["level"], line["facility"]) == (
        "changed", "E1", "inpatient", "GOODHEALTH",
    )  # fmt: skip
    assert (line["start"], line["end"]) == ("2026-05-01", "2026-05-03")
    assert "end_date" in line["fields"]
    assert await everything(database) == before
    await desk.feed.bring(STORY[1])
    assert (await desk.post(PATH, shown(), role="interface")).json() == {"periods": []}


async def test_somebody_new_gets_a_new_bill(desk: Desk) -> None:
    answer = await desk.post(PATH, shown(*STORY), role="interface")
    assert [line["change"] for line in answer.json()["periods"]] == ["opened"]


@pytest.mark.parametrize("role", ["coordinator", "clinician", "billing", "program", "auditor", "identity"])
async def test_who_reads_no_message_again_asks_for_no_bills(desk: Desk, role: str) -> None:
    assert (await desk.post(PATH, shown(*STORY), role=role)).status_code == 403


async def test_another_facility_s_facts_and_bills_are_not_told(desk: Desk) -> None:
    await desk.feed.bring(STORY[0])
    there = ("RIVERBEND",)
    answer = await desk.post(PATH, shown(STORY[1]), role="interface", facilities=there)
    assert answer.status_code == 403
    named = {**WHO, "facility": "RIVERBEND"}
    guessed = replace(discharged("2026-05-03 09:00", **named), sequence=2, id="guessed")
    answer = await desk.post(PATH, shown(guessed), role="interface", facilities=there)
    assert "GOODHEALTH" not in answer.text
    assert all(line["facility"] == "RIVERBEND" for line in answer.json()["periods"])


@pytest.mark.parametrize(
    "spoilt",
    [
        {"ce_source": "/stepdown/placement"}, {"ce_type": "care.nonsense.v1"}, {"value": {}}, {"ce_sequence": 0},
        {"more": "x"},
    ],
    ids=lambda one: next(iter(one)),
)  # fmt: skip
async def test_what_is_no_fact_of_intake_s_is_refused_without_saying_it_again(
    desk: Desk, spoilt: dict[str, Any]
) -> None:
    body = shown(STORY[0])
    body["stated"][0] |= spoilt
    answer = await desk.post(PATH, body, role="interface")
    assert answer.status_code == 422
    assert "M1" not in answer.text


@pytest.mark.parametrize(("by", "frame"), [({"hx-request": "true"}, False), ({}, True)], ids=["part", "page"])
async def test_the_part_for_intake_s_page_is_in_words(desk: Desk, by: dict[str, str], *, frame: bool) -> None:
    await desk.feed.bring(STORY[0])
    session = token("interface")
    desk.client.cookies.set(COOKIE, session)
    fields = {"form_token": token_of(session), "stated": json.dumps(shown(STORY[1]), default=str)}
    page = await desk.client.post(PAGE, data=fields, headers=by)
    assert page.status_code == 200, page.text
    assert "A bill changes: inpatient, " in page.text
    assert ("<html" in page.text) == frame
    assert (await desk.client.post(PAGE, data={**fields, "form_token": "x"}, headers=by)).status_code == 403
    assert (await desk.client.post(PAGE, data={**fields, "stated": "{"}, headers=by)).status_code == 400
    desk.client.cookies.clear()
