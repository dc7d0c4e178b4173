"""`patient-died` as it goes out: at any time, by any trigger, with a stay or without, and taken back (rule 13)."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from services.intake.checks import broken
from services.intake.receiving.receive import Intake
from shared.clock import SetClock
from tests.intake.conftest import NOW, Hospital

DIED = "patient-died"


class Feed(Hospital):
    """A patient of whom messages also say PID-29 and PID-30."""

    def message(
        self, trigger: str, at: str = "20260310090000", *, pid: dict[int, str] | None = None, **more: Any
    ) -> bytes:
        """As a hospital says it, with these fields of PID."""
        lines = super().message(trigger, at, **more).decode().split("\r")
        (place,) = [n for n, line in enumerate(lines) if line.startswith("PID|")]
        fields = lines[place].split("|")
        fields += [""] * (31 - len(fields))
        for field, text in (pid or {}).items():
            fields[field] = text
        lines[place] = "|".join(fields)
        return "\r".join(lines).encode()

    async def deaths(self) -> list[tuple[str, str | None]]:
        """(occurred_at, died_at) of the deaths that stand."""
        facts = await self.facts()
        gone = {fact.as_json.get("cancels") or fact.as_json.get("replaces") for fact in facts}
        return [
            (f.as_json["occurred_at"], f.as_json.get("died_at")) for f in facts if f.name == DIED and f.id not in gone
        ]


@pytest.fixture
def feed(intake: Intake) -> Feed:
    """A patient nobody told of before."""
    return Feed(intake)


@pytest.mark.parametrize(
    "trigger", ["A01", "A02", "A03", "A04", "A05", "A06", "A07", "A08", "A11", "A13", "A21", "A28", "A31"]
)
async def test_every_trigger_that_has_a_pid_may_tell_it(feed: Feed, trigger: str) -> None:
    await feed.tells("A01")
    assert await feed.tells(trigger, "20260312100000", pid={29: "202603120320", 30: "Y"}) == "AA"
    assert await feed.deaths() == [("2026-03-12T03:20:00-04:00", "2026-03-12T03:20:00-04:00")]


async def test_a_death_in_the_middle_of_a_stay_leaves_the_stay_open_and_is_taken_back(feed: Feed) -> None:
    await feed.tells("A01")
    await feed.tells("A08", "20260312100000", pid={30: "Y"})
    assert await feed.names() == ["admitted", DIED]
    fact = (await feed.facts())[-1]
    assert fact.as_json["by"] == "message"
    assert not {"stay", "died_at"} & fact.as_json.keys()
    await feed.tells("A08", "20260312110000", pid={30: "Y"})
    assert await feed.names() == ["admitted", DIED]  # told again
    await feed.tells("A08", "20260313100000", pid={30: "N"})
    facts = await feed.facts()
    assert [one.name for one in facts] == ["admitted", DIED, "fact-cancelled"]
    assert (facts[2].as_json["cancels"], facts[2].as_json["cancelled_type"]) == (fact.id, "care.patient-died.v1")
    assert [one.sequence for one in facts] == [1, 2, 3]


async def test_a_time_of_death_told_later_restates_it(feed: Feed) -> None:
    await feed.tells("A01")
    await feed.tells("A08", "20260312100000", pid={30: "Y"})
    await feed.tells("A08", "20260312120000", pid={29: "202603120320", 30: "Y"})
    first, second = [one for one in await feed.facts() if one.name == DIED]
    assert second.as_json["replaces"] == first.id
    assert second.as_json["died_at"] == "2026-03-12T03:20:00-04:00"


STORY: tuple[tuple[str, str, dict[int, str]], ...] = (
    ("A01", "20260310090000", {}),
    ("A08", "20260311100000", {30: "Y"}),
    ("A08", "20260312100000", {30: "N"}),
    ("A31", "20260313100000", {29: "202603130400", 30: "Y"}),
)


@pytest.mark.parametrize("order", list(permutations(range(4))), ids=str)
async def test_any_order_ends_in_the_same_death(feed: Feed, order: tuple[int, ...]) -> None:
    for place in order:
        trigger, at, pid = STORY[place]
        visit = "" if trigger == "A31" else "V1"
        await feed.says(feed.message(trigger, at, pid=pid, visit=visit, control=f"{feed.mrn}{place}"))
    assert await feed.deaths() == [("2026-03-13T04:00:00-04:00", "2026-03-13T04:00:00-04:00")]


async def test_a_death_of_a_patient_without_episode_is_kept_for_the_one_that_begins_later(feed: Feed) -> None:
    await feed.tells("A31", "20260312100000", visit="", pid={30: "Y"})
    assert await feed.names() == []
    await feed.tells("A01")
    assert await feed.names() == ["admitted", DIED]


async def test_each_episode_of_the_patient_is_told(feed: Feed) -> None:
    await feed.tells("A01", "20260101090000", visit="V1")
    await feed.tells("A03", "20260103090000", visit="V1")
    await feed.tells("A01", "20260310090000", visit="V2")
    await feed.tells("A08", "20260312100000", visit="V2", pid={30: "Y"})
    facts = [one for one in await feed.facts() if one.name == DIED]
    assert len({one.subject for one in facts}) == len(facts) == 2


@pytest.mark.parametrize("code", ["20", "40", "41", "42", "EXPIRED"])
async def test_a_disposition_tells_it_and_goes_with_its_discharge(feed: Feed, code: str) -> None:
    await feed.tells("A01")
    await feed.tells("A03", "20260312100000", pv1={36: code})
    assert await feed.names() == ["admitted", "discharged", DIED]
    assert await feed.deaths() == [("2026-03-12T10:00:00-04:00", None)]
    await feed.tells("A13", "20260312110000")
    assert await feed.deaths() == []


async def test_what_the_patient_segment_told_stays_when_the_discharge_is_cancelled(feed: Feed) -> None:
    await feed.tells("A01")
    await feed.tells("A03", "20260312100000", pv1={36: "20"}, pid={30: "Y"})
    await feed.tells("A13", "20260312110000")
    assert len(await feed.deaths()) == 1


async def test_a_corrected_disposition_takes_the_death_back(feed: Feed) -> None:
    await feed.tells("A01")
    await feed.tells("A03", "20260312100000", pv1={36: "20"})
    await feed.tells("A08", "20260312110000", pv1={36: "01"})
    assert await feed.deaths() == []


@pytest.mark.parametrize("trigger", ["A08", "A31"])
async def test_a_death_that_a_disposition_told_is_taken_back_and_the_disposition_means_nothing(
    feed: Feed, trigger: str
) -> None:
    await feed.tells("A01")
    await feed.tells("A03", "20260312100000", pv1={36: "20"})
    await feed.tells(trigger, "20260313100000", visit="" if trigger == "A31" else "V1", pid={30: "N"})
    facts = await feed.facts()
    assert [one.name for one in facts] == ["admitted", "discharged", DIED, "discharged", "fact-cancelled"]
    assert facts[3].as_json["disposition"] == {"code": "20", "kind": "unknown", "patient_status": "20"}
    assert await feed.deaths() == []
    assert [what async for what in broken(feed.intake.database, feed.intake.site) if "sequences" not in str(what)][
        1:
    ] == []


async def test_a_sender_with_a_no_in_every_message_takes_nothing_back_by_it(feed: Feed) -> None:
    await feed.tells("A01", pid={30: "N"})
    await feed.tells("A03", "20260312100000", pv1={36: "20"}, pid={30: "N"})
    await feed.tells("A08", "20260313100000", pid={30: "N"})
    (fact,) = [one for one in await feed.facts() if one.name == DIED]
    assert fact.as_json["contradicted"] is True


async def test_another_facility_takes_nothing_back(feed: Feed) -> None:
    await feed.tells("A01")
    await feed.tells("A08", "20260312100000", pid={30: "Y"})
    other = feed.message("A31", "20260313100000", visit="", pid={30: "N"})
    await feed.says(other.replace(b"|GOODHEALTH|", b"|RIVERBEND|"))
    assert len(await feed.deaths()) == 1


async def test_a_time_of_death_beside_a_no_is_a_death_in_doubt(feed: Feed) -> None:
    await feed.tells("A01")
    await feed.tells("A08", "20260312100000", pid={29: "202603120320", 30: "N"})
    (fact,) = [one for one in await feed.facts() if one.name == DIED]
    assert fact.as_json["contradicted"] is True


async def test_what_comes_in_one_batch_ends_alike(feed: Feed) -> None:
    await feed.says(
        feed.message("A08", "20260312100000", pid={30: "Y"}),
        feed.message("A01"),
        feed.message("A08", "20260313100000", pid={30: "N"}),
    )
    assert await feed.deaths() == []
    assert await feed.names() == ["admitted"]


class NeverTheSame(SetClock):
    """A clock of which two readings are never of the same millisecond."""

    def __call__(self) -> datetime:
        """The time, one millisecond after the last that was told."""
        self.forward(timedelta(milliseconds=1))
        return super().__call__()


async def test_a_stay_and_a_death_of_one_message_are_stated_at_one_time(intake: Intake) -> None:
    """Their ids sort as they were stated, then: a conflict between two facts names them in the order of their ids."""
    feed = Feed(Intake(intake.database, intake.site, intake.seal, NeverTheSame(NOW)))
    await feed.tells("A01", pid={29: "20080825", 30: "Y"})
    facts = await feed.facts()
    assert [one.name for one in facts] == ["admitted", DIED]
    assert len({one.value.recorded_at for one in facts}) == 1
    assert sorted(facts, key=lambda one: one.id) == facts
