"""What facts that are not stated yet would change of the service periods of their episodes: with them and without, by
the functions that make periods. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from services.placement.billing.difference import fields_changed
from services.placement.billing.model import Period, PeriodKey
from services.placement.billing.periods import periods
from services.placement.continuum.fold import fold
from services.placement.rules import Rules
from shared.facts.envelope import Fact
from shared.values import value_object

PeriodChanged: TypeAlias = Literal["opened", "changed", "voided"]


@value_object
class ChangedPeriod:
    """A service period that would be opened, changed or voided. `period`: as it would be, of a void as it was;
    `changed`: field → (what it is, what it would be)."""

    change: PeriodChanged
    period: Period
    changed: Mapping[str, tuple[Any, Any]]


def bills_with(known: Mapping[str, Sequence[Fact]], proposed: Iterable[Fact], rules: Rules) -> list[ChangedPeriod]:
    """What the `proposed` facts would change. `known`: episode → the facts that it has. Raises SetUpError for a
    facility that the rules do not have."""
    added: dict[str, list[Fact]] = defaultdict(list)
    for fact in proposed:
        added[fact.subject].append(fact)
    found: list[ChangedPeriod] = []
    for episode, new in sorted(added.items()):
        before = known.get(episode, ())
        found += changed_periods(periods_of(before, rules), periods_of([*before, *new], rules))
    return found


def behind(known: Mapping[str, Sequence[Fact]], proposed: Iterable[Fact]) -> bool:
    """Whether facts that their writer stated before these have not come yet."""
    first: dict[tuple[str, str], int] = {}
    for fact in proposed:
        name = (fact.subject, fact.writer)
        first[name] = min(first.get(name, fact.sequence), fact.sequence)
    last = {name: max((fact.sequence for fact in known.get(name[0], ()) if fact.writer == name[1]), default=0)
            for name in first}  # fmt: skip
    return any(number > last[name] + 1 for name, number in first.items())


def periods_of(facts: Sequence[Fact], rules: Rules) -> dict[PeriodKey, Period]:
    """The service periods that all facts of an episode come to. Raises SetUpError for a facility that the rules do not
    have."""
    if not facts:
        return {}
    folded = fold(facts, rules.zone_of)
    return {each.key: each for each in periods(folded, rules.zone_of, rules.billed, rules.payers)}


def changed_periods(before: Mapping[PeriodKey, Period], after: Mapping[PeriodKey, Period]) -> Iterator[ChangedPeriod]:
    """The periods that are opened, changed or voided between the two."""
    for key in sorted(before.keys() | after.keys()):
        was, now = before.get(key), after.get(key)
        if was is None and now is not None:
            yield ChangedPeriod("opened", now, {})
        elif was is not None and now is None:
            yield ChangedPeriod("voided", was, {})
        elif was is not None and now is not None and was.content != now.content:
            yield ChangedPeriod("changed", now, fields_changed(was.content, now.content))
