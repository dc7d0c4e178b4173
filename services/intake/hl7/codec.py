"""What a message says as bytes and back: codes, dates and ids, so that no seal is opened to derive again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
from pydantic import TypeAdapter

from services.intake.hl7.model import REMOVED, Adt

_ADT = TypeAdapter(Adt)
_REMOVABLE = ("admission_type", "admission_source", "attending_npi", "disposition", "death")
"""Texts that may be REMOVED: as JSON both are strings, and no text that was read is `""` itself."""


def encode(adt: Adt) -> bytes:
    """The values of a message as JSON."""
    return orjson.dumps(adt, default=_plain)


def decode(kept: bytes) -> Adt:
    """The way back of `encode`."""
    adt = _ADT.validate_json(kept)
    removed: dict[str, Any] = {name: REMOVED for name in _REMOVABLE if getattr(adt, name) == REMOVED.value}
    return replace(adt, **removed) if removed else adt


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return list(value)
    raise TypeError(f"a {type(value).__name__} is not kept")
