"""Diagnoses (DG1) and payers (IN1) are told whole or not at all; what is no longer told is taken back."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from services.intake.hl7.model import REMOVED, VisitMessage
from services.intake.visits.derive import derive
from tests.intake.said import SITE, er7, own, read, segment, told

A01, A08 = ("A01", "20260105100000"), ("A08", "20260106100000")
A03 = told(9, "A03", "20260120120000", pv1_45="20260120120000")


def dg1(code: str, kind: str = "F", *, place: str = "", known_by: str = "", action: str = "", words: str = "") -> str:
    """A DG1 segment of ICD-10."""
    coded = f"{code}^^I10" if code and code != '""' else code
    return segment("DG1", {1: "1", 3: coded, 4: words, 6: kind, 15: place, 20: known_by, 21: action})


def in1(payer: str, *, number: str = "", since: str = "", until: str = "", turn: str = "") -> str:
    """An IN1 segment."""
    return segment("IN1", {1: number, 3: payer, 12: since, 13: until, 22: turn})


def diagnoses(*said: VisitMessage) -> list[tuple[str, int, str]]:
    """Code, rank and type of each diagnosis that ought to stand."""
    facts = [own(one) for one in derive("V1", said, SITE).facts if one.value.TYPE == "diagnosis-recorded"]
    return [(one["code"], one.get("rank", 1), one.get("status", "unknown")) for one in facts]


def payers(*said: VisitMessage) -> dict[str, list[str]]:
    """First day → the payers from then on."""
    facts = [own(one) for one in derive("V1", said, SITE).facts if one.value.TYPE == "coverage-changed"]
    return {one["effective_from"][5:]: [each["payer"] for each in one["coverage"]] for one in facts}


def first(*segments: str, **fields: Any) -> VisitMessage:
    """The admission with these segments."""
    return told(1, *A01, dg1="\r".join(segments), **fields)


def then(number: int, *segments: str) -> VisitMessage:
    """An update of a day with these segments."""
    return told(number, "A08", f"202601{number + 4:02}100000", dg1="\r".join(segments))


def test_what_is_no_longer_in_the_group_is_taken_back_and_a_message_without_it_says_nothing() -> None:
    both, one = first(dg1("F33.2"), dg1("F10.20")), then(2, dg1("F10.20"))
    for order in permutations([both, one, then(3)]):
        assert diagnoses(*order) == [("F10.20", 1, "F")]
    assert diagnoses(both, then(3)) == [("F33.2", 1, "F"), ("F10.20", 2, "F")]
    assert diagnoses(both, one, then(4, dg1("F33.2"), dg1("F10.20"))) == [("F33.2", 1, "F"), ("F10.20", 2, "F")]


@pytest.mark.parametrize(
    ("group", "stand"),
    [
        ((segment("DG1", dict.fromkeys(range(1, 6), '""')),), []),
        ((dg1('""'),), []),
        ((dg1('""'), dg1("F10.20")), [("F10.20", 1, "F")]),
        ((dg1("", words="only words"),), []),
        (("DG1|1",), [("F33.2", 1, "A")]),
        ((), [("F33.2", 1, "A")]),
    ],
    ids=["all of it removed", "its code removed", "one without a code", "free text alone", "an empty one", "no group"],
)
def test_the_explicit_null_removes(group: tuple[str, ...], stand: list[tuple[str, int, str]]) -> None:
    assert diagnoses(first(dg1("F33.2", "A")), then(2, *group)) == stand


@pytest.mark.parametrize(
    ("group", "stand"),
    [
        ((dg1("B", place="2"), dg1("A", place="1")), [("A", 1, "F"), ("B", 2, "F")]),
        ((dg1("C"), dg1("A", place="1")), [("A", 1, "F"), ("C", 2, "F")]),
        ((dg1("A", place="1"), dg1("B", place="1")), [("A", 1, "F"), ("B", 2, "F")]),
        ((dg1("A", "A", place="1"), dg1("B", "F", place="1")), [("A", 1, "A"), ("B", 1, "F")]),
        ((dg1("A", place="0"), dg1("B", place="5")), [("B", 5, "F"), ("A", 6, "F")]),
        ((dg1("A", place="first"), dg1("B")), [("A", 1, "F"), ("B", 2, "F")]),
        ((dg1("A", "working"), dg1("B", "Final"), dg1("C", "W"), dg1("D", "suspected by Dr. Doe")),
         [("A", 1, "W"), ("B", 2, "F"), ("C", 3, "W"), ("D", 4, "unknown")]),
    ],
    ids=["by priority", "some without", "all alike", "one of each type", "in no ranking", "no number", "types"],
)  # fmt: skip
def test_rank_is_the_priority_and_type_is_of_the_table(
    group: tuple[str, ...], stand: list[tuple[str, int, str]]
) -> None:
    assert diagnoses(first(*group)) == stand


@pytest.mark.parametrize(
    ("group", "stand"),
    [
        ((dg1("C", known_by="3", action="A"),), ["A", "B", "C"]),
        ((dg1("A", known_by="1", action="D"),), ["B"]),
        ((dg1("A", action="D"),), ["B"]),
        ((dg1("C", known_by="1", action="U"),), ["C", "B"]),
        ((dg1("C", known_by="1", action="U"), dg1("B", known_by="2", action="X")), ["C", "B"]),
        ((dg1("A", known_by="1", action="X"),), ["A", "B"]),
        ((dg1("C", action="A"),), ["C"]),
        ((dg1("C", action="A"), dg1("A", action="D")), ["C"]),
    ],
    ids=["added", "deleted by id", "deleted by code", "updated", "one not changed", "nothing changed",
         "without an id the group is whole", "and what is deleted is not in it"],
)  # fmt: skip
def test_a_diagnosis_with_an_action_is_changed_alone(group: tuple[str, ...], stand: list[str]) -> None:
    known = first(dg1("A", known_by="1", action="A"), dg1("B", known_by="2", action="A"))
    assert [code for code, _, _ in diagnoses(known, then(2, *group))] == stand


def test_payers_are_in_the_order_in_which_they_pay() -> None:
    by_turn = in1("ACME", number="1", turn="2"), in1("MEDICARE", number="2", turn="1")
    by_word = in1("ACME", number="1", turn="Secondary"), in1("MEDICARE", number="2", turn="P")
    by_number = in1("ACME", number="2"), in1("MEDICARE", number="1")
    for group in (by_turn, by_word, by_number):
        assert payers(first(*group)) == {"01-05": ["MEDICARE", "ACME"]}
    assert payers(first(in1("ACME"), in1("MEDICARE"))) == {"01-05": ["ACME", "MEDICARE"]}
    assert payers(first(in1("ACME"), in1("MEDICARE", turn="2"))) == {"01-05": ["MEDICARE", "ACME"]}


@pytest.mark.parametrize(
    ("group", "found"),
    [
        ([in1("ACME", since="20250101", until="20261231")], {"01-05": ["ACME"]}),
        ([in1("ACME", since="20260107")], {"01-07": ["ACME"]}),
        ([in1("ACME", until="20260110")], {"01-05": ["ACME"], "01-11": []}),
        (
            [in1("ACME", until="20260110"), in1("MEDICAID", since="20260111")],
            {"01-05": ["ACME"], "01-11": ["MEDICAID"]},
        ),
        ([in1("ACME"), in1("MEDICAID", since="20260111")], {"01-05": ["ACME"], "01-11": ["ACME", "MEDICAID"]}),
        ([in1("ACME", until="20251231"), in1("MEDICAID")], {"01-05": ["MEDICAID"]}),
        ([in1("ACME", until="20251231")], {}),
        ([in1("ACME", until="20260301"), in1("MEDICAID", since="20260302")], {"01-05": ["ACME"]}),
        ([in1("ACME", since="20260302")], {"01-05": ["ACME"]}),
    ],
    ids=["around the stay", "begins within", "ends within", "one after the other", "a second one later", "one expired",
         "all expired", "after the last message", "all to come"],
)  # fmt: skip
def test_a_plan_holds_from_its_effective_to_its_expiration_day(group: list[str], found: dict[str, list[str]]) -> None:
    assert payers(first(*group), A03) == found
    assert payers(A03, first(*group)) == found


def test_what_is_told_of_payers_later_replaces_what_was_told_from_its_first_day_on() -> None:
    begun, changed = first(in1("ACME")), then(4, in1("MEDICAID", since="20260107"))
    assert payers(begun, changed) == {"01-05": ["ACME"], "01-07": ["MEDICAID"]}
    assert payers(begun, changed, then(5, in1("ACME"))) == {"01-05": ["ACME"]}
    assert payers(begun, changed, then(5)) == {"01-05": ["ACME"], "01-07": ["MEDICAID"]}
    assert payers(begun, changed, then(5, in1('""'))) == {}
    assert payers(begun, changed, then(5, in1('""'), in1("ACME"))) == {"01-05": ["ACME"]}
    again = derive("V1", [begun, changed, then(6, in1("MEDICAID", since="20260107"))], SITE)
    assert [one.said_by for one in again.facts if one.value.TYPE == "coverage-changed"] == ["m1", "m4"]


@pytest.mark.parametrize(
    ("pv1_7", "roles", "found"),
    [
        ("", ("ROL|1|AD|AT|1234567893^Doe",), "1234567893"),
        ("", ("ROL|1|AD|PP|1234567893^Doe", "ROL|2|AD|CP|1234567893^Doe"), None),
        ("1992999874", ("ROL|1|AD|AT|1234567893^Doe",), "1992999874"),
        ("77^Doe", ("ROL|1|UP|AT|1234567893^Doe",), "1234567893"),
        ("", ("ROL|1|DE|AT|1234567893^Doe",), REMOVED),
        ('""', ("ROL|1|AD|AT|1234567893^Doe",), REMOVED),
        ("", ("ROL|1|DE|AT|1234567893", "ROL|2|AD|AT|1992999874"), "1992999874"),
    ],
)
def test_the_attending_is_told_by_pv1_7_or_by_its_role(pv1_7: str, roles: tuple[str, ...], found: object) -> None:
    assert read(er7("A01", pv1={7: pv1_7}, more=roles)).attending_npi == found


@pytest.mark.parametrize(
    ("pv1_36", "pv1_37", "found"),
    [
        ("", "01", {"code": "01", "kind": "home"}),
        ("07", "01", {"code": "07", "kind": "against-advice"}),
        ("Ready to go", "65^20260110", {"code": "65", "kind": "transfer"}),
        ("Ready to go", "somewhere", {"code": "unknown", "kind": "unknown"}),
        ("", '""', {"kind": "unknown"}),
    ],
)
def test_where_the_patient_went_says_how_a_stay_ended_where_the_disposition_does_not(
    pv1_36: str, pv1_37: str, found: dict[str, str]
) -> None:
    end = told(2, "A03", "20260110120000", pv1_36=pv1_36, pv1_37=pv1_37)
    assert own(derive("V1", [first(), end], SITE).facts[-1])["disposition"] == found
    later = told(3, "A08", "20260111120000", pv1_37='""')
    changed = {"kind": "unknown"} if not pv1_36 else found if pv1_36 == "07" else {"code": "unknown", "kind": "unknown"}
    assert own(derive("V1", [first(), end, later], SITE).facts[-1])["disposition"] == changed
