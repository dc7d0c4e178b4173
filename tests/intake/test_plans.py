"""What a hospital expects: that a patient comes (A05, A14, A38, A27), and that a stay ends (A16, A25, PV2-9)."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from services.intake.checks import broken
from services.intake.hl7.model import VisitMessage
from services.intake.receiving.receive import Intake
from services.intake.visits.derive import Derived, derive
from tests.intake.conftest import Hospital
from tests.intake.said import SITE, clock, own, stay_id, told

PV2 = "PV2||||||||"
"""PV2-8 follows, then PV2-9."""
A01 = told(2, "A01", "20260105100000")
A03 = told(3, "A03", "20260110120000")
A11 = told(4, "A11", "20260105110000")
A05 = told(1, "A05", "20260102090000", pv2=PV2 + "20260105")
A38 = told(5, "A38", "20260103090000")


def facts(*said: VisitMessage) -> dict[str, dict[str, Any]]:
    """Name (and number of the stay) → own fields, of what the messages mean in every order that they may come in."""
    found = [_facts(derive("V1", order, SITE)) for order in permutations(said)]
    assert all(each == found[0] for each in found), "the order of arrival changes what they mean"
    assert _facts(derive("V1", [*said, *said], SITE)) == found[0], "repetition changes what they mean"
    return found[0]


def _facts(derived: Derived) -> dict[str, dict[str, Any]]:
    names = {one.key: one.value.TYPE + stay_id(one).removeprefix("V1") for one in derived.facts}
    return {names[one.key]: own(one) for one in derived.facts}


def note(number: int, *said: VisitMessage) -> str:
    """What became of message `number`."""
    (found,) = (one for one in derive("V1", said, SITE).notes if one.message_id == f"m{number}")
    return found.effect if found.reason in {None, found.effect} else f"{found.effect} {found.reason}"


# ── arrivals ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("trigger", ["A05", "A14"])
def test_a_patient_is_expected_at_a_unit_and_no_stay_begins(trigger: str) -> None:
    found = facts(told(1, trigger, "20260102090000", unit="RES", pv2=PV2 + "20260105140000"))
    assert found == {
        "arrival-expected": {
            "at": "2026-01-05T14:00:00-05:00",
            "unit": "RES",
            "level": "residential",
            "program": "res-house",
        }
    }


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"pv2": PV2 + "20260105", "evn_3": "20260106"}, "2026-01-05 00:00"),
        ({"evn_3": "202601061000", "pv1_44": "20260107"}, "2026-01-06 10:00"),
        ({"pv1_44": "20260107"}, "2026-01-07 00:00"),
        ({"evn_6": "20300101"}, "2030-01-01 00:00"),
        ({}, "2026-01-02 09:00"),
    ],
)
def test_the_day_is_pv2_8_else_evn_3_else_pv1_44_else_the_events_own(fields: dict[str, Any], at: str) -> None:
    found = derive("V1", [told(1, "A05", "20260102090000", **fields)], SITE).facts[0].value
    assert found.at == clock(at)  # type: ignore[attr-defined]
    assert found.occurred_at == clock("2026-01-02 09:00")


@pytest.mark.parametrize(("plan", "cancel"), [("A05", "A38"), ("A14", "A27"), ("A05", "A27"), ("A14", "A38")])
def test_a_cancel_takes_back_what_was_expected(plan: str, cancel: str) -> None:
    found = facts(told(1, plan, "20260102090000"), told(5, cancel, "20260103090000"))
    assert list(found) == ["arrival-expected", "arrival-cancelled"]
    assert found["arrival-cancelled"] == found["arrival-expected"]


def test_each_cancel_takes_back_its_own_plan_where_both_were_told() -> None:
    pending = told(6, "A14", "20260102100000", unit="RES")
    assert facts(A05, pending, told(5, "A27", "20260103090000"))["arrival-expected"]["unit"] == "3W"
    assert facts(A05, pending, A38)["arrival-expected"]["unit"] == "RES"
    both = facts(A05, pending, A38, told(7, "A27", "20260103100000"))
    assert list(both) == ["arrival-expected", "arrival-cancelled"]


def test_a_cancel_of_nothing_waits_and_a_repeated_one_has_no_effect() -> None:
    assert note(5, A38) == "waiting"
    assert note(5, A38, A05) == "applied"
    assert note(6, A05, A38, told(6, "A38", "20260103100000")) == "no-effect already-told"


def test_who_was_expected_again_after_a_cancel_is_expected() -> None:
    assert list(facts(A05, A38, told(6, "A05", "20260104090000"))) == ["arrival-expected"]


def test_the_last_day_and_unit_hold_by_a_new_plan_or_an_update() -> None:
    moved = told(6, "A05", "20260103090000", unit="RES", pv2=PV2 + "20260107")
    assert facts(A05, moved)["arrival-expected"]["at"] == "2026-01-07T00:00:00-05:00"
    update = told(6, "A08", "20260103090000", unit="RES", pv2=PV2 + "20260107")
    found = facts(A05, update)["arrival-expected"]
    assert (found["at"], found["unit"], note(6, A05, update)) == ("2026-01-07T00:00:00-05:00", "RES", "applied")
    assert note(6, A05, told(6, "A08", "20260103090000")) == "waiting"


def test_the_start_of_the_visit_ends_it_and_a_cancel_then_changes_nothing() -> None:
    late = told(6, "A38", "20260106090000")
    assert list(facts(A05, A01)) == ["arrival-expected", "admitted"]
    assert list(facts(A05, A01, late)) == ["arrival-expected", "admitted"]
    assert note(6, A05, A01, late) == "no-effect already-open"
    assert note(6, A01, told(6, "A05", "20260106090000")) == "no-effect already-open"


def test_what_was_expected_stands_again_where_the_admission_is_cancelled() -> None:
    assert list(facts(A05, A01, A11)) == ["arrival-expected"]


def test_after_the_end_the_next_stay_of_the_number_is_expected() -> None:
    again = told(6, "A05", "20260112090000")
    assert list(facts(A05, A01, A03, again)) == ["arrival-expected", "arrival-expected#2", "admitted", "discharged"]


def test_nobody_is_expected_at_a_unit_that_is_not_mapped_until_it_is() -> None:
    nowhere = told(1, "A05", "20260102090000", unit="NEWWING")
    assert (facts(nowhere), note(1, nowhere)) == ({}, "unmapped")
    assert facts(told(1, "A05", "20260102090000", unit="")) == {"arrival-expected": {"at": "2026-01-02T09:00:00-05:00"}}


# ── the end of a stay ─────────────────────────────────────────────────────────────────────────────────────────────────

A16 = told(6, "A16", "20260106090000", pv2=PV2 + "|20260109", pv1_36="01")
A25 = told(7, "A25", "20260107090000")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"pv2": PV2 + "|20260109100000", "evn_3": "20260108"}, {"expected_at": "2026-01-09T10:00:00-05:00"}),
        ({"evn_3": "20260108120000"}, {"expected_at": "2026-01-08T12:00:00-05:00"}),
        ({}, {}),
        ({"pv1_36": "01"}, {"disposition": {"code": "01", "kind": "home"}}),
        ({"pv1_37": "07"}, {"disposition": {"code": "07", "kind": "against-advice"}}),
        ({"pv1_36": "NEVER"}, {"disposition": {"code": "unknown", "kind": "unknown"}}),
    ],
)
def test_a_pending_discharge_is_a_plan_by_pv2_9_else_evn_3_else_without_a_day(
    fields: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert facts(A01, told(6, "A16", "20260106090000", **fields))["discharge-planned"] == expected


def test_a_pending_discharge_waits_for_its_stay_and_says_nothing_of_its_end() -> None:
    assert (facts(A16), note(6, A16)) == ({}, "waiting")
    assert list(facts(A01, A16)) == ["admitted", "discharge-planned"]
    after = told(8, "A16", "20260111090000", pv1_36="07")
    found = facts(A01, A03, after)
    assert ("discharge-planned" in found, found["discharged"]["disposition"]["kind"]) == (False, "unknown")
    assert note(8, A01, A03, after) == "no-effect plan-over"


def test_a_cancel_calls_the_plan_off_whether_a16_or_pv2_9_told_it() -> None:
    assert list(facts(A01, A16, A25)) == ["admitted", "discharge-planned", "discharge-plan-cancelled"]
    told_by_start = told(2, "A01", "20260105100000", pv2=PV2 + "|20260109")
    assert list(facts(told_by_start, A25)) == ["admitted", "discharge-planned", "discharge-plan-cancelled"]
    assert note(7, A01, A25) == "waiting"
    assert note(8, A01, A16, A25, told(8, "A25", "20260107100000")) == "no-effect already-told"


def test_planned_again_after_the_cancel_the_plan_stands() -> None:
    again = told(8, "A16", "20260108090000", pv2=PV2 + "|20260110")
    assert facts(A01, A16, A25, again)["discharge-planned"] == {"expected_at": "2026-01-11T00:00:00-05:00"}


def test_a_day_that_goes_calls_off_what_pv2_9_told_and_leaves_a_pending_discharge_without_one() -> None:
    gone = told(8, "A08", "20260108090000", pv2=PV2 + '|""')
    found = facts(A01, A16, gone)
    assert found["discharge-planned"] == {"disposition": {"code": "01", "kind": "home"}}
    assert "discharge-plan-cancelled" not in found
    moved = told(9, "A08", "20260107100000", pv2=PV2 + "|20260112")
    assert facts(A01, A16, moved)["discharge-planned"]["expected_at"] == "2026-01-13T00:00:00-05:00"


# ── at the door ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_patient_who_is_expected_gets_an_episode_and_the_visit_goes_on_in_it(hospital: Hospital) -> None:
    await hospital.tells("A05", "20260309090000")
    await hospital.tells("A38", "20260309100000")
    await hospital.tells("A05", "20260309110000")
    await hospital.tells("A01", "20260310090000")
    assert await hospital.standing() == {("arrival-expected", "2026-03-09"), ("admitted", "2026-03-10")}
    assert len({fact.subject for fact in await hospital.facts()}) == 1
    assert [note for _, note, _ in await hospital.notes()] == ["applied"] * 4


@pytest.mark.parametrize("together", [True, False])
async def test_another_visit_near_that_day_is_of_the_same_episode(hospital: Hospital, together: bool) -> None:
    said = [
        hospital.message("A05", "20260309090000", visit="V1"),
        hospital.message("A01", "20260309120000", visit="V2", unit="ED"),
    ]
    for batch in [said] if together else [[each] for each in said]:
        await hospital.says(*batch)
    assert len({fact.subject for fact in await hospital.facts()}) == 1


async def test_an_arrival_at_a_unit_with_labels_has_them(own_intake: Intake) -> None:
    unit = own_intake.site.unit("GOODHEALTH", "RES")
    assert unit is not None
    hospital = Hospital(own_intake)
    await hospital.tells("A05", "20260309090000", unit="RES")
    (fact,) = await hospital.facts()
    assert fact.as_json["labels"] == list(unit.labels) != []


async def test_what_is_promised_holds_after_plans_swaps_movements_and_deletions(own_intake: Intake) -> None:
    one, other = Hospital(own_intake), Hospital(own_intake)
    for trigger, day, visit, unit in (
        ("A05", "01", "V1", "RES"), ("A05", "02", "V2", "3W"), ("A38", "03", "V2", "3W"), ("A01", "04", "V1", "RES"),
        ("A16", "05", "V1", "RES"), ("A54", "05", "V1", "RES"), ("A17", "06", "V1", "3W"), ("A25", "07", "V1", "3W"),
        ("A01", "08", "V3", "PHP1"), ("A23", "09", "V3", "PHP1"),
    ):  # fmt: skip
        assert await one.tells(trigger, f"202603{day}090000", visit=visit, unit=unit) == "AA"
    movement = b"ZBE|7|20260305120000||INSERT|N\r"
    await other.says(other.message("A01", "20260305090000", unit="3W"), one.message("A08", "20260310090000"))
    await other.says(other.message("A02", "20260306090000", unit="RES") + movement)
    await other.says(other.message("Z99", "20260307090000", unit="PHP1") + movement.replace(b"INSERT", b"UPDATE"))
    found = [what async for what in broken(own_intake.database, own_intake.site) if what.subject != "outbox"]
    assert found == []
