"""What the gate does with a batch of facts, in one transaction: decide on each, write the ledger of disclosures, send.

Contract 2 (out.<recipient>), 5.2 and 5.7. The gate is a Kafka consumer of its own, so that when it has to wait, the
fold of episodes does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from itertools import chain

from services.placement.gate import store
from services.placement.gate.cases import DisclosureCase, Key, corrected
from services.placement.gate.consents import Consent
from services.placement.gate.docket import Decisions, changes_consents, decide, of_interest
from services.placement.gate.merges import retires
from services.placement.gate.recipients import GateRules
from services.placement.gate.records import DecisionContext, going_out
from services.placement.gate.store import GateRow, LedgerRow
from shared.clock import Clock
from shared.facts.envelope import Fact, Record
from shared.facts.tracing import trace_from
from shared.messaging import outbox
from shared.messaging.inbox import Inbox, InLine
from shared.storage import audit
from shared.storage.database import Connection
from shared.storage.statements import at_the_end

CONSUMER = "placement.gate"
ACTOR = "placement"
Ids = Callable[[], str]
News = dict[str, tuple[Fact, ...]]
"""Episode → its new facts, each writer's in order."""
INBOX = Inbox(CONSUMER, store.lock, store.heard)
"""How the gate's consumer of care.events puts its facts in line."""


@dataclass(slots=True)
class Batch:
    """What has to be written for a batch, over all its episodes."""

    records: list[Record] = field(default_factory=list)
    ledger: list[LedgerRow] = field(default_factory=list)
    withheld: list[tuple[str, DisclosureCase, str]] = field(default_factory=list)
    still: list[tuple[DisclosureCase, str]] = field(default_factory=list)
    gone: set[Key] = field(default_factory=set)
    consents: list[tuple[str, Consent]] = field(default_factory=list)
    known: set[str] = field(default_factory=set)


async def apply(
    connection: Connection, line: Mapping[str, InLine[GateRow]], *, rules: GateRules, clock: Clock, ids: Ids
) -> None:
    """Decide on the facts of a batch whose turn it is."""
    rows = {episode: each.row._replace(seen=each.seen) for episode, each in line.items()}
    news = {episode: each.facts for episode, each in line.items()}
    await _decide(connection, rows, news, (), DecisionContext(rules, clock(), ids))
    await store.hear(connection, chain.from_iterable(news.values()))


async def look_again(connection: Connection, *, rules: GateRules, clock: Clock, ids: Ids, most: int) -> int:
    """Decide again on withheld facts where a consent's first day has come or the site config has changed.

    Takes up to `most` episodes, and returns how many it took.
    """
    now = clock()
    episodes = await store.to_look_at_again(connection, now, rules.version, most)
    if episodes:
        rows = await store.lock(connection, episodes)
        await _decide(connection, rows, {}, episodes, DecisionContext(rules, now, ids))
        await store.opened(connection, episodes, now)
    return len(episodes)


async def _decide(
    connection: Connection, rows: Mapping[str, GateRow], news: News, again: Sequence[str], context: DecisionContext
) -> None:
    await _fill(connection, rows, news, again, context.rules)
    batch = Batch()
    decided: dict[str, Decisions] = {}
    for episode, row in rows.items():
        batch.known |= row.docket.consents.keys()
        decided[episode] = decide(row.docket, news.get(episode, ()), context.rules, context.now)
    await _leave_out_what_left(connection, decided.values())
    for episode, row in rows.items():
        _collect(batch, row, decided[episode], news.get(episode, ()), context)
    await _keep(connection, batch, context)
    await store.save(connection, list(rows.values()))


async def _fill(
    connection: Connection, rows: Mapping[str, GateRow], news: News, again: Sequence[str], rules: GateRules
) -> None:
    """Load what the decisions need; nothing where no fact can make a disclosure or change a consent."""
    asked = {
        episode
        for episode, facts in news.items()
        if any(of_interest(fact, rules) for fact in facts)
    } | {*again}  # fmt: skip
    if not asked:
        return
    targets = [id_ for episode in news for fact in news[episode] if (id_ := corrected(fact))]
    changed = [episode for episode in news if changes_consents(news[episode])]
    dockets = {episode: rows[episode].docket for episode in sorted(asked)}
    targets += [merge for docket in dockets.values() for merge in docket.merges]
    await store.fill(connection, dockets, targets, [*again, *changed])
    merged = {episode for episode in asked if dockets[episode].merges or any(map(retires, news.get(episode, ())))}
    if merged:
        await store.fill_merged(connection, {episode: dockets[episode] for episode in sorted(merged)})


async def _leave_out_what_left(connection: Connection, decided: Iterable[Decisions]) -> None:
    """Take out of the decisions what is in the ledger already: it was adopted after a loss (contract 5.8), and its fact
    is read again."""
    every = list(decided)
    keys = {case.key for one in every for case in (*(case for case, _ in one.disclosed), *(c for c, _ in one.withheld))}
    if not keys:
        return
    left = await store.in_ledger(connection, keys)
    for one in every if left else ():
        one.disclosed = [each for each in one.disclosed if each[0].key not in left]
        one.withheld = [each for each in one.withheld if each[0].key not in left]


def _collect(batch: Batch, row: GateRow, decisions: Decisions, facts: Sequence[Fact], context: DecisionContext) -> None:
    """Add the decisions on one episode to the batch. A fact that was withheld until now goes out in the trace of the
    last of `facts`."""
    episode = row.docket.episode_id
    told = {fact.id: fact for fact in facts} if decisions.disclosed else {}
    for case, basis in decisions.disclosed:
        cause = told.get(case.fact_id) or (facts[-1] if facts else None)
        row.sent[case.recipient] = sequence = row.sent.get(case.recipient, 0) + 1
        traced = context._replace(trace=trace_from(cause) if cause else None)
        record, entry = going_out(episode, case, basis, sequence, traced)
        batch.records.append(record)
        batch.ledger.append(entry)
    batch.withheld += [(episode, case, word) for case, word in decisions.withheld]
    batch.still += decisions.still
    batch.gone |= decisions.released | decisions.void
    batch.consents += [(episode, consent) for consent in decisions.consents.values()]


async def _keep(connection: Connection, batch: Batch, context: DecisionContext) -> None:
    """Write the batch; no statement where there is nothing to write."""
    rules, now = context.rules, context.now
    if batch.consents:
        await store.keep_consents(connection, batch.consents, batch.known, _opens(batch, rules, now))
    await store.settle(connection, batch.gone, batch.still, rules.version)
    await store.keep_withheld(connection, batch.withheld, now, rules.version)
    await store.keep_ledger(connection, batch.ledger)
    told = [audit.Entry(now, ACTOR, "disclosed", entry.episode_id, entry.basis) for entry in batch.ledger]
    await at_the_end(connection, [*outbox.sending(connection, batch.records), *audit.noting(told)])


def _opens(batch: Batch, rules: GateRules, now: datetime) -> dict[str, datetime]:
    """ce_id of a consent-recorded whose first day is still to come → when that day begins."""
    found: dict[str, datetime] = {}
    for _, consent in batch.consents:
        begins = datetime.combine(consent.begins, time(), rules.zone_of(consent.facility))
        if consent.over is None and begins > now:
            found[consent.fact_id] = begins
    return found
