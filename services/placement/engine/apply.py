"""What placement does with the facts of a batch that are in line, in one transaction: keep, fold, publish differences.

The order of locks: positions (shared/messaging/batches.py did that), episodes by their id, the gate's rows of
these (contract 3.6 and 5).
"""

from __future__ import annotations

from collections.abc import Sequence

from services.placement.continuum import codec
from services.placement.continuum.fold import advance, fold
from services.placement.continuum.model import FOLD_VERSION, Folded
from services.placement.engine import store
from services.placement.engine.outcome import Ids
from services.placement.engine.publish import ACTOR, EpisodeChange, Publishing, publish
from services.placement.gate import store as gate
from services.placement.gate.consents import ends_told
from services.placement.rules import Rules
from shared.clock import Clock
from shared.cooperate import in_turns
from shared.facts.envelope import Fact
from shared.messaging.inbox import Inbox, InLine
from shared.storage import audit
from shared.storage.database import Connection

CONSUMER = "placement.care.events"

Line = dict[str, InLine[store.LockedEpisode]]
"""Episode → its locked row and the facts whose turn it is."""
INBOX = Inbox(CONSUMER, store.lock, store.known)
"""How the consumer of care.events puts its facts in line."""


async def apply(connection: Connection, line: Line, *, rules: Rules, clock: Clock, ids: Ids) -> None:
    """Fold facts that are in line, and publish what they come to."""
    await _end_consents(connection, line, clock)
    changes = await _changes(connection, line, rules)
    now = clock()
    applied = [
        audit.Entry(now, ACTOR, "facts-applied", episode, times=len(each.facts)) for episode, each in line.items()
    ]
    await publish(connection, changes, Publishing(rules, now, ids), applied)


async def _end_consents(connection: Connection, line: Line, clock: Clock) -> None:
    """Nothing goes out on a consent from the moment that care.episodes says that its end was seen (decision 0163).

    So the gate need not have read so far itself: whoever of placement's two consumers reads it first ends it, before
    anything of this batch is put into the outbox, and after what the gate has in hand (the locks).
    """
    ended = {episode: over for episode, each in line.items() if (over := ends_told(each.facts))}
    if ended:
        await gate.lock(connection, ended)
        await gate.end(connection, ended, clock())


async def refold(connection: Connection, *, rules: Rules, clock: Clock, ids: Ids, most: int) -> int:
    """Fold at most so many episodes anew that an older fold made, or that are told by another site config, and publish
    what changed; how many there were."""
    rows = await store.lock_outdated(connection, FOLD_VERSION, rules.site.version, most)
    if rows:
        facts = await store.facts_of(connection, list(rows))
        now = clock()
        changes = {}
        for episode, row in rows.items():
            after = fold(facts[episode], rules.zone_of)
            changes[episode] = EpisodeChange(row, after, after, dict(row.seen))
        entries = [audit.Entry(now, ACTOR, "folded-anew", episode) for episode in rows]
        await publish(connection, changes, Publishing(rules, now, ids), entries)
    return len(rows)


async def _changes(connection: Connection, line: Line, rules: Rules) -> dict[str, EpisodeChange]:
    """What these episodes come to: gone on from the stored fold where that may be, else all their facts anew."""
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
    """What the episode's row says; an empty fold where nothing was applied yet, or an older fold made it."""
    fits = row.fold is not None and row.fold_version == FOLD_VERSION
    return codec.unpacked(row.fold) if fits and row.fold is not None else Folded(row.episode_id)


def _onward(row: store.LockedEpisode, before: Folded, facts: Sequence[Fact], rules: Rules) -> Folded | None:
    if row.fold is None:
        return fold(facts, rules.zone_of)  # the first facts of this episode: these are all
    return advance(before, facts, rules.zone_of) if row.fold_version == FOLD_VERSION else None
