"""A folded episode as JSON bytes and back, exactly: what the episode's row keeps; nothing here decides."""

from __future__ import annotations

import msgspec

from services.placement.continuum.model import Folded

_ROW = msgspec.json.Decoder(Folded)
_ENCODER = msgspec.json.Encoder()


def packed(folded: Folded) -> bytes:
    """JSON of all fields, times with offset; equal episodes may differ in the order of `ineffective` only."""
    return _ENCODER.encode(folded)


def unpacked(row: bytes | str) -> Folded:
    """The episode that `packed` made. Raises msgspec.ValidationError where the row is of another shape."""
    return _ROW.decode(row)
