"""A visit that was opened, and of which nothing is heard for the site's days, is listed; nothing closes it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY

from services.intake import gauges
from services.intake.console.hanging import _PAGE, FIRST, HangingVisit, _bounds, hanging, tally
from services.intake.receiving.read import Received
from services.intake.receiving.receive import Intake
from services.intake.tables import visits
from shared.clock import SetClock
from shared.scope import EVERYTHING, Scope
from shared.site.values import HangingAfter
from shared.storage.statements import rows
from tests.intake.conftest import NOW, Hospital


def later(intake: Intake, days: float) -> Intake:
    """The same intake so many days later."""
    return replace(intake, clock=SetClock(NOW + timedelta(days=days)))


async def those_of(intake: Intake, scope: Scope = EVERYTHING) -> list[HangingVisit]:
    """What hangs now, and that as many are counted."""
    async with intake.database.read() as connection:
        found = await hanging(connection, intake.site, intake.clock(), scope, after=FIRST, most=50)
        total, _ = await tally(connection, intake.site, intake.clock(), scope, FIRST)
    assert total == len(found)
    return found


@pytest.mark.parametrize(
    ("told", "open_as", "days"),
    [
        ([("A01", {"unit": "3W"})], "inpatient", 14),
        ([("A04", {"unit": "ED", "pv1": {2: "E"}})], "emergency", 3),
        ([("A04", {"unit": "OBS", "pv1": {2: "O"}})], "observation", 3),
        ([("A01", {"unit": "3W"}), ("A02", {"unit": "RES"})], "residential", 45),
        ([("A01", {"unit": "3W"}), ("A03", {}), ("A13", {})], "inpatient", 14),
    ],
)
async def test_a_visit_hangs_after_the_days_of_what_it_is_open_as(
    own_intake: Intake, told: list[tuple[str, dict[str, Any]]], open_as: str, days: int
) -> None:
    hospital = Hospital(own_intake)
    for nth, (trigger, more) in enumerate(told):
        assert await hospital.tells(trigger, f"2026031009{nth:02}00", **more) == "AA"
    assert await those_of(later(own_intake, days - 0.1)) == []
    [one] = await those_of(later(own_intake, days + 0.1))
    [*_, (last,)] = await hospital.rows("message_id")
    assert (one.open_as, one.message_id, one.trigger) == (open_as, last, told[-1][0])
    assert one.heard_at == NOW


@pytest.mark.parametrize("after", [[("A03", {})], [("A11", {})]])
async def test_one_that_ended_or_was_taken_back_does_not(
    own_intake: Intake, after: list[tuple[str, dict[str, Any]]]
) -> None:
    hospital = Hospital(own_intake)
    for trigger, more in [("A01", {}), *after]:
        assert await hospital.tells(trigger, "20260310100000", **more) == "AA"
    assert await those_of(later(own_intake, 400)) == []


async def test_one_that_has_not_begun_does_not(own_intake: Intake) -> None:
    assert await Hospital(own_intake).tells("A05", "20260310090000", pv1={2: "P"}) == "AA"
    assert await Hospital(own_intake).tells("A08", "20260310090000") == "AA"
    assert await those_of(later(own_intake, 400)) == []


@pytest.mark.parametrize("update", ["the same again", "says something new"])
async def test_the_next_message_takes_it_off_by_itself_and_closes_nothing(own_intake: Intake, update: str) -> None:
    hospital = Hospital(own_intake)
    for at in ("20260310090000", "20260310090100", "20260310090200"):
        assert await hospital.tells("A01" if at.endswith("0000") else "A08", at) == "AA"
    after = later(own_intake, 20)
    assert len(await those_of(after)) == 1
    stated = await hospital.names()
    told = Hospital(after)
    told.mrn = hospital.mrn
    pv1 = {3: "3W^102^A"} if update == "says something new" else {}
    raw = told.message("A08", "20260310090300", pv1=pv1)
    [answer] = await after.receive([after.messages_of(Received(raw, "mllp", after.clock()))])
    assert answer.code == "AA"
    assert await those_of(after) == []
    assert [one.open_as for one in await those_of(later(own_intake, 40))] == ["inpatient"]
    assert set(stated) <= set(await hospital.names())
    assert "discharged" not in await hospital.names()


async def test_the_longest_unheard_comes_first_page_by_page_and_in_scope(own_intake: Intake) -> None:
    for _ in range(3):
        assert await Hospital(own_intake).tells("A01") == "AA"
    after = later(own_intake, 30)
    every = await those_of(after)
    assert [one.place for one in every] == sorted(one.place for one in every)
    async with after.database.read() as connection:
        args = (connection, after.site, after.clock(), EVERYTHING)
        assert await hanging(*args, after=every[0].place, most=1) == every[1:2]
        assert await tally(*args, every[0].place) == (3, 1)
    assert await those_of(after, Scope(frozenset({"RIVERBEND"}))) == []
    assert len(await those_of(after, Scope(frozenset({"GOODHEALTH"})))) == 3


async def test_the_site_says_after_how_many_days_and_its_version_stays(own_intake: Intake) -> None:
    await Hospital(own_intake).tells("A01")
    site = own_intake.site.model_copy(update={"hanging_after": HangingAfter(days=2)})
    assert site.version == own_intake.site.version
    patient = replace(later(own_intake, 2.5), site=site)
    assert len(await those_of(patient)) == 1
    assert await those_of(later(own_intake, 2.5)) == []


def test_what_changes_with_each_message_of_a_visit_is_in_no_index() -> None:
    """Else each message writes all indexes of its visit anew."""
    indexed = {column.name for index in visits.indexes for column in index.columns}
    assert indexed & {"last_message", "quiet_until"} == set()
    assert "heard" in indexed, "changes every five hours at most"


async def test_metrics_have_how_many_hang_by_facility(own_intake: Intake) -> None:
    def number(facility: str) -> float | None:
        return REGISTRY.get_sample_value("stepdown_visits_hanging", {"facility": facility})

    await Hospital(own_intake).tells("A01")
    for days, expected in ((30, 1.0), (1, 0.0)):
        at = later(own_intake, days)
        async with at.database.read() as connection:
            await gauges.tell_hanging(connection, at)
        assert number("GOODHEALTH") == expected
        assert number("RIVERBEND") == 0.0


async def test_they_are_found_by_the_index(own_intake: Intake) -> None:
    given = (*_bounds(own_intake.site, NOW), None, *FIRST, 50)
    async with own_intake.database.begin() as connection:
        for kind in ("seqscan", "bitmapscan", "hashjoin", "mergejoin"):
            await rows(connection, f"SET LOCAL enable_{kind} = off")
        plan = "\n".join(line[0] for line in await rows(connection, f"EXPLAIN {_PAGE}", *given))
    assert "using visits_open" in plan, plan
    assert "last_message < w.before" in plan.replace("((v.", "").replace("v.", ""), plan
