"""What is known of a person after many messages, and by which questions the person is found."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.intake.people.person import Fields, merged, packed, shown, told_by, unpacked
from tests.intake.said import er7, only

DAY = datetime(2026, 1, 1, tzinfo=UTC)


def person(*pids: dict[int, str]) -> Fields:
    """What stands after messages with these PID fields, each a day after the one before."""
    fields: Fields = {}
    for number, pid in enumerate(pids):
        given_pid = {3: "", 5: "", 7: "", **pid}
        fields = merged(fields, told_by(only(er7("A08", pid=given_pid))), DAY + timedelta(days=number))
    return fields


def test_every_field_is_read_and_shown() -> None:
    found = shown(
        person(
            {
                3: "M1^^^GH^MR~S9^^^^SS~77^^^STATE&1.2.3&ISO^PI",
                5: "Zebra^Quagga~Maiden^Q",
                7: "19800214",
                8: "F",
                11: "1 Elm^^Troy^NY^12180",
                13: "(555)123~^^^^^555^777~^NET^Internet^q@example.org",
            }
        )
    )
    assert found == {
        "identifiers": [
            {"id": "M1", "assigning_authority": "GH", "type": "MR"},
            {"id": "S9", "assigning_authority": None, "type": "SS"},
            {"id": "77", "assigning_authority": "STATE", "type": "PI"},
        ],
        "name": {"family": "Zebra", "given": "Quagga"},
        "other_names": [{"family": "Maiden", "given": "Q"}],
        "birth_date": "1980-02-14",
        "sex": "F",
        "address": {"line": "1 Elm", "city": "Troy", "state": "NY", "postal_code": "12180"},
        "contacts": [
            {"system": "phone", "value": "(555)123", "use": "home"},
            {"system": "phone", "value": "555 777", "use": "home"},
            {"system": "email", "value": "q@example.org", "use": "home"},
        ],
    }


@pytest.mark.parametrize(
    ("later", "name", "birth_date", "sex"),
    [
        ({}, "Doe", "1980-02-14", "F"),
        ({5: '""'}, None, "1980-02-14", "F"),
        ({7: '""'}, "Doe", None, "F"),
        ({8: "X"}, "Doe", "1980-02-14", "X"),
        ({5: "Roe^Jane"}, "Roe", "1980-02-14", "F"),
        ({7: "not a day"}, "Doe", "1980-02-14", "F"),
    ],
    ids=["empty leaves", "name removed", "birth date removed", "sex changed", "name changed", "unreadable leaves"],
)
def test_a_later_message_changes_what_it_states_and_nothing_else(
    later: dict[int, str], name: str | None, birth_date: str | None, sex: str
) -> None:
    found = shown(person({5: "Doe^Jane", 7: "19800214", 8: "F"}, later))
    assert (found.get("name", {}).get("family"), found.get("birth_date"), found["sex"]) == (name, birth_date, sex)


STATEMENTS: list[dict[str, Any]] = [
    {"names": [["Doe", "Jane"]], "identifiers": [["1", "A", "MR"]]},
    {"names": None},
    {"names": [["Roe", "Jane"]], "sex": "F"},
    {"sex": None, "identifiers": [["2", "A", "MR"]]},
]


@settings(max_examples=40)
@given(st.permutations(list(enumerate(STATEMENTS))))
def test_whatever_order_statements_come_in_the_same_stands(order: list[tuple[int, dict[str, Any]]]) -> None:
    fields: Fields = {}
    for number, told in order:
        fields = merged(fields, told, DAY + timedelta(hours=number))
    found = shown(fields)
    assert (found["name"]["family"], "sex" in found) == ("Roe", False)
    assert {one["id"] for one in found["identifiers"]} == {"1", "2"}


def test_what_is_kept_comes_back_as_it_was() -> None:
    fields = person({3: "M1^^^GH^MR", 5: "Doe^Jane"}, {5: '""'})
    assert unpacked(packed(fields), DAY) == fields


def test_what_was_kept_before_there_were_fields_is_read_too() -> None:
    fields = unpacked(b'{"names": [["Doe", "Jane"]], "phones": ["555 010 1234"]}', DAY)
    assert shown(fields)["contacts"] == [{"system": "phone", "value": "555 010 1234", "use": "home"}]
