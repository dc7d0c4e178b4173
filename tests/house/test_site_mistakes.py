"""What is wrong in a site config is told with file and line, all of it at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.errors import SetUpError
from shared.site.config import load
from shared.site.marked_yaml import ConfigError
from tests.house.small_site import small


def outside(own: str) -> str:
    """The small site with one recipient, one thing of it as given."""
    usual = {"id": "clinic", "title": "Clinic", "class": "treating-provider", "purpose": "treatment"}
    usual |= {"receives": "[{type: admitted, fields: [level]}]"}
    name, _, text = own.partition(": ")
    parts = ", ".join(f"{key}: {value}" for key, value in {**usual, name: text}.items())
    return f"name: small\nrecipients: [{{{parts}}}]"


EXPECTED = "{patient_class: [O], expected: true}"


@pytest.mark.parametrize(
    ("change", "line", "says"),
    [
        (("level: inpatient\n    cap", "levl: inpatient\n    cap"), 17, "`levl` is not known here .+`level`"),
        (("level: inpatient\n    cap", "level: ipo\n    cap"), 17, "programs.1..level: Input should be 'inpatient'"),
        (("capacity: 4", "capacity: many"), 18, "programs.1..capacity: Input should be a valid integer"),
        (("capacity: 4", "capacity: 0"), 18, "greater than or equal to 1"),
        (("    payers: [ACME]\n", ""), 14, "programs.1..payers: Field required"),
        (("payers: [ACME]", "payers: [ACNE]"), 19, "there is no payer `ACNE`"),
        (("program: P1", "program: P2"), 10, "there is no program `P2`"),
        (("level: inpatient, program", "level: php, program"), 10, "another level or facility"),
        (("level: inpatient, program", "program"), 10, "either `level` or `visit_class`"),
        (("level: inpatient, program", "level: inpatient, by_class: [{level: php}], program"), 10, "a row asks"),
        (("level: inpatient, program", "level: inpatient, by_class: [{patient_class: [O]}], program"), 10, "says one"),
        (("level: inpatient, program", f"level: inpatient, by_class: [{EXPECTED}, {EXPECTED}], program"),
         10, "by_class.2.: an earlier row fits"),
        (("level: inpatient, program", "level: inpatient, by_class: [{patient_class: [O], level: iop}], program"),
         10, "how `iop` is billed"),
        (("level: inpatient, program: P1", "level: inpatient, one_stay: {gap_days: 14}"), 10, "and a `program`"),
        (("level: inpatient, program", "level: inpatient, one_stay: {gap_days: 0}, program"), 10, "gap_days"),
        (("level: inpatient, program", "level: inpatient, one_stay: {gap_day: 9}, program"), 10, "mean `gap_days`"),
        (("name: small", "name: small\nfeeds: [{name: f, visit_from: [PV1-20]}]"), 2, "visit_from"),
        (("name: small", "name: small\nfeeds: [{name: f, place_differs: move}]"), 2, "place_differs"),
        (("      inpatient: {bill", "      iop: {bill"), 14, "how `inpatient` is billed"),
        (("      inpatient: {bill", "      ipo: {bill"), 12, "facilities.1..billing.ipo: Input should be"),
        (("bill_type: 11X", "bill_type: 111"), 12, "bill_type"),
        (("zone: America/New_York", "zone: America/NewYork"), 7, "did you mean `America/New_York`"),
        (("zone: America/New_York", "zone: America"), 7, "not a time zone"),
        (("zone: America/New_York", "zone: ../zones"), 7, "not a time zone"),
        (("1000000012", "1000000013"), 8, "Luhn"),
        (("facility: NORTH", "facility: SOUTH"), 16, "there is no facility `SOUTH`"),
        (('home: ["01"]', 'home: ["01", "1"]'), 22, "`1` is given twice"),
        (('home: ["01"]', 'hme: ["01"]'), 22, "dispositions.hme"),
        (("ages: {from: 18}", "ages: {from: 18, to: 12}"), 20, "ages: `to` must not be less"),
        (("name: small", "name: small\nnmae: small"), 2, "`nmae` is not known here"),
        (("name: small", "name: small\nname: small"), 2, "`name` is already given in line 1"),
        (("name: small", "name: [small"), 2, "not YAML"),
        (("name: small", "name: &a [*a]"), 1, "contains itself"),
        (("title: Ward", "title: Ward\n    groups: [{id: A, title: A, capacity: 11}]"), 16, "less than or equal to 10"),
        (("title: Ward", "title: Ward\n    days_week: 2\n    schedule: [{days: [mon], from: '09:00', to: '10:00'}]"),
         14, "more than the days"),
        (("title: Ward", "title: Ward\n    schedule: [{days: [mon], from: '11:00', to: '10:00'}]"), 16, "later than"),
        (("title: Ward", "title: Ward\n    schedule: [{days: [moon], from: '11:00', to: '12:00'}]"), 16, "days.1."),
        (("name: small", "name: small\nlimits: {future_minutes: -1}"), 2, "limits.future_minutes"),
        (("name: small", "name: small\nretention: {raw_message_days: -1}"), 2, "retention.raw_message_days"),
        (("name: small", "name: small\nretention: {raw_days: 9}"), 2, "`raw_days` is not known here"),
        (("name: small", "name: small\nfollow_ups: [{measure: F, levels: [php], first_day: 9, last_day: 7}]"),
         2, "must not be before"),
        (("name: small", "name: small\naftercare: {starts: [{after: complete, levels: [php]}]}"), 2, "starts.1..after"),
        (("name: small",
          "name: small\naftercare: {templates: [{name: A, after: [completed]}, {name: a, after: [completed]}]}"),
         2, "`a` is given twice"),
        (("name: small",
          ("name: small\naftercare: {templates: [{name: A, after: [completed], contacts: [{name: c, from_hours: 9, "
          "to_hours: 9}]}]}")),
         2, "must be more than"),
        (("payers:\n", "payers:\n  - {id: acme, title: Acme}\n"), 4, "`ACME` is given twice"),
        (("name: small", outside("id: Valley Clinic")), 2, "recipients.1..id: String should match"),
        (("name: small", outside("receives: [{type: admited}]")), 2, "there is no fact `admited`"),
        (("name: small", outside("receives: [{type: fact-cancelled}]")), 2, "fact `fact-cancelled` that a recipient"),
        (("name: small", outside("receives: [{type: consent-recorded}]")), 2, "that a recipient may get"),
        (("name: small", outside("receives: [{type: admitted, fields: [levl]}]")), 2, "has no field `levl` of its own"),
        (("name: small", outside("receives: [{type: admitted, fields: [patient_id]}]")), 2, "no field `patient_id`"),
        (("name: small", outside("receives: [{type: admitted}, {type: admitted}]")), 2, "`admitted` is given twice"),
        (("name: small", outside("receives: []")), 2, "at least 1 item"),
        (("name: small", outside("facilities: [SOUTH]")), 2, "there is no facility `SOUTH`"),
        (("name: small", outside("agreements: [{id: A, covers: [SUB], from: 2026-01-01}]")), 2, "covers"),
        (("name: small", outside("agreements: [{id: A, from: 2026-02-30}]")), 2, "from: Input should be a valid date"),
        (("name: small", outside("agreements: [{id: A, from: 2026-01-02, to: 2026-01-01}]")), 2, "be before `from`"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_file_and_line(tmp_path: Path, change: tuple[str, str], line: int, says: str) -> None:
    path = small(tmp_path, change)
    with pytest.raises(ConfigError, match=says) as refused:
        load(path)
    assert line in {problem.mark.line for problem in refused.value.problems}
    assert f"{path}:{line}: " in str(refused.value)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    path = small(tmp_path, ("capacity: 4", "capacity: many"))
    path.write_text(path.read_text().replace("bill_type: 11X", "bill_type: X"))
    with pytest.raises(ConfigError) as refused:
        load(path)
    assert [problem.mark.line for problem in refused.value.problems] == [12, 18]


def test_a_key_in_two_files_is_told_with_both_places(tmp_path: Path) -> None:
    small(tmp_path)
    (tmp_path / "z.yaml").write_text("# again\nname: other\n")
    with pytest.raises(ConfigError, match=r"z\.yaml:2: `name` is already given at .*site\.yml:1"):
        load(tmp_path)


@pytest.mark.parametrize("text", ["", "# nothing\n", "- a list\n", "just text\n", "\tname: x\n", "a: \x00\n"])
def test_a_file_that_holds_no_site_is_told_as_such(tmp_path: Path, text: str) -> None:
    (tmp_path / "site.yml").write_text(text)
    with pytest.raises(ConfigError, match=r"site\.yml:1: "):
        load(tmp_path)


def test_bytes_that_are_no_text_are_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "site.yml").write_bytes(b"name: \xff\xfe\n")
    with pytest.raises(ConfigError, match=r"site\.yml:1: not YAML"):
        load(tmp_path)


@pytest.mark.parametrize("name", ["missing", "empty"])
def test_a_place_without_files_is_one_sentence_that_says_what_to_do(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SetUpError, match="STEPDOWN_CONFIG"):
        load(tmp_path / name)
