"""Somebody is on it: an entry of a list is taken, handed on, given back, snoozed, over the API and on the page."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa

from bench.statements import counted
from shared.clock import SetClock
from shared.storage.database import Database
from shared.storage.tables import audit, refusals
from tests.browsing import Browser
from tests.placement.desk.conftest import Desk, token
from tests.placement.desk.test_tables import patients

LIST = "/api/worklists/searches-open"


@pytest.fixture
async def searches(desk: Desk) -> dict[str, str]:
    """Episode → its search; two patients left the ward at one facility, and one at another."""
    await desk.leaves_the_ward("E1", "E2")
    await desk.leaves_the_ward("E3", facility="RIVERBEND")
    return {episode: (await desk.search(episode))["search_id"] for episode in ("E1", "E2", "E3")}


async def rows_of(desk: Desk) -> dict[str, dict[str, Any]]:
    return {one["episode_id"]: one for one in (await desk.get(LIST)).json()["items"]}


async def many(browser: Browser, do: str, *ids: str, **fields: str) -> Any:
    """Tick these rows of the searches, and press a button of the bar."""
    page = await browser.open("/", list="searches-open")
    form = page.frame["Take"]
    return await browser.send(page, form, do=do, **{f"row.{each}": "1" for each in ids}, **fields)


async def test_who_takes_an_entry_has_it_and_the_list_says_since_when(desk: Desk, searches: dict[str, str]) -> None:
    answer = await desk.post(f"{LIST}/{searches['E1']}/taken")
    assert answer.status_code == 200, answer.text
    now = desk.clock().isoformat()
    assert answer.json() == {"id": searches["E1"], "taken_by": "a-coordinator", "taken_at": now}
    found = await rows_of(desk)
    assert (found["E1"]["taken_by"], found["E1"]["taken_at"]) == ("a-coordinator", now)
    assert "taken_by" not in found["E2"]
    assert (await desk.post(f"{LIST}/{searches['E1']}/given-back")).json() == {"id": searches["E1"]}
    assert "taken_by" not in (await rows_of(desk))["E1"]
    again = await desk.post(f"{LIST}/{searches['E1']}/given-back")
    assert (again.status_code, again.json()["detail"]) == (409, "nobody has it")


async def test_of_two_who_take_it_at_once_one_has_it_and_the_other_is_told_who(
    desk: Desk, searches: dict[str, str], database: Database
) -> None:
    at = f"{LIST}/{searches['E1']}/taken"
    both = await asyncio.gather(desk.post(at, role="coordinator"), desk.post(at, role="clinician"))
    assert sorted(each.status_code for each in both) == [200, 409]
    [winner] = [each.json()["taken_by"] for each in both if each.status_code == 200]
    [told] = [each.json()["detail"] for each in both if each.status_code == 409]
    assert told == f"{winner} has it since Mon 4 May, 08:00 EDT"
    async with database.read() as connection:
        [refused] = (await connection.execute(sa.select(refusals.c.action, refusals.c.code))).all()
        acts = (await connection.execute(sa.select(audit.c.actor).where(audit.c.action == "entry-taken"))).all()
    assert tuple(refused) == ("entry-taken", "taken")
    assert acts == [(winner,)]


async def test_it_is_handed_to_a_colleague_who_may_see_it_and_to_nobody_else(
    desk: Desk, searches: dict[str, str]
) -> None:
    await desk.post(f"{LIST}/{searches['E3']}/taken", role="clinician", facilities=("RIVERBEND",))
    await desk.post(f"{LIST}/{searches['E3']}/given-back", role="clinician", facilities=("RIVERBEND",))
    hand = {"to": "a-clinician"}
    other = await desk.post(f"{LIST}/{searches['E1']}/taken", hand)
    assert (other.status_code, other.json()["type"].rpartition(":")[2]) == (409, "no-such-colleague")
    assert (await desk.post(f"{LIST}/{searches['E1']}/taken", {"to": "a-stranger"})).status_code == 409
    assert (await desk.post(f"{LIST}/{searches['E3']}/taken", hand)).json()["taken_by"] == "a-clinician"
    refused = await desk.post(f"{LIST}/{searches['E3']}/given-back", role="billing")
    assert refused.status_code == 409, "a coordinator may give back for another, others may not"
    assert (await desk.post(f"{LIST}/{searches['E3']}/given-back")).status_code == 200


async def test_who_may_not_see_an_entry_neither_sees_nor_takes_it(desk: Desk, searches: dict[str, str]) -> None:
    await desk.post(f"{LIST}/{searches['E1']}/taken")
    elsewhere = ("RIVERBEND",)
    for act, body in (("taken", {}), ("given-back", {}), ("woken", {}), ("snoozed", SNOOZE)):
        answer = await desk.post(f"{LIST}/{searches['E1']}/{act}", body, facilities=elsewhere)
        assert answer.status_code == 404
    assert "a-coordinator" not in (await desk.get(LIST, facilities=elsewhere)).text
    assert (await desk.post(f"{LIST}/{searches['E1']}/taken", role="auditor")).status_code == 403
    assert (await desk.post(f"/api/worklists/nothing/{searches['E1']}/taken")).status_code == 404
    assert (await desk.post(f"/api/worklists/offers/{searches['E1']}/taken")).status_code == 404


SNOOZE = {"until": "2026-05-06", "reason": "waiting-for-family"}


async def test_an_entry_is_nobody_s_again_once_its_state_has_changed(desk: Desk, searches: dict[str, str]) -> None:
    [offer] = await desk.offers("E1", "GH-PHP1")
    assert (await desk.post(f"/api/worklists/offers/{offer}/taken")).status_code == 200
    assert (await desk.listed("offers"))[0]["taken_by"] == "a-coordinator"
    await desk.post(f"/api/offers/{offer}/countered", {"start_date": "2026-05-08", "reason": "staffing"})
    [line] = await desk.listed("offers")
    assert (line["state"], line.get("taken_by")) == ("countered", None)
    assert (await desk.post(f"/api/worklists/countered/{offer}/taken", role="program")).status_code == 200
    assert searches


@pytest.mark.usefixtures("searches")
async def test_what_is_snoozed_leaves_the_list_until_its_day_and_the_counts_with_it(
    nobody: Browser, desk: Desk, searches: dict[str, str], clock: SetClock
) -> None:
    answer = await desk.post(f"{LIST}/{searches['E1']}/snoozed", SNOOZE)
    assert answer.json() == {
        "id": searches["E1"], "snoozed_until": "2026-05-06T04:00:00+00:00", "snooze_reason": "waiting-for-family",
    }  # fmt: skip
    await nobody.enter(token("coordinator"))
    page = await nobody.open("/", list="searches-open")
    assert sorted(patients(page)) == ["E2", "E3"]
    assert '>To be placed <span class="n"><span class="count">2<' in page.text
    out = await nobody.open("/", list="searches-open", snoozed="yes")
    assert patients(out) == ["E1"]
    assert "<title>To be placed (1)" in out.text
    assert "snoozed until Wed 6 May" in out.cells("E1" if "E1" in out.text else "")["who"]
    assert "waiting for the family" in out.cells("snoozed until")["who"]
    clock.at = datetime.fromisoformat("2026-05-06T00:00:00-04:00")
    assert "E1" in patients(await nobody.open("/", list="searches-open"))
    assert "snoozed_until" not in (await rows_of(desk))["E1"]


@pytest.mark.parametrize("until", ["2026-05-04", "2026-05-03", "2026-09-01", "soon"])
async def test_a_snooze_is_for_a_day_that_comes_and_is_not_far_off(
    desk: Desk, searches: dict[str, str], until: str
) -> None:
    answer = await desk.post(f"{LIST}/{searches['E1']}/snoozed", SNOOZE | {"until": until})
    assert (answer.status_code, answer.json()["fields"][0]["field"]) == (422, "until")
    words = await desk.post(f"{LIST}/{searches['E1']}/snoozed", SNOOZE | {"reason": "her mother calls"})
    assert words.status_code == 422
    assert "mother" not in words.text


async def test_a_snoozed_entry_is_woken(desk: Desk, searches: dict[str, str]) -> None:
    await desk.post(f"{LIST}/{searches['E1']}/snoozed", SNOOZE)
    assert (await desk.post(f"{LIST}/{searches['E1']}/woken")).json() == {"id": searches["E1"]}
    assert (await desk.post(f"{LIST}/{searches['E1']}/woken")).status_code == 409


async def test_mine_and_what_nobody_has_are_filters_and_the_counts_agree(
    nobody: Browser, desk: Desk, searches: dict[str, str]
) -> None:
    await desk.post(f"{LIST}/{searches['E1']}/taken")
    await desk.post(f"{LIST}/{searches['E2']}/taken", role="clinician")
    await nobody.enter(token("coordinator"))
    for name, there in (("mine", ["E1"]), ("unassigned", ["E3"])):
        page = await nobody.open("/", list="searches-open", **{name: "yes"})
        assert patients(page) == there
        assert f"<title>To be placed ({len(there)})" in page.text
        assert '>To be placed <span class="n"><span class="count">3<' in page.text
    whole = await nobody.open("/", list="searches-open")
    assert "you since Mon 4 May, 08:00 EDT" in whole.text.replace("<small>", "").replace("</small>", "") or (
        whole.cells("you")["who"].startswith("you since Mon 4 May, 08:00 EDT")
    )
    assert (await nobody.open("/", list="searches-open", mine="no")).status == 422


async def test_ticked_rows_are_taken_handed_on_and_given_back_at_once(
    nobody: Browser, desk: Desk, searches: dict[str, str]
) -> None:
    await desk.post(f"{LIST}/{searches['E3']}/taken", role="clinician")
    await desk.post(f"{LIST}/{searches['E3']}/given-back", role="clinician")
    await nobody.enter(token("coordinator"))
    page = await many(nobody, "take", searches["E1"], searches["E2"])
    assert page.notice == "Taken: others see that you have it"
    assert page.address == "/?list=searches-open"
    page = await many(nobody, "hand", searches["E2"], to="a-clinician")
    assert page.notice == "Handed on"
    found = await rows_of(desk)
    assert [found[each].get("taken_by") for each in ("E1", "E2", "E3")] == ["a-coordinator", "a-clinician", None]
    assert (await many(nobody, "snooze", searches["E1"], until="2026-05-06", why="other")).notice.startswith("Snoozed")
    assert (await many(nobody, "take")).status == 422
    assert (await many(nobody, f"take:{searches['E3']}", searches["E1"])).status == 200
    assert (await rows_of(desk))["E3"]["taken_by"] == "a-coordinator", "the button of one row is about that row"


async def test_what_cannot_be_done_is_said_row_by_row_and_the_rest_is_done(
    nobody: Browser, desk: Desk, searches: dict[str, str], database: Database
) -> None:
    await desk.post(f"{LIST}/{searches['E1']}/taken", role="clinician")
    await nobody.enter(token("coordinator"))
    page = await many(nobody, "take", *searches.values(), "gone")
    assert page.status == 200
    assert page.notice == "2 are done; these are not:"
    failed = " ".join(page.text.partition('<ul class="notice bad failed">')[2].partition("</ul>")[0].split())
    assert "a-clinician has it since Mon 4 May, 08:00 EDT" in failed
    assert "A row: is not in this list any more" in failed
    assert failed.count("<li>") == 2
    found = await rows_of(desk)
    assert [found[each]["taken_by"] for each in searches] == ["a-clinician", "a-coordinator", "a-coordinator"]
    assert (await many(nobody, "take", searches["E1"])).status == 409
    async with database.read() as connection:
        assert len((await connection.execute(sa.select(refusals))).all()) == 2


async def test_a_list_of_many_taken_asks_the_database_no_more_often(
    nobody: Browser, desk: Desk, searches: dict[str, str], database: Database
) -> None:
    await nobody.enter(token("coordinator"))
    await nobody.open("/", list="searches-open")
    with counted(database) as none:
        await nobody.open("/", list="searches-open")
    await many(nobody, "take", *searches.values())
    with counted(database) as all_taken:
        await nobody.open("/", list="searches-open", mine="yes")
    assert len(all_taken) == len(none)
    assert len([each for each in none if "UNION ALL" in each and "count(*)" in each]) == 1
    assert desk


async def test_the_patient_s_page_says_who_has_an_entry_and_it_is_taken_and_given_back_there(
    nobody: Browser, desk: Desk, searches: dict[str, str]
) -> None:
    await nobody.enter(token("coordinator"))
    here = "/patients/patient-E1"
    page = await nobody.open(here)
    taken = await nobody.send(page, page.forms("recommended after")["Take"], do=f"take:{searches['E1']}")
    assert (taken.address, taken.notice) == (here, "Taken: others see that you have it")
    assert "you have it since" in " ".join(taken.text.replace("</b>", "").split())
    again = await nobody.send(taken, taken.forms("recommended after")["Give back"], do=f"give-back:{searches['E1']}")
    assert again.address == here
    assert "have it" not in again.text.partition('id="waits"')[2]
    await desk.post(f"{LIST}/{searches['E1']}/taken", role="clinician")
    other = await nobody.open(here)
    assert "a-clinician has it" in other.text
    assert {"Take", "Give back"}.isdisjoint(other.forms("recommended after"))
