"""Which visit a message is of: by visit number, account, admit time, and what was open; in any order (contract 6)."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import permutations

import pytest

from services.intake.checks import broken
from services.intake.hl7.model import VisitMessage
from services.intake.receiving.receive import Intake
from services.intake.visits.same_visit import visit_keys
from tests.intake.conftest import Hospital
from tests.intake.said import told

BEGUN = "20260105100000"


def keys(*said: VisitMessage) -> list[str | None]:
    """The key of the visit of each message; the same in every order."""
    found = visit_keys(said)
    for order in permutations(said):
        assert visit_keys(order) == found
    return [found.get(each.message_id) for each in said]


def start(number: int, visit: str = "", account: str = "", at: str = BEGUN) -> VisitMessage:
    return told(number, "A01", at, pv1_19=visit, pid_18=account, pv1_44=at)


def end(number: int, visit: str = "", account: str = "", at: str = "20260107100000", begun: str = "") -> VisitMessage:
    return told(number, "A03", at, pv1_19=visit, pid_18=account, pv1_45=at, pv1_44=begun)


def test_an_account_s_visit_is_adopted_by_the_number_told_later() -> None:
    assert keys(start(1, account="F1"), end(2, "W1", "F1")) == ["F1", "F1"]


def test_an_account_with_three_visits_stays_three() -> None:
    visits = [
        start(1, "W1", "F1"), end(2, "W1", "F1"),
        start(3, "W2", "F1", "20260110100000"), end(4, "W2", "F1", "20260112100000"),
        start(5, "W3", "F1", "20260120100000"),
    ]  # fmt: skip
    assert keys(*visits) == ["W1", "W1", "W2", "W2", "W3"]


def test_a_message_by_an_account_of_three_visits_is_of_the_one_that_began_then() -> None:
    visits = [start(1, "W1", "F1"), start(2, "W2", "F1", "20260110100000"), start(3, "W3", "F1", "20260120100000")]
    update = told(4, "A08", "20260111100000", pv1_19="", pid_18="F1", pv1_44="20260110100000")
    assert keys(*visits, update) == ["W1", "W2", "W3", "W2"]


def test_an_account_s_earlier_visit_is_not_the_numbered_one_that_began_later() -> None:
    said = [start(1, account="F1"), end(2, account="F1"), start(3, "W2", "F1", "20260120100000")]
    assert keys(*said) == ["F1", "F1", "W2"]


def test_what_has_no_number_but_pv1_44_is_of_the_visit_that_began_then() -> None:
    said = [start(1, "W1"), start(2, "W2", at="20260120100000"), end(3, begun=BEGUN)]
    assert keys(*said) == ["W1", "W2", "W1"]


def test_two_visits_that_began_then_leave_it_with_neither() -> None:
    said = [start(1, "W1"), start(2, "W2"), end(3, begun=BEGUN)]
    first, second, neither = keys(*said)
    assert (first, second) == ("W1", "W2")
    assert neither not in {"W1", "W2", None}


def test_a_number_told_without_a_begin_adopts_the_visit_that_was_open() -> None:
    begun, ended = keys(start(1), end(2, "W1"))
    assert begun == ended


def test_a_number_is_one_with_and_without_its_authority() -> None:
    assert (
        keys(start(1, "W1^^^GH^VN"), end(2, "W1"), told(3, "A08", "20260108100000", pv1_19="W1^^^GH^VN")) == ["W1"] * 3
    )


def test_one_number_of_two_authorities_is_two_visits() -> None:
    said = [start(1, "7^^^GH"), start(2, "7^^^RB", at="20260120100000"), end(3, "7^^^RB", at="20260122100000")]
    assert keys(*said) == ["7", "7^RB", "7^RB"]


@pytest.mark.parametrize("trigger", ["A06", "A07"])
def test_a_new_number_with_mrg_5_goes_on_with_the_visit(trigger: str) -> None:
    said = [
        start(1, "W1E", "F1E"),
        told(2, trigger, "20260106100000", pv1_19="W1I", pid_18="F1I", mrg="MRG|123456^^^GH^MR||F1E||W1E"),
        end(3, "W1I", "F1I"),
    ]
    assert keys(*said) == ["W1E"] * 3


def test_a_new_account_with_mrg_3_goes_on_with_the_visit() -> None:
    said = [
        start(1, account="F1E"),
        told(2, "A06", "20260106100000", pv1_19="", pid_18="F1I", mrg="MRG|123456^^^GH^MR||F1E"),
        end(3, account="F1I"),
    ]
    assert keys(*said) == ["F1E"] * 3


STORY = [
    ("A04", "20260302090000", {19: "W1E", 2: "E"}, "F1E", "", "ED"),
    ("A06", "20260302150000", {19: "W1I"}, "F1I", "MRG|{mrn}^^^GH^MR||F1E||W1E", "3W"),
    ("A03", "20260304090000", {19: "W1I"}, "F1I", "", "3W"),
    ("A01", "20260310090000", {19: ""}, "F2", "", "RES"),
    ("A08", "20260311090000", {19: "W2", 44: "20260310090000"}, "F2", "", "RES"),
    ("A03", "20260312090000", {19: "", 44: "20260310090000"}, "", "", "RES"),
]


def raw(hospital: Hospital, trigger: str, at: str, pv1: dict[int, str], account: str, mrg: str, unit: str) -> bytes:
    """A message of the story, as bytes; every number is this patient's own."""
    own = {place: f"{text}-{hospital.mrn}" if place == 19 and text else text for place, text in pv1.items()}
    message = hospital.message(trigger, at, unit=unit, pv1=own).decode()
    if account:
        pid = next(line for line in message.split("\r") if line.startswith("PID"))
        message = message.replace(pid, f"{pid}||||||||||{account}-{hospital.mrn}")
    if mrg:
        earlier = mrg.format(mrn=hospital.mrn).replace("F1E", f"F1E-{hospital.mrn}")
        message = message.replace("PV1|", earlier.replace("W1E", f"W1E-{hospital.mrn}") + "\rPV1|", 1)
    return message.encode()


