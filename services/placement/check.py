"""Whether placement's database says what its facts say: the invariants of contract 5 that lie in it, page by page.

Reads only, each page at one instant, so that it may run beside the consumer. Says what is broken by ids, never by
values.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence

from services.placement import views
from services.placement.billing.difference import difference as period_changes
from services.placement.billing.model import PeriodKey, SentPeriod
from services.placement.billing.periods import periods
from services.placement.continuum import announcements, codec
from services.placement.continuum.fold import fold
from services.placement.continuum.model import FOLD_VERSION, Folded
from services.placement.outcome import announced
from services.placement.rules import Rules
from shared.db import Database
from shared.events.envelope import Fact

PAGE = 500
Sent = Sequence[tuple[PeriodKey, SentPeriod]]


async def broken(database: Database, rules: Rules, *, page: int = PAGE) -> AsyncIterator[str]:
    """Every breakage, one sentence each: episodes in the order of their ids, then outbox and positions.

    The outbox is empty when nothing goes on (contract 5.6); whoever calls this knows whether that is so.
    """
    after = ""
    while True:
        async with database.read() as connection:
            await views.at_one_instant(connection)
            rows = await views.stored_after(connection, after, page)
            ids = [row.listed.episode_id for row in rows]
            facts = await views.facts_of(connection, ids)
            sent = await views.periods_of(connection, ids)
        for row, episode in zip(rows, ids, strict=True):
            for what in _of_episode(row, facts.get(episode, []), sent.get(episode, []), rules):
                yield f"episode {episode}: {what}"
        if len(rows) < page:
            break
        after = ids[-1]
    for what in await _of_plumbing(database):
        yield what


async def _of_plumbing(database: Database) -> list[str]:
    async with database.read() as connection:
        await views.at_one_instant(connection)
        waiting = await views.unsent(connection)
        wrong = await views.miscounted(connection)
        parked = await views.parked_unlike_counted(connection)
    return [
        *([f"outbox: {waiting} records wait"] if waiting else []),
        *(f"position {name}: received is not applied + repeated + ignored + waiting + dead" for name in wrong),
        *(f"consumer {name}: other facts are parked than are counted as waiting" for name in parked),
    ]


def _of_episode(row: views.Stored, facts: Sequence[Fact], sent: Sent, rules: Rules) -> Iterator[str]:
    yield from _sequences(row, facts)
    if row.fold_version != FOLD_VERSION:
        yield "an older fold made it; it waits to be folded anew"
        return
    anew = fold(facts, rules.zone_of)
    if codec.unpacked(row.fold) != anew:
        yield "the stored state is not what its facts come to"
    if not _lists_right(row.listed, anew):
        yield "the columns of lists differ from the state"
    standing = announced(row.announced)
    if any(announcements.difference(standing, announcements.announcements(anew, rules.zone_of))):
        yield "what stands announced is not what should be"
    latest = dict(sent)  # later lives come later
    if period_changes(latest, periods(anew, rules.zone_of, rules.billed, rules.needs_authorization)):
        yield "the latest service periods are not what the facts come to"


def _sequences(row: views.Stored, facts: Sequence[Fact]) -> Iterator[str]:
    found: dict[str, list[int]] = defaultdict(list)
    for fact in facts:
        found[fact.writer].append(fact.sequence)
    for writer in sorted(found.keys() | row.seen.keys()):
        if sorted(found[writer]) != list(range(1, row.seen.get(writer, 0) + 1)):
            yield f"the facts of {writer} are not 1 to the last one seen, without a gap"


def _lists_right(listed: views.Listed, folded: Folded) -> bool:
    level = folded.levels[-1].level if folded.levels else None
    return (listed.state, listed.level, listed.since, listed.ineffective, listed.conflicts) == (
        folded.state,
        level,
        folded.since,
        len(folded.ineffective),
        len(folded.conflicts),
    )
