"""What a service period says: payer, program, status, leave, diagnoses, attended days (contract 4)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from services.placement.billing.periods import periods
from services.placement.continuum.model import Away, Ending, StayDiagnosis
from services.placement.rules import rules_of
from shared.events.base import Admission, Disposition, PatientNumber
from shared.site.billed import BilledAs, BilledCode
from shared.site.config import SAMPLE, load
from tests.placement.period_builders import (
    at,
    attended,
    content_of,
    covered,
    derived,
    episode,
    missed,
    spans,
    stay,
    zone_of,
)


@pytest.mark.parametrize(
    ("why", "coverage", "expected"),
    [
        ("unknown before the first", [], [("03-02", None, "unknown")]),
        ("in force before the stay", [("02-01", "ACME")], [("03-02", None, "ACME")]),
        ("from the first day on", [("03-02", "ACME")], [("03-02", None, "ACME")]),
        ("later than the first day", [("03-04", "ACME")], [("03-02", "03-04", "unknown"), ("03-04", None, "ACME")]),
        (
            "a change splits on its day",
            [("03-01", "ACME"), ("03-05", "MEDICAID")],
            [("03-02", "03-05", "ACME"), ("03-05", None, "MEDICAID")],
        ),
        ("the same again splits nothing", [("03-01", "ACME"), ("03-05", "ACME")], [("03-02", None, "ACME")]),
        ("the last said of one day is so", [("03-01", "ACME"), ("03-01", "SELF")], [("03-02", None, "SELF")]),
    ],
)
def test_a_period_has_one_payer(
    why: str, coverage: list[tuple[str, str]], expected: list[tuple[str, str, str]]
) -> None:
    found = derived(episode(stay("s", ("03-02", "iop")), coverage=[covered(*one) for one in coverage]))
    payers = [content_of(one)["payer"] for one in found]
    assert [(start, end, payer) for (_, start, end), payer in zip(spans(found), payers, strict=True)] == expected, why


def test_a_change_of_coverage_after_the_last_day_splits_nothing() -> None:
    told = episode(stay("s", ("03-02", "iop"), end="03-05 12:00"), coverage=[covered("03-06", "ACME")])
    assert spans(derived(told)) == [("iop", "03-02", "03-06")]


def test_payers_are_in_order_and_the_first_is_the_payer() -> None:
    told = replace(covered("03-01", "ACME", "MEDICAID"))
    turned = replace(told, coverage=told.coverage[::-1])
    content = content_of(derived(episode(stay("s", ("03-02", "iop")), coverage=[turned]))[0])
    assert content["payer"] == "ACME"
    assert [one["payer"] for one in content["coverage"]] == ["ACME", "MEDICAID"]


UNMAPPED = "unmapped-patient-status"


@pytest.mark.parametrize(
    ("why", "end", "disposition", "status", "warned"),
    [
        ("still a patient", None, None, "30", False),
        (
            "by the site's table",
            "03-09 11:00",
            {"code": "HOME-OP", "kind": "home", "patient_status": "01"},
            "01",
            False,
        ),
        ("a code of two digits", "03-09 11:00", {"code": "65", "kind": "transfer"}, "65", False),
        ("by its kind", "03-09 11:00", {"code": "LEFT", "kind": "against-advice"}, "07", False),
        ("still a patient is no end", "03-09 11:00", {"code": "30", "kind": "unknown"}, "01", True),
        ("in no table", "03-09 11:00", {"code": "unknown", "kind": "unknown"}, "01", True),
        ("a text of the first version", "03-09 11:00", {"code": "GONE", "kind": "unknown"}, "01", True),
        ("none sent", "03-09 11:00", {"kind": "unknown"}, "01", True),
        ("nothing at all", "03-09 11:00", None, "01", True),
    ],
)
def test_the_patient_status_is_always_two_characters(
    why: str, end: str | None, disposition: dict[str, Any] | None, status: str, warned: bool
) -> None:
    told = stay("s", ("03-02 14:00", "inpatient"), end=end)
    told = (
        replace(told, ended=replace(told.ended, disposition=Disposition(**disposition) if disposition else None))
        if told.ended
        else told
    )
    content = content_of(periods(episode(told), zone_of, by_the_sample)[0])
    assert (content["patient_status"], UNMAPPED in content["warnings"]) == (status, warned), why
    assert ("discharged_at" in content) == (end is not None)
    assert ("end_date" in content) == (end is not None)


def by_the_sample(*_: str | None) -> BilledAs:
    """Billed with the sample site's words for ends."""
    return rules_of(load(SAMPLE)).billed("GOODHEALTH", None, None, "iop")


