"""What facts that are not stated yet, or other rules, would change of the bills: the service periods of all facts of an
episode before and after, by the functions that make bills. Nothing is written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Literal, NamedTuple

from msgspec import structs

from services.placement.billing.model import Period, PeriodKey
from services.placement.billing.periods import periods
from services.placement.continuum.fold import fold
from services.placement.engine import views
from services.placement.rules import Rules
from shared.facts.envelope import Fact
from shared.storage.database import Connection

PeriodChanged = Literal["opened", "changed", "voided"]


class PeriodLine(NamedTuple):
    """A service period that would be opened, changed or voided. `fields`: names of what changes in it."""

    change: PeriodChanged
    episode_id: str
    level: str
    payer: str
    start: date
    end: date | None
    fields: tuple[str, ...]
    facility: str = ""


async def bills_with(connection: Connection, rules: Rules, stated: Sequence[Fact]) -> list[PeriodLine]:
    """The service periods that would change if these facts were stated, in the order of their episodes. Raises
    SetUpError for a facility that the rules do not have."""
    facts: dict[str, list[Fact]] = defaultdict(list)
    for each in stated:
        facts[each.subject].append(each)
    known = await views.facts_of(connection, sorted(facts)) if facts else {}
    found: list[PeriodLine] = []
    for episode, new in sorted(facts.items()):
        before = known.get(episode, [])
        found += changed_periods(periods_of(before, rules), periods_of([*before, *new], rules))
    return found


def periods_of(facts: Sequence[Fact], rules: Rules) -> dict[PeriodKey, Period]:
    """The service periods that all facts of an episode come to. Raises SetUpError for a facility that the rules do not
    have."""
    if not facts:
        return {}
    folded = fold(facts, rules.zone_of)
    return {each.key: each for each in periods(folded, rules.zone_of, rules.billed, rules.payers)}


def changed_periods(before: Mapping[PeriodKey, Period], after: Mapping[PeriodKey, Period]) -> Iterator[PeriodLine]:
    """The periods that are opened, changed or voided between the two."""
    for key in sorted(before.keys() | after.keys()):
        was, now = before.get(key), after.get(key)
        if was is None and now is not None:
            yield _line("opened", now)
        elif was is not None and now is None:
            yield _line("voided", was)
        elif was is not None and now is not None and was.content != now.content:
            yield _line("changed", now, _fields(was, now))


def _fields(was: Period, now: Period) -> tuple[str, ...]:
    both = zip(now.content.__struct_fields__, structs.astuple(was.content), structs.astuple(now.content), strict=True)
    return tuple(name for name, before, after in both if before != after)


def _line(change: PeriodChanged, period: Period, fields: tuple[str, ...] = ()) -> PeriodLine:
    told = period.content
    span = (period.start, period.end)
    return PeriodLine(change, told.episode_id, str(told.level), told.payer, *span, fields, told.facility)
