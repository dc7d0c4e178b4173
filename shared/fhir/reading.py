"""Reads JSON into a type of FHIR; what does not fit is named by its FHIRPath, and no value is repeated."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

Read = TypeVar("Read")
DEEPEST = 64
"""How deep objects and lists may lie in each other."""
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_AT = re.compile(r" - at `(?:key in )?\$([^`]*)`$")


class NotRead(Exception):
    """What came can't be read: `status` is 400 for what is no JSON, 422 for an element that is not as it must be, 413
    for what is too deep; `expression` is the FHIRPath of it, "" for the whole."""

    def __init__(self, status: int, text: str, expression: str = "") -> None:
        super().__init__(text)
        self.status, self.text, self.expression = status, text, expression


@lru_cache(64)
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def read(kind: type[Read], raw: bytes, name: str) -> Read:
    """The JSON as a value of this type; `name` is what the expression of an error begins with. Raises NotRead."""
    try:
        of: Any = kind
        value: Read = _decoder(of).decode(raw)
    except msgspec.ValidationError as wrong:
        found = _AT.search(str(wrong))
        place = name + (found[1] if found else "")
        raise NotRead(422, "an element is not of the type that it must be", place) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise NotRead(400, "this is not JSON") from None
    except RecursionError:
        raise NotRead(413, f"elements lie deeper in each other than {DEEPEST}") from None
    return value


def check_depth(raw: bytes) -> None:
    """Raise NotRead (413) where objects and lists lie deeper in each other than DEEPEST."""
    depth = 0
    for mark in _TEXT.sub(b"", raw).translate(None, _NOT_BRACKETS):
        depth += 1 if mark in b"[{" else -1
        if depth > DEEPEST:
            raise NotRead(413, f"elements lie deeper in each other than {DEEPEST}")


def read_or_none(kind: type[Read], raw: bytes) -> Read | None:
    """The JSON as a value of this type; None for what is none. For resources that say more of another one, which can do
    without."""
    try:
        return read(kind, raw, "")
    except NotRead:
        return None
