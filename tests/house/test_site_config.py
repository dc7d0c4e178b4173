"""The sample site is what the contract says, and a site config is read as it was written."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from shared.errors import SetUpError
from shared.events.levels import Level
from shared.facts.places import places_of
from shared.site.config import SAMPLE, Site, load
from shared.site.values import luhn_holds
from tests.builders import fact
from tests.house.small_site import small

SITE = load(SAMPLE)


@pytest.mark.parametrize(
    ("unit", "level", "visit_class"),
    [
        ("3W", "inpatient", None),
        ("RES", "residential", None),
        ("PHP1", "php", None),
        ("IOP1", "iop", None),
        ("OPC", "outpatient", None),
        ("ED", None, "emergency"),
    ],
)
def test_the_sample_site_has_the_units_of_the_contract(unit: str, level: str | None, visit_class: str | None) -> None:
    found = SITE.unit("GOODHEALTH", unit)
    assert found is not None
    assert (found.level, found.visit_class) == (level, visit_class)


def test_the_sample_facility_takes_production_and_training_messages_in_new_york_time() -> None:
    facility = SITE.facility("GOODHEALTH")
    assert facility is not None
    assert facility.processing_ids == ("P", "T")
    assert str(SITE.zone("GOODHEALTH")) == "America/New_York"


def test_the_sample_site_has_programs_at_every_level_and_the_payers_of_the_contract() -> None:
    assert len(SITE.programs) >= 12
    assert {program.level for program in SITE.programs} == set(Level)
    assert {payer.id for payer in SITE.payers} == {"ACME", "MEDICARE", "MEDICAID", "SELF"}
    assert {payer for program in SITE.programs for payer in program.payers} == {payer.id for payer in SITE.payers}


def test_every_npi_of_the_sample_site_passes_the_check_digit() -> None:
    npis = {each.npi for each in SITE.facilities} | {each.npi for each in SITE.programs if each.npi}
    assert len(npis) >= 4
    assert all(luhn_holds(npi) for npi in npis)


def test_every_unit_and_program_of_the_sample_site_says_who_bills() -> None:
    for program in SITE.programs:
        billed = SITE.billed(program.facility, program.id, None, program.level)
        assert billed.program == program.id
        assert billed.npi
        assert billed.bill_type or billed.claim_form == "professional"


@pytest.mark.parametrize(
    ("npi", "right"),
    [
        ("1234567893", True),  # the worked example of the NPI check digit rule
        ("1234567894", False),
        ("1234567839", False),
        ("3234567893", False),
        ("123456789", False),
        ("12345678933", False),
        ("12345x7893", False),
        ("", False),
    ],
)
def test_an_npi_is_ten_digits_with_the_right_check_digit(npi: str, right: bool) -> None:
    assert luhn_holds(npi) is right


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("01", "home"),
        ("1", "home"),
        (" 01 ", "home"),
        ("65", "transfer"),
        ("07", "against-advice"),
        ("7", "against-advice"),
        ("20", "deceased"),
        ("21", "custody"),
        ("50", "hospice"),
        ("4", "home"),
        ("ama", "against-advice"),
        ("Left  AMA", "against-advice"),
        ("eloped", "elopement"),
        ("LWBS", "elopement"),  # the facility's own text
        ("99", "unknown"),
        ("30", "unknown"),
        ("", "unknown"),
        ("0", "unknown"),
        (None, "unknown"),
    ],
)
def test_a_disposition_is_understood_as_the_site_says(code: str | None, kind: str) -> None:
    assert SITE.disposition("GOODHEALTH", code) == kind


PATIENT_STATUS = {
    "home": "01 04 06 69 81 84 86",
    "transfer": "02 03 05 09 43 61 62 63 64 65 66 70 82 83 85 88 89 90 91 92 93 94 95",
    "hospice": "50 51",
    "custody": "21 87",
    "against-advice": "07",
    "deceased": "20 40 41 42",
    "unknown": "30",
}
"""Every patient status code of CMS's public list (UB-04 FL17), by what it means here."""


