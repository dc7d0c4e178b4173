"""`Adt` to JSON and back. It has codes, dates and ids only, so visits are derived again without decrypting messages.

The bytes are the fields of `Adt` as JSON; a moment is an object, a code with its parts a list.
"""

from __future__ import annotations

import msgspec
from msgspec import structs

from services.intake.hl7.model import REMOVED, Adt

_REMOVABLE = ("admission_type", "admission_source", "attending_npi", "disposition", "death", "discharged_to")
"""Text fields that may be REMOVED. In JSON that is the string `""` with its quotes, which no text read is."""
_REMOVED = msgspec.json.encode(REMOVED)

encode = msgspec.json.Encoder().encode
"""An `Adt` as JSON, in bytes."""

_read = msgspec.json.Decoder(Adt).decode


def decode(kept: bytes) -> Adt:
    """An `Adt` from the JSON that this or an earlier version of `encode` made."""
    adt = _read(kept)
    if _REMOVED not in kept:
        return adt
    return structs.replace(adt, **{name: REMOVED for name in _REMOVABLE if getattr(adt, name) == REMOVED.value})
