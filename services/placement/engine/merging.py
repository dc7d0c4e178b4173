"""Episodes that a merge joins, kept in step in one transaction: both are locked, in the order of their ids (contract
3.6 rule 11). No SQL of its own, no rule."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import count

from services.placement.continuum import codec
from services.placement.continuum.fold import fold
from services.placement.continuum.model import FOLD_VERSION, Folded
from services.placement.continuum.stay_facts import ZoneOf
from services.placement.engine import store
from services.placement.engine.change import EpisodeChange, Publishing
from services.placement.engine.copies import WRITER, Ledger, Stating, give_back, restate
from services.placement.engine.ended_merges import tell_ended
from shared.clock import system_clock
from shared.errors import SetUpError
from shared.events.base import CareFact
from shared.facts.envelope import Fact
from shared.facts.stating import said
from shared.storage.database import Connection

ROUNDS = 8
"""A merge, and what goes back from another one, ends after two or three rounds."""


async def keep_in_step(
    connection: Connection, changes: Mapping[str, EpisodeChange], by: Publishing
) -> dict[str, EpisodeChange]:
    """These changes, and those of episodes that merges join with them: placement's facts of a retired episode restated
    in the surviving one, or given back."""
    kin = {episode: row for one in changes.values() if one.row.kin for episode, row in one.row.kin.rows.items()}
    pairs = sorted({pair for one in changes.values() if one.row.kin for pair in one.row.kin.pairs})
    joined = sorted({episode for pair in pairs for episode in pair})
    stored = await store.facts_of(connection, joined)
    every = {
        episode: changes.get(episode) or _unchanged(kin[episode], stored[episode], by, _cause(changes))
        for episode in joined
    }
    for _ in range(ROUNDS):
        moved = [one for here, there in pairs for one in _in_step(every[here], every[there], stored, by)]
        if not moved:
            break
    else:
        raise SetUpError("what a merge moves does not come to an end: two merges undo each other")
    for retired, surviving in pairs:
        _name_origins(every[retired], every[surviving], stored)
    for episode, one in every.items():
        if one.stated:
            one.after = fold([*stored[episode], *one.new, *one.stated], by.rules.zone_of)
            one.because = one.because or (one.stated[-1].id,)
    moved_by = {other for here, other in pairs if every[here].before.merged != every[here].after.merged}
    more = {episode: one for episode, one in every.items() if one.stated or (episode in moved_by and one.row.version)}
    return {**changes, **more}


def _name_origins(retired: EpisodeChange, surviving: EpisodeChange, stored: Mapping[str, list[Fact]]) -> None:
    """Let the surviving episode know of which facts of the retired one its facts are copies."""
    here, there = (_ledger(one, stored) for one in (retired, surviving))
    copies = {fact.id: fact.copy_of for fact in there.facts if fact.copy_of}
    found = {copy: (here.episode_id, here.roots[name]) for copy, name in copies.items() if name in here.roots}
    if found:
        surviving.origins = {**surviving.origins, **found}
        merged = {here.roots[ce_id] for ce_id, one in here.going.items() if one.into == there.episode_id}
        surviving.merged_here |= {copy for copy, (_, root) in found.items() if root in merged}


def out_of_step(retired: Ledger, surviving: Ledger, zone_of: ZoneOf) -> bool:
    """True where placement should have stated something in one of the two episodes by the facts of the other."""
    numbers = count(1)

    def state(value: CareFact, copy_of: str | None = None) -> Fact:
        number = next(numbers)
        return said(value, ce_id=f"compared-{number}", writer=WRITER, sequence=number, copy_of=copy_of)

    now = system_clock()
    if restate(retired, surviving, Stating(now, zone_of, state)):
        return True
    return bool(give_back(retired, surviving, now, (state, state)) or tell_ended(retired, surviving, now, state))


def _ledger(one: EpisodeChange, stored: Mapping[str, list[Fact]]) -> Ledger:
    return Ledger(one.row.episode_id, [*stored[one.row.episode_id], *one.new, *one.stated])


def _cause(changes: Mapping[str, EpisodeChange]) -> Fact | None:
    """The last fact that came in about one of these episodes; None where nobody but a person or a timer changes
    them."""
    return next((one.new[-1] for one in changes.values() if one.new), None)


def _unchanged(row: store.LockedEpisode, facts: list[Fact], by: Publishing, cause: Fact | None) -> EpisodeChange:
    fits = row.fold is not None and row.fold_version == FOLD_VERSION
    before = codec.unpacked(row.fold) if fits and row.fold is not None else Folded(row.episode_id)
    if row.version and not fits:
        before = fold(facts, by.rules.zone_of)
    return EpisodeChange(row, before, before, dict(row.seen), cause=cause)


def _in_step(
    retired: EpisodeChange, surviving: EpisodeChange, stored: Mapping[str, list[Fact]], by: Publishing
) -> list[Fact]:
    """State what the two episodes lack of each other; returns the new facts."""
    here, there = (_ledger(one, stored) for one in (retired, surviving))
    states = tuple(partial(one.state_one, by.telling(one)) for one in (retired, surviving))
    told = restate(here, there, Stating(by.now, by.rules.zone_of, states[1]))
    if not told:
        told = give_back(here, there, by.now, (states[0], states[1]))
    return told or tell_ended(here, there, by.now, states[1])