@pytest.mark.parametrize("kind", PATIENT_STATUS)
def test_every_patient_status_code_is_in_the_sample_and_the_readmission_planned_ones_mean_what_the_plain_ones_do(
    kind: str,
) -> None:
    rows = [SITE.disposition_row("GOODHEALTH", code) for code in PATIENT_STATUS[kind].split()]
    assert {row.kind for row in rows} == {kind}
    assert [row.code for row in rows] == PATIENT_STATUS[kind].split()


def test_no_end_is_billed_as_still_a_patient() -> None:
    assert SITE.status_of("30", "unknown") is None


@pytest.mark.parametrize(
    ("words", "follow"),
    [
        (("01", "home", None), True),
        (("04", "home", None), True),
        (("65", "transfer", None), False),
        (("50", "hospice", None), False),
        (("21", "custody", None), False),
        (("20", "deceased", None), False),
        ((None, "unknown", None), True),
        ((None, None, "transferred-out"), False),
        ((None, None, "goals-met"), True),
        ((), True),
    ],
)
def test_the_table_says_after_which_ends_a_program_is_looked_for_and_aftercare_begins(
    words: tuple[str | None, ...], follow: bool
) -> None:
    assert SITE.begins("search", *words) is follow
    assert SITE.begins("plan", *words) is follow


def test_a_site_says_otherwise_of_a_code_or_a_kind() -> None:
    own = {"what_follows": {"custody": ["plan"], "04": []}}
    other = Site.model_validate(SITE.model_dump(by_alias=True) | own)
    assert other.begins("plan", "21", "custody")
    assert not other.begins("search", "21", "custody")
    assert not other.begins("plan", "04", "home")
    assert other.begins("plan", "01", "home")
    assert not other.begins("search", "65", "transfer")


def test_a_text_of_one_facility_means_nothing_at_another() -> None:
    assert SITE.disposition("RIVERBEND", "LWBS") == "unknown"
    assert SITE.disposition("nowhere", "01") == "home"


@pytest.mark.parametrize(
    ("msh_3", "msh_4", "pv1_3_4", "facility"),
    [
        ("EPIC", "GOODHEALTH", "", "GOODHEALTH"),
        ("EPIC", "goodhealth ", "RIVERBEND", "GOODHEALTH"),
        ("", "Good Health Hospital", "", "GOODHEALTH"),
        ("", "", "RIVERBEND CMHC", "RIVERBEND"),
        ("HIE", "REGIONAL-HIE", "RIVERBEND", "RIVERBEND"),
        ("HIE", "REGIONAL-HIE", "", None),
        ("", "ELSEWHERE", "", None),
        ("", "", "", None),
    ],
)
def test_the_feed_says_where_the_facility_is_named(msh_3: str, msh_4: str, pv1_3_4: str, facility: str | None) -> None:
    found = SITE.facility_of(msh_3, msh_4, pv1_3_4)
    assert (found.name if found else None) == facility


def test_units_and_programs_are_found_whatever_their_case_and_none_is_made_up() -> None:
    unit, program = SITE.unit(" goodhealth", "php1 "), SITE.program("gh-php1")
    assert unit is not None
    assert program is not None
    assert unit.program == program.id
    assert SITE.unit("GOODHEALTH", "NO SUCH") is None
    assert SITE.unit("RIVERBEND", "3W") is None
    assert SITE.program("") is None
    assert SITE.facility("") is None


def test_the_zone_of_a_facility_that_is_not_there_is_refused_without_repeating_what_was_asked() -> None:
    with pytest.raises(SetUpError, match="GOODHEALTH") as refused:
        SITE.zone("SECRET-PLACE")
    assert "SECRET-PLACE" not in str(refused.value)


