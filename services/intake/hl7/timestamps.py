"""Reads HL7 time stamps as aware times, in the facility's zone or the message's where they name no offset."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import NamedTuple

from services.intake.hl7.model import Moment, ZoneOf

_OFFSET = r"\s*(Z|[+-]\d\d:?\d\d)?"
_HL7 = re.compile(r"(\d{4})(\d\d)(\d\d)(?: ?(\d\d)(?:(\d\d)(?:(\d\d)(?:\.?(\d{1,30}))?)?)?)?" + _OFFSET, re.ASCII)
"""What follows the seconds is a fraction of one, with or without its dot (contract 6)."""
_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?" + _OFFSET, re.ASCII)
_NONE = timedelta()
_YEARS = range(1800, 9900)


@lru_cache(maxsize=4096)  # the times of one message are often the same, and those of messages of one visit
def read_moment(text: str, zone: tzinfo) -> Moment:
    """`YYYYMMDD[HH[MM[SS[.S…]]]][±ZZZZ]` (HL7 v2.5.1 2.A.77), ISO 8601 too, as an instant.

    Without an offset the facility's zone holds, and for a date without a time always (contract 6); a time that the
    clock skipped or showed twice is taken as in PEP 495 with fold 0. Hour 24 and second 60 roll over. Raises
    ValueError, without the text, for what is less than a day or no time.
    """
    if len(text) == 14 and text.isascii() and text.isdecimal() and text[8:10] < "24" and text[12:] < "60":
        instant = _aware(_usual(text), zone)  # the form of nearly all
        return Moment(instant, instant)
    found = _HL7.fullmatch(text) or _ISO.fullmatch(text)
    if not found:
        raise ValueError("not a time")
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    where = _zone(offset) if offset else zone
    start = _day(year, month, day)
    if hour is None:
        return Moment(_aware(start, zone), _aware(start + timedelta(days=1), zone))
    clock = _clock(hour, minute or "0", second or "0", fraction or "0")
    instant = _aware(start + clock, where)
    return Moment(instant, instant)


@lru_cache(maxsize=4096)
def offset_of(text: str) -> tzinfo | None:
    """The offset that a stamp names; None where it names none, or is no time."""
    if text.isdecimal():
        return None
    found = _HL7.fullmatch(text) or _ISO.fullmatch(text)
    try:
        return _zone(found[8]) if found and found[8] else None
    except ValueError:
        return None


class Told(NamedTuple):
    """A time of a message, in the zone that holds for it; `differs`: MSH-7's offset is not one of the facility's then,
    and the time stays in the facility's zone."""

    moment: Moment
    differs: bool = False


@lru_cache(maxsize=4096)
def read_told(text: str, zone: tzinfo, sent: tzinfo | None, zone_of: ZoneOf) -> Told:
    """A stamp of a message as `read_moment` reads it in the facility's zone; without an offset, with a time of day, it
    is at MSH-7's offset `sent`, where there is one and the facility's clock may have shown it so, or the feed says
    that its messages' zone holds. Raises ValueError as `read_moment` does (contract 6)."""
    read = read_moment(text, zone)
    if sent is None or read.day_only or offset_of(text) is not None:
        return Told(read)
    at_sent = read_moment(text, sent)
    return Told(at_sent) if zone_of == "message" or _may_be(read, at_sent, zone) else Told(read, differs=True)


def _may_be(read: Moment, at_sent: Moment, zone: tzinfo) -> bool:
    """Whether the facility's clock may have shown that wall time at the message's offset: it has that offset then, or
    has it at one of two times that it shows twice."""
    if read.start == at_sent.start:
        return True
    return at_sent.start.replace(tzinfo=None) == at_sent.start.astimezone(zone).replace(tzinfo=None)


@lru_cache(maxsize=4096)
def read_day(text: str) -> date | None:
    """The calendar day of a stamp, as for a birth date or the start of a plan; None when it has none."""
    found = _HL7.fullmatch(text) or _ISO.fullmatch(text)
    if not found:
        return None
    try:
        return _day(found[1], found[2], found[3]).date()
    except ValueError:
        return None


def _usual(text: str) -> datetime:
    if int(text[:4]) not in _YEARS:
        raise ValueError("not a time")
    return datetime.fromisoformat(f"{text[:8]}T{text[8:]}")


def _day(year: str, month: str, day: str) -> datetime:
    if int(year) not in _YEARS:
        raise ValueError("not a time")
    return datetime(int(year), int(month), int(day))  # noqa: DTZ001 - the zone comes with _aware


def _clock(hour: str, minute: str, second: str, fraction: str) -> timedelta:
    hours, minutes, seconds = int(hour), int(minute), int(second)
    if hours > 24 or minutes > 59 or seconds > 60 or (hours == 24 and (minutes or seconds)):
        raise ValueError("not a time")
    micro = int(fraction[:6].ljust(6, "0"))
    return timedelta(hours=hours, minutes=minutes, seconds=seconds, microseconds=micro)


def _zone(offset: str) -> tzinfo:
    if offset == "Z":
        return UTC
    delta = timedelta(hours=int(offset[1:3]), minutes=int(offset[-2:]))
    if delta > timedelta(hours=15):
        raise ValueError("not a time")
    return timezone(-delta if offset[0] == "-" else delta)


def _aware(naive: datetime, zone: tzinfo) -> datetime:
    """The time with the zone's offset then: two times of one ZoneInfo would compare by wall clock, not by instant."""
    return naive.replace(tzinfo=_fixed(zone.utcoffset(naive.replace(tzinfo=zone)) or _NONE))


@lru_cache(maxsize=128)
def _fixed(offset: timedelta) -> timezone:
    return timezone(offset) if offset else UTC
