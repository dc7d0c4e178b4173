"""A folded episode as JSON bytes and back, without loss, for the episode's row."""

from __future__ import annotations

import msgspec

from services.placement.continuum.model import Folded

_ROW = msgspec.json.Decoder(Folded)
_ENCODER = msgspec.json.Encoder()


def packed(folded: Folded) -> bytes:
    """All fields as JSON, times with their offset. Equal episodes give equal bytes up to the order within
    `ineffective`."""
    return _ENCODER.encode(folded)


def unpacked(row: bytes | str) -> Folded:
    """The episode of which `packed` made these bytes. Raises msgspec.ValidationError where they have another shape."""
    return _ROW.decode(row)
