"""What placement does with a batch of facts, in one transaction: store them, fold, publish the differences (contract
3.6 and 5).

Order of locks: positions (taken by shared/messaging/batches.py), episodes by id, the gate's rows of these.
"""

from __future__ import annotations

from collections.abc import Sequence

from services.placement.continuum import codec
from services.placement.continuum.fold import advance, fold
from services.placement.continuum.model import FOLD_VERSION, Folded
from services.placement.engine import store
from services.placement.engine.change import EpisodeChange, Publishing
from services.placement.engine.outcome import Ids
from services.placement.engine.publish import ACTOR, publish
from services.placement.gate import store as gate
from services.placement.gate.consents import ends_told
from services.placement.rules import Rules
from shared.clock import Clock
from shared.cooperate import in_turns
from shared.facts.envelope import Fact
from shared.messaging.inbox import Inbox, InLine
from shared.storage import audit
from shared.storage.database import Connection
from shared.storage.statements import at_the_end

CONSUMER = "placement.care.events"

Line = dict[str, InLine[store.LockedEpisode]]
"""Episode → its locked row and its new facts, each writer's in sequence."""
INBOX = Inbox(CONSUMER, store.lock, store.known, own="placement")
"""How this consumer of care.events puts facts into the order of their sequences."""


async def apply(connection: Connection, line: Line, *, rules: Rules, clock: Clock, ids: Ids) -> None:
    """Fold the new facts of these episodes, and publish what changes by them."""
    await _end_consents(connection, line, clock)
    changes = await _changes(connection, line, rules)
    now, number = clock(), sum(len(each.facts) for each in line.values())
    applied = [audit.Entry(now, ACTOR, "facts-applied", "care.events", times=number)]
    await publish(connection, changes, Publishing(rules, now, ids), applied, write=at_the_end)


async def _end_consents(connection: Connection, line: Line, clock: Clock) -> None:
    """End, at the gate, the consents that these facts revoke or let expire.

    Placement's engine and its gate read care.events separately. Whichever reads the end of a consent first ends it, so
    that nothing leaves on the consent any more once care.episodes shows that its end was read (decision 0163). It waits
    for the gate's locks, and comes before anything of this batch goes into the outbox.
    """
    ended = {episode: over for episode, each in line.items() if (over := ends_told(each.facts))}
    if ended:
        await gate.lock(connection, ended)
        await gate.end(connection, ended, clock())


async def refold(connection: Connection, *, rules: Rules, clock: Clock, ids: Ids, most: int) -> int:
    """Fold up to `most` episodes anew that an older version of the fold made or that were published under another site
    config, and publish what changes. Returns how many there were."""
    rows = await store.lock_outdated(connection, FOLD_VERSION, rules.site.version, most)
    if rows:
        facts = await store.facts_of(connection, list(rows))
        now = clock()
        changes = {}
        for episode, row in rows.items():
            after = fold(facts[episode], rules.zone_of)
            changes[episode] = EpisodeChange(row, after, after, dict(row.seen))
        entries = [audit.Entry(now, ACTOR, "folded-anew", "episodes", times=len(rows))]
        await publish(connection, changes, Publishing(rules, now, ids), entries)
    return len(rows)


async def _changes(connection: Connection, line: Line, rules: Rules) -> dict[str, EpisodeChange]:
    """Episode → its change: the new facts added to the stored fold where that is possible, else all its facts
    folded."""
    found: dict[str, EpisodeChange] = {}
    anew: list[str] = []
    async for episode, (row, facts, seen) in in_turns(line.items()):
        before = folded_before(row)
        after = _onward(row, before, facts, rules)
        if after is None:
            anew.append(episode)
        found[episode] = EpisodeChange(row, before, after or before, seen, facts, because=(facts[-1].id,))
    stored = await store.facts_of(connection, anew)
    for episode in anew:
        change = found[episode]
        change.after = fold([*stored[episode], *change.new], rules.zone_of)
        if change.row.fold_version != FOLD_VERSION and change.row.version:
            change.before = fold(stored[episode], rules.zone_of)
    return found


def folded_before(row: store.LockedEpisode) -> Folded:
    """The fold stored in the episode's row; an empty one where none is stored or an older version of the fold made
    it."""
    fits = row.fold is not None and row.fold_version == FOLD_VERSION
    return codec.unpacked(row.fold) if fits and row.fold is not None else Folded(row.episode_id)


def _onward(row: store.LockedEpisode, before: Folded, facts: Sequence[Fact], rules: Rules) -> Folded | None:
    if row.fold is None:
        return fold(facts, rules.zone_of)  # the first facts of this episode: these are all
    return advance(before, facts, rules.zone_of) if row.fold_version == FOLD_VERSION else None
