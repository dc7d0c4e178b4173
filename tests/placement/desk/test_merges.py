"""Two patients become one, and two again: searches, offers, seats, stays, bills and lists of both (contract 3.6 rule
11)."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from services.placement.checks import broken
from services.placement.rules import Rules
from services.placement.tables import entries, seats
from tests.builders import ELSEWHERE, admitted, discharged, fact, merged, referred
from tests.placement.desk.conftest import Desk
from tests.placement.merging import Intake

IN, OUT = admitted("2026-05-01 10:00"), discharged("2026-05-04 07:00")
R, S = "R", "S"


@pytest.fixture
def intake() -> Intake:
    return Intake()


async def bring(desk: Desk, *facts: Any) -> None:
    """Each in a batch of its own, as two partitions may bring them."""
    for one in facts:
        await desk.feed.bring(one)


async def whole(desk: Desk, rules: Rules) -> None:
    """Nothing that `verify` checks is broken."""
    found = [one async for one in broken(desk.feed.database, rules)]
    assert [str(one) for one in found if one.subject != "outbox"] == []


async def seats_of(desk: Desk) -> dict[str, list[str]]:
    async with desk.feed.database.read() as connection:
        found: dict[str, list[str]] = {}
        for row in (await connection.execute(sa.select(seats))).all():
            found.setdefault(row.episode_id, []).append(row.program)
    return found


async def lines_of(desk: Desk) -> dict[str, list[tuple[str, str]]]:
    async with desk.feed.database.read() as connection:
        found: dict[str, list[tuple[str, str]]] = {}
        for row in (await connection.execute(sa.select(entries).order_by(entries.c.kind, entries.c.id))).all():
            found.setdefault(row.episode_id, []).append((row.kind, row.state))
    return found


async def state_of(desk: Desk, episode: str) -> dict[str, Any]:
    """The episode's last document."""
    told = [one for one in await desk.feed.sent("care.episodes") if one.key == episode]
    return told[-1].value


async def test_a_search_its_offers_and_its_seat_go_with_the_patient(desk: Desk, intake: Intake, rules: Rules) -> None:
    await bring(desk, *intake.stays(R, IN, OUT))
    placement = await desk.places(R)
    before = await lines_of(desk)
    sent = (await desk.said()).count("offer-sent")
    await bring(desk, *intake.merges(R, S))
    assert await seats_of(desk) == {S: ["GH-PHP1"]}
    assert await lines_of(desk) == {S: before[R]}
    [placed] = await desk.listed("placements", episode_id=S)
    assert placed["placement_id"] == placement
    assert (await desk.said()).count("offer-sent") == sent + 1, "the copy alone"
    assert (await desk.feed.row(R)).state == "closed"
    await whole(desk, rules)


async def test_a_merge_that_is_taken_back_gives_all_back(desk: Desk, intake: Intake, rules: Rules) -> None:
    await bring(desk, *intake.stays(R, IN, OUT), *intake.stays(S, admitted("2026-05-02 10:00", visit="V2")))
    await desk.places(R)
    before = (await lines_of(desk), await seats_of(desk), await desk.feed.billed(R), await desk.feed.billed(S))
    await bring(desk, *intake.merges(R, S))
    assert len(await desk.feed.billed(S)) == 2
    assert await desk.feed.billed(R) == []
    await whole(desk, rules)
    await bring(desk, *intake.unmerges(R, S))
    assert (await lines_of(desk), await seats_of(desk), await desk.feed.billed(R), await desk.feed.billed(S)) == before
    await whole(desk, rules)


async def test_a_search_that_the_merge_closed_goes_on_with_its_offer_once_it_is_taken_back(
    desk: Desk, intake: Intake, rules: Rules
) -> None:
    await bring(desk, *intake.stays(S, IN, discharged("2026-05-03 07:00")))
    await desk.offers(S, "GH-PHP1")
    await bring(desk, *intake.stays(R, admitted("2026-05-03 12:00", visit="V2")))
    before = await lines_of(desk)
    await bring(desk, *intake.merges(R, S))
    assert [state for kind, state in (await lines_of(desk))[S] if kind == "search"] == ["closed"]
    await bring(desk, *intake.unmerges(R, S))
    assert await lines_of(desk) == before
    await whole(desk, rules)


async def test_of_two_open_searches_the_later_discharge_s_stays(desk: Desk, intake: Intake, rules: Rules) -> None:
    await bring(desk, *intake.stays(S, IN, discharged("2026-05-03 07:00")))
    await desk.offers(S, "GH-PHP1")
    await bring(
        desk, *intake.stays(R, admitted("2026-05-03 10:00", visit="V2"), discharged("2026-05-04 07:00", visit="V2"))
    )
    before = await lines_of(desk)
    await bring(desk, *intake.merges(R, S))
    assert sorted(state for kind, state in (await lines_of(desk))[S] if kind == "search") == ["closed", "open"]
    await whole(desk, rules)
    await bring(desk, *intake.unmerges(R, S))
    assert await lines_of(desk) == before


