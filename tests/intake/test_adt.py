"""What intake reads in an ADT message, and what it refuses."""

from __future__ import annotations

from datetime import UTC, date, timedelta

import pytest

from services.intake.hl7.model import REMOVED, Moment, Payer, Refused
from tests.intake.said import NOW, clock, er7, read


def test_a_message_is_read_with_all_its_patient_ids() -> None:
    adt = read(er7("A01", pid={3: "123^^^GH^MR~987-65-4320^^^&2.16.840.1&ISO^SS~^^^EMPTY"}))
    assert adt.patient_ids == (("123", "GH", "MR", None), ("987-65-4320", "2.16.840.1", "SS", "2.16.840.1"))
    assert (adt.trigger, adt.control_id, adt.facility, adt.processing_id) == ("A01", "C1", "GOODHEALTH", "P")
    assert (adt.sending_app, adt.sending_facility, adt.patient_class) == ("ADT1", "GOODHEALTH", "I")


def test_the_trigger_is_read_from_the_header_alone() -> None:
    assert read(er7("A03", evn={1: "A01"})).trigger == "A03"
    assert read(er7("A03", msh={9: "ADT^A03^ADT_A01"})).trigger == "A03"


@pytest.mark.parametrize(
    ("pv1_19", "pid_18", "found"),
    [("V7", "ACC", "V7"), ("", "ACC^^^GH", "ACC"), ("", "", None), ('""', "", None), ('""', "ACC", "ACC")],
)
def test_the_visit_number_is_pv1_19_else_pid_18(pv1_19: str, pid_18: str, found: str | None) -> None:
    assert read(er7("A01", pv1={19: pv1_19}, pid={18: pid_18})).visit_number == found


@pytest.mark.parametrize(
    ("trigger", "fields", "source", "occurred"),
    [
        ("A01", {"pv1": {44: "20260105093000"}, "evn": {6: "20260105094500"}}, "PV1-44", "2026-01-05 09:30"),
        ("A01", {"evn": {6: "20260105094500"}}, "EVN-6", "2026-01-05 09:45"),
        ("A01", {"pv1": {44: '""'}}, "EVN-2", "2026-01-05 10:00"),
        ("A01", {"evn": {2: ""}, "msh": {7: "20260105101500"}}, "MSH-7", "2026-01-05 10:15"),
        ("A01", {"evn": {2: "", 6: "soon"}, "msh": {7: "20260105101500"}}, "MSH-7", "2026-01-05 10:15"),
        ("A01", {"evn": {2: ""}, "msh": {7: ""}}, "arrival", "2026-03-01 07:00"),
        ("A01", {"pv1": {45: "20260106"}}, "EVN-2", "2026-01-05 10:00"),
        ("A03", {"pv1": {44: "20260101", 45: "20260105093000"}}, "PV1-45", "2026-01-05 09:30"),
        ("A03", {"pv1": {44: "20260101"}}, "EVN-2", "2026-01-05 10:00"),
        ("A02", {"pv1": {44: "20260101"}}, "EVN-2", "2026-01-05 10:00"),
        ("A08", {"pv1": {44: "garbage"}}, "EVN-2", "2026-01-05 10:00"),
    ],
)
def test_clinical_time_is_the_triggers_own_else_the_events(
    trigger: str, fields: dict[str, dict[int, str]], source: str, occurred: str
) -> None:
    adt = read(er7(trigger, **fields))  # type: ignore[arg-type]
    assert (adt.occurred_from, adt.occurred.start) == (source, clock(occurred))


def test_a_date_only_discharge_ends_at_24_hours_and_a_date_only_admission_begins_at_0() -> None:
    assert read(er7("A03", pv1={45: "20260105"})).occurred.end == clock("2026-01-06 00:00")
    assert read(er7("A01", pv1={44: "20260105"})).occurred.start == clock("2026-01-05 00:00")


@pytest.mark.parametrize(
    ("evn_2", "msh_7", "stated"),
    [
        ("20260105100000", "20260105110000", "2026-01-05 10:00"),
        ("", "20260105110000", "2026-01-05 11:00"),
        ("garbage", "20260105110000", "2026-01-05 11:00"),
        ("", "", "2026-03-01 07:00"),
    ],
)
def test_when_it_was_said_is_evn_2_else_msh_7_else_arrival(evn_2: str, msh_7: str, stated: str) -> None:
    adt = read(er7("A01", evn={2: evn_2}, msh={7: msh_7}, pv1={44: "20260105093000"}))
    assert adt.stated_at == clock(stated)


