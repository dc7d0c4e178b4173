"""The order in which facts go in, and which day an instant belongs to; nothing here decides (contract 3.6 rule 7)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from services.placement.continuum.model import StayKey
from services.placement.continuum.states import ENDS, STARTS
from shared.facts.envelope import Fact

_EARLIEST = datetime.min.replace(tzinfo=UTC)
_OTHER = 4
_KIND: dict[str, int] = {
    **dict.fromkeys(STARTS, 0),
    "leave-ended": 1,
    "transferred": 2,
    "leave-started": 3,
    **dict.fromkeys(ENDS, 5),
    "aftercare-closed": 6,  # closings look at what is open after all else of their instant
    "episode-ended": 6,
}


class OrderedFact(NamedTuple):
    """A fact in its place: Told values sort by contract 3.6 rule 7. ce_id is unique, so `name` is never compared.

    `root` is the ce_id of the first fact of its chain of replacements.
    """

    at: datetime
    kind: int
    writer: str
    stated_at: datetime
    sequence: int
    id: str
    name: str
    value: dict[str, Any]
    root: str

    @property
    def stay(self) -> StayKey:
        """(kind, id) of the stay that the fact names."""
        stay = self.value["stay"]
        return (stay["kind"], stay["id"])


def instant(text: str) -> datetime:
    """An RFC 3339 time in UTC: the same instant looks the same, whatever offset its writer used."""
    return datetime.fromisoformat(text).astimezone(UTC)


def place(fact: Fact, root: str | None = None) -> OrderedFact:
    """The fact in its place in the order. Facts without `stated_at` (placement's own) go by their sequence."""
    name, value = fact.name, fact.value
    stated = value.get("stated_at")
    return OrderedFact(
        instant(value["occurred_at"]),
        _KIND.get(name, _OTHER),
        fact.writer,
        instant(stated) if stated else _EARLIEST,
        fact.sequence,
        fact.id,
        name,
        value,
        root or fact.id,
    )


def day_of(at: datetime, zone: ZoneInfo) -> date:
    """The local day of an instant."""
    return at.astimezone(zone).date()


def leaving_day(at: datetime, zone: ZoneInfo) -> date:
    """The local day of an end: one at 00:00 is 24:00 of the day before (contract 3.6 rule 7)."""
    local = at.astimezone(zone)
    return local.date() - timedelta(days=1) if local.time() == time.min else local.date()


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """00:00 local of a day, in UTC."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)
