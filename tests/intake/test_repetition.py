"""Feeds send A08 at every touch. One that says what the one before it said is kept and does nothing, and the next
message costs the same however many of them came."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.checks import broken
from services.intake.hl7.model import VisitMessage
from services.intake.receiving import store, visits_store
from services.intake.receiving.receive import Intake
from services.intake.visits.derive import derive
from services.intake.visits.reconcile import wanted_of
from services.intake.visits.repetition import REPEATED, goes_on, says_the_same
from shared.clock import SetClock
from shared.storage.statements import rows
from tests.calls import counted
from tests.intake.conftest import Hospital
from tests.intake.said import NOW, SITE, er7, read, told

FIRST = datetime(2026, 3, 10, 10, tzinfo=UTC)
DG1 = "DG1|1||F32.2^^I10||20260105|A"
OTHER_DG1 = "DG1|1||F33.1^^I10||20260105|A"


def a08(number: int, hour: int, **fields: str) -> VisitMessage:
    return told(number, "A08", f"202601061{hour}0000", "3W", NOW, **fields)


ADMITTED = told(1, "A01", "20260106090000")
STORIES: dict[str, tuple[list[VisitMessage], list[int]]] = {
    "one that says the same": ([a08(2, 0, dg1=DG1), a08(3, 1, dg1=DG1)], [3]),
    "thrice": ([a08(2, 0, dg1=DG1), a08(3, 1, dg1=DG1), a08(4, 2, dg1=DG1)], [3, 4]),
    "another diagnosis": ([a08(2, 0, dg1=DG1), a08(3, 1, dg1=OTHER_DG1)], []),
    "what was so before the last": ([a08(2, 0, dg1=DG1), a08(3, 1, dg1=OTHER_DG1), a08(4, 2, dg1=DG1)], []),
    "with something between": (
        [a08(2, 0, dg1=DG1), told(3, "A02", "20260106103000", unit="RES"), a08(4, 1, dg1=DG1)],
        [],
    ),
    "the first A08 says what the A01 said": ([a08(2, 0)], []),
}


@pytest.mark.parametrize("story", STORIES)
def test_an_update_that_says_what_the_one_before_it_said_does_nothing(story: str) -> None:
    said, repeated = STORIES[story]
    notes = derive("V1", [ADMITTED, *said], SITE).notes
    assert [note.message_id for note in notes if note[1:] == ("no-effect", REPEATED)] == [f"m{nth}" for nth in repeated]


@pytest.mark.parametrize(
    "field", ["pv1_2", "pv1_3", "pv1_7", "pv1_10", "pv1_18", "pv1_36", "pv1_44", "dg1", "in1", "pv2"]
)
def test_another_value_of_any_field_is_not_the_same(field: str) -> None:
    values = {"dg1": DG1, "in1": "IN1|1|PPO|ACME", "pv2": "PV2|||||||||20260110"}
    default = (
        "20260106" if field == "pv1_44" else "RES" if field == "pv1_3" else "1234567893" if field == "pv1_7" else "O"
    )
    one = a08(2, 1, **{field: values.get(field, default)}).adt
    assert not says_the_same(one, a08(1, 0).adt)
    assert says_the_same(a08(2, 1).adt, a08(1, 0).adt)


def test_a_payer_from_a_day_that_lay_ahead_is_told_again_on_that_day() -> None:
    ahead = "IN1|1|PPO|ACME|||||||||20260108"
    said = [ADMITTED, a08(2, 0, in1=ahead), *(told(n, "A08", f"202601{n:02}100000", in1=ahead) for n in range(7, 13))]
    notes = derive("V1", said, SITE).notes
    assert [note.message_id for note in notes if note.reason == REPEATED] == ["m11", "m12"]


AHEAD = "IN1|1|PPO|ACME|||||||||20260107|20260108"
CONTENT = st.sampled_from(
    [{}, {"dg1": DG1}, {"dg1": OTHER_DG1}, {"pv2": "PV2|||||||||20260110"}, {"pv1_7": "1234567893"}]
)
KINDS = st.sampled_from(["A08", "A08", "A08", "A08", "A02", "A03", "A13", "A21", "A22"])


@st.composite
def visits(draw: st.DrawFn) -> list[VisitMessage]:
    """An A01 and up to a dozen messages after it, said one after the other, most of them updates."""
    said = [ADMITTED]
    for number, (kind, content) in enumerate(draw(st.lists(st.tuples(KINDS, CONTENT), max_size=12)), start=2):
        at = datetime(2026, 1, 6, 9) + timedelta(hours=9 * number)  # noqa: DTZ001 - as HL7 writes it
        unit = draw(st.sampled_from(["3W", "RES"])) if kind == "A02" else "3W"
        said.append(told(number, kind, f"{at:%Y%m%d%H%M%S}", unit, NOW, **(content if kind == "A08" else {})))
    return said


@given(visits(), CONTENT)
def test_the_next_update_means_the_same_with_and_without_what_was_repeated(
    said: list[VisitMessage], content: dict[str, str]
) -> None:
    before = derive("V1", said, SITE)
    repeated = {note.message_id for note in before.notes if note.reason == REPEATED}
    kept = [one for one in said if one.message_id not in repeated]
    new = told(99, "A08", "20260112100000", "3W", NOW, **content)
    assert goes_on([new], kept, before.said_until or FIRST)
    whole, less = derive("V1", [*said, new], SITE), derive("V1", [*kept, new], SITE)
    assert less.facts == whole.facts
    assert less.notes == tuple(note for note in whole.notes if note.message_id not in repeated)


# ── through the door ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
async def storm(own_intake: Intake) -> Hospital:
    """A patient admitted, with forty A08 that say the same."""
    intake = Intake(own_intake.database, own_intake.site, own_intake.seal, SetClock(FIRST + timedelta(days=60)))
    hospital = Hospital(intake)
    assert await hospital.tells("A01", "20260310090000") == "AA"
    for at in _minutes(40):
        assert await hospital.tells("A08", at) == "AA"
    return hospital


def _minutes(number: int) -> Iterator[str]:
    for nth in range(number):
        yield f"{FIRST + timedelta(seconds=60 * nth):%Y%m%d%H%M%S}"


AFTER: dict[str, list[tuple[str, str, dict[int, str]]]] = {
    "the same again": [("A08", "20260320100000", {})],
    "another bed's class": [("A08", "20260320100000", {2: "O"})],
    "an admission at another time": [("A08", "20260320100000", {44: "20260310070000"})],
    "a discharge": [("A03", "20260320100000", {})],
    "a discharge and its cancel": [("A03", "20260320100000", {}), ("A13", "20260320110000", {})],
    "a transfer said in the middle": [("A02", "20260310102030", {3: "RES^1^A"})],
    "an update said before them": [("A08", "20260310093000", {36: "07"})],
    "the admission taken back": [("A11", "20260320100000", {})],
    "the visit again after its end": [
        ("A03", "20260320100000", {}), ("A01", "20260320110000", {}), ("A08", "20260320113000", {}),
    ],
}  # fmt: skip


@pytest.mark.parametrize("after", AFTER)
async def test_whatever_comes_after_them_is_as_if_all_had_been_read_again(storm: Hospital, after: str) -> None:
    for trigger, at, pv1 in AFTER[after]:
        assert (await storm.says(storm.message(trigger, at, pv1=pv1)))[0].code == "AA"
    intake = storm.intake
    async with intake.database.begin() as connection:
        [patient] = [row["patient_id"] for row in await rows(connection, "SELECT DISTINCT patient_id FROM visits")]
        [visit] = await visits_store.visits_of(connection, [patient])
        await store.fill(connection, {visit.visit_id: visit})
    assert len(visit.messages) == 41 + len(AFTER[after])
    assert {
        note.message_id: (note.effect, note.reason) for note in wanted_of(visit, intake.places).notes
    } == visit.notes
    found = [one async for one in broken(intake.database, intake.site)]
    assert [one for one in found if one.subject != "outbox"] == []


@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", [300, pytest.param(3_000, marks=pytest.mark.slow)])
async def test_the_last_of_so_many_updates_calls_as_much_as_the_tenth(own_intake: Intake, number: int) -> None:
    intake = Intake(own_intake.database, own_intake.site, own_intake.seal, SetClock(FIRST + timedelta(days=60)))
    hospital, found, cpu = Hospital(intake), list[int](), list[float]()
    assert await hospital.tells("A01", "20260310090000") == "AA"
    for at in _minutes(number):
        began = time.process_time()
        with counted() as calls:
            assert await hospital.tells("A08", at) == "AA"
        found.append(calls.number)
        cpu.append(1000 * (time.process_time() - began))
    tenth, last = statistics.median(cpu[5:15]), statistics.median(cpu[-10:])
    print(f"CPU of the tenth {tenth:.1f} ms, of the last {last:.1f} ms (medians of ten)")
    assert found[-1] <= 1.1 * found[9]


async def test_an_index_leaves_them_out(own_intake: Intake) -> None:
    async with own_intake.database.begin() as connection:
        await rows(connection, "SET LOCAL enable_seqscan = off")
        plan = await rows(connection, "EXPLAIN " + store._NEWS.format(visits="ARRAY['V']"))
    assert any("Index Cond" in line[0] and "= 'repeated'::text)) = false" in line[0] for line in plan), plan


def test_a_message_is_no_repetition_of_another_kind() -> None:
    assert not says_the_same(read(er7("A31")), read(er7("A08")))
    assert not says_the_same(read(er7("A02")), read(er7("A02")))