@pytest.mark.parametrize(
    ("how", "reason", "status", "warned"),
    [
        ("completed", "goals-met", "01", False),
        ("discontinued", "against-advice", "07", False),
        ("discontinued", "lost-contact", "07", False),
        ("discontinued", "administrative", "01", False),
        ("discontinued", "transferred-out", "70", False),
        ("discontinued", "incarcerated", "21", False),
        ("discontinued", "deceased", "20", False),
        ("discontinued", "other", "01", True),
    ],
)
def test_an_end_at_the_desk_has_a_patient_status_by_the_sites_table(
    how: Any, reason: str, status: str, warned: bool
) -> None:
    ended = replace(stay("p", ("03-02", "iop")), ended=Ending(at("03-09 12:00"), how, "p-end", None, reason))
    content = content_of(periods(episode(ended), zone_of, by_the_sample)[0])
    assert (content["patient_status"], UNMAPPED in content["warnings"]) == (status, warned)


@pytest.mark.parametrize(
    ("admission", "billed_as", "warned"),
    [
        ({"type": "1", "source": "4"}, {"type": "1", "source": "4"}, []),
        ({"type": "unknown", "source": "4"}, {"type": "9", "source": "4"}, ["unmapped-admission-type"]),
        ({"type": "1", "source": "unknown"}, {"type": "1", "source": "9"}, ["unmapped-admission-source"]),
        ({}, {}, []),
    ],
)
def test_what_no_table_has_is_not_available_on_the_bill_and_warned_of(
    admission: dict[str, str], billed_as: dict[str, str], warned: list[str]
) -> None:
    (found,) = derived(episode(stay("s", ("03-02 14:00", "inpatient"), admission=Admission(**admission))))
    assert {name: told for name, told in content_of(found)["admission"].items() if name != "at"} == billed_as
    assert content_of(found)["warnings"] == warned


def test_a_payer_that_the_site_does_not_have_is_warned_of_and_none_yet_is_not() -> None:
    told = episode(stay("s", ("03-02 14:00", "inpatient")), coverage=[covered("03-05", "unknown")])
    before, after = derived(told)
    assert (content_of(before)["payer"], content_of(before)["warnings"]) == ("unknown", [])
    assert (content_of(after)["payer"], content_of(after)["warnings"]) == ("unknown", ["unmapped-payer"])


def test_only_the_last_period_of_an_ended_stay_carries_the_end() -> None:
    told = stay("s", ("03-02 14:00", "inpatient"), ("03-05 09:00", "residential"), end="03-09 11:00", code="01")
    first, last = (content_of(one) for one in derived(episode(told)))
    assert (first["patient_status"], last["patient_status"]) == ("30", "01")
    assert "discharged_at" not in first
    assert last["discharged_at"] == "2026-03-09T11:00:00-04:00"
    assert last["admission"]["at"] == "2026-03-02T14:00:00-05:00"


def test_a_program_that_ends_while_suspended_ends_in_its_last_period() -> None:
    program = stay("p", ("03-02", "iop"), end="03-12 12:00", code="07")
    hospital = stay("h", ("03-05 10:00", "inpatient"))
    content = next(content_of(one) for one in derived(episode(program, hospital)) if one.key.stay == "p")
    assert (content["end_date"], content["patient_status"]) == ("2026-03-05", "07")
    assert content["discharged_at"].startswith("2026-03-12")


@pytest.mark.parametrize(
    ("why", "away", "end", "expected"),
    [
        ("to is the day of return", [("03-04 15:00", "03-06 09:00")], None, [("03-04", "03-06")]),
        ("back on the same day is none", [("03-04 09:00", "03-04 20:00")], None, []),
        ("still away", [("03-04 15:00", None)], None, [("03-04", None)]),
        ("away to the end", [("03-04 15:00", None)], "03-08 12:00", [("03-04", "03-08")]),
        ("back on a day without a time", [("03-04 15:00", "03-06")], None, [("03-04", "03-06")]),
        (
            "twice",
            [("03-04 15:00", "03-05 09:00"), ("03-06 15:00", "03-07 09:00")],
            None,
            [("03-04", "03-05"), ("03-06", "03-07")],
        ),
    ],
)
def test_leave_lies_inside_the_period(
    why: str, away: list[tuple[str, str | None]], end: str | None, expected: list[tuple[str, str | None]]
) -> None:
    told = [Away(at(since), at(until) if until else None, "therapeutic", "fact") for since, until in away]
    found = derived(episode(stay("s", ("03-02 14:00", "residential"), end=end, away=told)))
    leave = [(one["from"][5:], one["to"][5:] if "to" in one else None) for one in content_of(found[0])["leave"]]
    assert leave == expected, why
    assert len(found) == 1


