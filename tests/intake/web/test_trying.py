"""A message is tried, or read again: what would come of it is shown, and stored only where a second act says so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from services.intake.console import reading_again
from services.intake.hl7.acknowledgements import Outcome
from services.intake.hl7.model import Fault
from services.intake.receiving.read import Received
from services.intake.receiving.receive import Intake
from shared.run import ServiceProcess
from shared.scope import EVERYTHING, Scope
from shared.site.config import Site
from shared.storage.database import Database
from tests.answers import client_of
from tests.intake.conftest import NOW, Hospital
from tests.intake.web.conftest import Asking

ER7 = {"content-type": "x-application/hl7-v2+er7"}
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"


async def contents(database: Database, *, but: tuple[str, ...] = ("audit",)) -> dict[str, str]:
    """Table → a hash of all its rows."""
    async with database.read() as connection:
        names = [name for name in (await connection.execute(sa.text(TABLES))).scalars() if name not in but]
        rows = "SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {} AS t"
        return {name: (await connection.execute(sa.text(rows.format(name)))).scalar_one() for name in names}


@pytest.fixture
async def door(own: ServiceProcess) -> AsyncIterator[httpx.AsyncClient]:
    """A client of its HTTP side."""
    async with client_of(own.web, "intake", "http://intake") as client:
        yield client


async def tried(door: httpx.AsyncClient, headers: dict[str, str], raw: bytes) -> dict[str, Any]:
    answer = await door.post("/api/messages/try", content=raw, headers=headers | ER7)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_message_that_is_tried_says_its_answer_visit_and_facts_and_stores_nothing(
    door: httpx.AsyncClient, own_intake: Intake, asking: Asking
) -> None:
    hospital = Hospital(own_intake)
    before = await contents(own_intake.database)
    found = await tried(door, asking("interface", "GOODHEALTH"), hospital.message("A01"))
    assert await contents(own_intake.database) == before
    (one,) = found["messages"]
    assert (one["answer"], one["note"], one["known_patient"], one["known_visit"]) == ("AA", "applied", False, False)
    assert one["begun_at"].startswith("2026-03-10")
    assert [(each["change"], each["type"]) for each in found["facts"]] == [("stated", "admitted")]
    await hospital.tells("A01", unit="3W")
    after = await contents(own_intake.database)
    found = await tried(door, asking("interface"), hospital.message("A11", "20260311100000"))
    assert [(each["change"], each["type"]) for each in found["facts"]] == [("taken-back", "admitted")]
    assert [(each["before"], each["note"]) for each in found["others"]] == [("applied", "taken-back")]
    assert found["messages"][0]["known_visit"] is True
    assert await contents(own_intake.database) == after


@pytest.mark.parametrize(
    ("trigger", "changes", "told"),
    [
        ("A03", {"visit": "V9"}, {"answer": "AA", "note": "waiting", "waits_for": "beginning"}),
        ("A01", {"unit": "NEWWING"}, {"answer": "AA", "note": "unmapped", "waits_for": "unit"}),
        ("A01", {"pv1": {44: "soon"}}, {"answer": "AE", "note": "error", "code": 102, "location": "PV1-44"}),
        ("A01", {"msh11": "D"}, {"answer": "AR", "note": "refused", "code": 202, "location": "MSH-11"}),
    ],
)
async def test_what_a_door_would_answer_is_what_a_trial_says(
    door: httpx.AsyncClient, own_intake: Intake, asking: Asking, trigger: str, changes: Any, told: dict[str, Any]
) -> None:
    hospital = Hospital(own_intake)
    raw = hospital.message(trigger, **changes)
    before = await contents(own_intake.database)
    (one,) = (await tried(door, asking("interface"), raw))["messages"]
    assert {name: one.get(name) for name in told} == told
    assert await contents(own_intake.database) == before
    assert (await hospital.says(raw))[0].code == told["answer"]


async def test_the_same_message_comes_to_the_same_as_its_trial_said(
    door: httpx.AsyncClient, own_intake: Intake, asking: Asking
) -> None:
    hospital = Hospital(own_intake)
    story = [
        hospital.message("A03", "20260312100000"),
        hospital.message("A01"),
        hospital.message("A02", "20260311100000", unit="PHP1"),
        hospital.message("A12", "20260311110000", unit="3W"),
        hospital.message("A13", "20260312110000"),
    ]
    for raw in story:
        standing = await hospital.standing()
        found = await tried(door, asking("interface"), raw)
        await hospital.says(raw)
        now = await hospital.standing()
        said = {(each["type"], each["occurred_at"][:10]) for each in found["facts"] if each["change"] != "taken-back"}
        gone = {(each["type"], each["occurred_at"][:10]) for each in found["facts"] if each["change"] == "taken-back"}
        assert now - standing <= said
        assert standing - now <= gone | said
        note = (await hospital.notes())[-1]
        assert note[1:] == (found["messages"][0]["note"], found["messages"][0].get("reason"))


async def test_nobody_tries_a_message_of_another_facility(
    door: httpx.AsyncClient, own_intake: Intake, asking: Asking
) -> None:
    raw = Hospital(own_intake).message("A01")
    for headers in (asking("interface", "RIVERBEND"), asking("coordinator", "GOODHEALTH"), asking("hospital")):
        assert (await door.post("/api/messages/try", content=raw, headers=headers | ER7)).status_code == 403


async def changed(intake: Intake, **facility: Any) -> Intake:
    """The same intake after the first facility of its site config was changed."""
    first, *rest = intake.site.facilities
    site = intake.site.model_copy(update={"facilities": (first.model_copy(update=facility), *rest)})
    return replace(intake, site=Site.model_validate(site.model_dump(by_alias=True)))


async def test_a_message_of_another_zone_is_read_again_as_it_was_shown(own_intake: Intake) -> None:
    hospital = Hospital(own_intake)
    await hospital.says(hospital.message("A01"), hospital.message("A03", "20260312100000"))
    later = await changed(own_intake, zone="America/Los_Angeles")
    [(end,)] = (await hospital.rows("message_id"))[1:]
    before = await contents(own_intake.database, but=())
    shown = await reading_again.preview(later, end, EVERYTHING)
    assert await contents(own_intake.database, but=()) == before
    assert shown
    assert {"occurred", "discharged", "stated_at"} <= set(shown.fields)
    assert [(each.change, each.type) for each in shown.changes.facts] == [("replaced", "discharged")]
    async with later.database.begin() as connection:
        done = await reading_again.apply(connection, later, end, EVERYTHING)
    assert done
    assert done.digest == shown.digest
    assert [each.name for each in shown.stated] == ["discharged"]
    assert [(each.name, each.sequence) for each in shown.stated] == [(each.name, each.sequence) for each in done.stated]
    discharged = [fact.as_json["occurred_at"] for fact in await hospital.facts() if fact.name == "discharged"]
    assert discharged == ["2026-03-12T10:00:00-04:00", "2026-03-12T10:00:00-07:00"]
    again = await reading_again.preview(later, end, EVERYTHING)
    assert again
    assert not again.anything


async def as_refused(intake: Intake, hospital: Hospital) -> tuple[bytes, Intake]:
    """A message for trying, at a site that does not take these; and the site after it does."""
    raw = hospital.message("A01", msh11="D")
    assert (await hospital.says(raw))[0].code == "AR"
    return raw, await changed(intake, processing_ids=("P", "T", "D"))


async def as_wrong(intake: Intake, hospital: Hospital) -> tuple[bytes, Intake]:
    """A message that an older parser did not understand."""
    raw = hospital.message("A01")
    (inbound,) = intake.messages_of(Received(raw, "mllp", NOW))
    inbound.adt = inbound.said = inbound.values = None
    inbound.answer(Outcome("AE", Fault(102, "PV1", 44, "this is no time")))
    assert (await intake.receive([[inbound]]))[0].code == "AE"
    return raw, intake


@pytest.mark.parametrize(("story", "answer"), [(as_refused, "AR"), (as_wrong, "AE")])
async def test_what_was_refused_or_wrong_is_taken_in_once_it_is_understood(
    own_intake: Intake, story: Any, answer: str
) -> None:
    hospital = Hospital(own_intake)
    raw, later = await story(own_intake, hospital)
    query = sa.text("SELECT message_id FROM messages UNION ALL SELECT message_id FROM refused_messages")
    async with own_intake.database.read() as connection:
        message_id = (await connection.execute(query)).scalar_one()
    shown = await reading_again.preview(later, message_id, EVERYTHING)
    assert shown
    assert (shown.before, shown.answer, [each.type for each in shown.changes.facts]) == (answer, "AA", ["admitted"])
    assert await reading_again.preview(later, message_id, Scope(frozenset({"RIVERBEND"}))) is None
    async with later.database.begin() as connection:
        await reading_again.apply(connection, later, message_id, EVERYTHING)
    assert await hospital.names() == ["admitted"]
    assert (await later.receive([later.messages_of(Received(raw, "mllp", NOW))]))[0].code == "AA"
    assert await hospital.names() == ["admitted"]


async def test_the_second_act_applies_what_was_shown_or_nothing(
    door: httpx.AsyncClient, own_intake: Intake, asking: Asking
) -> None:
    hospital = Hospital(own_intake)
    await hospital.tells("A01")
    [(message_id,)] = await hospital.rows("message_id")
    old = "UPDATE messages SET said = replace(convert_from(said, 'UTF8'), '3W', 'RES')::bytea"
    async with own_intake.database.begin() as connection:  # as an older parser might have read it
        await connection.execute(sa.text(old))
    address = f"/api/messages/{message_id}/read-again"
    shown = (await door.get(address, headers=asking("interface"))).json()
    assert (shown["fields"], shown["changes"]) == (["location"], True)
    assert shown["stated"] == [], "the facts that stand are those of what it says"
    wrong = await door.post(address, json={"expected": "0" * 16}, headers=asking("interface"))
    assert wrong.status_code == 409
    assert (
        await door.post(address, json={"expected": shown["digest"]}, headers=asking("coordinator"))
    ).status_code == 403
    done = await door.post(address, json={"expected": shown["digest"]}, headers=asking("interface", subject="ines"))
    assert (done.status_code, done.json()["digest"]) == (200, shown["digest"])
    assert (await door.get(address, headers=asking("interface"))).json()["changes"] is False
    query = sa.text("SELECT actor FROM audit WHERE action = 'message-read-again'")
    async with own_intake.database.read() as connection:
        assert list((await connection.execute(query)).scalars()) == ["ines"]
