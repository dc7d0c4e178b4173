"""A feed whose every A08 has other content: another bed, diagnosis, doctor or payer. What later ones say again is not
read again, so the next message costs the same however many of them came."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.intake.checks import broken
from services.intake.hl7.model import VisitMessage
from services.intake.receiving import store, visits_store
from services.intake.receiving.receive import Intake
from services.intake.visits.derive import derive
from services.intake.visits.reconcile import wanted_of
from services.intake.visits.repetition import REPEATED, goes_on
from shared.clock import SetClock
from shared.storage.statements import rows
from tests.calls import counted
from tests.intake.conftest import Hospital
from tests.intake.said import NOW, SITE, told

FIRST = datetime(2026, 3, 10, 10, tzinfo=UTC)
ADMITTED = told(1, "A01", "20260106090000", pv1_7="1234567893", dg1="DG1|1||F32.2^^I10||20260105|A")
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "pv1_3": st.sampled_from(["3W^1^A", "3W^2^B", "RES^1^A"]),
        "pv1_4": st.sampled_from(["E", "ODD"]),
        "pv1_7": st.sampled_from(["1234567893", "1003000126", '""']),
        "pv1_14": st.sampled_from(["1", '""']),
        "pv1_36": st.sampled_from(["01", "07"]),
        "dg1": st.sampled_from(
            ["DG1|1||F32.2^^I10||20260105|A", "DG1|1||F33.1^^I10||20260105|A", 'DG1|""', "DG1|1||F10.2^^I10|||W",
             "DG1|1||F32.2^^I10||20260105|A\rDG1|2||F10.2^^I10|||W"]
        ),
        "in1": st.sampled_from(
            ["IN1|1|PPO|ACME", "IN1|1||MEDICARE", "IN1|1|PPO|NOBODY", "IN1|1|PPO|ACME|||||||||20250101"]
        ),
        "pv2": st.sampled_from(["PV2|||||||||20260210", "PV2|||||||||20260212"]),
        "pid_30": st.sampled_from(["N"]),
    },
)  # fmt: skip
KINDS = st.sampled_from(["A08"] * 24 + ["A02", "A21", "A22", "A16", "A54"])
STORY = st.lists(st.tuples(KINDS, FIELDS), min_size=16, max_size=44)


def visit_of(story: list[tuple[str, dict[str, str]]]) -> list[VisitMessage]:
    """An A01, and the messages of a story, one every seven hours."""
    said = [ADMITTED]
    for number, (kind, fields) in enumerate(story, start=2):
        at = datetime(2026, 1, 6, 9) + timedelta(hours=7 * number)  # noqa: DTZ001 - as HL7 writes it
        content = fields if kind == "A08" else {"pv1_3": "RES^1^A"} if kind == "A02" else {}
        said.append(told(number, kind, f"{at:%Y%m%d%H%M%S}", "3W", NOW, **content))
    return said


@settings(max_examples=60, deadline=None)
@given(STORY)
def test_every_next_update_means_the_same_with_and_without_what_is_superseded(
    story: list[tuple[str, dict[str, str]]],
) -> None:
    kept: list[VisitMessage] = []
    said = visit_of(story)
    for number, new in enumerate(said, start=1):
        whole = derive("V1", said[:number], SITE)
        if not goes_on([new], kept, kept[-1].adt.stated_at if kept else FIRST):
            kept = said[: number - 1]
        less = derive("V1", [*kept, new], SITE)
        ids = {one.message_id for one in (*kept, new)}
        assert less.facts == whole.facts
        assert less.notes == tuple(note for note in whole.notes if note.message_id in ids)
        out = less.superseded | {note.message_id for note in less.notes if note.reason == REPEATED}
        kept = [one for one in (*kept, new) if one.message_id not in out]


def test_of_beds_doctors_and_diagnoses_that_change_back_and_forth_a_few_messages_are_read() -> None:
    kept = [ADMITTED]
    for number in range(2, 400):
        at = datetime(2026, 1, 6, 9) + timedelta(minutes=15 * number)  # noqa: DTZ001
        kept.append(told(number, "A08", f"{at:%Y%m%d%H%M%S}", "3W", NOW, **_content(number)))
        found = derive("V1", kept, SITE)
        kept = [one for one in kept if one.message_id not in found.superseded]
        assert len(kept) <= 24


def _content(number: int) -> dict[str, str]:
    return {
        "pv1_3": f"3W^{number % 7}^A",
        "pv1_7": ("1234567893", "1003000126")[number // 3 % 2],
        "dg1": f"DG1|1||{('F32.2', 'F33.1')[number // 2 % 2]}^^I10||20260105|A",
    }


# ── through the door ──────────────────────────────────────────────────────────────────────────────────────────────────


def _minutes(number: int) -> Iterator[str]:
    for nth in range(number):
        yield f"{FIRST + timedelta(seconds=60 * nth):%Y%m%d%H%M%S}"


def a08(hospital: Hospital, number: int, at: str) -> bytes:
    """An update with another bed, doctor or diagnosis than the one before."""
    doctor = ("1234567893", "1003000126")[number // 3 % 2]
    raw = hospital.message("A08", at, pv1={3: f"3W^{number % 7}^A", 7: f"{doctor}^Doe"})
    return raw + f"DG1|1||{('F32.2', 'F33.1')[number // 2 % 2]}^^I10||20260309|A\r".encode()


async def stormed(own_intake: Intake, number: int) -> Hospital:
    """A patient admitted, with so many updates that differ."""
    intake = Intake(own_intake.database, own_intake.site, own_intake.seal, SetClock(FIRST + timedelta(days=60)))
    hospital = Hospital(intake)
    assert await hospital.tells("A01", "20260310090000") == "AA"
    for nth, at in enumerate(_minutes(number)):
        [answer] = await hospital.says(a08(hospital, nth, at))
        assert answer.code == "AA"
    return hospital


AFTER: dict[str, list[tuple[str, str, dict[int, str]]]] = {
    "an update": [("A08", "20260320100000", {})],
    "an admission at another time": [("A08", "20260320100000", {44: "20260310070000"})],
    "a discharge, its cancel and an update": [
        ("A03", "20260320100000", {}), ("A13", "20260320110000", {}), ("A08", "20260320113000", {}),
    ],
    "a transfer said in the middle": [("A02", "20260310102030", {3: "RES^1^A"}), ("A08", "20260320113000", {})],
    "an update said before them": [("A08", "20260310093000", {36: "07"})],
    "the admission taken back": [("A11", "20260320100000", {})],
    "the visit deleted": [("A23", "20260320100000", {})],
    "a visit without a number": [("A04", "20260320100000", {19: ""}), ("A08", "20260320113000", {})],
}  # fmt: skip


@pytest.mark.parametrize("after", AFTER)
async def test_whatever_comes_after_them_is_as_if_all_had_been_read(own_intake: Intake, after: str) -> None:
    hospital = await stormed(own_intake, 40)
    async with own_intake.database.read() as connection:
        [(left,)] = await rows(connection, "SELECT count(*) FROM messages WHERE superseded")
    assert left > 20
    for trigger, at, pv1 in AFTER[after]:
        assert (await hospital.says(hospital.message(trigger, at, pv1=pv1)))[0].code == "AA"
    intake = hospital.intake
    async with intake.database.begin() as connection:
        found = await rows(connection, "SELECT DISTINCT patient_id FROM visits")
        visits = await visits_store.visits_of(connection, [row["patient_id"] for row in found])
        await store.fill(connection, {visit.visit_id: visit for visit in visits})
    for visit in visits:
        derived = wanted_of(visit, intake.places)
        assert {note.message_id: (note.effect, note.reason) for note in derived.notes} == visit.notes
    assert [one async for one in broken(intake.database, intake.site) if one.subject != "outbox"] == []


async def test_a_long_visit_of_an_earlier_release_becomes_short(own_intake: Intake) -> None:
    hospital = await stormed(own_intake, 30)
    intake = hospital.intake
    async with intake.database.begin() as connection:
        await rows(connection, "UPDATE messages SET superseded = false")
        await rows(connection, "UPDATE visits SET quiet_until = NULL")
    intake.long_visits.long = 20
    keys = [("GOODHEALTH", "GH", hospital.mrn)]
    said = []
    for nth, at in enumerate(_minutes(44)):
        if nth >= 30:
            await hospital.says(a08(hospital, nth, at))
            said.append(intake.long_visits.has(keys))
    await intake.long_visits.apart.stop()
    assert not said[-1]
    assert [one async for one in broken(intake.database, intake.site) if one.subject != "outbox"] == []


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "number", [200, pytest.param(3_000, marks=pytest.mark.slow), pytest.param(10_000, marks=pytest.mark.slow)]
)
async def test_the_last_of_so_many_updates_that_differ_costs_what_the_tenth_does(
    own_intake: Intake, number: int
) -> None:
    intake = Intake(own_intake.database, own_intake.site, own_intake.seal, SetClock(FIRST + timedelta(days=60)))
    hospital, found, cpu = Hospital(intake), list[int](), list[float]()
    assert await hospital.tells("A01", "20260310090000") == "AA"
    for nth, at in enumerate(_minutes(number)):
        began = time.process_time()
        with counted() as calls:
            [answer] = await hospital.says(a08(hospital, nth, at))
        assert answer.code == "AA"
        found.append(calls.number)
        cpu.append(1000 * (time.process_time() - began))
    tenth, last = statistics.median(cpu[5:15]), statistics.median(cpu[-20:])
    print(f"CPU of the tenth {tenth:.1f} ms, of the last {last:.1f} ms (medians); calls {found[9]}, {max(found[-20:])}")
    assert statistics.median(found[-20:]) <= 1.5 * found[9]
