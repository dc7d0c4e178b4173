"""The value of a fact from JSON to its type and back, for every type of the published language."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from functools import cache
from typing import Any

import msgspec

from shared.errors import InvalidMessage
from shared.events import CARE_FACTS
from shared.events.base import CareFact
from shared.events.published import encode, json_of, why_unreadable


class UnknownFact(CareFact):
    """A fact of a type that this release does not know: it is stored and changes nothing.

    The common fields are filled as far as they can be read; others are empty, times the earliest possible.
    """

    episode_id: str = ""
    patient_id: str = ""
    facility: str = ""
    occurred_at: datetime = datetime.min.replace(tzinfo=UTC)
    recorded_at: datetime = datetime.min.replace(tzinfo=UTC)


def read_fact(ce_type: str, body: bytes) -> CareFact:
    """The value of a fact. Raises InvalidMessage, which names a field and never its value.

    Fields that the type does not have stay in the body and are ignored.
    """
    kind = CARE_FACTS.get(ce_type)
    if kind is None:
        return _unknown(json_of(body))
    try:
        value = decoder_of(kind).decode(body)
    except msgspec.ValidationError as wrong:
        json_of(body)
        raise InvalidMessage(why_unreadable(wrong)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        json_of(body)
        raise InvalidMessage("the value is not JSON") from None
    if b"\\u" in body or not body.isascii():
        json_of(body)  # a text that the decoder passed over may be none, or have a NUL: it did not look
    return value


_OF_EVERY_FACT = msgspec.structs.fields(UnknownFact)


def _unknown(told: dict[str, Any]) -> UnknownFact:
    found: dict[str, Any] = {}
    for one in _OF_EVERY_FACT:
        if one.encode_name in told:
            with contextlib.suppress(msgspec.ValidationError):
                found[one.name] = msgspec.convert(told[one.encode_name], one.type)
    return UnknownFact(**found)


@cache
def decoder_of(kind: type[CareFact]) -> msgspec.json.Decoder[CareFact]:
    """The JSON decoder of a type, made once."""
    return msgspec.json.Decoder(kind)


def written(value: CareFact) -> bytes:
    """The value as JSON, after reading it back, so that nothing unreadable is stated. Raises ValueError, naming a
    field."""
    body = encode(value)
    try:
        decoder_of(type(value)).decode(body)
    except msgspec.ValidationError as wrong:
        raise ValueError(f"{value.TYPE}: {why_unreadable(wrong)}") from None
    return body
