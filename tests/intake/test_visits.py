"""What all messages of a visit mean together (contract 6 and 3.6; IHE ITI-31), in whatever order they came."""

from __future__ import annotations

from datetime import datetime
from itertools import permutations

import pytest

from services.intake.hl7.model import VisitMessage
from services.intake.visits.derive import Derived, derive
from services.intake.visits.desired import own_fields, read_back, stay_heading
from services.intake.visits.unnamed import visit_id
from shared.events import type_name
from shared.events.levels import Level
from shared.facts.values import read_fact, written
from shared.site.values import Unit
from tests.intake.said import NEW_YORK, SITE, UNITS, SampleSite, clock, er7, own, read, stay_id, told

A01 = told(1, "A01", "20260105101000", pv1_44="20260105100000")
A02 = told(2, "A02", "20260107090000", unit="RES", pv1_44="20260105100000")
A03 = told(3, "A03", "20260110120500", pv1_45="20260110120000", pv1_36="01")
A13 = told(4, "A13", "20260110130000")


def facts(*said: VisitMessage, site: SampleSite = SITE) -> list[tuple[str, str, str]]:
    """(type, stay, New York time) of each fact wanted."""
    return [
        (one.value.TYPE, stay_id(one), _time(one.value.occurred_at.timestamp()))
        for one in derive("V1", said, site).facts
    ]


def _time(stamp: float) -> str:
    return datetime.fromtimestamp(stamp, NEW_YORK).strftime("%d %H:%M")


def notes(*said: VisitMessage, site: SampleSite = SITE) -> dict[str, str]:
    """Message → effect, with the reason where there is one."""
    return {one.message_id: f"{one.effect} {one.reason or ''}".strip() for one in derive("V1", said, site).notes}


ADMITTED = ("admitted", "V1", "05 10:00")
DISCHARGED = ("discharged", "V1", "10 12:00")


def test_an_admission_and_a_discharge_are_one_stay() -> None:
    found = derive("V1", [A01, A03], SITE)
    assert [one.value.TYPE for one in found.facts] == ["admitted", "discharged"]
    assert own(found.facts[0]) == {
        "level": "inpatient",
        "unit": "3W",
        "visit_number": "V1",
        "admission": {},
        "age_years": 45,
        "patient": {"mrn": "123456", "assigning_authority": "GH"},
    }
    assert own(found.facts[1]) == {"level": "inpatient", "disposition": {"code": "01", "kind": "home"}}
    assert (found.facts[1].stated_at, found.facts[1].said_by) == (clock("2026-01-10 12:05"), "m3")


def test_an_admission_for_withdrawal_says_so() -> None:
    [detox] = derive("V1", [told(1, "A01", "20260105101000", unit="DTX")], SITE).facts
    assert (own(detox)["level"], own(detox)["setting"]) == ("inpatient", "withdrawal-management")


def test_a_discharge_taken_back_leaves_the_stay_open() -> None:
    assert facts(A01, A03, A13) == [ADMITTED]
    assert notes(A01, A03, A13) == {"m1": "applied", "m3": "taken-back", "m4": "applied"}


@pytest.mark.parametrize(
    "story",
    [
        (A01, A03),
        (A01, A03, A13),
        (A01, A02, A03),
        (A01, A02, A03, A13),
        (A01, A03, A13, told(5, "A03", "20260111120000")),
        (A01, told(2, "A11", "20260105120000"), told(3, "A01", "20260106100000")),
    ],
)
def test_the_order_of_arrival_makes_no_difference(story: tuple[VisitMessage, ...]) -> None:
    expected = derive("V1", story, SITE)
    for order in permutations(story):
        assert derive("V1", order, SITE) == expected
        assert derive("V1", (*order, order[0]), SITE) == expected


@pytest.mark.parametrize(
    ("said", "waiting"),
    [
        ((A03,), "m3"),
        ((A13,), "m4"),
        ((A01, A13), "m4"),
        ((A01, told(2, "A22", "20260106")), "m2"),
        *(((told(1, trigger, "20260106"),), "m1") for trigger in ("A08", "A11", "A12", "A21", "A22", "A52", "A53")),
    ],
)
def test_what_has_no_partner_yet_waits(said: tuple[VisitMessage, ...], waiting: str) -> None:
    assert notes(*said)[waiting].startswith("waiting")
    assert all(fact[0] == "admitted" for fact in facts(*said))


