"""How long it is until something is due, as a badge. Pure."""

from __future__ import annotations

from datetime import date, datetime, tzinfo

from shared.web.tables import Badge
from shared.web.wording import SOON, days_left, time_left
from shared.web.words import say


def until(due: datetime, now: datetime) -> Badge:
    """How long it is until an instant: `late` once it is over, `soon` in the two days before it (SOON)."""
    return Badge(time_left(due, now), "late" if due < now else "soon" if due - now < SOON else "")


def by(last: date, now: datetime, zone: tzinfo) -> Badge:
    """How many days it is until a last day in this zone: `late` once it is over, `soon` from two days before (SOON)."""
    today = now.astimezone(zone).date()
    days = (last - today).days
    text = say("last day today") if days == 0 else days_left(last, today)
    return Badge(text, "late" if days < 0 else "soon" if days <= SOON.days else "")
