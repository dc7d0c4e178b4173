"""A folded episode as JSON bytes and back, exactly: what the episode's row keeps; nothing here decides."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any, TypeVar

import orjson

from services.placement.continuum.model import (
    Away,
    Closing,
    Conflict,
    CoverageFrom,
    Death,
    Ending,
    Folded,
    LevelChange,
    Segment,
    Session,
    Span,
    StayKey,
    StayState,
    Window,
)

_Part = TypeVar("_Part")
_time = datetime.fromisoformat
_day = date.fromisoformat


def packed(folded: Folded) -> bytes:
    """JSON of all fields, times with offset; equal episodes may differ in the order of `ineffective` only."""
    return orjson.dumps(folded)


def unpacked(row: bytes | str) -> Folded:
    """The episode that `packed` made. Raises KeyError or TypeError where the row is of another shape."""
    value: dict[str, Any] = orjson.loads(row)
    for name, part in _PARTS.items():
        value[name] = _each(part, value.get(name, ()))
    for name in _TIMES:
        value[name] = _at(value[name])
    for name in ("labels", "placements", "authorizations", "certifications", "settled", "disbelieved", "awaited"):
        value[name] = tuple(value.get(name, ()))  # an older fold had fewer; its row is folded anew soon
    return Folded(**value)


def _each(part: Callable[[dict[str, Any]], _Part], values: Iterable[dict[str, Any]]) -> tuple[_Part, ...]:
    return tuple([part(value) for value in values])


def _at(text: str | None) -> datetime | None:
    return _time(text) if text is not None else None


def _key(value: list[str] | None) -> StayKey | None:
    return (value[0], value[1]) if value is not None else None


def _segment(value: dict[str, Any]) -> Segment:
    return Segment(_time(value["since"]), value["level"], value["unit"], value["program"], value["fact"], value["root"])


def _away(value: dict[str, Any]) -> Away:
    return Away(_time(value["since"]), _at(value["until"]), value["kind"], value["fact"])


def _span(value: dict[str, Any]) -> Span:
    return Span(_time(value["since"]), _at(value["until"]))


def _session(value: dict[str, Any]) -> Session:
    return Session(
        value["session_id"],
        _day(value["day"]),
        value["attended"],
        value["fact"],
        tuple(value["services"]),
        value["reason"],
        value["root"],
    )


def _stay(value: dict[str, Any]) -> StayState:
    value["segments"] = _each(_segment, value["segments"])
    value["away"] = _each(_away, value["away"])
    value["sessions"] = _each(_session, value["sessions"])
    value["suspended"] = _each(_span, value["suspended"])
    value["aliases"] = tuple([(kind, stay) for kind, stay in value["aliases"]])
    for name in ("diagnoses", "corroborated_by", "labels"):
        value[name] = tuple(value[name])
    value["expected_end"] = _at(value.get("expected_end"))
    if (ended := value["ended"]) is not None:
        value["ended"] = Ending(**(ended | {"at": _time(ended["at"])}))
    return StayState(**value)


def _level(value: dict[str, Any]) -> LevelChange:
    return LevelChange(_time(value["at"]), value["level"], _key(value["stay"]))


def _coverage(value: dict[str, Any]) -> CoverageFrom:
    return CoverageFrom(_day(value["day"]), tuple(value["coverage"]), value["fact"], value["root"])


def _conflict(value: dict[str, Any]) -> Conflict:
    return Conflict(value["id"], value["kind"], tuple(value["facts"]), _time(value["at"]))


def _death(value: dict[str, Any]) -> Death:
    return Death(**(value | {"at": _time(value["at"])}))


def _window(value: dict[str, Any]) -> Window:
    return Window(**(value | {"due_to": _day(value["due_to"])}))


def _closing(value: dict[str, Any]) -> Closing:
    times = {"at": _time(value["at"]), "reopened_at": _at(value["reopened_at"])}
    return Closing(**(value | times | {"reopened_by": _key(value["reopened_by"])}))


_PARTS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "stays": _stay,
    "levels": _level,
    "coverage": _coverage,
    "conflicts": _conflict,
    "windows": _window,
    "deaths": _death,
    "closings": _closing,
}
_TIMES = ("referred_at", "assessed_at", "aftercare_at", "aftercare_closed_at", "ended_at", "last", "since")
