"""Load → decide → save → send: what documents of episodes, and the clock, do to follow-up windows. No SQL, no Kafka.

Every door goes the same way and takes locks in the same order (positions, missing episodes, episodes by id).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from services.aftercare import domain, store
from services.aftercare.domain import Standing
from services.aftercare.measures import windows
from services.aftercare.store import Saved, Stored
from shared import outbox
from shared.clock import Clock, system_clock
from shared.db import Connection
from shared.events import EPISODE_TYPE
from shared.events.envelope import Fact, to_record
from shared.events.episodes import EpisodeState
from shared.positions import Incoming, Tally
from shared.site_config import Site

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


async def apply(rules: Rules, connection: Connection, incoming: Sequence[Incoming], tally: Tally) -> None:
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
        replace(e, version=newest[e.episode_id].value["version"], document=_document(newest[e.episode_id]))
        for e in locked
        if e.episode_id in newest
    ]
    await _settle(rules, connection, changed, newest)


def _told(incoming: Sequence[Incoming], tally: Tally) -> list[Incoming]:
    """The documents; a type that we don't know is kept by the topic and ignored here (contract 3)."""
    for each in incoming:
        if each.fact.type != EPISODE_TYPE:
            tally.add(each.slot, "ignored")
    return [each for each in incoming if each.fact.type == EPISODE_TYPE]


def _newest(versions: dict[str, int], documents: Iterable[Incoming], tally: Tally) -> dict[str, Fact]:
    """The newest document of each episode that has one, every document counted against those before it."""
    newest: dict[str, Fact] = {}
    for each in documents:
        episode, version = each.fact.subject, each.fact.value["version"]
        if version > versions[episode]:
            versions[episode], newest[episode] = version, each.fact
            tally.add(each.slot, "applied")
        else:
            tally.add(each.slot, "repeated" if version == versions[episode] else "ignored")
    return newest


def _document(fact: Fact) -> EpisodeState:
    return EpisodeState.model_validate(fact.value)


class Round(NamedTuple):
    """A part of a timer's round: the last episode it came to (None: there was none left), and how many it had to leave
    because site config does not have one of their facilities any more."""

    last: str | None
    left: int = 0


async def state_missed(rules: Rules, connection: Connection, after: str = "", limit: int = 500) -> Round:
    """State what is missed by now, for up to `limit` episodes beyond `after`; for a timer (contract 3.6 rule 8)."""
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
    causes: Mapping[str, Fact],
    over_by: datetime | None = None,
) -> None:
    """Decide on locked episodes, remember it, send what follows."""
    if not episodes:
        return
    standing = await store.standing(connection, [e.episode_id for e in episodes])
    now = rules.clock()
    saved = [
        _decide(rules, e, standing[e.episode_id], now=now, cause=causes.get(e.episode_id), over_by=over_by)
        for e in episodes
    ]
    await store.save(connection, saved)
    await outbox.send(connection, [to_record(fact, TOPIC) for each in saved for fact in each.said.facts])


def _decide(
    rules: Rules,
    episode: Stored,
    standing: Sequence[Standing],
    *,
    now: datetime,
    cause: Fact | None,
    over_by: datetime | None,
) -> Saved:
    found = windows(episode.document, rules.site.follow_ups, rules.site.zone) if episode.document else ()
    ought = domain.wanted(episode.document, found, standing, now, over_by) if episode.document else ()
    said = domain.say(
        domain.difference(standing, ought),
        standing,
        sequence=episode.sequence,
        recorded_at=now,
        new_id=rules.new_id,
        causation_id=cause.id if cause else None,
        correlation_id=cause.correlation_id if cause else None,
    )
    after = domain.rows(said.standing)
    return Saved(
        replace(episode, sequence=episode.sequence + len(said.facts), site_version=rules.site.version),
        said,
        domain.rows(standing),
        after,
        min((w.over_at for w in found if after[w.follow_up_id].state == "due"), default=None),
    )
