"""What a message says as bytes and back: codes, dates and ids, so that no seal is opened to derive again.

The bytes are the fields of `Adt` as JSON; a moment is an object, a code with its parts a list.
"""

from __future__ import annotations

import msgspec
from msgspec import structs

from services.intake.hl7.model import REMOVED, Adt

_REMOVABLE = ("admission_type", "admission_source", "attending_npi", "disposition", "death")
"""Texts that may be REMOVED: as JSON both are strings, and no text that was read is `""` itself."""
_REMOVED = msgspec.json.encode(REMOVED)

encode = msgspec.json.Encoder().encode
"""The values of a message as JSON."""

_read = msgspec.json.Decoder(Adt).decode


def decode(kept: bytes) -> Adt:
    """The way back of `encode`, for what earlier versions kept too."""
    adt = _read(kept)
    if _REMOVED not in kept:
        return adt
    return structs.replace(adt, **{name: REMOVED for name in _REMOVABLE if getattr(adt, name) == REMOVED.value})
