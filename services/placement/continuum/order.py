"""The order in which facts go in, and which day an instant belongs to; nothing here decides (contract 3.6 rule 7)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Generic, NamedTuple
from zoneinfo import ZoneInfo

from typing_extensions import TypeVar

from services.placement.continuum.model import StayKey
from services.placement.continuum.states import ENDS, STARTS
from shared.events.base import CareFact
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
Value = TypeVar("Value", bound=CareFact, default=CareFact)


class OrderedFact(NamedTuple, Generic[Value]):
    """A fact in its place: they sort by contract 3.6 rule 7. ce_id is unique, so `name` is never compared.

    `at` and `stated_at` are in UTC. `root` is the ce_id of the first fact of its chain of replacements.
    """

    at: datetime
    kind: int
    writer: str
    stated_at: datetime
    sequence: int
    id: str
    name: str
    value: Value
    root: str

    @property
    def stay(self) -> StayKey:
        """(kind, id) of the stay that the fact names. Raises ValueError where it names none."""
        stay = self.value.stay
        if stay is None:
            raise ValueError("the fact is about no stay")
        return (stay.kind, stay.id)


def place(fact: Fact, root: str | None = None) -> OrderedFact:
    """A fact that the fold reads, in its place. Facts without `stated_at` (placement's own) go by their sequence."""
    value = fact.value
    name = value.TYPE
    return OrderedFact(
        value.occurred_at.astimezone(UTC),
        _KIND.get(name, _OTHER),
        fact.writer,
        value.stated_at.astimezone(UTC) if value.stated_at else _EARLIEST,
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
