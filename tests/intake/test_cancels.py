"""What a cancel takes back (contract 6, Times and A11 to A13): what its EVN-6 names, else what was said last."""

from __future__ import annotations

from itertools import permutations

import pytest

from services.intake.hl7.model import VisitMessage
from services.intake.receiving.receive import Intake
from services.intake.visits.derive import derive
from tests.intake.conftest import Hospital
from tests.intake.said import SITE, told
from tests.intake.test_visits import ADMITTED, facts, notes

A01 = told(1, "A01", "20260105101000", pv1_44="20260105100000")
TO_RES = told(2, "A02", "20260107090500", unit="RES", evn_6="20260107090000")
TO_PHP = told(3, "A02", "20260109090500", unit="PHP1", evn_6="20260109090000")
IN_RES, IN_PHP = ("transferred", "V1", "07 09:00"), ("transferred", "V1", "09 09:00")


def cancel(number: int, named: str = "", unit: str = "PHP1", trigger: str = "A12", at: str = "10") -> VisitMessage:
    """A cancel of the day `at`, that names a time."""
    return told(number, trigger, f"202601{at}100000", unit=unit, evn_6=named)


@pytest.mark.parametrize(
    ("named", "stand", "note"),
    [
        ("20260107090000", [IN_PHP], "applied"),
        ("20260107090059", [IN_PHP], "applied"),
        ("202601070900", [IN_PHP], "applied"),
        ("20260107", [IN_PHP], "applied"),
        ("20260109090000", [IN_RES], "applied"),
        ("20260107090100", [IN_RES], "applied other-time"),
        ("", [IN_RES], "applied"),
    ],
)
def test_a_cancel_names_what_it_takes_back(named: str, stand: list[tuple[str, str, str]], note: str) -> None:
    back = cancel(9, named, unit="RES" if stand == [IN_RES] else "PHP1")
    for said in permutations([A01, TO_RES, TO_PHP, back]):
        assert facts(*said) == [ADMITTED, *stand]
        assert notes(*said)["m9"] == note


def test_what_was_named_and_taken_back_before_is_taken_back_once() -> None:
    first, again = cancel(8, "20260107090000"), cancel(9, "20260107090000", at="11")
    assert facts(A01, TO_RES, TO_PHP, first, again) == [ADMITTED, IN_PHP]
    assert notes(A01, TO_RES, TO_PHP, first, again)["m9"] == "no-effect already-told"
    resent = told(9, "A12", "20260110100000", unit="RES", msh_7="20260110110000")
    once = told(8, "A12", "20260110100000", unit="RES")
    assert facts(A01, TO_RES, TO_PHP, once, resent) == [ADMITTED, IN_RES]


def test_two_transfers_cancelled_last_first_end_where_they_began() -> None:
    to_php, to_iop = told(2, "A02", "20260107090000", unit="PHP1"), told(3, "A02", "20260108090000", unit="IOP1")
    one, other = cancel(4, unit="PHP1", at="09"), cancel(5, unit="3W", at="10")
    for said in permutations([A01, to_php, to_iop, one, other]):
        assert facts(*said) == [ADMITTED]
        assert notes(*said) == {
            "m1": "applied",
            "m2": "taken-back",
            "m3": "taken-back",
            "m4": "applied",
            "m5": "applied",
        }


def test_a_cancel_that_names_another_place_is_a_transfer_there_at_its_own_time() -> None:
    back = told(4, "A12", "20260110130000", unit="IOP1", evn_6="20260109090000")
    assert facts(A01, TO_RES, TO_PHP, back) == [ADMITTED, IN_RES, ("transferred", "V1", "10 13:00")]


def test_a_discharge_is_named_by_its_own_time_and_cancelled_as_often_as_it_is_said() -> None:
    first = told(3, "A03", "20260110120500", pv1_45="20260110120000")
    second = told(5, "A03", "20260112120500", pv1_45="20260112120000")
    back = told(4, "A13", "20260110130000", evn_6="20260110120000")
    again = told(6, "A13", "20260112130000", evn_6="20260112120000")
    assert facts(A01, first, back, second) == [ADMITTED, ("discharged", "V1", "12 12:00")]
    assert facts(A01, first, back, second, again) == [ADMITTED]
    third = told(7, "A03", "20260113120000")
    assert facts(A01, first, back, second, again, third) == [ADMITTED, ("discharged", "V1", "13 12:00")]


def test_leaves_are_named_too() -> None:
    out = [told(n, "A21", f"2026010{n}080000", evn_6=f"2026010{n}080000") for n in (6, 8)]
    back = told(7, "A22", "20260107080000", evn_6="20260107080000")
    undone = told(9, "A52", "20260109080000", evn_6="20260108080000")
    assert facts(A01, *out, back, undone)[1:] == [
        ("leave-started", "V1", "06 08:00"),
        ("leave-ended", "V1", "07 08:00"),
    ]


VISIT = told(1, "A04", "20260105080000", unit="ED")
STARTED = ("visit-started", "V1", "05 08:00")


def test_a_cancelled_admission_brings_back_the_visit_without_level() -> None:
    admission, again = told(2, "A01", "20260105120000"), told(3, "A01", "20260105121000")
    moved, off = told(4, "A02", "20260106090000", unit="RES"), told(5, "A21", "20260106100000")
    undone = told(6, "A11", "20260107090000")
    said = (VISIT, admission, again, moved, off, undone)
    for order in (said, tuple(reversed(said))):
        assert facts(*order) == [STARTED]
        assert notes(*order) == {"m1": "applied", "m6": "applied"} | dict.fromkeys(
            ("m2", "m3", "m4", "m5"), "taken-back"
        )
    assert facts(*said, told(7, "A11", "20260107090000", msh_7="20260107090500")) == [STARTED], "the same again"
    assert facts(*said, told(7, "A11", "20260108090000")) == []
    ended = told(8, "A03", "20260108090000")
    assert facts(*said, ended) == [STARTED, ("visit-ended", "V1", "08 09:00")]
    assert facts(VISIT, admission, ended, told(9, "A11", "20260109090000"))[1:] == [
        ("admitted", "V1", "05 12:00"), ("discharged", "V1", "08 09:00"),
    ]  # fmt: skip


def test_the_warning_of_a_cancel_that_names_nothing_is_on_the_message() -> None:
    derived = derive("V1", [A01, TO_RES, cancel(9, "20260108")], SITE)
    assert (derived.notes[-1].effect, derived.notes[-1].reason) == ("applied", "other-time")


async def test_it_is_stored_with_a_warning(intake: Intake, hospital: Hospital) -> None:
    await hospital.tells("A01", "20260310090000")
    await hospital.tells("A02", "20260311090000", unit="RES")
    back = hospital.message("A12", "20260312090000").replace(
        b"EVN|A12|20260312090000", b"EVN|A12|20260312090000||||20260309"
    )
    (answer,) = await hospital.says(back)
    assert answer.code == "AA"
    assert await hospital.standing() == {("admitted", "2026-03-10")}
    ((note, warnings),) = (await hospital.rows("note, warnings"))[2:]
    assert note == "applied"
    assert list(warnings) == ["nothing of that kind stands at the time of EVN-6; the last one said is cancelled"]
