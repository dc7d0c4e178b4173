"""In which time zone a reader reads: that of the browser, by a cookie that desk.js sets; else the facility's."""

from __future__ import annotations

from datetime import tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from starlette.requests import Request

COOKIE = "stepdown_zone"
"""The cookie with the IANA name of the browser's zone, as `America/New_York`."""


def reading_zone(request: Request) -> ZoneInfo | None:
    """The zone of the reader's browser; None where it is not known, or is no zone."""
    return zone_named(request.cookies.get(COOKIE, "").replace("%2F", "/"))


def zone_named(name: str) -> ZoneInfo | None:
    """The zone with this IANA name; None where there is none."""
    return ZoneInfo(name) if name in _names() else None


@cache
def _names() -> frozenset[str]:
    return frozenset(available_timezones())


def name_of(zone: tzinfo) -> str:
    """The IANA name of a zone; empty for a zone that has none."""
    return zone.key if isinstance(zone, ZoneInfo) else ""