@pytest.mark.parametrize(
    ("program", "unit", "level", "expected"),
    [
        ("GH-DETOX", "DTX", "inpatient", ("GH-DETOX", "1000000038", "11X", "institutional", ["DTX-DAY"])),
        (None, "DTX", "inpatient", ("GH-DETOX", "1000000038", "11X", "institutional", ["DTX-DAY"])),
        ("GH-PHP1", None, "php", ("GH-PHP1", "1000000012", "13X", "institutional", ["PHP-DAY"])),
        (None, None, "outpatient", (None, "1000000012", None, "professional", ["OP-VISIT"])),
        ("GONE", None, "iop", ("GONE", "1000000012", "13X", "institutional", ["IOP-DAY"])),
    ],
)
def test_a_bill_is_by_the_program_else_the_unit_else_the_facility(
    program: str | None, unit: str | None, level: str, expected: tuple[object, ...]
) -> None:
    found = SITE.billed("GOODHEALTH", program, unit, level)
    told = (found.program, found.npi, found.bill_type, found.claim_form)
    assert (*told, [one.code for one in found.codes]) == expected


def test_a_facility_that_left_the_config_bills_as_nobody() -> None:
    found = SITE.billed("GONE", None, None, "php")
    assert (found.program, found.npi, found.bill_type, found.claim_form, found.codes) == (
        None, None, None, "institutional", ()
    )  # fmt: skip


def test_the_version_is_of_what_is_said_and_not_of_how_it_is_written(tmp_path: Path) -> None:
    one = load(small(tmp_path))
    reordered = small(tmp_path, ("name: small\n", "# a comment\n"))
    reordered.write_text(reordered.read_text() + "name: small\n")
    assert load(reordered).version == one.version
    assert load(small(tmp_path, ("capacity: 4", "capacity: 5"))).version != one.version
    assert re.fullmatch("[0-9a-f]{12}", one.version)


def test_a_folder_is_the_union_of_its_files_and_stepdown_config_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(SAMPLE, tmp_path / "site")
    monkeypatch.setenv("STEPDOWN_CONFIG", str(tmp_path / "site"))
    assert load() == SITE
    monkeypatch.delenv("STEPDOWN_CONFIG")
    assert load().version == SITE.version


def test_nothing_in_the_site_can_be_changed_after_it_was_read() -> None:
    with pytest.raises(ValueError, match="frozen"):
        SITE.limits.future_minutes = 1  # type: ignore[misc]


def test_the_sample_site_has_a_recipient_whom_nothing_labelled_reaches_without_consent() -> None:
    (recipient,) = SITE.recipients
    assert recipient.id == "valley-clinic"
    assert {each.type for each in recipient.receives} >= {"admitted", "discharged"}
    assert [agreement.covers for agreement in recipient.agreements] == [()]


@pytest.mark.parametrize(
    ("value", "labels"),
    [
        ({"unit": "RES"}, {"SUD", "PART2"}),
        ({"program": "GH-DETOX"}, {"SUD", "PART2"}),
        ({"from": {"unit": "3W"}, "to": {"unit": "RES", "level": "residential"}}, {"PSY", "SUD", "PART2"}),
        ({"unit": "ED"}, set()),
        ({"unit": 7, "program": None, "from": "2026-01-01"}, set()),
        ({}, set()),
    ],
)
def test_a_unit_or_program_that_is_named_says_what_it_is_about(value: dict[str, Any], labels: set[str]) -> None:
    assert SITE.labels("GOODHEALTH", places_of(fact("danced", **value))) == labels


def test_codes_keep_their_leading_zero_and_words_stay_words(tmp_path: Path) -> None:
    path = small(tmp_path, ('home: ["01"]', "home: [01, NO, 1_0]"))
    assert load(path).dispositions == {"home": ("01", "NO", "1_0")}


def test_a_site_says_its_own_version_wherever_it_is_built() -> None:
    assert Site.model_validate(SITE.model_dump(by_alias=True)).version == SITE.version
