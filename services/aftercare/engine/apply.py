"""Load → decide → save → send: what documents of episodes, the clock and people do to aftercare. No SQL, no Kafka.

Every door goes the same way and takes locks in the same order (positions, missing episodes, episodes by id).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple, TypeGuard

from services.aftercare.decisions import own_facts, windows
from services.aftercare.decisions.own_facts import WRITER, StatedFact
from services.aftercare.decisions.situation import Decided, Situation
from services.aftercare.decisions.windows import Outcome
from services.aftercare.engine import store
from services.aftercare.engine.derive import derive, next_deadline
from services.aftercare.engine.store import EpisodeRow, Stored
from services.aftercare.windows.marks import marks
from services.aftercare.worklists.entries import entries
from shared.clock import Clock, system_clock
from shared.events.episodes import EpisodeState
from shared.facts.envelope import Fact, to_record
from shared.facts.stating import Provenance
from shared.facts.tracing import begun_with
from shared.messaging import outbox
from shared.messaging.positions import Incoming, Tally
from shared.site.config import Site
from shared.storage import audit
from shared.storage.database import Connection
from shared.web import acts, tracing
from shared.web.acts import Acted, ActRequest

TOPIC = "care.events"


def random_id() -> str:
    """A ce_id."""
    return str(uuid.uuid4())


@dataclass(frozen=True, slots=True)
class Rules:
    """What decisions need besides the episode: the site, the clock, and where ce_ids come from."""

    site: Site
    clock: Clock = system_clock
    new_id: Callable[[], str] = random_id


Told = Incoming[Fact[EpisodeState]]
"""A document as it came in."""


async def apply(rules: Rules, connection: Connection, incoming: Sequence[Incoming[Any]], tally: Tally) -> None:
    """Take in documents of care.episodes, inside the batch's transaction.

    A document of an older version than the stored one is ignored, of the same version a repeat; of several newer ones
    in a batch the last is decided on, for each is whole in itself.
    """
    documents = _told(incoming, tally)
    if not documents:
        return
    locked = await store.lock(connection, sorted({i.fact.subject for i in documents}))
    newest = _newest({e.episode_id: e.version for e in locked}, documents, tally)
    changed = [
        replace(e, version=told.value.version, document=told.value)
        for e in locked
        if (told := newest.get(e.episode_id)) is not None
    ]
    await _settle(rules, connection, changed, newest)


def _told(incoming: Sequence[Incoming[Any]], tally: Tally) -> list[Told]:
    """The documents; a type that we don't know is kept by the topic and ignored here (contract 3)."""
    tally.all([each for each in incoming if not _is_document(each)], "ignored")
    return [each for each in incoming if _is_document(each)]


def _is_document(each: Incoming[Any]) -> TypeGuard[Told]:
    return isinstance(each.fact.value, EpisodeState)


def _newest(versions: dict[str, int], documents: Iterable[Told], tally: Tally) -> dict[str, Fact[EpisodeState]]:
    """The newest document of each episode that has one, every document counted against those before it."""
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
    """A part of a timer's round: the last episode it came to (None: there was none left), and how many it had to leave
    because site config does not have one of their facilities any more."""

    last: str | None
    left: int = 0


async def state_due(rules: Rules, connection: Connection, after: str = "", limit: int = 500) -> Round:
    """State what is missed or has started by now, for up to `limit` episodes beyond `after`; for a timer (contract 3.6
    rule 8)."""
    now = rules.clock()
    return await _round(rules, connection, await store.lock_over(connection, now, after, limit), now)


async def decide_again(rules: Rules, connection: Connection, after: str = "", limit: int = 500) -> Round:
    """Decide anew on up to `limit` episodes beyond `after` that were decided under another site config."""
    return await _round(
        rules, connection, await store.lock_of_another_config(connection, rules.site.version, after, limit), None
    )


