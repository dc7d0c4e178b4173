"""Events of a visit that come seldom: two patients change places (A17), the attending changes (A54, A55, A60 to A62),
and a visit is deleted (A23)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest
import sqlalchemy as sa

from services.intake.console import reading_again, trying
from services.intake.console.effects import waits_for
from services.intake.hl7.model import VisitMessage
from services.intake.receiving.read import ONE_PATIENT
from services.intake.visits.derive import derive
from shared.scope import Scope
from tests.intake.conftest import Hospital
from tests.intake.said import SITE, own, told

A01 = told(1, "A01", "20260105100000", pv1_7="1000000001")
A03 = told(3, "A03", "20260110120000")


def facts(*said: VisitMessage) -> dict[str, dict[str, Any]]:
    """Name → own fields, of what the messages mean together in every order that they may come in."""
    found = [{one.value.TYPE: own(one) for one in derive("V1", order, SITE).facts} for order in permutations(said)]
    assert all(each == found[0] for each in found), "the order of arrival changes what they mean"
    return found[0]


def note(number: int, *said: VisitMessage) -> tuple[str, str | None]:
    """What became of message `number`."""
    (found,) = (one for one in derive("V1", said, SITE).notes if one.message_id == f"m{number}")
    return found.effect, found.reason


# ── two patients change places ────────────────────────────────────────────────────────────────────────────────────────


def swap(one: Hospital, other: Hospital, at: str = "20260311090000") -> bytes:
    """An A17: the one goes to RES, the other to 3W."""
    first = one.message("A17", at, unit="RES")
    second = other.message("A17", at, unit="3W").split(b"\r", 2)[2]
    return first + second


Another = Callable[[], Hospital]


@pytest.mark.parametrize("first", [True, False])
async def test_a_swap_moves_both_patients_in_any_order_and_once(another: Another, *, first: bool) -> None:
    one, other = another(), another()
    said = [one.message("A01", unit="3W"), other.message("A01", unit="RES")]
    swapped = swap(one, other)
    answers = [answer for raw in ([swapped, *said] if first else [*said, swapped]) for answer in await one.says(raw)]
    assert [answer.code for answer in answers] == ["AA"] * 3
    assert all(len(answer.replies) == 1 for answer in answers)
    again = await one.says(swapped)
    assert again[0].replies == answers[0 if first else 2].replies
    for hospital, unit in ((one, "RES"), (other, "3W")):
        (moved,) = [fact for fact in await hospital.facts() if fact.name == "transferred"]
        assert moved.as_json["to"]["unit"] == unit
        assert hospital.mrn not in moved.as_json["stay"]["id"].replace(f"V1-{hospital.mrn}", "")
        assert await hospital.standing() == {("admitted", "2026-03-10"), ("transferred", "2026-03-11")}


async def test_a_swap_is_taken_back_for_each_patient_as_a_transfer_is(another: Another) -> None:
    one, other = another(), another()
    await one.says(one.message("A01", unit="3W"), other.message("A01", unit="RES"), swap(one, other))
    await one.tells("A12", "20260311100000", unit="")
    assert await one.standing() == {("admitted", "2026-03-10")}
    assert await other.standing() == {("admitted", "2026-03-10"), ("transferred", "2026-03-11")}


async def test_a_swap_that_names_one_patient_moves_that_one_with_a_warning(hospital: Hospital) -> None:
    await hospital.tells("A01")
    assert await hospital.tells("A17", "20260311090000", unit="RES") == "AA"
    assert [ONE_PATIENT in row.warnings for row in await hospital.rows("warnings")] == [False, True]
    assert await hospital.names() == ["admitted", "transferred"]


async def test_a_swap_with_a_patient_who_has_no_number_is_refused_whole(another: Another) -> None:
    one, other = another(), another()
    await one.tells("A01")
    (answer,) = await one.says(swap(one, other).replace(other.mrn.encode() + b"^^^GH^MR", b""))
    assert (answer.code, len(answer.replies), await one.names()) == ("AE", 1, ["admitted"])


async def test_each_part_of_a_swap_is_kept_with_the_text_of_the_whole(another: Another) -> None:
    one, other = another(), another()
    await one.says(swap(one, other))
    for hospital in (one, other):
        query = "SELECT message_id, sealed FROM messages WHERE patient_id = :patient"
        async with hospital.intake.database.read() as connection:
            row = (await connection.execute(sa.text(query), {"patient": await hospital.patient_id()})).one()
        text = hospital.intake.seal.open(row.sealed, row.message_id)
        assert one.mrn.encode() in text
        assert other.mrn.encode() in text


async def test_a_swap_that_is_tried_is_one_message_and_what_follows_it_is_another(another: Another) -> None:
    one, other = another(), another()
    await one.says(one.message("A01"))
    tried = await trying.tried(swap(one, other) + one.message("A08"), one.intake)
    assert [(each.line.trigger, each.known_patient) for each in tried.messages] == [("A17", True), ("A08", True)]


async def test_each_part_of_a_swap_is_read_again_as_what_it_is(another: Another) -> None:
    one, other = another(), another()
    await one.says(one.message("A01"), other.message("A01", unit="RES"), swap(one, other))
    for hospital in (one, other):
        query = "SELECT message_id FROM messages WHERE patient_id = :patient AND trigger = 'A17'"
        async with hospital.intake.database.read() as connection:
            row = (await connection.execute(sa.text(query), {"patient": await hospital.patient_id()})).one()
        found = await reading_again.preview(hospital.intake, row.message_id, Scope(None))
        assert found is not None
        assert not found.anything, found


# ── who attends ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("trigger", ["A54", "A60", "A61"])
def test_what_its_segments_have_is_amended(trigger: str) -> None:
    changed = told(2, trigger, "20260106090000", pv1_7="1000000002", pv2="PV2|||||||||20260109")
    found = facts(A01, changed)
    assert found["admitted"]["attending_npi"] == "1000000002"
    assert "discharge-planned" in found
    assert note(2, A01, changed) == ("applied", None)


@pytest.mark.parametrize(("changes", "cancels"), [("A54", "A55"), ("A61", "A62")])
def test_a_change_of_doctor_is_taken_back_and_the_one_before_holds(changes: str, cancels: str) -> None:
    changed = told(2, changes, "20260106090000", pv1_7="1000000002")
    for attending in ("", "1000000001", "1000000002"):
        back = told(4, cancels, "20260107090000", pv1_7=attending)
        assert facts(A01, changed, back)["admitted"]["attending_npi"] == "1000000001"
        assert (note(2, A01, changed, back), note(4, A01, changed, back)) == (("taken-back", None), ("applied", None))
    third = told(4, cancels, "20260107090000", pv1_7="1000000003")
    assert facts(A01, changed, third)["admitted"]["attending_npi"] == "1000000003"
    again = told(5, cancels, "20260107100000")
    assert note(5, A01, changed, third, again) == ("no-effect", "already-told")
    assert note(4, A01, third) == ("waiting", "waiting")


def test_a_repeated_change_of_doctor_is_taken_back_with_its_repetition() -> None:
    said = [told(number, "A54", f"2026010{number + 4}090000", pv1_7="1000000002") for number in (2, 4)]
    assert facts(A01, *said, told(5, "A55", "20260109100000"))["admitted"]["attending_npi"] == "1000000001"


# ── a visit is deleted ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_deleted_visit_leaves_nothing_of_it() -> None:
    a02 = told(2, "A02", "20260106090000", unit="RES")
    deleted = told(9, "A23", "20260112090000")
    assert facts(A01, a02, A03, deleted) == {}
    assert note(3, A01, a02, A03, deleted) == ("taken-back", None)
    assert note(8, A01, deleted, told(8, "A23", "20260113090000")) == ("no-effect", "already-told")
    assert facts(told(7, "A05", "20260102090000"), deleted) == {}


def test_what_is_said_after_the_deletion_stands() -> None:
    again = told(8, "A01", "20260113090000")
    assert list(facts(A01, A03, told(9, "A23", "20260112090000"), again)) == ["admitted"]


def test_so_many_days_after_its_end_only_a_person_may_delete_a_visit() -> None:
    late = told(9, "A23", "20260209130000")
    assert list(facts(A01, A03, late)) == ["admitted", "discharged"]
    assert note(9, A01, A03, late) == ("waiting", "asks-a-person")
    assert facts(A01, A03, told(9, "A23", "20260209110000")) == {}
    assert facts(A01, told(9, "A23", "20260301110000")) == {}, "a visit that has not ended"


async def test_a_deletion_that_names_no_visit_waits_for_a_person(hospital: Hospital) -> None:
    await hospital.tells("A01")
    before = await hospital.standing()
    assert await hospital.tells("A23", "20260311090000", visit="") == "AA"
    assert (await hospital.notes())[-1] == ("A23", "waiting", "asks-a-person")
    assert waits_for("A23", "waiting", "asks-a-person") == "person"
    assert await hospital.standing() == before
