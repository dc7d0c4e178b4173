"""Two patients who are one, and two again, on a running system, from the frame to the bill (contract 3.6 rule 11)."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import httpx
import pytest

from shared.site.config import load
from tests.journeys.merging import Did, Names, Pair, a_pair
from tests.journeys.playing import Doors
from tests.servers import quick_folder
from tests.system import System, a_system
from tests.waiting import until
from tools.mllp_client import MllpClient
from tools.stack.access import reach
from tools.verify import verify

pytestmark = [pytest.mark.timeout(300), pytest.mark.slow]  # a system of its own: the other stories fill the programs
_NUMBER = count(1)
ALONE: tuple[Did, ...] = (
    ("survivor", "hospital admits", {"day": -12}),
    ("survivor", "hospital discharges", {"day": -6}),
)
"""What is said of the patient who stays."""
RETIRED: tuple[Did, ...] = (
    ("retired", "hospital admits", {"day": 0}),
    ("retired", "payer authorizes", {
        "payer": "ACME", "level": "php", "units": 20, "from": 7, "to": 60, "number": "A-900"}),
    ("retired", "patient consents", {"to": "valley-clinic", "scope": ["SUD", "PART2"], "from": 0}),
    ("retired", "hospital discharges", {"day": 4}),
    ("retired", "coordinator offers", {"to": ["GH-PHP1"], "start": 7}),
    ("retired", "program accepts", {}),
    ("retired", "program starts", {"day": 7}),
    ("retired", "patient attends", {"days": [7, 8, 9], "group": 240}),
    ("retired", "program completes", {"day": 9}),
)  # fmt: skip
"""What is said of the other one, whose stay is within 30 days of the first one's: of one patient, it were one
episode."""
MISSED = ["FUH-7 until day 1: missed", "FUH-30 until day 24: missed"]
"""What nobody saw to after the survivor's own discharge; a timer says so."""


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A running system on which nobody else plays."""
    with quick_folder(tmp_path_factory.mktemp("merged")) as place, a_system(place / "data") as running:
        yield running


@asynccontextmanager
async def two_patients(system: System) -> AsyncIterator[Pair]:
    """Two patients nobody heard of, each with names and numbers of their own."""
    number = next(_NUMBER)
    host, _, port = system.ready["mllp"].rpartition(":")
    names = Names(f"MP{number:03d}", f"Ashgrove{chr(96 + number)}", f"Bellweather{chr(96 + number)}")
    async with httpx.AsyncClient(timeout=30) as client, MllpClient(host, int(port)) as hospital:
        yield await a_pair(system, Doors(system.ready, client), hospital, names)


async def clean(system: System) -> None:
    """What was promised holds now."""
    reached = reach(system.data)
    report = await verify(reached.urls, reached.settings, load(reached.settings.config))
    assert report.ok, {number: promise.broken for number, promise in report.promises.items() if promise.count}


async def words(pair: Pair) -> dict[str, Any]:
    """What became of both."""
    return {who: await pair.in_words(who) for who in pair.own}


async def ends_as(pair: Pair, wanted: dict[str, Any]) -> None:
    """Wait until both are told so."""
    for who, each in wanted.items():
        await pair.becomes(who, each)


async def test_a_merge_moves_the_whole_record_to_the_survivor_and_taking_it_back_leaves_every_record_as_it_was(
    system: System,
) -> None:
    async with two_patients(system) as pair:
        await pair.play([*ALONE, *RETIRED])
        await pair.becomes("survivor", {"follow-ups": MISSED})
        before, told = await pair.records(), await words(pair)
        await pair.merged()
        await pair.becomes("retired", {"state": "closed", "closings": ["closed, merged"], "periods": []})
        moved = await pair.in_words("survivor")
        for part in ("offers", "authorizations", "used"):
            assert moved[part] == told["retired"][part]
        assert moved["periods"] == [*told["survivor"]["periods"], *told["retired"]["periods"]]
        assert moved["announced"] == ["day 0: readmitted after 6 days", *told["retired"]["announced"]]
        await the_survivor_s_bills_supersede(pair)
        await clean(system)
        await pair.told_apart()
        await ends_as(pair, told)
        await are_again(pair, before)
        await clean(system)


async def are_again(pair: Pair, before: dict[str, Any]) -> None:
    """Wait until every record of both is as it was, but for the note that they were one for a time (`ended_merges`):
    documents come a moment after what they say is told in words."""

    async def records() -> dict[str, Any]:
        return {
            name: {key: value for key, value in told.items() if key != "ended_merges"}
            for name, told in (await pair.records()).items()
        }

    async def so() -> bool:
        return await records() == before

    with contextlib.suppress(AssertionError):
        await until(so)
    now = await records()
    assert now.keys() == before.keys()
    for name, was in before.items():
        both = now[name].keys() | was.keys()
        assert {key: now[name].get(key) for key in both if now[name].get(key) != was.get(key)} == {}, name
    assert now == before


async def the_survivor_s_bills_supersede(pair: Pair) -> None:
    """Each period that was the retired patient's is void, and one of the survivor takes its place."""
    last = await pair.periods()
    void = {one["value"]["period_id"] for one in last if one["type"].endswith("voided.v1")}
    mine = [one["value"] for one in last if one["value"]["episode_id"] == pair.own["survivor"]]
    assert void == {one["supersedes"] for one in mine if one.get("supersedes")}
    assert len(void) == 2


async def test_whenever_the_merge_is_said_both_end_as_one_patient_and_as_two_again_however_it_is_taken_back(
    system: System,
) -> None:
    async with two_patients(system) as pair:
        await pair.play([*ALONE, *RETIRED])
        await pair.becomes("survivor", {"follow-ups": MISSED})
        two = await words(pair)
        await pair.merged()
        one = await pair.in_words("survivor")
    for turn, back in ((3, "told_apart"), (4, "taken_back"), (6, "told_apart"), (8, "taken_back")):
        async with two_patients(system) as pair:
            await pair.play([*ALONE, *RETIRED[:turn]])
            await pair.merged()
            await pair.play(RETIRED[turn:])
            await pair.becomes("survivor", one)
            await clean(system)
            await (pair.told_apart() if back == "told_apart" else pair.taken_back())
            await ends_as(pair, two)
            await clean(system)


async def test_what_is_said_of_the_survivor_alone_while_they_are_one_stays_there(system: System) -> None:
    async with two_patients(system) as pair:
        await pair.play(ALONE)
        await pair.merged()
        await pair.play(RETIRED)
        await pair.told_apart()
        await pair.becomes("retired", {"offers": ["GH-PHP1: accepted"], "authorizations": []})
        await pair.becomes("survivor", {"searches": ["inpatient → php: open"], "offers": [], "seats": []})
        assert (await pair.in_words("survivor"))["authorizations"] == ["A-900: approved"]
        await clean(system)


async def test_a_link_of_two_records_leaves_every_record_of_a_bill_byte_equal(system: System) -> None:
    async with two_patients(system) as pair:
        await pair.play([*ALONE, *RETIRED[:4]])
        before = await pair.billed()
        await pair.linked()
        linked = [fact for fact in await system.facts() if fact.type == "care.patients-linked.v1"]
        assert {fact.subject for fact in linked} >= set(pair.own.values())
        assert await pair.billed() == before
        await clean(system)