async def _round(rules: Rules, connection: Connection, locked: list[Stored], over_by: datetime | None) -> Round:
    able = [e for e in locked if _places_are_known(rules.site, e)]
    await _settle(rules, connection, able, {}, over_by)
    return Round(locked[-1].episode_id if locked else None, len(locked) - len(able))


def _places_are_known(site: Site, episode: Stored) -> bool:
    return episode.document is None or all(site.facility(stay.facility) for stay in episode.document.stays)


async def _settle(
    rules: Rules,
    connection: Connection,
    episodes: Sequence[Stored],
    causes: Mapping[str, Fact[EpisodeState]],
    over_by: datetime | None = None,
) -> None:
    """Decide on locked episodes, remember it, send what follows."""
    if not episodes:
        return
    known = await _known(connection, [e.episode_id for e in episodes])
    now = rules.clock()
    saved = [
        _decide(rules, e, known[e.episode_id], _saying(rules, now, e, causes.get(e.episode_id)), over_by=over_by)
        for e in episodes
    ]
    await _save(connection, saved)


class Known(NamedTuple):
    """What aftercare holds of an episode besides its document: the facts that stand, what people decided of windows."""

    standing: tuple[Fact, ...]
    marks: dict[str, Outcome]


async def _known(connection: Connection, ids: Sequence[str]) -> dict[str, Known]:
    stands = await store.standing(connection, ids)
    decided = await store.decided(connection, ids)
    return {each: Known(tuple(stands[each]), marks(fact.value for fact in decided[each])) for each in ids}


async def _save(connection: Connection, saved: Sequence[EpisodeRow]) -> None:
    await store.save(connection, saved)
    await outbox.send(connection, [to_record(fact, TOPIC) for each in saved for fact in each.said.facts])


def _saying(rules: Rules, now: datetime, episode: Stored, cause: Fact[Any] | None = None) -> Provenance:
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
) -> EpisodeRow:
    """What somebody did is stated first; what follows from it and from the document is the difference after it."""
    said = own_facts.tell(done.facts, done.taken_back, known.standing, episode.sequence, by)
    deadline = None
    if episode.document is not None:
        outcomes = {**known.marks, **done.marks}
        derived = derive(episode.document, said.standing, outcomes, site=rules.site, now=by.now, over_by=over_by)
        follows = own_facts.follow(said.standing, derived.facts, episode.sequence + len(said.facts), by)
        said = StatedFact((*said.facts, *follows.facts), (*said.fallen, *follows.fallen), follows.standing)
        deadline = next_deadline(derived, episode.document, said.standing)
    return EpisodeRow(
        replace(episode, sequence=episode.sequence + len(said.facts), site_version=rules.site.version),
        said,
        windows.rows(known.standing),
        windows.rows(said.standing),
        deadline,
        entries(episode.document, said.standing, rules.site) if episode.document else (),
    )


async def act(
    rules: Rules, connection: Connection, asked: ActRequest, decision: Callable[[Situation], Decided]
) -> Acted | None:
    """Decide on what somebody asks for, inside the caller's transaction; None where there is no such episode.

    Raises Rejected where it is not possible now, Stale where the asker saw an older state.
    """

    async def lock(episode_id: str) -> tuple[Stored, EpisodeState] | None:
        episode = await store.lock_one(connection, episode_id)
        return (episode, episode.document) if episode is not None and episode.document is not None else None

    async def decide(locked: tuple[Stored, EpisodeState]) -> Acted:
        episode, document = locked
        known = (await _known(connection, [asked.episode_id]))[asked.episode_id]
        now = rules.clock()
        seen = tuple(each for each in known.standing if asked.scope.has(each.value.facility))
        done = decision(Situation(document, seen, rules.site, now, rules.new_id, asked.scope, known.standing))
        saved = _decide(rules, episode, known, _saying(rules, now, episode), done=done)
        await _save(connection, [saved])
        await audit.note(connection, [asked.noted(now)])
        return Acted((done.subject,), saved.episode.sequence)

    return await acts.act(asked, lock, lambda locked: locked[0].sequence, decide)
