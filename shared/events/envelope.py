"""CloudEvents 1.0 in Kafka binary mode, in and out: records ⇄ `Fact`; knows headers, not meanings.

Source: CloudEvents Kafka Protocol Binding 1.0.2 section 3.2 (binary content mode), sequence extension.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from shared.errors import InvalidMessage

SOURCE = "/stepdown/"
_KNOWN = {b"application/json", b"application/json; charset=utf-8"}


class Record(NamedTuple):
    """What goes to a topic: UTF-8 key, JSON value (None deletes on a compacted topic), headers in order."""

    topic: str
    key: bytes
    value: bytes | None
    headers: list[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Fact:
    """One published record: the CloudEvents attributes and the value.

    `sequence` counts 1,2,3… for each (writer, subject). `type` is the whole ce_type, `care.admitted.v1`.
    The value is a plain dict: it was checked when its writer made it (base.CareFact).
    """

    id: str
    type: str
    writer: str
    subject: str
    sequence: int
    time: str
    value: dict[str, Any]
    correlation_id: str | None = None
    causation_id: str | None = None
    traceparent: str | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        """`care.admitted.v1` → `admitted`."""
        return _short(self.type)


@lru_cache(1024)  # asked for many times for each fact; bounded, since a record names its type
def _short(kind: str) -> str:
    return kind.split(".", 1)[1].rsplit(".v", 1)[0] if kind.count(".") >= 2 else kind


def headers(fact: Fact) -> list[tuple[str, bytes]]:
    """The CloudEvents headers of a fact, in a fixed order; None-valued attributes are left out."""
    found = [
        ("content-type", b"application/json"),
        ("ce_specversion", b"1.0"),
        ("ce_id", fact.id.encode()),
        ("ce_source", (SOURCE + fact.writer).encode()),
        ("ce_type", fact.type.encode()),
        ("ce_subject", fact.subject.encode()),
        ("ce_time", fact.time.encode()),
        ("ce_sequence", b"%d" % fact.sequence),
        ("ce_sequencetype", b"Integer"),
    ]
    if fact.correlation_id:
        found.append(("ce_correlationid", fact.correlation_id.encode()))
    if fact.causation_id:
        found.append(("ce_causationid", fact.causation_id.encode()))
    if fact.traceparent:
        found.append(("traceparent", fact.traceparent.encode()))
    return found


def to_record(fact: Fact, topic: str, key: str | None = None) -> Record:
    """A fact as a record of `topic`; the key is the subject unless another is given (billing: the episode)."""
    return Record(topic, (key or fact.subject).encode(), orjson.dumps(fact.value), headers(fact))


def from_record(value: bytes | None, raw_headers: Iterable[tuple[str, bytes]]) -> Fact:
    """A record as a fact. Raises InvalidMessage, naming the attribute and never its value."""
    found = dict(raw_headers)
    try:
        fact = Fact(
            id=found["ce_id"].decode(),
            type=found["ce_type"].decode(),
            writer=_writer(found["ce_source"]),
            subject=found["ce_subject"].decode(),
            sequence=int(found["ce_sequence"]),
            time=found["ce_time"].decode(),
            value=_value(value),
            correlation_id=_text(found, "ce_correlationid"),
            causation_id=_text(found, "ce_causationid"),
            traceparent=_text(found, "traceparent"),
        )
    except KeyError as missing:
        raise InvalidMessage(f"the record has no header {missing.args[0]}") from None
    except (ValueError, AttributeError):
        raise InvalidMessage("a CloudEvents header of the record is unreadable") from None
    if not fact.id or not fact.subject or fact.sequence < 1:
        raise InvalidMessage("ce_id, ce_subject and a ce_sequence of 1 or more are needed")
    return fact


def _writer(source: bytes) -> str:
    text = source.decode()
    if not text.startswith(SOURCE):
        raise InvalidMessage("ce_source is not one of /stepdown/<service>")
    return text[len(SOURCE) :]


def _text(found: dict[str, bytes], name: str) -> str | None:
    raw = found.get(name)
    return raw.decode() if raw else None


def _value(raw: bytes | None) -> dict[str, Any]:
    if raw is None:
        raise InvalidMessage("the record has no value")
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise InvalidMessage("the value is not JSON") from None
    if not isinstance(value, dict):
        raise InvalidMessage("the value is not a JSON object")
    return value


def rfc3339(at: datetime) -> str:
    """An aware datetime as RFC 3339 with offset."""
    if at.tzinfo is None:
        raise ValueError("a time without zone can't be published")
    return at.isoformat()
