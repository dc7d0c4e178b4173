"""Record headers as bytes for a database column, and back. Parked facts have them so, and rows of the first version."""

from __future__ import annotations

from collections.abc import Sequence

import orjson


def packed(headers: Sequence[tuple[str, bytes]]) -> bytes:
    """Headers as JSON; each byte of a value is the character of the same number."""
    return orjson.dumps([(name, value.decode("latin-1")) for name, value in headers])


def unpacked(raw: bytes) -> list[tuple[str, bytes]]:
    """The headers from `packed` bytes."""
    return [(name, value.encode("latin-1")) for name, value in orjson.loads(raw)]