def test_an_admission_or_a_discharge_told_again_is_one_stay() -> None:
    again = (
        told(7, "A01", "20260105111000", pv1_44="20260105100000"),
        told(8, "A03", "20260110150000", pv1_45="20260110120000"),
    )
    assert facts(A01, again[0], A03, again[1]) == [ADMITTED, DISCHARGED]
    assert notes(A01, again[0], A03, again[1]) == {
        "m1": "applied", "m3": "applied", "m7": "no-effect already-open", "m8": "no-effect ended",
    }  # fmt: skip
    after = told(9, "A01", "20260111100000", pv1_44="20260105100000")
    assert facts(A01, A03, after) == [ADMITTED, DISCHARGED]


def test_a_discharge_told_twice_is_taken_back_whole() -> None:
    again = told(5, "A03", "20260110121000", pv1_45="20260110120000")
    assert facts(A01, A03, again, A13) == [ADMITTED]


def test_a_discharge_taken_back_twice_and_told_anew_stands() -> None:
    twice, anew = told(5, "A13", "20260110130100"), told(6, "A03", "20260112100000")
    assert facts(A01, A03, A13, twice, anew) == [ADMITTED, ("discharged", "V1", "12 10:00")]
    assert notes(A01, A03, A13, twice, anew)["m5"] == "no-effect already-told"


def test_a_cancel_takes_back_only_what_was_said_before_it() -> None:
    early = told(4, "A13", "20260109130000")
    assert facts(A01, A03, early) == [ADMITTED, DISCHARGED]
    assert notes(A01, A03, early)["m4"] == "waiting waiting"


def test_a_cancel_finds_its_discharge_though_the_admission_is_said_last() -> None:
    late = told(9, "A01", "20260120100000", pv1_44="20260105100000")
    assert facts(A03, A13, late) == [ADMITTED]


@pytest.mark.parametrize("unit", ["3W", ""])
def test_a_discharge_taken_back_to_the_same_unit_moves_nobody(unit: str) -> None:
    assert facts(A01, A03, told(4, "A13", "20260110130000", unit=unit)) == [ADMITTED]


def test_a_discharge_taken_back_to_another_unit_is_also_a_transfer_there_at_its_own_time() -> None:
    moved = ("transferred", "V1", "10 13:00")
    assert facts(A01, A03, told(4, "A13", "20260110130000", unit="RES")) == [ADMITTED, moved]
    assert facts(A01, A02, told(4, "A12", "20260110130000", unit="RES")) == [ADMITTED, moved]
    assert facts(A01, A02, told(4, "A12", "20260110130000", unit="3W")) == [ADMITTED]


def test_things_said_in_the_same_instant_go_by_their_counter_else_cancels_last() -> None:
    at = "20260110120000"
    assert facts(A01, told(5, "A13", at), told(6, "A03", at)) == [ADMITTED, DISCHARGED]
    assert facts(A01, told(6, "A13", at), told(5, "A03", at)) == [ADMITTED]
    assert facts(A01, told(5, "A13", at, msh_10="X"), told(6, "A03", at)) == [ADMITTED]


def test_a_visit_number_used_again_after_its_end_is_a_new_stay() -> None:
    again, end = told(5, "A01", "20260120100000"), told(6, "A03", "20260121100000")
    assert facts(A01, A03, again) == [ADMITTED, DISCHARGED, ("admitted", "V1#2", "20 10:00")]
    assert facts(A01, A03, again, end)[-1] == ("discharged", "V1#2", "21 10:00")
    assert facts(A01, A03, again, end, told(7, "A13", "20260121110000"))[-1] == ("admitted", "V1#2", "20 10:00")


def test_a_date_only_discharge_and_an_admission_the_next_day_are_two_stays() -> None:
    end, again = (
        told(3, "A03", "20260110120000", pv1_45="20260110"),
        told(5, "A01", "20260111080000", pv1_44="20260111"),
    )
    assert facts(A01, end, again) == [ADMITTED, ("discharged", "V1", "11 00:00"), ("admitted", "V1#2", "11 00:00")]