def test_leave_over_a_change_of_payer_is_in_both_periods() -> None:
    away = [Away(at("03-04 15:00"), at("03-08 09:00"), "medical", "fact")]
    told = episode(stay("s", ("03-02 14:00", "residential"), away=away), coverage=[covered("03-06", "ACME")])
    assert [[(one["from"][5:], one["to"][5:]) for one in content_of(found)["leave"]] for found in derived(told)] == [
        [("03-04", "03-06")],
        [("03-06", "03-08")],
    ]


def test_attended_days_are_in_order_with_all_their_services_and_missed_ones_are_not() -> None:
    sessions = [attended("03-06", 60, "b"), attended("03-04", 90, "a"), attended("03-06", 45, "c"), missed("03-05")]
    days = content_of(derived(episode(stay("s", ("03-02", "iop"), sessions=sessions)))[0])["days"]
    minutes = [(one["date"], [service["minutes"] for service in one["services"]]) for one in days]
    assert minutes == [("2026-03-04", [90]), ("2026-03-06", [60, 45])]


def test_diagnoses_are_by_rank_and_once_each() -> None:
    told = [
        StayDiagnosis("I10", "Z2", 2, "d2"),
        StayDiagnosis("I10", "Z1", 1, "d1", "F"),
        StayDiagnosis("I10", "Z1", 1, "d3", "A"),
    ]
    found = content_of(derived(episode(stay("s", ("03-02", "iop"), diagnoses=tuple(told))))[0])["diagnoses"]
    assert [(one["code"], one["rank"]) for one in found] == [("Z1", 1), ("Z2", 2)]


def test_a_diagnosis_is_principal_admitting_or_other() -> None:
    told = [
        StayDiagnosis("I10", "F32.9", 1, "d1", "A"),
        StayDiagnosis("I10", "F33.1", 1, "d2", "F"),
        StayDiagnosis("I10", "F10.20", 2, "d3", "W"),
        StayDiagnosis("I10", "F41.1", 3, "d4"),
        StayDiagnosis("I10", "F33.1", 1, "d5", "A"),
        StayDiagnosis("I10", "Z59.0", 2, "d6", "admitting"),
    ]
    found = content_of(derived(episode(stay("s", ("03-02", "iop"), diagnoses=tuple(told))))[0])["diagnoses"]
    assert {one["code"]: one["type"] for one in found} == {
        "F32.9": "admitting", "F33.1": "principal", "F10.20": "other", "F41.1": "other", "Z59.0": "admitting",
    }  # fmt: skip


def test_a_bill_has_our_id_of_the_patient() -> None:
    told = replace(episode(stay("s", ("03-02", "iop"))), patient_id="pt-7")
    assert content_of(derived(told)[0])["patient_id"] == "pt-7"


@pytest.mark.parametrize(
    ("of", "value", "end", "expected"),
    [
        (None, None, None, [{}]),
        (None, "12.50", None, [{"value": "12.50"}]),
        ("period", None, None, [{"from": "2026-03-02"}]),
        ("period", None, "03-09 11:00", [{"from": "2026-03-02", "to": "2026-03-08"}]),
        ("stay", None, "03-09 11:00", [{"from": "2026-03-02", "to": "2026-03-09"}]),
        ("leave", None, "03-09 11:00", [{"from": "2026-03-04", "to": "2026-03-05"}]),
    ],
)
def test_a_code_of_the_site_s_table_has_days_and_a_value_where_the_site_says_so(
    of: str | None, value: str | None, end: str | None, expected: list[dict[str, str]]
) -> None:
    def billed(*_: object) -> BilledAs:
        return BilledAs("institutional", codes=(BilledCode("occurrence", "74", of, value),))

    away = [Away(at("03-04 15:00"), at("03-06 09:00"), "medical", "fact")]
    told = episode(stay("s", ("03-02 14:00", "residential"), end=end, away=away))
    [found, *_] = periods(told, zone_of, billed)
    assert content_of(found)["codes"] == [{"system": "occurrence", "code": "74"} | each for each in expected]


def test_the_site_says_how_a_place_is_billed() -> None:
    content = content_of(derived(episode(stay("s", ("03-02", "outpatient"))))[0])
    assert content["claim_form"] == "professional"
    assert content["program"] == {"npi": "npi-GOODHEALTH"}
    assert content["codes"] == [{"system": "revenue", "code": "code-outpatient"}]


def test_a_program_stay_has_the_number_by_which_the_same_facility_knows_the_patient() -> None:
    number = {"mrn": "m-1", "assigning_authority": "GH"}
    hospital = stay("h", ("03-01 10:00", "inpatient"), end="03-03 11:00", patient=PatientNumber(**number))
    here, elsewhere = stay("p", ("03-03", "iop")), stay("q", ("03-20", "iop"), facility="WESTSIDE")
    found = {one.key.stay: content_of(one).get("patient") for one in derived(episode(hospital, here, elsewhere))}
    assert found == {"h": number, "p": number, "q": None}
