"""CloudEvents 1.0 in Kafka binary mode, read and written: Kafka records ⇄ `Fact`; knows headers, not meanings.

Source: CloudEvents Kafka Protocol Binding 1.0.2 section 3.2 (binary content mode), sequence extension.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import field
from datetime import datetime
from functools import lru_cache
from typing import Any, Generic, NamedTuple, overload

import orjson
from typing_extensions import TypeVar

from shared.errors import InvalidMessage
from shared.events.base import CareFact
from shared.events.published import PublishedStruct
from shared.facts.values import read_fact
from shared.values import value_object

SOURCE = "/stepdown/"
LONGEST = 200
"""Characters of an id or type at most (base.Identifier)."""
MOST = 2**63 - 1
"""The greatest sequence: what a PostgreSQL bigint holds."""
Value = TypeVar("Value", bound=PublishedStruct, default=CareFact)
_JSON = re.compile(rb"application/json\s*(;.*)?", re.IGNORECASE)
_DIGITS = 19
_NEEDED = frozenset({"ce_id", "ce_type", "ce_source", "ce_subject", "ce_time"})
_TEXTS = (*sorted(_NEEDED), "ce_correlationid", "ce_causationid", "traceparent", "ce_copyof")


class Record(NamedTuple):
    """A record to be sent: its key as text, its JSON value (None deletes the key on a compacted topic), its headers in
    order."""

    topic: str
    key: bytes
    value: bytes | None
    headers: list[tuple[str, bytes]]


@value_object
class Fact(Generic[Value]):
    """One published record as CloudEvents attributes and value; on topic care.events unless another is named.

    `sequence` counts 1, 2, 3 … for each (writer, subject). `type` is the full ce_type, `care.admitted.v1`. `body` is
    the JSON as it was received or will be sent, with fields that this release does not know. `copy_of`: the ce_id of
    the fact that this one repeats under the surviving episode of a merge (contract 3.6 rule 11).
    """

    id: str
    type: str
    writer: str
    subject: str
    sequence: int
    time: str
    value: Value
    body: bytes
    correlation_id: str | None = None
    causation_id: str | None = None
    traceparent: str | None = field(default=None, compare=False)
    copy_of: str | None = None

    @property
    def name(self) -> str:
        """`care.admitted.v1` → `admitted`."""
        return _bare(self.type)

    @property
    def as_json(self) -> dict[str, Any]:
        """The whole value as a JSON object, with unknown fields."""
        found: dict[str, Any] = orjson.loads(self.body)
        return found


@lru_cache(1024)  # asked for many times for each fact; bounded, since a record names its type
def _bare(kind: str) -> str:
    return kind.split(".", 1)[1].rsplit(".v", 1)[0] if kind.count(".") >= 2 else kind


def headers(fact: Fact[Any]) -> list[tuple[str, bytes]]:
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
    if fact.copy_of:
        found.append(("ce_copyof", fact.copy_of.encode()))
    return found


def to_record(fact: Fact[Any], topic: str, key: str | None = None) -> Record:
    """A fact as a record of `topic`; the key is the subject unless another is given (billing: the episode)."""
    return Record(topic, (key or fact.subject).encode(), fact.body, headers(fact))


@overload
def from_record(body: bytes | None, raw_headers: Iterable[tuple[str, bytes]]) -> Fact: ...


@overload
def from_record(
    body: bytes | None, raw_headers: Iterable[tuple[str, bytes]], read: Callable[[str, bytes], Value]
) -> Fact[Value]: ...


def from_record(
    body: bytes | None, raw_headers: Iterable[tuple[str, bytes]], read: Callable[[str, bytes], Any] = read_fact
) -> Fact[Any]:
    """A record as a fact; `read` makes the value from the ce_type and the body.

    Raises InvalidMessage, naming the attribute and never its value.
    """
    found = dict(raw_headers)
    _check_mode(found)
    told = _texts(found)
    if body is None:
        raise InvalidMessage("the record has no value")
    kind = told["ce_type"]
    return Fact(
        told["ce_id"],
        kind,
        _writer(told["ce_source"]),
        told["ce_subject"],
        _sequence(found.get("ce_sequence") or b""),
        _time(told["ce_time"]),
        read(kind, body),
        body,
        told.get("ce_correlationid"),
        told.get("ce_causationid"),
        told.get("traceparent"),
        told.get("ce_copyof"),
    )


def _check_mode(found: dict[str, bytes]) -> None:
    """Refuses a record that is not CloudEvents 1.0 in binary mode with a JSON value; no content-type counts as JSON."""
    if found.get("ce_specversion") != b"1.0":
        raise InvalidMessage("ce_specversion is not 1.0, or not there")
    kind = found.get("content-type")
    if kind and kind != b"application/json" and not _JSON.fullmatch(kind):
        raise InvalidMessage("content-type is not application/json")


@lru_cache(64)
def _writer(source: str) -> str:
    if not source.startswith(SOURCE) or len(source) == len(SOURCE):
        raise InvalidMessage("ce_source is not one of /stepdown/<service>")
    return source[len(SOURCE) :]


def _texts(found: dict[str, bytes]) -> dict[str, str]:
    """The attributes that are text, without those that are absent or empty; every needed one is there, and short."""
    told: dict[str, str] = {}
    for name in _TEXTS:
        if not (raw := found.get(name)):
            continue
        try:
            told[name] = text = raw.decode()
        except UnicodeDecodeError:
            raise InvalidMessage(f"{name} is not UTF-8") from None
        if "\0" in text:
            raise InvalidMessage(f"{name} has a NUL character")  # PostgreSQL cannot store it
        if len(text) > LONGEST and name in _NEEDED:
            raise InvalidMessage(f"{name} is longer than {LONGEST} characters")
    if missing := _NEEDED - told.keys():
        raise InvalidMessage(f"the record has no header {min(missing)}, or an empty one")
    return told


def _sequence(raw: bytes) -> int:
    number = int(raw) if raw.isdigit() and len(raw) <= _DIGITS else 0
    if not 1 <= number <= MOST:
        raise InvalidMessage("ce_sequence is not a number of 1 or more")
    return number


def _time(text: str) -> str:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidMessage("ce_time is not RFC 3339") from None
    if at.tzinfo is None:
        raise InvalidMessage("ce_time has no offset")
    return text


class _LastTime(NamedTuple):
    """The time that was written last, with its text: the records of a transaction have the same one, as one object.

    It is found by identity: a time equals others that have another offset, and so another text.
    """

    at: datetime | None = None
    text: str = ""


_last = _LastTime()


def rfc3339(at: datetime) -> str:
    """An aware datetime as RFC 3339 with offset."""
    global _last  # noqa: PLW0603 - one tuple, so that threads never see one time with another's text
    last = _last
    if at is last.at:
        return last.text
    if at.tzinfo is None:
        raise ValueError("a time without zone can't be published")
    text = at.isoformat()
    _last = _LastTime(at, text)
    return text
