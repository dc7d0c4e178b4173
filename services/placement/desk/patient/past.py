"""An episode as it was: what had been recorded by an instant, and what was so on a day. Pure.

`as_of` answers what was known then, by `recorded_at`; `on` answers what was so then, by `occurred_at`, with everything
that is known (by `as_of`, where both are asked for): a fact that was taken back later is not so on any day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from services.placement.continuum.active import root_of
from services.placement.continuum.fold import fold
from services.placement.continuum.model import Folded
from services.placement.continuum.order import midnight
from services.placement.continuum.stay_facts import ZoneOf
from services.placement.desk.showing import voided
from shared.events.planning import ConflictSettled
from shared.events.taking_back import FactCancelled
from shared.facts.envelope import Fact
from shared.values import value_object
from shared.web import requests

PARAMETERS = frozenset({"as_of", "on"})
"""Names of the parameters that ask for the past."""


@value_object
class PastQuestion:
    """Which past is asked for, as it was written: `as_of` an instant with its offset or a day, `on` a day; both None:
    today."""

    as_of: datetime | date | None = None
    on: date | None = None

    @property
    def now(self) -> bool:
        """True where nothing of the past is asked for."""
        return self.as_of is None and self.on is None

    def known_by(self, zone: ZoneInfo) -> datetime | None:
        """Up to when facts had to be recorded; of a day its end in this zone. None: all facts count."""
        if self.as_of is None or isinstance(self.as_of, datetime):
            return self.as_of
        return _end_of(self.as_of, zone)

    def looks_from(self, zone: ZoneInfo, now: datetime) -> datetime:
        """The instant that counts as now: the end of the day asked for, the instant asked for, or `now` if that is
        earlier."""
        asked = self.known_by(zone) if self.on is None else _end_of(self.on, zone) - timedelta(seconds=1)
        return min(asked, now) if asked is not None else now


def asked_for(given: Mapping[str, str]) -> PastQuestion:
    """The past that an address asks for. Raises a 422 Problem for what is no day, and no instant with its offset."""
    return PastQuestion(_instant_or_day(given.get("as_of")), _day(given.get("on"), "on"))


def _instant_or_day(text: str | None) -> datetime | date | None:
    if text is None or len(text) == len("2026-05-06"):
        return _day(text, "as_of")
    try:
        found = datetime.fromisoformat(text.replace(" ", "+"))  # a plus that was not escaped is a blank
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or not 1 < found.year < 9999:
        raise requests.unfit("as_of", "`as_of` is a day (2026-05-06), or an instant with its offset, RFC 3339")
    return found


def _day(text: str | None, name: str) -> date | None:
    if text is None:
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or not 1 < found.year < 9999:
        raise requests.unfit(name, f"`{name}` is a day: 2026-05-06")
    return found


def _end_of(day: date, zone: ZoneInfo) -> datetime:
    return midnight(day + timedelta(days=1), zone)


def recorded_by(facts: Sequence[Fact], instant: datetime | None, *, whole_day: bool = False) -> list[Fact]:
    """The facts that were recorded at or before an instant (None: all); `whole_day`: the instant is the end of a day
    and belongs to the next one."""
    if instant is None:
        return list(facts)
    if whole_day:
        return [fact for fact in facts if fact.value.recorded_at < instant]
    return [fact for fact in facts if fact.value.recorded_at <= instant]


def known(facts: Sequence[Fact], asked: PastQuestion, zone: ZoneInfo) -> list[Fact]:
    """The facts that were recorded by the time that is asked for."""
    return recorded_by(facts, asked.known_by(zone), whole_day=not isinstance(asked.as_of, datetime))


def so_on(facts: Sequence[Fact], folded: Folded, day: date | None, zone: ZoneInfo) -> list[Fact]:
    """The facts that were so at the end of a day: all but those that stand and occurred later, what these take the
    place of, and what cancels any of it. `folded`: the fold of these facts; `day` None: all of them."""
    if day is None:
        return list(facts)
    end, gone = _end_of(day, zone), voided(facts, folded)
    writer = {fact.id: fact.writer for fact in facts}
    leads = {fact.id: was for fact in facts if (was := fact.value.replaces) and writer.get(was) == fact.writer}

    def later(fact: Fact) -> bool:
        stays = isinstance(fact.value, ConflictSettled | FactCancelled) or fact.id in gone
        return not stays and fact.value.occurred_at >= end

    roots = {root_of(fact.id, leads) for fact in facts if later(fact)}

    def counts(ce_id: str) -> bool:
        return root_of(ce_id, leads) not in roots

    return [fact for fact in facts if counts(fact.value.cancels if isinstance(fact.value, FactCancelled) else fact.id)]


def facts_then(facts: Sequence[Fact], asked: PastQuestion, zone: ZoneInfo, zone_of: ZoneOf) -> list[Fact]:
    """The facts that the question is answered by, among all facts of the episode."""
    told = known(facts, asked, zone)
    return so_on(told, fold(told, zone_of), asked.on, zone) if asked.on is not None else told
