"""The value of a fact, from its bytes to its type and back: what is no fact is refused by a field's name alone."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from shared.errors import InvalidMessage
from shared.events import CARE_FACTS
from shared.events.base import CareFact, Stay
from shared.events.levels import Level
from shared.events.placing import Placed, SearchClosed, Waitlisted
from shared.events.stays import Attended, Discharged, Service
from shared.facts.values import UnknownFact, read_fact, written
from tools.documents.examples import examples

SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "schemas"
SECRET = "Rosalind"
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
ADMITTED = "care.admitted.v1"
BODY = orjson.dumps(examples()[ADMITTED])


def with_field(raw: bytes) -> bytes:
    """An admission that is whole, and has a field that its type does not know."""
    return BODY[:-1] + b', "added_later": ' + raw + b"}"


@pytest.mark.parametrize("ce_type", [ADMITTED, "care.danced.v1"])
@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "the value is not JSON"),
        (b'{"name": "Rosalind"', "the value is not JSON"),
        (b"Rosalind", "the value is not JSON"),
        (b'["Rosalind"]', "the value is not a JSON object"),
        (b'"Rosalind"', "the value is not a JSON object"),
        (b"null", "the value is not a JSON object"),
        (b"7", "the value is not a JSON object"),
        (with_field(b'"Rosalind\\u0000"'), "the value has a NUL character"),
        (with_field(b'{"Rosalind\\u0000": 1}'), "the value has a NUL character"),
        (with_field(b'"\\\\\\u0000"'), "the value has a NUL character"),
        (with_field(b'"Rosalind\\ud800"'), "the value is not JSON"),
        (with_field(b'"\\udc00Rosalind"'), "the value is not JSON"),
        (with_field(b'"Rosalind\xff"'), "the value is not JSON"),
        (with_field(b'{"\xc3": "Rosalind"}'), "the value is not JSON"),
        (with_field(b"[" * 100_000), "the value is not JSON"),
        (BODY.replace(b'"GOODHEALTH"', b'"Rosalind\xff"'), "the value is not JSON"),
        (BODY.replace(b'"GOODHEALTH"', b'"Rosalind\\u0000"'), "the value has a NUL character"),
    ],
)
def test_what_is_no_json_object_of_texts_is_refused_whatever_its_type(ce_type: str, body: bytes, why: str) -> None:
    with pytest.raises(InvalidMessage) as refused:
        read_fact(ce_type, body)
    assert str(refused.value) == why


def test_a_pair_of_halves_stands_for_a_character_and_a_backslash_before_u0000_for_itself() -> None:
    for raw in (b'"\\ud83d\\ude00"', b'"\\\\u0000"', '"naïve"'.encode()):
        assert read_fact(ADMITTED, with_field(raw)) == read_fact(ADMITTED, BODY)


@given(st.dictionaries(st.text(), st.none() | st.integers(-(2**53), 2**53) | st.text() | st.lists(st.text())))
def test_of_a_type_that_nobody_knows_any_object_is_kept_with_what_can_be_read(told: dict[str, Any]) -> None:
    body = orjson.dumps(told | {"patient_id": "p-1", "labels": 7, "stay": {"kind": "visit", "id": "V1"}})
    if b"\\u0000" in body:
        with pytest.raises(InvalidMessage):
            read_fact("care.danced.v1", body)
        return
    found = read_fact("care.danced.v1", body)
    assert isinstance(found, UnknownFact)
    assert (found.patient_id, found.labels, found.stay) == ("p-1", (), Stay(kind="visit", id="V1"))


@pytest.mark.parametrize("ce_type", sorted(CARE_FACTS))
def test_a_fact_without_a_field_that_its_type_always_has_is_refused_by_that_field(ce_type: str) -> None:
    for one in msgspec.structs.fields(CARE_FACTS[ce_type]):
        told = {name: content for name, content in examples()[ce_type].items() if name != one.encode_name}
        if not one.required:
            read_fact(ce_type, orjson.dumps(told))
            continue
        with pytest.raises(InvalidMessage) as refused:
            read_fact(ce_type, orjson.dumps(told))
        assert str(refused.value) == f"the field {one.encode_name} is missing or unreadable"


@pytest.mark.parametrize("ce_type", sorted(CARE_FACTS))
def test_a_field_with_something_else_in_it_is_refused_without_repeating_it(ce_type: str) -> None:
    for name in examples()[ce_type]:
        with pytest.raises(InvalidMessage) as refused:
            read_fact(ce_type, orjson.dumps(examples()[ce_type] | {name: [{"x": SECRET}]}))
        assert str(refused.value).startswith(f"the field {name}")
        assert SECRET not in str(refused.value)


@pytest.mark.parametrize("ce_type", sorted(CARE_FACTS))
def test_every_example_is_read_written_as_it_was_and_valid_by_its_committed_schema(ce_type: str) -> None:
    example = examples()[ce_type]
    value = read_fact(ce_type, orjson.dumps(example))
    assert type(value) is CARE_FACTS[ce_type]
    again = json.loads(written(value))
    assert alike(again) == alike(example)
    schema = json.loads((SCHEMAS / f"{ce_type}.json").read_text(encoding="utf-8"))
    checker = Draft202012Validator(schema, format_checker=FormatChecker())
    assert [error.message for error in checker.iter_errors(again)] == []


def alike(told: Any) -> Any:
    """Times as instants: `Z` and `+00:00` are one; numbers as numbers."""
    if isinstance(told, dict):
        return {name: alike(content) for name, content in told.items()}
    if isinstance(told, list):
        return [alike(each) for each in told]
    if isinstance(told, str) and len(told) > len("2026-03-02"):
        try:
            return datetime.fromisoformat(told)
        except ValueError:
            return told
    return told


WORDS = st.text(min_size=1, max_size=200).filter(lambda text: "\0" not in text)
TIMES = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-5)), timezone(timedelta(minutes=345))]))
DAYS = st.dates()
HEADING: dict[str, st.SearchStrategy[Any]] = {
    "episode_id": WORDS, "patient_id": WORDS, "facility": WORDS, "occurred_at": TIMES, "recorded_at": TIMES,
    "labels": st.lists(WORDS, max_size=3).map(tuple), "stated_at": st.none() | TIMES, "replaces": st.none() | WORDS,
}  # fmt: skip
STAYS = st.builds(Stay, kind=st.sampled_from(["visit", "placement"]), id=WORDS)
LEVELS = st.sampled_from(list(Level))
FACTS: st.SearchStrategy[CareFact] = st.one_of(
    st.builds(Discharged, **HEADING, stay=STAYS, level=LEVELS),
    st.builds(
        Placed, **HEADING, stay=st.none() | STAYS, placement_id=WORDS, program=WORDS, level=LEVELS, start_date=DAYS,
        recommended_level=LEVELS, track=st.none() | WORDS,
    ),
    st.builds(Waitlisted, **HEADING, program=WORDS, position=st.integers(1, 10_000)),
    st.builds(SearchClosed, **HEADING, reason=st.sampled_from(["placed", "no-program"]), search_id=st.none() | WORDS),
    st.builds(
        Attended, **HEADING, stay=STAYS, session_id=WORDS, date=DAYS,
        services=st.lists(
            st.builds(Service, kind=WORDS, units=st.integers(0, 99), minutes=st.integers(0, 999)), max_size=3
        ).map(tuple),
    ),
)  # fmt: skip


@given(FACTS)
def test_what_is_written_is_read_back_equal(value: CareFact) -> None:
    assert read_fact(f"care.{value.TYPE}.v1", written(value)) == value


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"position": 0}, "position"),
        ({"program": ""}, "program"),
        ({"occurred_at": NOW.replace(tzinfo=None)}, "occurred_at"),
    ],
)
def test_nobody_states_what_nobody_could_read(wrong: dict[str, Any], field: str) -> None:
    heading: dict[str, Any] = dict.fromkeys(("occurred_at", "recorded_at"), NOW)
    heading |= dict.fromkeys(("episode_id", "patient_id", "facility"), SECRET)
    with pytest.raises(ValueError, match=f"waitlisted: the field {field} is missing or unreadable") as refused:
        written(Waitlisted(**heading | {"program": SECRET, "position": 1} | wrong))
    assert SECRET not in str(refused.value)
