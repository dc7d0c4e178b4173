"""A dead letter's key, value and headers as sealed bytes, bound to the letter's id; no SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from shared.storage.sealing import Seal


@dataclass(frozen=True, slots=True)
class Content:
    """The original bytes of a record. They may be patient data."""

    key: bytes | None = field(repr=False)
    value: bytes | None = field(repr=False)
    headers: list[tuple[str, bytes]] = field(repr=False)


def sealed(seal: Seal, letter: str, content: Content) -> bytes:
    """The encrypted bytes for the row of this letter."""
    told = [_text(content.key), _text(content.value), [(name, _text(value)) for name, value in content.headers]]
    return seal.close(orjson.dumps(told), _place(letter))


def opened(seal: Seal, letter: str, blob: bytes) -> Content:
    """The content again. Raises CannotOpen."""
    key, value, headers = orjson.loads(seal.open(blob, _place(letter)))
    return Content(_bytes(key), _bytes(value), given([(name, _bytes(each)) for name, each in headers]))


def given(headers: Sequence[tuple[str, bytes | None]]) -> list[tuple[str, bytes]]:
    """Headers as a record can have them; None as a value becomes empty bytes."""
    return [(name, value or b"") for name, value in headers]


def _place(letter: str) -> str:
    return f"dead-letter:{letter}"


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else raw.decode("latin-1")


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode("latin-1")
