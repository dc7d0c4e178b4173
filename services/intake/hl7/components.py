"""What is read of a message's header, event, patient and visit by one component of the first repetition alone.

A component is named as in the standard: `PV1-44` is the first one of the field, `PV1-3.4` its fourth.
"""

from __future__ import annotations

from typing import NamedTuple


class Component(NamedTuple):
    """A component of a field, by its name, the field's number and its own."""

    name: str
    field: int
    number: int


def _of(segment: str, *numbers: str) -> tuple[str, tuple[Component, ...]]:
    found = []
    for each in numbers:
        field, _, number = each.partition(".")
        found.append(Component(f"{segment}-{each}", int(field), int(number or 1)))
    return segment, tuple(found)


COMPONENTS = (
    _of("MSH", "3", "4", "7", "9", "9.2", "10", "11", "15", "16"),
    _of("EVN", "2", "4", "6"),
    _of("PID", "5", "7", "8", "11", "13", "14", "18", "29", "30"),
    _of(
        "PV1",
        "2",
        "3",
        "3.2",
        "3.3",
        "3.4",
        "4",
        "6",
        "6.2",
        "6.3",
        "6.4",
        "10",
        "14",
        "18",
        "19",
        "19.4",
        "36",
        "37",
        "44",
        "45",
    ),
    _of("PV2", "9", "47"),
    _of("MRG", "3", "5"),
)
"""By segment, in the order of the fields; each is read once for a message (`Message.texts`), from the first segment of
that name."""
