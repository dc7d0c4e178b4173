"""The clinical order of facts, and the day that an instant belongs to (contract 3.6 rule 7)."""

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
    """A fact with its sort key: tuples of this type sort by contract 3.6 rule 7. Since `id`, the ce_id, is unique, the
    fields after it are never compared.

    `at` (clinical time) and `stated_at` are in UTC. `kind`: the place of the kind of fact within one instant. `root`:
    the ce_id of the first fact of its chain of replacements.
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
        """The key of the stay that the fact names. Raises ValueError where it names none."""
        stay = self.value.stay
        if stay is None:
            raise ValueError("the fact is about no stay")
        return (stay.kind, stay.id)


def place(fact: Fact, root: str | None = None) -> OrderedFact:
    """A fact with its sort key. `root` None: it replaces nothing. Facts without `stated_at`, which are not intake's, go
    by their sequence."""
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
    """The day of an instant in this zone."""
    return at.astimezone(zone).date()


def leaving_day(at: datetime, zone: ZoneInfo) -> date:
    """The day of an end in this zone: an end at 00:00 is 24:00 of the day before (contract 3.6 rule 7)."""
    local = at.astimezone(zone)
    return local.date() - timedelta(days=1) if local.time() == time.min else local.date()


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """00:00 of a day in this zone, as a UTC time."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)
