"""A08 and A31 amend PV1-44, the beginning of a stay, as they amend its end (contract 6)."""

from __future__ import annotations

from itertools import permutations

import pytest

from services.intake.visits.derive import derive
from tests.intake.said import SITE, clock, own, told
from tests.intake.test_visits import facts, notes

A01 = told(1, "A01", "20260105101000", pv1_44="20260105100000", in1="IN1|1|PPO|ACME")
A02 = told(2, "A02", "20260107090000", unit="RES", pv1_44="20260105100000")
A03 = told(3, "A03", "20260110120500", pv1_45="20260110120000")


@pytest.mark.parametrize(
    ("pv1_44", "begun"),
    [
        ("20260105083000", "05 08:30"),
        ("20260104233000", "04 23:30"),
        ("20260106100000", "06 10:00"),
        ("20260105", "05 10:00"),
        ("20260104", "04 00:00"),
        ("20260108100000", "05 10:00"),
        ('""', "05 10:00"),
        ("soon", "05 10:00"),
        ("", "05 10:00"),
    ],
    ids=[
        "earlier", "the day before", "later", "its date alone", "another date alone", "after what followed", "removed",
        "unreadable", "empty",
    ],
)  # fmt: skip
def test_an_update_moves_the_beginning_of_a_stay(pv1_44: str, begun: str) -> None:
    update = told(4, "A08", "20260109100000", pv1_44=pv1_44)
    for said in permutations([A01, A02, A03, update]):
        found = facts(*said)
        assert [one for one in found if one[0] != "coverage-changed"] == [
            ("admitted", "V1", begun), ("transferred", "V1", "07 09:00"), ("discharged", "V1", "10 12:00"),
        ]  # fmt: skip
        assert [one[2] for one in found if one[0] == "coverage-changed"] == [begun]


def test_what_was_told_last_holds_and_is_who_said_it() -> None:
    updates = [told(4, "A08", "20260106100000", pv1_44="20260105083000")]
    updates.append(told(5, "A08", "20260107100000", pv1_44="20260105090000"))
    derived = derive("V1", [A01, *updates], SITE)
    assert derived.facts[0].value.occurred_at == clock("2026-01-05 09:00")
    assert derived.facts[0].said_by == "m5"
    assert notes(A01, *updates) == {"m1": "applied", "m4": "no-effect already-told", "m5": "applied"}
    back = told(6, "A08", "20260108100000", pv1_44="20260105100000")
    assert facts(A01, *updates, back)[0] == ("admitted", "V1", "05 10:00")


def test_the_beginning_of_a_visit_without_level_is_amended_and_the_admission_of_it_left() -> None:
    visit = told(1, "A04", "20260105080000", unit="ED", pv1_44="20260105080000")
    earlier = told(7, "A08", "20260105090000", unit="ED", pv1_44="20260105074500")
    started = ("visit-started", "V1", "05 07:45")
    assert facts(visit, earlier) == [started]
    changed = told(2, "A06", "20260105120000")
    assert facts(visit, earlier, changed) == [started, ("admitted", "V1", "05 12:00")]
    admitted = told(2, "A01", "20260105121000", pv1_44="20260105120000")
    same = told(8, "A08", "20260106090000", pv1_44="20260105080000")
    assert facts(visit, admitted, same) == [("visit-started", "V1", "05 08:00"), ("admitted", "V1", "05 12:00")]
    later = told(8, "A08", "20260106090000", pv1_44="20260105123000")
    assert facts(visit, admitted, later) == [("visit-started", "V1", "05 08:00"), ("admitted", "V1", "05 12:30")]


def test_a_stay_never_begins_before_the_end_of_the_one_before() -> None:
    again = told(5, "A01", "20260120100000", pv1_44="20260120100000")
    for told_at, begun in (("20260109100000", "20 10:00"), ("20260119100000", "19 10:00")):
        update = told(6, "A08", "20260121100000", pv1_44=told_at)
        found = [one for one in facts(A01, A03, again, update) if one[0] == "admitted"]
        assert found == [("admitted", "V1", "05 10:00"), ("admitted", "V1#2", begun)]


def test_attending_and_beginning_may_change_in_one_update() -> None:
    update = told(4, "A08", "20260106100000", pv1_44="20260105083000", pv1_7="1234567893")
    found = derive("V1", [A01, update], SITE).facts[0]
    assert (own(found)["attending_npi"], found.value.occurred_at) == ("1234567893", clock("2026-01-05 08:30"))
