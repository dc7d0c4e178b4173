"""What placement does with a batch of facts, in one transaction: sort, keep, fold, publish the differences.

The order of locks: positions (shared/messaging/subscription.py did that), episodes by their id, the gate's rows of
these (contract 3.6 and 5).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import chain

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
from shared.facts.ordering import Sorted, sort_out
from shared.messaging import positions
from shared.messaging.positions import Incoming, Tally
from shared.storage import audit
from shared.storage.database import Connection

CONSUMER = "placement.care.events"

Line = dict[str, Sorted[Incoming]]
"""Episode → its arriving facts, sorted by what may be applied."""


async def apply(
    connection: Connection, incoming: Sequence[Incoming], tally: Tally, *, rules: Rules, clock: Clock, ids: Ids
) -> None:
    """Apply a batch of care.events: every fact is applied, a repeat, kept until its turn, or refused (`tally`)."""
    arriving: dict[str, list[Incoming]] = defaultdict(list)
    for one in incoming:
        arriving[one.fact.subject].append(one)
    rows = await store.lock(connection, arriving)
    parked = await positions.waiting(connection, CONSUMER, list(arriving)) if tally.some_wait else {}
    line = {
        episode: sort_out(rows[episode].seen, chain(parked.get(episode, ()), new)) for episode, new in arriving.items()
    }
    await _queue(connection, line, [one for group in parked.values() for one in group], tally)
    new = {episode: [one.fact for one in sorted_.apply] for episode, sorted_ in line.items() if sorted_.apply}
    await _old(connection, line, tally)
    if new:
        await _end_consents(connection, new, clock)
        changes = await _changes(connection, rows, new, line, rules)
        now = clock()
        applied = [
            audit.Entry(now, ACTOR, "facts-applied", episode, times=len(group)) for episode, group in new.items()
        ]
        await publish(connection, changes, Publishing(rules, now, ids), applied)


async def _end_consents(connection: Connection, new: Mapping[str, list[Fact]], clock: Clock) -> None:
    """Nothing goes out on a consent from the moment that care.episodes says that its end was seen (decision 0163).

    So the gate need not have read so far itself: whoever of placement's two consumers reads it first ends it, before
    anything of this batch is put into the outbox, and after what the gate has in hand (the locks).
    """
    ended = {episode: over for episode, facts in new.items() if (over := ends_told(facts))}
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


async def _queue(connection: Connection, line: Line, parked: Sequence[Incoming], tally: Tally) -> None:
    """Park what came early, take out whose turn came, and count both."""
    before = {(one.slot, one.offset) for one in parked}
    left = {(one.slot, one.offset) for sorted_ in line.values() for one in sorted_.early} if before else set()
    early = [one for sorted_ in line.values() for one in sorted_.early if (one.slot, one.offset) not in before]
    taken = [one for one in parked if (one.slot, one.offset) not in left]
    await positions.unpark(connection, CONSUMER, taken)
    await positions.park(connection, CONSUMER, early)
    tally.all(early, "waiting")
    tally.all(taken, "waiting", -1)
    tally.all((one for sorted_ in line.values() for one in sorted_.apply), "applied")


async def _old(connection: Connection, line: Line, tally: Tally) -> None:
    """Tell true repeats from other facts with a number that is taken: those are dead letters (contract 5.2)."""
    old = [one for sorted_ in line.values() for one in sorted_.old]
    if not old:
        return
    at = await store.known(connection, list({_place(one) for one in old}))
    at |= {_place(one): one.fact.id for sorted_ in line.values() for one in (*sorted_.early, *sorted_.apply)}
    repeated = []
    for one in old:
        if at.get(_place(one)) == one.fact.id:
            repeated.append(one)
        else:
            tally.refuse(one, "another fact of this writer has this ce_sequence already")
    tally.all(repeated, "repeated")


def _place(one: Incoming) -> store.Place:
    return one.fact.subject, one.fact.writer, one.fact.sequence


async def _changes(
    connection: Connection,
    rows: Mapping[str, store.LockedEpisode],
    new: Mapping[str, list[Fact]],
    line: Line,
    rules: Rules,
) -> dict[str, EpisodeChange]:
    """What these episodes come to: gone on from the stored fold where that may be, else all their facts anew."""
    found: dict[str, EpisodeChange] = {}
    anew: list[str] = []
    async for episode, facts in in_turns(new.items()):
        before = folded_before(rows[episode])
        after = _onward(rows[episode], before, facts, rules)
        if after is None:
            anew.append(episode)
        found[episode] = EpisodeChange(
            rows[episode], before, after or before, line[episode].seen, facts[-1], tuple(facts), because=(facts[-1].id,)
        )
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


def _onward(row: store.LockedEpisode, before: Folded, facts: list[Fact], rules: Rules) -> Folded | None:
    if row.fold is None:
        return fold(facts, rules.zone_of)  # the first facts of this episode: these are all
    return advance(before, facts, rules.zone_of) if row.fold_version == FOLD_VERSION else None