async def test_two_open_hospital_stays_of_one_patient_are_a_conflict(desk: Desk, intake: Intake, rules: Rules) -> None:
    await bring(desk, *intake.stays(S, IN), *intake.stays(R, admitted("2026-05-02 10:00", visit="V2")))
    await bring(desk, *intake.merges(R, S))
    [conflict] = await desk.listed("conflicts", episode_id=S)
    assert conflict["kind"] == "two-24-hour-stays"
    await bring(desk, *intake.unmerges(R, S))
    assert [one for one in await desk.listed("conflicts", episode_id=S) if one["state"] == "open"] == []
    await whole(desk, rules)


async def test_what_was_said_of_the_retired_patient_s_search_goes_back_with_it(
    desk: Desk, intake: Intake, rules: Rules
) -> None:
    await bring(desk, *intake.stays(R, IN, OUT), *intake.stays(S, referred("2026-05-01 09:00")))
    await bring(desk, *intake.merges(R, S))
    placement = await desk.places(S)
    await bring(desk, *intake.unmerges(R, S))
    [placed] = await desk.listed("placements", episode_id=R)
    assert (placed["placement_id"], await seats_of(desk)) == (placement, {R: ["GH-PHP1"]})
    assert await desk.listed("placements", episode_id=S) == []
    await whole(desk, rules)


async def test_a_period_of_the_survivor_names_the_one_whose_place_it_takes(desk: Desk, intake: Intake) -> None:
    await bring(desk, *intake.stays(R, IN, OUT), *intake.merges(R, S))
    told = await desk.feed.sent("billing.service-periods")
    first = next(one for one in told if one.value["episode_id"] == R)
    voided = [one for one in told if one.headers["ce_type"] == "billing.service-period-voided.v1"]
    opened = next(one for one in told if one.value["episode_id"] == S)
    assert [one.value["period_id"] for one in voided] == [first.value["period_id"]]
    assert opened.value["supersedes"] == first.value["period_id"]
    assert opened.value["period_id"] != first.value["period_id"]


async def test_nobody_acts_on_a_record_that_is_another_patient_s(desk: Desk, intake: Intake) -> None:
    await bring(desk, *intake.stays(R, IN, OUT), *intake.merges(R, S))
    body = {"episode_id": R, "programs": ["GH-PHP1"], "start_date": "2026-05-06"}
    answer = await desk.post("/api/offers", body)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:stepdown:problem:merged")
    assert answer.json()["possible"] == [S]


async def test_a_fact_that_comes_late_on_the_retired_patient_counts_with_the_survivor(
    desk: Desk, intake: Intake, rules: Rules
) -> None:
    await bring(desk, *intake.stays(R, IN), *intake.merges(R, S))
    await bring(desk, *intake.stays(R, OUT), *intake.copies(R, S))
    assert [(one["search"], one["state"]) for one in [await state_of(desk, S)]] == [("open", "between")]
    await whole(desk, rules)


async def test_verify_names_a_copy_that_is_not_there(desk: Desk, intake: Intake, rules: Rules) -> None:
    await bring(desk, *intake.stays(R, IN, OUT))
    await desk.places(R)
    await bring(desk, *intake.merges(R, S))
    lost = "UPDATE facts SET copy_of = {} WHERE copy_of = {} AND type = 'care.placed.v1'"
    [placed] = [one.ce_id for one in await desk.feed.kept(R) if one.type == "care.placed.v1"]
    for now, then, wrong in (("'nobody'", f"'{placed}'", True), (f"'{placed}'", "'nobody'", False)):
        async with desk.feed.database.begin() as connection:
            await connection.execute(sa.text(lost.format(now, then)))
        found = [str(one) async for one in broken(desk.feed.database, rules)]
        assert ("episode S: its copies are not what stands in R, which was merged into it" in found) is wrong


async def test_a_link_over_two_facilities_leaves_both_bills_byte_equal(desk: Desk, intake: Intake) -> None:
    theirs = admitted("2026-05-02 10:00", visit="RB-1", facility=ELSEWHERE)
    await bring(desk, *intake.stays(R, IN, OUT), *intake.stays(S, theirs))
    before = [(one.key, one.fact.body) for one in await desk.feed.sent("billing.periods")]
    ids = ["patient-of-R", "patient-of-S"]
    for episode, facility in ((R, "GOODHEALTH"), (S, ELSEWHERE)):
        for name in ("patients-linked", "patients-unlinked"):
            link = fact(name, episode=episode, facility=facility, patient_ids=ids)
            await bring(desk, *intake.says(link))
    assert [(one.key, one.fact.body) for one in await desk.feed.sent("billing.periods")] == before


async def test_a_merge_of_one_hospital_closes_no_record_of_another(desk: Desk, intake: Intake, rules: Rules) -> None:
    theirs = admitted("2026-05-05 10:00", visit="RB-1", facility=ELSEWHERE)
    mine = intake.stays(R, IN, OUT)
    merge = intake.says(merged(S, episode=R, patient_id="patient-of-R"))
    copies = intake.copies(R, S)
    await bring(desk, *mine, *merge, *copies, *intake.stays(R, theirs))
    left = await state_of(desk, R)
    assert ([one["id"] for one in left["stays"]], left["state"]) == (["RB-1"], "active")
    assert [(one["facility"], one["episode_id"]) for one in left["merged_into"]] == [("GOODHEALTH", S)]
    assert [one["id"] for one in (await state_of(desk, S))["stays"]] == ["V1"]
    assert [len(await desk.feed.billed(one)) for one in (R, S)] == [1, 1]
    await whole(desk, rules)