def test_a_cancelled_admission_takes_every_fact_of_the_stay_but_not_after_its_end() -> None:
    cancel = told(9, "A11", "20260111100000")
    assert facts(A01, A02, cancel) == []
    assert facts(A01, told(7, "A01", "20260105111000"), cancel) == []
    assert facts(A01, A03, cancel) == [ADMITTED, DISCHARGED]
    assert notes(A01, A03, cancel)["m9"] == "no-effect ended"
    assert facts(told(1, "A04", "20260105", unit="ED"), cancel) == []
    assert facts(A01, cancel, told(10, "A01", "20260112100000")) == [("admitted", "V1", "12 10:00")]


def test_an_emergency_visit_is_no_admission_and_becomes_one_on_the_same_stay() -> None:
    visit = told(1, "A04", "20260105080000", unit="ED")
    started = ("visit-started", "V1", "05 08:00")
    assert facts(visit, A03) == [started, ("visit-ended", "V1", "10 12:00")]
    assert own(derive("V1", [visit], SITE).facts[0])["class"] == "emergency"
    for trigger in ("A01", "A02", "A06"):
        admitted = told(2, trigger, "20260105120000")
        assert facts(visit, admitted, A03) == [started, ("admitted", "V1", "05 12:00"), DISCHARGED]
    undone = told(3, "A11", "20260105130000")
    assert facts(visit, told(2, "A01", "20260105120000"), undone) == [started]


def test_a_discharge_taken_back_to_a_unit_that_is_not_mapped_is_listed() -> None:
    undone = told(4, "A13", "20260110130000", unit="NEW")
    assert facts(A01, A03, undone) == [ADMITTED]
    assert notes(A01, A03, undone)["m4"] == "unmapped"


def test_an_update_of_the_end_said_while_the_stay_goes_on_changes_nothing() -> None:
    assert notes(A01, told(2, "A08", "20260106100000", pv1_36="07"))["m2"] == "no-effect already-told"
    assert notes(A01, told(2, "A08", "20260106100000", pv1_7="1234567893^X"))["m2"] == "applied"


def test_registration_at_a_unit_with_a_level_is_an_admission() -> None:
    (found,) = derive("V1", [told(1, "A04", "20260105080000", unit="IOP1")], SITE).facts
    assert (found.value.TYPE, own(found)["level"], own(found)["program"]) == ("admitted", "iop", "iop-eve")


@pytest.mark.parametrize(
    ("trigger", "unit", "to"),
    [
        ("A02", "4E", {"unit": "4E", "level": "inpatient"}),
        ("A02", "RES", {"unit": "RES", "level": "residential", "program": "res-house"}),
        ("A06", "RES", {"unit": "RES", "level": "residential", "program": "res-house"}),
        ("A07", "OPC", {"unit": "OPC", "level": "outpatient"}),
        ("A02", "ED", {"unit": "ED", "level": "inpatient"}),
        ("A07", "ED", {"unit": "ED"}),
    ],
)
def test_a_transfer_says_from_where_to_where(trigger: str, unit: str, to: dict[str, str]) -> None:
    found = derive("V1", [A01, told(2, trigger, "20260107090000", unit=unit)], SITE).facts[-1]
    assert found.value.TYPE == "transferred"
    assert own(found) == {"from": {"unit": "3W", "level": "inpatient"}, "to": to}


def test_a_transfer_out_of_every_level_ends_as_a_visit() -> None:
    out = told(2, "A07", "20260107090000", unit="ED")
    assert [one[0] for one in facts(A01, out, A03)] == ["admitted", "transferred", "visit-ended"]


@pytest.mark.parametrize("trigger", ["A02", "A06", "A07"])
def test_a_transfer_of_an_unknown_visit_takes_effect_at_once(trigger: str) -> None:
    known, unknown = (told(2, trigger, "20260107090000", unit="RES", pv1_44=at) for at in ("20260105100000", ""))
    assert facts(known) == [ADMITTED]
    assert facts(unknown) == [("admitted", "V1", "07 09:00")]
    assert facts(known, A01) == [ADMITTED, ("transferred", "V1", "07 09:00")]
    assert facts(known, told(9, "A21", "20260106"), A03)[1][0] == "leave-started"