MERGE = ("MRG|999^^^GH^MR",)
REFUSALS = [
    ("AR", 200, "MSH", 9, er7("A01", msh={9: "ORU^R01"})),
    ("AR", 200, "MSH", 9, er7("A01", msh={9: ""})),
    ("AR", 201, "MSH", 9, er7("A01", msh={9: "ADT"})),
    ("AR", 201, "MSH", 9, er7("A56")),
    ("AR", 201, "MSH", 9, er7("A01", msh={9: "ADT^a01"})),
    ("AR", 202, "MSH", 11, er7("A01", msh={11: "D"})),
    ("AR", 200, "MSH", 9, b"MSH|^~\\&"),
    ("AE", 101, "MSH", 10, er7("A01", control_id="")),
    ("AE", 100, "PID", 0, er7("A01").replace(b"\rPID", b"\rPDI")),
    ("AE", 101, "PID", 3, er7("A01", pid={3: ""})),
    ("AE", 101, "PID", 3, er7("A01", pid={3: "^^^GH^MR", 18: "ACC"})),
    ("AE", 101, "PID", 3, er7("A01", pid={3: '""'})),
    ("AE", 102, "PV1", 44, er7("A01", pv1={44: "yesterday"})),
    ("AE", 102, "PV1", 44, er7("A01", pv1={44: "2026"})),
    ("AE", 102, "PV1", 45, er7("A03", pv1={45: "20260231"})),
    ("AE", 102, "EVN", 2, er7("A02", "01/05/2026")),
    ("AE", 207, "PV1", 45, er7("A03", pv1={45: "20260303130000"})),
    ("AE", 207, "EVN", 2, er7("A02", "20270101")),
    ("AE", 100, "MRG", 0, er7("A40")),
    ("AE", 101, "MRG", 1, er7("A40", more=("MRG|^^^GH",))),
    ("AE", 205, "MRG", 1, er7("A40", more=("MRG|123456^^^GH^MR",))),
    ("AE", 205, "MRG", 1, er7("A40", more=("MRG|123456^^^GH&1.2.3&ISO^PI~7^^^GH^MR",))),
]


@pytest.mark.parametrize(("ack", "code", "segment", "field", "raw"), REFUSALS)
def test_what_nothing_can_mend_is_refused_with_its_place(
    ack: str, code: int, segment: str, field: int, raw: bytes
) -> None:
    with pytest.raises(Refused) as refused:
        read(raw)
    assert (refused.value.ack, *refused.value.fault[:3]) == (ack, code, segment, field)


@pytest.mark.parametrize(
    "raw",
    [
        er7("A01", unit="NOWHERE"),
        er7("A01", unit=""),
        er7("A01", visit=""),
        er7("A01", pid={3: "", 2: "OLD1"}),
        er7("A13"),
        er7("A40", more=MERGE),
        er7("A40", more=("MRG|123456^^^OTHER^MR",)),
        er7("A01", msh={11: "T"}),
        er7("A01", msh={11: "P^A"}),
        er7("A01", msh={11: ""}),
        er7("A01", msh={12: "9.x"}),
        er7("A03", pv1={44: "20260110", 45: "20260105"}),
        er7("A01", pv1={44: "20260302070000"}),
        er7("A05", pv1={44: "20270101"}),
        er7("A01", more=("ZZZ|1", "ZPV|what ever")),
        er7("A01").replace(b"EVN|A01|20260105100000\r", b""),
        er7("A01", pid={7: "1980"}),
    ],
)
def test_what_can_become_right_is_taken(raw: bytes) -> None:
    assert read(raw).control_id == "C1"


def test_a_removed_value_is_told_from_one_that_says_nothing() -> None:
    adt = read(er7("A08", pv1={7: '""', 36: '""', 45: '""', 4: ""}, more=('DG1|1||""', 'IN1|1||""')))
    assert (adt.attending_npi, adt.disposition, adt.discharged) == (REMOVED, REMOVED, REMOVED)
    assert (adt.diagnoses, adt.coverage) == (REMOVED, REMOVED)
    assert (adt.admission_type, adt.admission_source, adt.admitted) == (None, None, None)


@pytest.mark.parametrize(
    ("pv1_7", "npi"),
    [
        ("1234567893^Smith^Ann^^^^^^NPI", "1234567893"),
        ("77^Smith~1234567893^Smith^Ann^^^^^^X^^^^NPI", "1234567893"),
        ("1234567893^Smith", "1234567893"),
        ("77^Smith", None),
        ("", None),
    ],
)
def test_the_attending_is_known_by_npi(pv1_7: str, npi: str | None) -> None:
    assert read(er7("A01", pv1={7: pv1_7})).attending_npi == npi


