"""Needs as a referral or an assessment tells them, read as what a search needs (contract 3.7.3). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from shared.events.placing import Needs
from shared.site.needs import YES

_READ: Final = tuple(name for name in Needs.__struct_fields__ if name != "also")
UNKNOWN: Final = "unknown"
_SEVERAL: Final = frozenset({"days"})


def told_needs(codes: Iterable[str]) -> Needs:
    """`transport`, `language:es`, `days:mon`, … as needs; the last one said of each counts, and all days.

    `unknown` stands for one that the site does not have: a person at intake says what it is, and the fact is stated
    anew. A value that one of our own needs cannot have asks for nothing.
    """
    own: dict[str, Any] = {}
    also: dict[str, tuple[str, ...]] = {}
    for code in codes:
        key, _, value = (part.strip() for part in code.partition(":"))
        if key in _READ:
            own[key] = [*own.get(key, ()), value] if key in _SEVERAL else value
        elif key and key != UNKNOWN:
            also[key] = (*also.get(key, ()), value) if value else YES
    read = {name: fit for name, value in own.items() if (fit := _fit(name, value)) is not None}
    return msgspec.structs.replace(Needs(also=also or None), **read)


def _fit(name: str, value: Any) -> Any:
    """The value as the need has it; None for one that it cannot have."""
    try:
        return getattr(msgspec.convert({name: value}, Needs, strict=False), name)
    except msgspec.ValidationError:
        return None