@pytest.mark.parametrize(("trigger", "begins"), [("A06", True), ("A07", True), ("A02", False)])
def test_after_the_end_a_change_of_class_begins_a_new_stay_and_a_transfer_does_not(trigger: str, begins: bool) -> None:
    after = told(7, trigger, "20260112090000", unit="OPC")
    expected = [ADMITTED, DISCHARGED] + [("admitted", "V1#2", "12 09:00")] * begins
    assert facts(A01, A03, after) == expected


def test_a_change_told_late_takes_its_clinical_place_before_the_end() -> None:
    late = told(9, "A02", "20260115090000", unit="RES", evn_6="20260108090000")
    assert facts(A01, A03, late) == [ADMITTED, ("transferred", "V1", "08 09:00"), DISCHARGED]
    assert own(derive("V1", [A01, A03, late], SITE).facts[-1])["level"] == "residential"


def test_leave_begins_ends_and_is_taken_back() -> None:
    out = told(2, "A21", "20260106090000", evn_4="elopement")
    back = told(3, "A22", "20260107090000")
    gone, home = ("leave-started", "V1", "06 09:00"), ("leave-ended", "V1", "07 09:00")
    assert facts(A01, out, back) == [ADMITTED, gone, home]
    assert own(derive("V1", [A01, out], SITE).facts[1])["kind"] == "elopement"
    assert facts(A01, out, back, told(4, "A53", "20260107100000")) == [ADMITTED, gone]
    assert facts(A01, out, told(4, "A52", "20260106100000")) == [ADMITTED]
    assert facts(A01, out, A03) == [ADMITTED, gone, DISCHARGED]
    assert notes(A01, A03, told(7, "A21", "20260111"))["m7"] == "no-effect ended"


def test_a_unit_that_is_not_mapped_makes_no_stay_until_it_is() -> None:
    said = (told(1, "A01", "20260105100000", unit="NEW"), A03)
    assert facts(*said) == []
    assert notes(*said) == {"m1": "unmapped", "m3": "waiting waiting"}
    mended = SampleSite({**UNITS, "NEW": Unit(code="NEW", level=Level.RESIDENTIAL)})
    assert facts(*said, site=mended) == [ADMITTED, DISCHARGED]
    assert facts(*said, A13, told(5, "A11", "20260110140000"), site=mended) == []


def test_a_cancel_of_a_transfer_to_an_unmapped_unit_leaves_the_one_before() -> None:
    lost = told(3, "A02", "20260108090000", unit="NEW")
    undone = told(4, "A12", "20260108100000", unit="RES")
    assert facts(A01, A02, lost, undone) == [ADMITTED, ("transferred", "V1", "07 09:00")]


def test_an_update_replaces_what_was_said_before_it() -> None:
    start = told(1, "A01", "20260105100000", pv1_7="1234567893^X", in1="IN1|1|PPO|ACME", dg1="DG1|1||F33.2^x^I10")
    update = told(5, "A08", "20260112100000", pv1_7='""', pv1_36="07", pv1_45="20260109110000",
                  in1="IN1|1||MEDICARE", dg1="DG1|1||F10.20^x^I10")  # fmt: skip
    before, after = derive("V1", [start, A03], SITE), derive("V1", [start, A03, update], SITE)
    assert [one.key for one in before.facts] == [one.key for one in after.facts]
    values = {one.value.TYPE: own(one) for one in after.facts}
    assert "attending_npi" not in values["admitted"]
    assert values["discharged"]["disposition"] == {"code": "07", "kind": "against-advice"}
    assert values["diagnosis-recorded"]["code"] == "F10.20"
    assert values["coverage-changed"]["coverage"] == [{"order": 1, "payer": "MEDICARE"}]
    assert ("discharged", "V1", "09 11:00") in facts(start, A03, update)
    assert notes(start, A03, update)["m5"] == "applied"


def test_an_update_said_before_the_discharge_or_that_says_nothing_changes_nothing() -> None:
    early = told(2, "A08", "20260106100000", pv1_36="07")
    empty = told(5, "A08", "20260112100000")
    assert derive("V1", [A01, early, A03, empty], SITE).facts == derive("V1", [A01, A03], SITE).facts
    assert notes(A01, A03, empty)["m5"] == "no-effect already-told"


