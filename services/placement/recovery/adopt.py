"""Adopts what placement's topics hold and its tables lack: facts, service periods, versions, disclosures.

An episode is brought in line once, with all of its facts: what goes out by that is the difference from what went out
before, as after every other change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import count, islice

from msgspec import structs

from services.placement.billing.difference import period_id
from services.placement.billing.model import PeriodKey, SentPeriod
from services.placement.continuum.announcements import StandingAnnouncement, announcements
from services.placement.continuum.fold import fold
from services.placement.continuum.model import Folded
from services.placement.continuum.readable import checked
from services.placement.engine import store as engine
from services.placement.engine.change import EpisodeChange, Publishing
from services.placement.engine.outcome import WRITER, Ids, announced, stored_announcements
from services.placement.engine.publish import ACTOR, publish
from services.placement.engine.store import LockedEpisode
from services.placement.gate import store as gate
from services.placement.gate.consents import ends_told
from services.placement.recovery import store
from services.placement.rules import Rules
from shared.clock import Clock
from shared.errors import InvalidMessage
from shared.events import ANNOUNCEMENTS, BILLING
from shared.events.base import CareFact, type_name
from shared.events.billing import PeriodContent, PeriodVoided, ServicePeriod, billing_type
from shared.events.published import alike, json_of, read_as_struct
from shared.events.stays import PatientsMerged
from shared.facts.envelope import Fact, from_record, headers
from shared.facts.restating import OwnFacts
from shared.messaging.positions import Tally
from shared.messaging.spool import Told, by_subject
from shared.storage import audit
from shared.storage.database import Connection
from shared.storage.merged_episodes import pair

_MERGED = type_name(PatientsMerged.TYPE)
LIVES = 20
"""How often a stretch may have been opened again after a void, at most, for its period to be recognised."""


async def bring_in_line(
    connection: Connection, episodes: Sequence[str], *, rules: Rules, clock: Clock, ids: Ids
) -> Counter[str]:
    """Adopt facts, periods and versions of these episodes, fold them anew, and publish what differs."""
    now, done = clock(), Counter[str]()
    unknown = by_subject(await store.unknown_of(connection, episodes))
    locked = await _locked(connection, episodes, unknown)
    stored = await engine.facts_of(connection, list(locked))
    new = {one: _in_line(locked[one], unknown.get(one, ()), rules, done) for one in locked}
    every = {one: [*stored[one], *new[one]] for one in locked}
    await _adopt_periods(connection, episodes, every, done)
    versions = await store.versions_of(connection, episodes)
    await _end_consents(connection, new, clock)
    changes = {}
    for one, row in locked.items():
        facts = every[one]
        if not facts:
            continue
        after = fold(facts, rules.zone_of)
        row.earlier = None  # read before periods were adopted
        row.fold_version, row.version = 0, max(row.version, versions.get(one, 0), 1)
        if any(fact.writer == WRITER for fact in new[one]):
            row.announced = _announced(row, after, facts, rules)
        seen = {**row.seen, **_last(new[one])}
        changes[one] = EpisodeChange(row, after, after, seen, tuple(new[one]))
    told = [audit.Entry(now, ACTOR, "healed", episode) for episode in changes]
    await publish(connection, changes, Publishing(rules, now, ids), told)
    done["documents"] += len(changes)
    return done


async def _locked(
    connection: Connection, episodes: Sequence[str], unknown: Mapping[str, Sequence[Told]]
) -> dict[str, LockedEpisode]:
    """The rows of these episodes, locked together with those that merges join with them, told or stored."""
    stored = await engine.facts_of(connection, list(episodes))
    told = [_merge(one) for every in unknown.values() for one in every if one.type == _MERGED]
    merges = engine.merges_in([*(fact for every in stored.values() for fact in every), *filter(None, told)])
    if merges:
        await pair(connection, merges)
    found = await engine.lock(connection, dict.fromkeys([*episodes, *(other for _, other in merges)], ()), Tally())
    return {episode: found[episode] for episode in episodes}


def _merge(one: Told) -> Fact | None:
    try:
        return from_record(one.value, headers(one.fact))
    except InvalidMessage:
        return None


def _in_line(row: LockedEpisode, unknown: Iterable[Told], rules: Rules, done: Counter[str]) -> list[Fact]:
    """The facts that follow those which the table has, each writer's without a gap; the rest waits for its turn."""
    last, found = dict(row.seen), []
    for one in unknown:
        if one.sequence != last.get(one.writer, 0) + 1:
            continue
        fact = _readable(one, rules)
        if fact is not None:
            last[one.writer] = one.sequence
            found.append(fact)
            done["own facts adopted" if one.writer == WRITER else "facts of others taken in"] += 1
    return found