@pytest.mark.parametrize("seed", range(12))
async def test_any_order_and_repetition_of_a_story_ends_in_the_same_facts(
    another: Callable[[], Hospital], seed: int
) -> None:
    hospital, dice = another(), random.Random(seed)
    told_by = [raw(hospital, *each) for each in STORY]
    told_by += dice.sample(told_by, 2)
    dice.shuffle(told_by)
    while told_by:
        batch = [told_by.pop() for _ in range(min(len(told_by), dice.randint(1, 3)))]
        assert {answer.code for answer in await hospital.says(*batch)} == {"AA"}
    assert await hospital.standing() == {
        ("visit-started", "2026-03-02"), ("admitted", "2026-03-02"), ("discharged", "2026-03-04"),
        ("admitted", "2026-03-10"), ("discharged", "2026-03-12"),
    }  # fmt: skip
    assert await stays_of(hospital) == {f"W1E-{hospital.mrn}", f"F2-{hospital.mrn}"}
    assert {note for _, note, _ in await hospital.notes()} <= {"applied", "no-effect"}


async def stays_of(hospital: Hospital) -> set[str]:
    """The stays of the facts that stand by what went out."""
    told_all = [fact.as_json for fact in await hospital.facts()]
    gone = {one.get("cancels") or one.get("replaces") for one in told_all}
    ids = [fact.id for fact in await hospital.facts()]
    return {one["stay"]["id"] for i, one in zip(ids, told_all, strict=True) if i not in gone and "cancels" not in one}


async def test_what_verify_derives_is_what_the_doors_derived(own_intake: Intake) -> None:
    hospital = Hospital(own_intake)
    for each in reversed(STORY):
        await hospital.says(raw(hospital, *each))
    assert [what async for what in broken(own_intake.database, own_intake.site) if what.subject != "outbox"] == []
    await own_intake.derive_again()
    assert [what async for what in broken(own_intake.database, own_intake.site) if what.subject != "outbox"] == []


async def test_the_number_told_later_is_the_bill_s(hospital: Hospital) -> None:
    await hospital.says(raw(hospital, *STORY[3]))
    await hospital.says(raw(hospital, *STORY[4]))
    admitted = [fact.as_json for fact in await hospital.facts() if fact.name == "admitted"]
    assert [one["visit_number"] for one in admitted] == [f"F2-{hospital.mrn}", f"W2-{hospital.mrn}"]
    assert len({one["stay"]["id"] for one in admitted}) == 1
