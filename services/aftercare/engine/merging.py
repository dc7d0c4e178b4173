"""Episodes that a merge joins, kept in step in one transaction: both are locked, in the order of their ids (contract
3.6 rule 11). No SQL of its own, no rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from services.aftercare.decisions.merges import Joined, decided_of, home_of, same_ids
from services.aftercare.decisions.merges import keep_in_step as keep_two_in_step
from services.aftercare.decisions.own_facts import WRITER, StatedFacts
from services.aftercare.engine import store, views
from services.aftercare.engine.store import Stored
from shared.events.base import CareFact
from shared.events.episodes import EpisodeState
from shared.events.taking_back import FactCancelled
from shared.facts.restating import OwnFacts
from shared.facts.stating import Provenance
from shared.site.config import Site
from shared.storage.database import Connection
from shared.storage.merged_episodes import pairs_of


async def keep_in_step(
    connection: Connection,
    episodes: Sequence[Stored],
    pairs: Sequence[tuple[str, str]],
    by: Mapping[str, Provenance],
    site: Site,
) -> dict[str, StatedFacts]:
    """Episode → what was stated there, before rules are applied: what people stated in a retired episode restated in
    the surviving one, or given back. All of these episodes are locked."""
    told = {one.episode_id: one.document for one in episodes if one.document is not None}
    kept = await views.facts_of(connection, list(told))
    joined = {one: Joined(document, [each.fact for each in kept[one]], by[one]) for one, document in told.items()}
    for here, there in pairs:
        if here in joined and there in joined:
            keep_two_in_step(joined[here], joined[there], site)
    return {episode: _stated(one) for episode, one in joined.items()}


async def decided(connection: Connection, episodes: Sequence[Stored], site: Site) -> dict[str, list[CareFact]]:
    """Episode → what people decided of its windows, there or in an episode that a merge joins with it, oldest first."""
    ids = [one.episode_id for one in episodes]
    pairs = await pairs_of(connection, ids)
    others = sorted({one for pair in pairs for one in pair}.difference(ids))
    every = [*episodes, *(await store.stored_of(connection, others) if others else ())]
    found = await store.decided(connection, [one.episode_id for one in every])
    own: dict[str, list[CareFact]] = {episode: [fact.value for fact in facts] for episode, facts in found.items()}
    if not pairs:
        return own
    told = {one.episode_id: one.document for one in every if one.document is not None}
    return {episode: decided_of(own[episode], _others(episode, pairs, told, own, site)) for episode in ids}


async def out_of_step(connection: Connection, episodes: Sequence[Stored], site: Site, now: datetime) -> list[str]:
    """Those of these episodes that lack something that aftercare should have stated by the facts of a merged one."""
    ids = {one.episode_id for one in episodes}
    pairs = [pair for pair in await pairs_of(connection, sorted(ids)) if pair[1] in ids]
    every = await store.stored_of(connection, sorted({one for pair in pairs for one in pair}))
    kept = await views.facts_of(connection, [one.episode_id for one in every])
    told = {one.episode_id: one.document for one in every if one.document is not None}
    found = []
    for here, there in pairs:
        if here in told and there in told:
            by = Provenance(WRITER, now, lambda: "compared")
            two = [Joined(told[one], [each.fact for each in kept[one]], by) for one in (here, there)]
            if keep_two_in_step(two[0], two[1], site):
                found.append(there)
    return found


def _stated(one: Joined) -> StatedFacts:
    every = OwnFacts([*one.facts, *one.new])
    fallen = [fact.sequence for fact in one.standing if fact.id in every.fallen]
    standing = tuple(f for f in every if f.id not in every.fallen and not isinstance(f.value, FactCancelled))
    return StatedFacts(tuple(one.new), tuple(fallen), standing)


def _others(
    episode: str,
    pairs: Sequence[tuple[str, str]],
    told: Mapping[str, EpisodeState],
    decided: Mapping[str, Sequence[CareFact]],
    site: Site,
) -> list[tuple[Sequence[CareFact], Mapping[str, str]]]:
    """What people decided in episodes that merges join with this one and that counts here, each with what their windows
    are called here."""
    found: list[tuple[Sequence[CareFact], Mapping[str, str]]] = []
    for here, there in pairs:
        if here not in told or there not in told or episode not in {here, there}:
            continue
        ids = same_ids(told[here], told[there], site)
        if episode == there:
            homes = ((value, home_of(value, told[here])) for value in decided[here])
            found.append(([value for value, home in homes if home and home.episode_id == there], ids))
        else:
            found.append((decided[there], {new: old for old, new in ids.items()}))
    return found
