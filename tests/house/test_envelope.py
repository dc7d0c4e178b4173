"""A fact travels as a CloudEvent in Kafka binary mode; a record that is none is refused without repeating it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary, to_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import InvalidMessage
from shared.facts.envelope import MOST, Fact, from_record, headers, rfc3339, to_record
from shared.facts.values import read_fact
from tests.builders import admitted, discharged

SECRET = "Rosalind"
BODY = admitted(episode="e-1").body
FACT = Fact(
    id="f-1",
    type="care.admitted.v1",
    writer="intake",
    subject="e-1",
    sequence=7,
    time="2026-03-01T10:00:00+00:00",
    value=read_fact("care.admitted.v1", BODY),
    body=BODY,
    correlation_id="m-1",
    causation_id="f-0",
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    copy_of="f-9",
)


def test_the_headers_are_those_of_the_contract_and_no_others() -> None:
    assert headers(FACT) == [
        ("content-type", b"application/json"),
        ("ce_specversion", b"1.0"),
        ("ce_id", b"f-1"),
        ("ce_source", b"/stepdown/intake"),
        ("ce_type", b"care.admitted.v1"),
        ("ce_subject", b"e-1"),
        ("ce_time", b"2026-03-01T10:00:00+00:00"),
        ("ce_sequence", b"7"),
        ("ce_sequencetype", b"Integer"),
        ("ce_correlationid", b"m-1"),
        ("ce_causationid", b"f-0"),
        ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("ce_copyof", b"f-9"),
    ]


def test_what_is_not_known_is_left_out_of_the_headers() -> None:
    bare = _fact({}, id="f", type="care.danced.v1", writer="placement", subject="e", sequence=1, time=FACT.time)
    assert [name for name, _ in headers(bare)][-1] == "ce_sequencetype"
    assert from_record(b"{}", headers(bare)) == bare


def test_the_key_is_the_subject_unless_another_is_given() -> None:
    assert to_record(FACT, "care.events").key == b"e-1"
    assert to_record(FACT, "billing.service-periods", key="e-9").key == b"e-9"
    assert to_record(FACT, "care.events").topic == "care.events"


_text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=200)
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | _text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_text, inner, max_size=3),
    max_leaves=8,
)


def _fact(told: dict[str, Any], **more: Any) -> Fact:
    """A fact whose value is this JSON."""
    body = orjson.dumps(told)
    return Fact(**more, value=read_fact(more["type"], body), body=body)


_facts = st.builds(
    _fact,
    id=_text,
    type=_text,
    writer=_text.map(lambda text: text[:40]),
    subject=_text,
    sequence=st.integers(1, MOST),
    time=st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-5))])).map(rfc3339),
    told=st.dictionaries(_text, _json, max_size=4),
    correlation_id=st.none() | _text,
    causation_id=st.none() | _text,
    traceparent=st.none() | _text,
    copy_of=st.none() | _text,
)


@given(_facts)
def test_what_was_sent_is_what_is_read(fact: Fact) -> None:
    record = to_record(fact, "care.events")
    again = from_record(record.value, record.headers)
    assert again == fact
    assert again.traceparent == fact.traceparent


@given(st.binary(max_size=40), st.dictionaries(st.sampled_from([name for name, _ in headers(FACT)]), st.binary()))
def test_no_bytes_raise_anything_but_invalid_message(value: bytes, changed: dict[str, bytes]) -> None:
    try:
        fact = from_record(value, list((dict(headers(FACT)) | changed).items()))
    except InvalidMessage:
        return
    assert fact.sequence >= 1


@pytest.mark.parametrize(
    ("header", "value"),
    [
        *((name, None) for name in ("ce_specversion", "ce_id", "ce_source", "ce_type", "ce_subject", "ce_time")),
        ("ce_sequence", None),
        *((name, b"") for name in ("ce_specversion", "ce_id", "ce_source", "ce_type", "ce_subject", "ce_sequence")),
        *((name, b"\xff" + SECRET.encode()) for name in ("ce_id", "ce_source", "ce_type", "ce_subject", "ce_time")),
        *((name, b"\xff") for name in ("ce_sequence", "ce_correlationid", "ce_causationid", "traceparent")),
        *((name, SECRET.encode() + b"\0") for name in ("ce_id", "ce_source", "ce_subject", "ce_causationid")),
        *((name, SECRET.encode() * 26) for name in ("ce_id", "ce_type", "ce_subject")),
        ("ce_specversion", b"0.3"),
        ("ce_specversion", b"2.0"),
        ("ce_source", b"/stepdown/"),
        ("ce_source", b"/other/Rosalind"),
        ("ce_sequence", b"0"),
        ("ce_sequence", b"-1"),
        ("ce_sequence", b"1.0"),
        ("ce_sequence", b" 1"),
        ("ce_sequence", b"1_0"),
        ("ce_sequence", b"Rosalind"),
        ("ce_sequence", b"9223372036854775808"),
        ("ce_sequence", b"9" * 5000),
        ("ce_time", b"Rosalind"),
        ("ce_time", b"2026-03-01T10:00:00"),
        ("ce_time", b"2026-13-01T10:00:00Z"),
        ("content-type", b"application/cloudevents+json"),
        ("content-type", b"x-application/hl7-v2+er7"),
    ],
)  # fmt: skip
def test_a_record_with_a_bad_header_is_refused_by_the_headers_name(header: str, value: bytes | None) -> None:
    changed = {name: raw for name, raw in headers(FACT) if name != header} | (
        {header: value} if value is not None else {}
    )
    with pytest.raises(InvalidMessage) as refused:
        from_record(BODY, list(changed.items()))
    assert header in str(refused.value)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"Rosalind",
        b'{"name": "Rosalind"',
        b'["Rosalind"]',
        b'"Rosalind"',
        b"null",
        b"NaN",
        b"\xff\xfe",
        b'{"name": "Rosalind\\u0000"}',
        b'{"Rosalind\\u0000": 1}',
        b'{"name": "\\\\\\u0000"}',
        b'{"name": "Rosalind\\ud800"}',
        b'{"name": "Rosalind\0"}',
        b"[" * 100_000,
    ],
)
def test_a_record_with_a_bad_value_is_refused_without_repeating_it(value: bytes | None) -> None:
    with pytest.raises(InvalidMessage) as refused:
        from_record(value, headers(FACT))
    assert SECRET not in str(refused.value)


def test_a_backslash_before_u0000_is_text_and_no_nul() -> None:
    told = from_record(b'{"note": "\\\\u0000"}', headers(replace(FACT, type="care.danced.v1")))
    assert told.as_json == {"note": "\\u0000"}


@pytest.mark.parametrize("kind", [b"application/json", b"Application/JSON; charset=utf-8", b"application/json ;x=y"])
def test_json_is_taken_however_its_content_type_is_written(kind: bytes) -> None:
    changed = dict(headers(FACT)) | {"content-type": kind}
    assert from_record(BODY, list(changed.items())).id == FACT.id


@pytest.mark.parametrize(
    ("ce_type", "name"),
    [
        ("care.admitted.v1", "admitted"),
        ("billing.service-period-opened.v1", "service-period-opened"),
        ("care.stepped-down.v2", "stepped-down"),
        ("other", "other"),
    ],
)
def test_a_fact_has_the_name_of_its_type(ce_type: str, name: str) -> None:
    assert replace(FACT, type=ce_type).name == name


def test_a_time_without_zone_is_not_published() -> None:
    with pytest.raises(ValueError, match="zone"):
        rfc3339(datetime(2026, 3, 1))  # noqa: DTZ001
    assert rfc3339(datetime(2026, 3, 1, tzinfo=UTC)) == "2026-03-01T00:00:00+00:00"


def test_the_cloudevents_sdk_reads_what_we_write() -> None:
    record = to_record(FACT, "care.events")
    message = KafkaMessage(headers=dict(record.headers), key=None, value=record.value or b"")
    event = from_binary(message, JSONFormat())
    assert (event.get_id(), event.get_type(), event.get_source()) == ("f-1", "care.admitted.v1", "/stepdown/intake")
    assert (event.get_subject(), event.get_specversion()) == ("e-1", "1.0")
    assert event.get_time() == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert event.get_datacontenttype() == "application/json"
    assert [event.get_extension(name) for name in ("sequence", "sequencetype", "correlationid", "causationid")] == [
        "7",
        "Integer",
        "m-1",
        "f-0",
    ]
    assert event.get_data() == FACT.as_json


def test_we_read_what_the_cloudevents_sdk_writes() -> None:
    attributes: dict[str, Any] = {
        "id": "f-2",
        "type": "care.discharged.v1",
        "source": "/stepdown/intake",
        "specversion": "1.0",
        "subject": "e-2",
        "time": datetime(2026, 3, 1, 10, tzinfo=UTC),
        "datacontenttype": "application/json",
        "sequence": "3",
        "sequencetype": "Integer",
        "correlationid": "m-2",
    }
    told = discharged(episode="e-2")
    message = to_binary(CloudEvent(attributes, told.as_json), JSONFormat())
    fact = from_record(message.value, list(message.headers.items()))
    assert (fact.id, fact.type, fact.writer, fact.subject, fact.sequence) == (
        "f-2",
        "care.discharged.v1",
        "intake",
        "e-2",
        3,
    )
    assert (fact.time, fact.correlation_id, fact.causation_id) == ("2026-03-01T10:00:00Z", "m-2", None)
    assert (fact.value, fact.as_json) == (told.value, told.as_json)


def test_the_sdk_and_we_write_the_same_headers() -> None:
    ours = dict(headers(FACT))
    event = from_binary(KafkaMessage(headers=ours, key=None, value=BODY), JSONFormat())
    theirs = to_binary(event, JSONFormat()).headers
    plain = {"traceparent", "ce_time"}  # traceparent is no CloudEvents attribute; the SDK writes +00:00 as Z
    assert {name: raw for name, raw in theirs.items() if name not in plain} == {
        name: raw for name, raw in ours.items() if name not in plain
    }