def test_payers_hold_from_the_first_day_or_from_the_day_they_name() -> None:
    start = told(1, "A01", "20260105100000", in1="IN1|1|PPO|ACME|||||||||20250101")
    later = told(2, "A08", "20260108100000", in1="IN1|1||MEDICAID|||||||||20260107")
    found = [one for one in derive("V1", [start, later], SITE).facts if one.value.TYPE == "coverage-changed"]
    assert [(own(one)["effective_from"], own(one)["coverage"][0]["payer"]) for one in found] == [
        ("2026-01-05", "ACME"),
        ("2026-01-07", "MEDICAID"),
    ]


def test_a_death_that_the_patient_segment_tells_is_a_disposition() -> None:
    found = derive("V1", [A01, told(3, "A03", "20260110120000", pid_30="Y")], SITE).facts[-1]
    assert own(found)["disposition"] == {"kind": "deceased"}


@pytest.mark.parametrize("trigger", ["A05", "A28"])
def test_what_states_nothing_of_a_stay_is_kept(trigger: str) -> None:
    assert notes(told(1, trigger, "20260105")) == {"m1": "kept"}


def test_every_fact_is_one_of_the_published_language() -> None:
    story = (
        told(1, "A04", "20260105080000", unit="ED"),
        told(2, "A01", "20260105100000", pv1_4="E", pv1_14="7", in1="IN1|1|PPO|ACME", dg1="DG1|1||F33.2^x^I10|||A"),
        told(3, "A02", "20260106100000", unit="RES"),
        told(4, "A21", "20260107100000"),
        told(5, "A22", "20260108100000"),
        told(6, "A03", "20260110120000"),
        told(7, "A04", "20260112080000", unit="OBS"),
        told(8, "A03", "20260112120000"),
    )
    found = derive("V1", story, SITE).facts
    assert {one.value.TYPE for one in found} == {
        "visit-started", "visit-ended", "admitted", "transferred", "leave-started", "leave-ended", "discharged",
        "diagnosis-recorded", "coverage-changed",
    }  # fmt: skip
    assert len({one.key for one in found}) == len(found)
    for one in found:
        body = written(one.value)
        assert one.key[:2] == (one.value.TYPE, stay_id(one))
        value = read_fact(type_name(one.value.TYPE), body)
        assert value == one.value
        assert value.stay is not None
        assert read_back(value.TYPE, own_fields(body), stay_heading(value.occurred_at, value.stay)) == value


def test_a_visit_without_number_is_known_by_patient_and_admit_time() -> None:
    start, end = (er7(trigger, visit="", pv1={44: "20260105100000"}) for trigger in ("A01", "A03"))
    assert visit_id(read(start)) == visit_id(read(end))
    assert "123456" not in (visit_id(read(start)) or "")
    assert visit_id(read(er7("A01", visit="", pv1={44: "20260106100000"}))) != visit_id(read(start))
    assert visit_id(read(er7("A03", visit=""))) is None
    assert visit_id(read(er7("A03"))) == "V1"


def test_nothing_said_gives_nothing() -> None:
    assert derive("V1", [], SITE) == Derived((), ())


def planned(number: int, said: str, when: str) -> VisitMessage:
    """A08 with PV2-9."""
    return told(number, "A08", said, pv2=f"PV2|||||||||{when}")


PLANNED = planned(2, "20260106100000", "202601091200")
LATER = planned(3, "20260107100000", "202601101200")
CALLED_OFF = planned(4, "20260108100000", '""')
AGAIN = planned(5, "20260108110000", "202601111200")


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ((A01, PLANNED), [("discharge-planned", "09 12:00")]),
        ((A01, PLANNED, LATER), [("discharge-planned", "10 12:00")]),
        ((A01, PLANNED, CALLED_OFF), [("discharge-planned", "09 12:00"), ("discharge-plan-cancelled", "")]),
        ((A01, CALLED_OFF), []),
        ((A01, PLANNED, CALLED_OFF, AGAIN), [("discharge-planned", "11 12:00")]),
    ],
    ids=["told", "told anew", "called off", "nothing to call off", "planned again"],
)
def test_an_expected_discharge_is_stated_as_it_was_told_last(
    said: tuple[VisitMessage, ...], wanted: list[tuple[str, str]]
) -> None:
    found = [one for one in derive("V1", said, SITE).facts if one.value.TYPE.startswith("discharge-plan")]
    assert [(one.value.TYPE, own(one).get("expected_at", "")[8:16].replace("T", " ")) for one in found] == wanted
