"""By when a program answers an offer, and who of its waiting line is offered a seat that comes free. Pure (contract
3.7.5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from shared.site.needs import WaitingLine
from shared.site.values import Hours, Program

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FAR: Final = 400
"""Days in which so many business hours are found, whatever the office hours: one day a week has 52 of them a year."""


class Waiter(NamedTuple):
    """Somebody in a program's waiting line: the list entry, the episode, since when they are in line, the day of the
    discharge or referral, and the search's needs as JSON."""

    entry_id: str
    episode_id: str
    since: datetime
    began_on: date
    needs: Mapping[str, Any]


def answer_by(program: Program, now: datetime, zone: ZoneInfo) -> datetime | None:
    """When so many of the program's business hours are over from now on; None for a program without a deadline."""
    told = program.answering
    if told is None:
        return None
    left = timedelta(hours=told.within_hours)
    for day in (now.astimezone(zone).date() + timedelta(days=n) for n in range(_FAR)):
        for opens, closes in _open_on(told.office, day, zone):
            begins = max(opens, now)
            if begins >= closes:
                continue
            if closes - begins >= left:
                return begins + left
            left -= closes - begins
    return now + timedelta(days=_FAR)


def _open_on(office: Sequence[Hours], day: date, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
    """The office hours of a day as instants; through a change of the clocks as long as they really are."""
    return sorted(
        (_instant(day, hours.opens, zone), _instant(day, hours.closes, zone))
        for hours in office
        if _DAYS[day.weekday()] in hours.days
    )


def _instant(day: date, at: Any, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(ZoneInfo("UTC"))


def in_order(line: WaitingLine, waiters: Iterable[Waiter], today: date) -> list[Waiter]:
    """The waiting line, the first first: by the site's points, of equal ones who is in line longer."""
    return sorted(waiters, key=lambda one: (-points_of(line, one, today), one.since, one.entry_id))


def points_of(line: WaitingLine, one: Waiter, today: date) -> int:
    """The site's points for one of the line."""
    days = max((today - one.began_on).days, 0)
    also: Mapping[str, Sequence[str]] = one.needs.get("also") or {}
    told = (each.points for each in line.needs if each.need in also and each.value in {None, *also[each.need]})
    return line.per_day * days + sum(told)
