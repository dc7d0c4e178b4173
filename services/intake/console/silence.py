"""Which facilities have fallen silent: those that have sent, and not for longer than the site's hours. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from shared.site.config import Site


class FeedAge(NamedTuple):
    """When a facility's last message came that was not refused, and after how many hours it is silent."""

    facility: str
    last_at: datetime
    hours: int

    def since(self, now: datetime) -> timedelta:
        """How long nothing has come."""
        return max(now - self.last_at, timedelta())

    def silent(self, now: datetime) -> bool:
        """Whether that is longer than the site's hours."""
        return self.since(now) > timedelta(hours=self.hours)


def ages(site: Site, last: Mapping[str, datetime]) -> list[FeedAge]:
    """The site's facilities that have sent, the longest silent first. `last`: facility → its last message."""
    found = [
        FeedAge(each.name, last[each.name], site.silent_hours(each.name))
        for each in site.facilities
        if each.name in last
    ]
    return sorted(found, key=lambda one: one.last_at)