def test_diagnoses_and_payers_come_in_order() -> None:
    more = (
        "DG1|1||F33.2^Depression^I10|||A",
        "DG1|2|I9|311",
        "DG1|3|||only words",
        "IN1|1|PPO^Plan|ACME|||||||||20260101",
        "IN1|2||MEDICARE",
        "IN1|3|HMO",
    )
    adt = read(er7("A01", more=more))
    assert adt.diagnoses == ((1, "F33.2", "I10", "A"), (2, "311", "I9", None))
    assert adt.coverage == (Payer(1, "ACME", "PPO", date(2026, 1, 1)), Payer(2, "MEDICARE", None, None))


@pytest.mark.parametrize("msh_11", ["", '""'])
def test_an_empty_processing_id_is_the_feeds_first_one_with_a_warning(msh_11: str) -> None:
    adt = read(er7("A01", msh={11: msh_11}))
    assert adt.processing_id == "P"
    assert adt.warnings == ("MSH-11 is empty; the first one of the feed goodhealth is taken",)


def test_the_list_of_a_survivor_may_have_the_retired_number() -> None:
    adt = read(er7("A40", pid={3: "1^^^GH^MR~2^^^GH^MR"}, more=("MRG|2^^^GH^MR",)))
    assert (len(adt.patient_ids), len(adt.merged)) == (2, 1)


@pytest.mark.parametrize(
    ("told", "read_as"),
    [
        ('1^^^""^""', ("1", None, None, None)),
        ("1^^^GH&1.2.3&ISO", ("1", "GH", None, "1.2.3")),
        ("1^^^&1.2.3&ISO^MR", ("1", "1.2.3", "MR", "1.2.3")),
        ('1^^^GH&""&""^MR', ("1", "GH", "MR", None)),
    ],
)
def test_an_authority_has_two_names_and_says_nothing_with_quotes(told: str, read_as: tuple[str | None, ...]) -> None:
    assert tuple(read(er7("A01", pid={3: told})).patient_ids[0]) == read_as


def test_leave_merge_and_death_are_read() -> None:
    leave = read(er7("A21", evn={4: "02"}, more=("PV2" + "|" * 47 + "20260107",)))
    assert leave.event_reason == "02"
    assert leave.expected_return == Moment(clock("2026-01-07 00:00"), clock("2026-01-08 00:00"))
    assert read(er7("A40", more=MERGE)).merged == (("999", "GH", "MR", None),)
    assert read(er7("A03", pid={30: "Y"})).deceased
    assert read(er7("A03", pid={29: "20260105"})).deceased
    assert not read(er7("A03", pid={30: "N"})).deceased


@pytest.mark.parametrize(
    ("born", "age"),
    [("19800105", 46), ("19800106", 45), ("1980", None), ("", None), ("20260201", None), ("18000101", None)],
)
def test_age_is_in_whole_years_on_the_day(born: str, age: int | None) -> None:
    assert read(er7("A01", pid={7: born})).age_years == age


def test_a_time_is_judged_against_the_sites_limit() -> None:
    raw = er7("A01", pv1={44: "20260301080000"})
    assert read(raw, clock("2026-02-28 08:00")).trigger == "A01"
    with pytest.raises(Refused):
        read(raw, clock("2026-02-28 07:59"))


def test_an_overlong_id_is_shortened_and_stays_its_own() -> None:
    one, other = (read(er7("A01", visit="9" * 300 + end)).visit_number for end in "ab")
    assert one is not None
    assert other is not None
    assert len(one) <= 200
    assert one != other


def test_who_the_patient_is_stands_apart_and_is_never_printed() -> None:
    raw = er7("A01", pid={5: "Zebra^Quagga~Maiden^Q", 8: "F", 11: "1 Elm^^Troy^NY^12180", 13: "(555)123~^^^^^555^777"})
    shown = f"{read(raw)!r} {read(raw).patient_ids!r}"
    assert not any(word in shown for word in ("Zebra", "Quagga", "Maiden", "Elm", "1980", "123456"))


def test_arrival_is_only_the_last_resort() -> None:
    late = NOW + timedelta(days=3)
    assert read(er7("A01"), NOW).stated_at == read(er7("A01"), late).stated_at
    assert read(er7("A01", evn={2: ""}, msh={7: ""}), late).stated_at == late.astimezone(UTC)
