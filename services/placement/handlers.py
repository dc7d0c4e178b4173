"""What placement does with a batch of facts, in one transaction: sort, keep, fold, publish the differences.

Contract 3.6 and 5; house.md 6. The order of locks: positions (shared/kafka.py did that), episodes by their id.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain

from services.placement import store
from services.placement.continuum import codec
from services.placement.continuum.fold import advance, fold
from services.placement.continuum.model import FOLD_VERSION, Folded
from services.placement.outcome import Ids, Outcome, Telling, outcome
from services.placement.rules import Rules
from shared import audit, outbox, positions
from shared.clock import Clock
from shared.db import Connection
from shared.events.envelope import Fact
from shared.positions import Incoming, Slot, Tally
from shared.sequences import Sorted, sort_out

CONSUMER = "placement.care.events"
ACTOR = "placement"

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
    parked = await positions.waiting(connection, CONSUMER, list(arriving))
    line = {
        episode: sort_out(rows[episode].seen, chain(parked.get(episode, ()), new)) for episode, new in arriving.items()
    }
    await _queue(connection, line, [one for group in parked.values() for one in group], tally)
    new = {episode: [one.fact for one in sorted_.apply] for episode, sorted_ in line.items() if sorted_.apply}
    await store.keep(connection, [fact for group in new.values() for fact in group])
    await _old(connection, line, tally)
    if new:
        folds = await _folds(connection, rows, new, rules)
        seen = {episode: line[episode].seen for episode in new}
        now = clock()
        applied = [
            audit.Entry(now, ACTOR, "facts-applied", episode, times=len(group)) for episode, group in new.items()
        ]
        causes = {episode: group[-1] for episode, group in new.items()}
        await _publish(
            connection, rows, folds, seen=seen, causes=causes, rules=rules, now=now, ids=ids, entries=applied
        )


async def refold(connection: Connection, *, rules: Rules, clock: Clock, ids: Ids, most: int) -> int:
    """Fold at most so many episodes anew that an older fold made, and publish what changed; how many there were."""
    rows = await store.lock_outdated(connection, FOLD_VERSION, most)
    if rows:
        facts = await store.facts_of(connection, list(rows))
        folds = {episode: fold(facts[episode], rules.zone_of) for episode in rows}
        seen = {episode: row.seen for episode, row in rows.items()}
        now = clock()
        entries = [audit.Entry(now, ACTOR, "folded-anew", episode) for episode in rows]
        await _publish(connection, rows, folds, seen=seen, causes={}, rules=rules, now=now, ids=ids, entries=entries)
    return len(rows)


async def _queue(connection: Connection, line: Line, parked: Sequence[Incoming], tally: Tally) -> None:
    """Park what came early, take out whose turn came, and count both."""
    before = {(one.slot, one.offset) for one in parked}
    left = {(one.slot, one.offset) for sorted_ in line.values() for one in sorted_.early} if before else set()
    early = [one for sorted_ in line.values() for one in sorted_.early if (one.slot, one.offset) not in before]
    taken = [one for one in parked if (one.slot, one.offset) not in left]
    await positions.unpark(connection, CONSUMER, taken)
    await positions.park(connection, CONSUMER, early)
    _count(tally, early, "waiting", 1)
    _count(tally, taken, "waiting", -1)
    _count(tally, (one for sorted_ in line.values() for one in sorted_.apply), "applied", 1)


def _count(tally: Tally, found: Iterable[Incoming], outcome_: positions.Outcome, each: int) -> None:
    for slot, number in Counter[Slot](one.slot for one in found).items():
        tally.add(slot, outcome_, each * number)


async def _old(connection: Connection, line: Line, tally: Tally) -> None:
    """Tell true repeats from other facts with a number that is taken: those are dead letters (contract 5.2)."""
    old = [one for sorted_ in line.values() for one in sorted_.old]
    if not old:
        return
    at = await store.known(connection, list({_place(one) for one in old}))
    early = {_place(one): one.fact.id for sorted_ in line.values() for one in sorted_.early}
    repeated = []
    for one in old:
        if (at.get(_place(one)) or early.get(_place(one))) == one.fact.id:
            repeated.append(one)
        else:
            tally.refuse(one, "another fact of this writer has this ce_sequence already")
    _count(tally, repeated, "repeated", 1)


def _place(one: Incoming) -> store.Place:
    return one.fact.subject, one.fact.writer, one.fact.sequence


async def _folds(
    connection: Connection, rows: Mapping[str, store.Row], new: Mapping[str, list[Fact]], rules: Rules
) -> dict[str, Folded]:
    """What these episodes come to: gone on from the stored fold where that may be, else all their facts anew."""
    found: dict[str, Folded] = {}
    anew: list[str] = []
    for episode, facts in new.items():
        folded = _onward(rows[episode], facts, rules)
        if folded is None:
            anew.append(episode)
        else:
            found[episode] = folded
    for episode, all_facts in (await store.facts_of(connection, anew)).items():
        found[episode] = fold(all_facts, rules.zone_of)
    return found


def _onward(row: store.Row, facts: list[Fact], rules: Rules) -> Folded | None:
    if row.fold is None:
        return fold(facts, rules.zone_of)  # the first facts of this episode: these are all
    if row.fold_version != FOLD_VERSION:
        return None
    return advance(codec.unpacked(row.fold), facts, rules.zone_of)


async def _publish(
    connection: Connection,
    rows: Mapping[str, store.Row],
    folds: Mapping[str, Folded],
    *,
    seen: Mapping[str, dict[str, int]],
    causes: Mapping[str, Fact],
    rules: Rules,
    now: datetime,
    ids: Ids,
    entries: list[audit.Entry],
) -> None:
    """Save the new state, and send the differences: own facts, periods, and the episode itself."""
    sent = await store.sent_periods(connection, [episode for episode in folds if rows[episode].version])
    made: list[Outcome] = [
        outcome(
            rows[episode],
            folded,
            seen[episode],
            sent=sent.get(episode, {}),
            rules=rules,
            telling=Telling(now, ids, causes.get(episode)),
        )
        for episode, folded in folds.items()
    ]
    await store.keep(connection, [fact for one in made for fact in one.own])
    await store.save(connection, [one.saved for one in made])
    await store.keep_periods(
        connection,
        {one.saved.episode_id: one.sent for one in made if one.sent},
        {p for one in made for p in one.opened},
    )
    await outbox.send(connection, [record for one in made for record in one.records])
    stated = [audit.Entry(now, ACTOR, "facts-stated", m.saved.episode_id, times=len(m.own)) for m in made if m.own]
    await audit.note(connection, [*entries, *stated])
