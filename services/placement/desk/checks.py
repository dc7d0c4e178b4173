"""Checks that the desk's tables agree with the facts, and that each seat was free when it was claimed (contract 5.3,
5.5)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import NamedTuple

from services.placement.continuum import codec
from services.placement.continuum.model import FOLD_VERSION
from services.placement.engine import views
from services.placement.programs.census import NOBODY, Presence, presences, taken_at
from services.placement.programs.following import Seen, follows
from services.placement.programs.seats import Claim, claims, kept, told_of
from services.placement.rules import Rules
from services.placement.search.ahead import wants
from services.placement.search.entry import ListEntry
from services.placement.search.searches import DESK, DeskFacts
from services.placement.worklists import views as desk_views
from services.placement.worklists.entries import entries, mark
from shared.clock import system_clock
from shared.events.placing import SeatHeld
from shared.events.taking_back import FactCancelled
from shared.facts.envelope import Fact
from shared.invariants import Broken
from shared.storage.database import Database


class Shown(NamedTuple):
    """What the desk's tables hold of one episode."""

    claims: Sequence[Claim]
    lines: Sequence[ListEntry]
    there: Sequence[Presence]


def of_episode(row: views.Stored, facts: Sequence[Fact], shown: Shown, rules: Rules) -> Iterator[Broken]:
    """Everything that is broken in one episode's desk tables; nothing for an episode that is still to be folded
    anew."""
    if row.fold_version != FOLD_VERSION:
        return
    name = f"episode {row.listed.episode_id}"
    folded = codec.unpacked(row.fold)
    own = DeskFacts.of(fact for fact in facts if fact.name in DESK)
    own = own.without_merged(folded.retiring) if folded.merged else own
    if any(not isinstance(fact.value, FactCancelled) for fact in own) and not row.desk:
        yield Broken(3, name, "it has facts of the desk, and its row does not say so")
    if follows(Seen(folded, folded, own), wants(folded, rules.policy), rules, system_clock(), lambda: "compared"):
        yield Broken(3, name, "something follows at the desk that was not stated")
    lines = entries(folded, own, rules)
    if mark(lines) != row.lists or _by_id(lines) != _by_id(shown.lines):
        yield Broken(3, name, "what the desk's lists show is not what the facts come to")
    if set(claims(own.seats)) != set(shown.claims):
        yield Broken(5, name, "its claims on seats are not what the facts say")
    if set(presences(folded)) != set(shown.there):
        yield Broken(5, name, "where its stays are is not what the census counts")
    for fact in own:
        if isinstance(fact.value, SeatHeld) and not _was_kept(fact.value):
            yield Broken(5, name, f"the seat of {fact.id} was claimed where there was none")


def _was_kept(seat: SeatHeld) -> bool:
    """True when a seat was free by the numbers stored with the claim; the first version stored none."""
    told = told_of(seat)
    return told is None or kept(told)


def _by_id(lines: Sequence[ListEntry]) -> dict[tuple[str, str], ListEntry]:
    return {(one.kind, one.id): one for one in lines}


async def over(database: Database, rules: Rules) -> AsyncIterator[str]:
    """Sentences about programs over capacity for other reasons than a claim: warnings (contract 5.5)."""
    now = system_clock()
    async with database.read() as connection:
        places = await desk_views.places(connection, [one.id for one in rules.site.programs], now, now)
    for program in rules.site.programs:
        taken = taken_at((one for one in places.get(program.id, ()) if one.person != NOBODY), now)
        if taken > program.capacity:
            yield f"program {program.id} is over its capacity: {taken} seats are taken, and it holds {program.capacity}"
