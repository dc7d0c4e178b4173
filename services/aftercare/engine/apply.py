"""Load, decide, save and send for each of the three causes: documents of episodes, the clock, and people. No SQL, no
Kafka.

Every cause goes the same way and takes locks in the same order: positions, missing episodes, episodes by id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple, TypeGuard

from services.aftercare.decisions import merges, own_facts, windows
from services.aftercare.decisions.own_facts import WRITER, StatedFacts
from services.aftercare.decisions.situation import Decided, Situation
from services.aftercare.decisions.windows import Outcome
from services.aftercare.engine import merging, store
from services.aftercare.engine.derive import derive, next_deadline
from services.aftercare.engine.store import EpisodeRow, Stored
from services.aftercare.windows.marks import marks
from services.aftercare.worklists.entries import entries
from shared.clock import Clock, system_clock
from shared.events.episodes import EpisodeState
from shared.facts.envelope import Fact, to_record
from shared.facts.stating import Provenance
from shared.facts.tracing import begun_with
from shared.ids import random_id
from shared.messaging import outbox
from shared.messaging.positions import Incoming, Tally
from shared.site.config import Site
from shared.storage import audit
from shared.storage.database import Connection
from shared.storage.merged_episodes import pair, pairs_of
from shared.web import acts, tracing
from shared.web.acts import Acted, ActRequest

TOPIC = "care.events"


@dataclass(frozen=True, slots=True)
class Rules:
    """What a decision needs besides the episode: the site config, the clock, and where ce_ids come from."""

    site: Site
    clock: Clock = system_clock
    new_id: Callable[[], str] = random_id


IncomingDocument = Incoming[Fact[EpisodeState]]
"""A document as it came in."""


async def apply(rules: Rules, connection: Connection, incoming: Sequence[Incoming[Any]], tally: Tally) -> None:
    """Take in documents of care.episodes, inside the batch's transaction.

    A document with an older version than the stored one is counted as ignored, with the same version as repeated. Of
    several newer ones of an episode only the last is decided on, since each document is complete.
    """
    documents = _documents(incoming, tally)
    if not documents:
        return
    ids = sorted({i.fact.subject for i in documents})
    await pair(connection, _merges(documents))
    pairs = await pairs_of(connection, ids)
    locked = await store.lock(connection, sorted({*ids, *(one for pair in pairs for one in pair)}))
    newest = _newest({e.episode_id: e.version for e in locked}, documents, tally)
    changed = [
        replace(e, version=told.value.version, document=told.value)
        for e in locked
        if (told := newest.get(e.episode_id)) is not None
    ]
    if pairs and changed:
        kin = {e.episode_id for e in locked} - {e.episode_id for e in changed}
        changed = sorted([*changed, *await store.stored_of(connection, sorted(kin))], key=lambda e: e.episode_id)
    await decide_and_save(rules, connection, changed, newest, pairs=pairs)


def _merges(documents: Iterable[IncomingDocument]) -> set[tuple[str, str]]:
    """(retired, surviving) of the merges that these documents tell."""
    return {(i.fact.subject, one.episode_id) for i in documents for one in i.fact.value.merged_into or ()}


def _documents(incoming: Sequence[Incoming[Any]], tally: Tally) -> list[IncomingDocument]:
    """The documents among the records; types that this release does not know are counted as ignored (contract 3)."""
    tally.all([each for each in incoming if not _is_document(each)], "ignored")
    return [each for each in incoming if _is_document(each)]


def _is_document(each: Incoming[Any]) -> TypeGuard[IncomingDocument]:
    return isinstance(each.fact.value, EpisodeState)


def _newest(
    versions: dict[str, int], documents: Iterable[IncomingDocument], tally: Tally
) -> dict[str, Fact[EpisodeState]]:
    """The newest document of each episode that has one newer than `versions`; counts every document as it is
    compared."""
    newest: dict[str, Fact[EpisodeState]] = {}
    for each in documents:
        episode, version = each.fact.subject, each.fact.value.version
        if version > versions[episode]:
            versions[episode], newest[episode] = version, each.fact
            tally.add(each.slot, "applied")
        else:
            tally.add(each.slot, "repeated" if version == versions[episode] else "ignored")
    return newest


class Round(NamedTuple):
    """The result of one step of a timer: the last episode that it looked at (None: there was none), and how many
    episodes it left alone because the site config lacks one of their facilities."""

    last: str | None
    left: int = 0


async def state_due(rules: Rules, connection: Connection, after: str = "", limit: int = 500) -> Round:
    """For a timer: state what is missed or has started by now, in up to `limit` episodes with ids after `after`
    (contract 3.6 rule 8)."""
    now = rules.clock()
    return await _round(rules, connection, await store.lock_over(connection, now, after, limit), now)


async def decide_again(rules: Rules, connection: Connection, after: str = "", limit: int = 500) -> Round:
    """For a timer: decide anew on up to `limit` episodes with ids after `after` that were decided under another site
    config."""
    return await _round(
        rules, connection, await store.lock_of_another_config(connection, rules.site.version, after, limit), None
    )


async def _round(rules: Rules, connection: Connection, locked: list[Stored], over_by: datetime | None) -> Round:
    able = [e for e in locked if _places_are_known(rules.site, e)]
    await decide_and_save(rules, connection, able, {}, over_by)
    return Round(locked[-1].episode_id if locked else None, len(locked) - len(able))


def _places_are_known(site: Site, episode: Stored) -> bool:
    return episode.document is None or all(site.facility(stay.facility) for stay in episode.document.stays)


async def decide_and_save(
    rules: Rules,
    connection: Connection,
    episodes: Sequence[Stored],
    causes: Mapping[str, Fact[EpisodeState]],
    over_by: datetime | None = None,
    *,
    pairs: Sequence[tuple[str, str]] = (),
) -> None:
    """Decide on locked episodes, save the outcome, and send the new facts. `pairs`: (retired, surviving) of the merges
    among them."""
    if not episodes:
        return
    known = await _known(connection, episodes, rules.site)
    now = rules.clock()
    by = {e.episode_id: _provenance(rules, now, e, causes.get(e.episode_id)) for e in episodes}
    moved = await merging.keep_in_step(connection, episodes, pairs, by, rules.site) if pairs else {}
    saved = [
        _decide(rules, e, known[e.episode_id], by[e.episode_id], over_by=over_by, moved=moved.get(e.episode_id))
        for e in episodes
    ]
    await _save(connection, saved)


class Known(NamedTuple):
    """What aftercare stores of an episode besides its document: the standing facts, and the outcomes of windows that
    people decided, here or in an episode that a merge joins with it."""

    standing: tuple[Fact, ...]
    marks: dict[str, Outcome]


async def _known(connection: Connection, episodes: Sequence[Stored], site: Site) -> dict[str, Known]:
    ids = [e.episode_id for e in episodes]
    stands = await store.standing(connection, ids)
    decided = await merging.decided(connection, episodes, site)
    return {each: Known(tuple(stands[each]), marks(decided[each])) for each in ids}


async def _save(connection: Connection, saved: Sequence[EpisodeRow]) -> None:
    await store.save(connection, saved)
    await outbox.send(connection, [to_record(fact, TOPIC) for each in saved for fact in each.stated.facts])


def _provenance(rules: Rules, now: datetime, episode: Stored, cause: Fact[Any] | None = None) -> Provenance:
    if cause is not None:
        return Provenance(WRITER, now, rules.new_id).caused_by(cause)
    own = begun_with(f"{episode.episode_id}#{episode.sequence}")
    return Provenance(WRITER, now, rules.new_id, trace=tracing.of_the_request() or own)


_NOTHING = Decided()


def _decide(
    rules: Rules,
    episode: Stored,
    known: Known,
    by: Provenance,
    *,
    over_by: datetime | None = None,
    done: Decided = _NOTHING,
    moved: StatedFacts | None = None,
) -> EpisodeRow:
    """The episode's new row. First what a merge brought or took (`moved`) and what somebody did (`done`) is stated,
    then what has to change so that the derived facts fit the document."""
    document = episode.document
    stated = moved or own_facts.state_facts(done.facts, done.taken_back, known.standing, episode.sequence, by)
    deadline = None
    if document is not None:
        counted = merges.counting(stated.standing, document)
        derived = derive(document, counted, {**known.marks, **done.marks}, site=rules.site, now=by.now, over_by=over_by)
        follows = own_facts.follow(stated.standing, derived.facts, episode.sequence + len(stated.facts), by)
        stated = StatedFacts((*stated.facts, *follows.facts), (*stated.fallen, *follows.fallen), follows.standing)
        deadline = next_deadline(derived, document, merges.counting(stated.standing, document))
    return EpisodeRow(
        replace(episode, sequence=episode.sequence + len(stated.facts), site_version=rules.site.version),
        stated,
        windows.rows(known.standing),
        windows.rows(stated.standing),
        deadline,
        entries(document, merges.counting(stated.standing, document), rules.site) if document else (),
    )


async def act(
    rules: Rules,
    connection: Connection,
    asked: ActRequest,
    decision: Callable[[Situation], Decided],
    *,
    with_kin: bool = False,
) -> Acted | None:
    """Carry out what a person asks for, inside the caller's transaction; None where there is no such episode.

    `with_kin`: it may move facts to an episode that a merge joined with this one; both are locked, in the order of
    their ids. Raises Rejected where a rule does not allow it now, Stale where the person saw an older version of the
    episode.
    """
    pairs = await pairs_of(connection, [asked.episode_id]) if with_kin else []
    joined = sorted({one for pair in pairs for one in pair})

    async def lock(episode_id: str) -> tuple[Stored, EpisodeState] | None:
        if joined:
            await store.lock(connection, joined)
        episode = await store.lock_one(connection, episode_id)
        return (episode, episode.document) if episode is not None and episode.document is not None else None

    async def decide(locked: tuple[Stored, EpisodeState]) -> Acted:
        episode, document = locked
        merges.not_gone(document)
        known = (await _known(connection, [episode], rules.site))[asked.episode_id]
        now = rules.clock()
        seen = tuple(each for each in known.standing if asked.scope.has(each.value.facility))
        done = decision(Situation(document, seen, rules.site, now, rules.new_id, asked.scope, known.standing))
        saved = _decide(rules, episode, known, _provenance(rules, now, episode), done=done)
        await _save(connection, [saved])
        if joined:
            await decide_and_save(rules, connection, await store.stored_of(connection, joined), {}, pairs=pairs)
        await audit.note(connection, [asked.noted(now)])
        return Acted((done.subject,), saved.episode.sequence)

    return await acts.act(asked, lock, lambda locked: locked[0].sequence, decide)
