"""Whether the desk's tables say what the facts say, and no program has more claims than seats (contract 5.3, 5.5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from services.placement import views
from services.placement.continuum import codec
from services.placement.continuum.model import FOLD_VERSION
from services.placement.entries import entries, mark
from services.placement.entry import Entry
from services.placement.following import Seen, claimed, follows
from services.placement.outcome import WRITER
from services.placement.programs.seats import Claim
from services.placement.publishing import seats_of
from services.placement.rules import Rules
from services.placement.search.searches import DESK
from shared.clock import system_clock
from shared.db import Database
from shared.events.envelope import Fact
from shared.promises import Broken, Checked


class Shown(NamedTuple):
    """What the desk's tables have of one episode."""

    claims: Sequence[Claim]
    lines: Sequence[Entry]


def of_episode(row: views.Stored, facts: Sequence[Fact], shown: Shown, rules: Rules) -> Iterator[Broken]:
    """What is broken of one episode's desk; nothing is said of one that waits to be folded anew."""
    if row.fold_version != FOLD_VERSION:
        return
    name = f"episode {row.listed.episode_id}"
    folded = codec.unpacked(row.fold)
    own = tuple(fact for fact in facts if fact.writer == WRITER and fact.name in DESK)
    if any(fact.name != "fact-cancelled" for fact in own) and not row.desk:
        yield Broken(3, name, "it has facts of the desk, and its row does not say so")
    if follows(Seen(folded, folded, own), rules, system_clock(), lambda: "compared"):
        yield Broken(3, name, "something follows at the desk that was not stated")
    lines = entries(folded, own, rules)
    if mark(lines) != row.lists or _by_id(lines) != _by_id(shown.lines):
        yield Broken(3, name, "what the desk's lists show is not what the facts come to")
    if set(claimed(own)) != set(shown.claims):
        yield Broken(5, name, "its claims on seats are not what the facts say")


def _by_id(lines: Sequence[Entry]) -> dict[tuple[str, str], Entry]:
    return {(one.kind, one.id): one for one in lines}


async def of_programs(database: Database, rules: Rules, checked: Checked) -> list[Broken]:
    """Programs and groups with more claims at one moment than the site has seats there."""
    async with database.read() as connection:
        await views.at_one_instant(connection)
        found = await views.fullest(connection)
    checked(5, len(rules.site.programs))
    broken = []
    for program, group, most in found:
        room = _room(rules, program, group)
        if room is not None and most > room:
            part = f"program {program}" + (f" group {group}" if group else "")
            broken.append(Broken(5, part, f"{most} seats are claimed at one moment, and there are {room}"))
    return broken


def _room(rules: Rules, program: str, group: str | None) -> int | None:
    """Seats there; None where the site has it no more: then nobody says how many there were."""
    try:
        return seats_of(rules, program).room(group)
    except KeyError:
        return None
