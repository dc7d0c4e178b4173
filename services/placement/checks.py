"""Whether placement's database agrees with its facts: the invariants of contract 5 that it can check alone.

Reads only, each page of episodes at one instant, so that it may run beside the consumer. A breakage names ids, never
values. `facts`, `episodes` and the like list what placement holds, for comparison with other databases and topics.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime

from services.placement.billing.difference import difference as period_changes
from services.placement.billing.model import PeriodKey, SentPeriod
from services.placement.billing.periods import periods
from services.placement.clock import stating as clock
from services.placement.continuum import announcements, codec
from services.placement.continuum.fold import fold
from services.placement.continuum.model import FOLD_VERSION, Folded
from services.placement.desk import checks
from services.placement.engine import views
from services.placement.engine.copies import Ledger
from services.placement.engine.merging import out_of_step
from services.placement.engine.outcome import announced
from services.placement.engine.store import known
from services.placement.rules import Rules, rules_of
from services.placement.search.searches import DeskFacts
from shared.facts.envelope import Fact
from shared.facts.ordering import FactPlace
from shared.invariants import Broken, Checked, nobody
from shared.messaging import outbox
from shared.messaging.positions import Tally
from shared.site.config import Site
from shared.storage.database import Database

PAGE = 500
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
Sent = Sequence[tuple[PeriodKey, SentPeriod]]


async def broken(
    database: Database, rules: Rules, *, page: int = PAGE, checked: Checked = nobody
) -> AsyncIterator[Broken]:
    """Every breakage: first of episodes in the order of their ids, `page` of them at a time, then of outbox and
    positions.

    An outbox that is not empty is a breakage only while nothing is going on (contract 5.6); the caller has to know.
    """
    after = ""
    while True:
        async with database.read() as connection:
            await views.at_one_instant(connection)
            rows = await views.stored_after(connection, after, page)
            ids = [row.listed.episode_id for row in rows]
            facts = await views.facts_of(connection, ids)
            sent = await views.periods_of(connection, ids)
            claims = await views.claims_of_episodes(connection, ids)
            lines = await views.entries_of(connection, ids)
            there = await views.presences_of(connection, ids)
            merges = await views.merged_into(connection, ids)
            retired = await views.facts_of(connection, [one for one, _ in merges])
        for row, episode in zip(rows, ids, strict=True):
            for what in _of_episode(row, facts.get(episode, []), sent.get(episode, []), rules):
                yield what
            shown = checks.Shown(claims.get(episode, []), lines.get(episode, []), there.get(episode, []))
            for what in checks.of_episode(row, facts.get(episode, []), shown, rules):
                yield what
        for here, into in merges:
            if out_of_step(Ledger(here, retired[here]), Ledger(into, facts.get(into, [])), rules.zone_of):
                yield Broken(
                    3, f"episode {into}", f"its copies are not what stands in {here}, which was merged into it"
                )
        checked(3, len(rows))
        checked(5, sum(map(len, claims.values())) + sum(map(len, there.values())))
        checked(4, sum(map(len, sent.values())))
        if len(rows) < page:
            break
        after = ids[-1]
    for what in await _of_plumbing(database):
        yield what


def broken_at(database: Database, site: Site, *, checked: Checked) -> AsyncIterator[Broken]:
    """Every breakage, by the rules of this site config."""
    return broken(database, rules_of(site), checked=checked)


async def _of_plumbing(database: Database) -> list[Broken]:
    async with database.read() as connection:
        await views.at_one_instant(connection)
        waiting = (await outbox.unsent(connection)).total()
        wrong = await views.miscounted(connection)
        parked = await views.parked_unlike_counted(connection)
    return [
        *([Broken(6, "outbox", f"{waiting} records wait")] if waiting else []),
        *(Broken(6, f"position {n}", "received is not applied + repeated + ignored + waiting + dead") for n in wrong),
        *(Broken(6, f"consumer {n}", "other facts are parked than are counted as waiting") for n in parked),
    ]


def _of_episode(row: views.Stored, facts: Sequence[Fact], sent: Sent, rules: Rules) -> Iterator[Broken]:
    name = f"episode {row.listed.episode_id}"
    for gap in _sequences(row, facts):
        yield Broken(2, name, gap)
    if row.fold_version != FOLD_VERSION:
        yield Broken(3, name, "an older fold made it; it waits to be folded anew")
        return
    if row.rules != rules.site.version:
        yield Broken(3, name, "it is told by another site config")
        return
    anew = fold(facts, rules.zone_of)
    if codec.unpacked(row.fold) != anew:
        yield Broken(3, name, "the stored state is not what its facts come to")
    if not _lists_right(row.listed, anew):
        yield Broken(3, name, "the columns of lists differ from the state")
    standing = announced(row.announced)
    if announcements.difference(standing, announcements.announcements(anew, rules.zone_of)):
        yield Broken(3, name, "what stands announced is not what should be")
    if clock.stated(anew, DeskFacts.of(facts), rules, anew.last or _NEVER):
        yield Broken(3, name, "what is due for review is not what its facts and the site's clocks say")
    latest = dict(sent)  # later lives come later
    if period_changes(latest, periods(anew, rules.zone_of, rules.billed, rules.payers)):
        yield Broken(4, name, "the latest service periods are not what the facts come to")


def _sequences(row: views.Stored, facts: Sequence[Fact]) -> Iterator[str]:
    found: dict[str, list[int]] = defaultdict(list)
    for fact in facts:
        found[fact.writer].append(fact.sequence)
    for writer in sorted(found.keys() | row.seen.keys()):
        if sorted(found[writer]) != list(range(1, row.seen.get(writer, 0) + 1)):
            yield f"the facts of {writer} are not 1 to the last one seen, without a gap"


def _lists_right(listed: views.Listed, folded: Folded) -> bool:
    return (listed.state, listed.level, listed.since, listed.ineffective, listed.conflicts) == (
        folded.state,
        folded.level,
        folded.since,
        len(folded.ineffective),
        len(folded.conflicts),
    )


async def warnings_at(database: Database, site: Site) -> list[str]:
    """Sentences about what breaks no invariant but should be known: programs over their capacity (contract 5.5)."""
    return [one async for one in checks.over(database, rules_of(site))]


def facts(database: Database) -> AsyncIterator[tuple[str, str, int, str]]:
    """(writer, episode, sequence, ce_id) of every applied fact, those of a writer and episode together, by sequence."""
    return database.rows(views.ALL_FACTS)


def stated(database: Database) -> AsyncIterator[tuple[str, str, int, str]]:
    """The same for the facts that placement stated."""
    return database.rows(views.OWN_FACTS)


async def applied_at(database: Database, places: Sequence[FactPlace]) -> dict[FactPlace, str]:
    """(episode, writer, sequence) → ce_id of the fact that was applied under it; places without one are absent."""
    if not places:
        return {}
    async with database.read() as connection:
        return await known(connection, places, Tally())


def episodes(database: Database) -> AsyncIterator[tuple[str, int]]:
    """(episode, version) of every episode that was published on care.episodes."""
    return database.rows(views.ALL_VERSIONS)


def latest_periods(database: Database) -> AsyncIterator[tuple[str, int, bool]]:
    """(period, version, voided) of the latest version of every service period that was sent."""
    return database.rows(views.ALL_PERIODS)