def _readable(one: Told, rules: Rules) -> Fact | None:
    try:
        return checked(from_record(one.value, headers(one.fact)), rules.has_facility)
    except InvalidMessage:
        return None


def _last(facts: Iterable[Fact]) -> dict[str, int]:
    return {fact.writer: fact.sequence for fact in facts}


async def _end_consents(connection: Connection, new: Mapping[str, Sequence[Fact]], clock: Clock) -> None:
    """End at the gate what these facts end, as the engine does when it reads them (decision 0163)."""
    ended = {episode: over for episode, facts in new.items() if (over := ends_told(facts))}
    if ended:
        await gate.lock(connection, ended)
        await gate.end(connection, ended, clock())


def _announced(row: LockedEpisode, after: Folded, facts: Sequence[Fact], rules: Rules) -> bytes:
    """The announcements that stand by placement's own facts, each under the key that it has or had."""
    own = OwnFacts(fact for fact in facts if fact.writer == WRITER)
    left = {
        fact.id: _as_announced(fact.value)
        for fact in own
        if isinstance(fact.value, ANNOUNCEMENTS) and fact.id not in own.fallen
    }
    standing: dict[str, StandingAnnouncement] = {}
    keys = {one.ce_id: key for key, one in announced(row.announced).items()}
    for ce_id in [each for each in left if each in keys]:
        standing[keys[ce_id]] = StandingAnnouncement(ce_id, left.pop(ce_id))
    wanted = [one for one in announcements(after, rules.zone_of) if one.key not in standing]
    for same in (alike, lambda was, now: type(was) is type(now)):
        for one in wanted:
            found = next((ce_id for ce_id, value in left.items() if same(value, one.value)), None)
            if found is not None and one.key not in standing:
                standing[one.key] = StandingAnnouncement(found, left.pop(found))
    standing |= {f"{value.TYPE}:{ce_id}": StandingAnnouncement(ce_id, value) for ce_id, value in left.items()}
    return stored_announcements(standing)


def _as_announced(value: CareFact) -> CareFact:
    """The value in the form in which announcements are compared: without `replaces`, recorded when it occurred."""
    return structs.replace(value, recorded_at=value.occurred_at, replaces=None)


async def _adopt_periods(
    connection: Connection, episodes: Sequence[str], facts: Mapping[str, Sequence[Fact]], done: Counter[str]
) -> None:
    """Store the last version of each period that the topic has and the table has not."""
    adopted = []
    for one in await store.newest_of(connection, episodes):
        value = read_as_struct(BILLING[one.type], json_of(one.value))
        key, life = _key_of(value, facts.get(value.episode_id, ()))
        if key is None:
            done["service periods that nobody can place"] += 1
            continue
        voided = one.type == billing_type(PeriodVoided.TYPE)
        sent = SentPeriod(value.period_id, life, value.version, voided, _content(value), value.supersedes)
        adopted.append((value.episode_id, key, sent))
    await store.keep_periods(connection, adopted)
    done["service periods adopted"] += len(adopted)


def _content(value: ServicePeriod) -> PeriodContent:
    return PeriodContent(**{name: getattr(value, name) for name in PeriodContent.__struct_fields__})


def _key_of(value: ServicePeriod, facts: Iterable[Fact]) -> tuple[PeriodKey | None, int]:
    """The key and the life that a period's id was made of: its stay, and one of the episode's facts."""
    for fact in facts:
        key = PeriodKey(value.stay.kind, value.stay.id, fact.id)
        for life in islice(count(1), LIVES):
            if period_id(value.episode_id, key, life) == value.period_id:
                return key, life
    return None, 0
