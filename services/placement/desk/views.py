"""All SQL that reads sessions of program stays, and who is in charge, from placement's own facts; it locks nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.placement.tables import episodes, fact_of, facts
from shared.events.base import type_name
from shared.events.placing import Placed
from shared.events.planning import Assigned
from shared.events.stays import Absent, Attended
from shared.events.taking_back import FactCancelled
from shared.facts.envelope import Fact
from shared.facts.restating import OwnFacts
from shared.values import value_object

_TOLD = tuple(type_name(kind.TYPE) for kind in (Attended, Absent))
_ABOUT = (*_TOLD, *(type_name(kind.TYPE) for kind in (Placed, FactCancelled)))
_OWN = facts.c.writer == "placement"
_WHOSE = sa.select(facts.c.episode_id).where(_OWN, facts.c.type.in_(_TOLD), facts.c.ce_id == sa.bindparam("ce_id"))
_FACTS = (
    sa.select(facts)
    .where(_OWN, facts.c.type.in_(_ABOUT), facts.c.episode_id.in_(sa.bindparam("episodes", expanding=True)))
    .order_by(facts.c.episode_id, facts.c.sequence)
)
_EPISODE = sa.select(episodes.c.episode_id, episodes.c.patient_id, episodes.c.version, episodes.c.fold).where(
    episodes.c.episode_id.in_(sa.bindparam("episodes", expanding=True)), episodes.c.version > 0
)

_ASSIGNED = (
    sa.select(facts)
    .where(facts.c.type == type_name(Assigned.TYPE), facts.c.episode_id.in_(sa.bindparam("episodes", expanding=True)))
    .order_by(facts.c.episode_id, facts.c.sequence)
)


_EPISODES = sa.select(episodes.c.episode_id, episodes.c.patient_id, episodes.c.version, episodes.c.fold)
_TOLD_OF = sa.select(facts).where(_OWN, facts.c.type.in_(_ABOUT)).order_by(facts.c.episode_id, facts.c.sequence)


@value_object
class Attendance:
    """One episode with the facts that placement stated about its placements and sessions, by sequence."""

    episode_id: str
    patient_id: str
    version: int
    fold: bytes
    own: OwnFacts


async def whose(connection: AsyncConnection, ce_id: str) -> str | None:
    """The episode of a session, by the ce_id of its first statement or of any correction; None where there is none."""
    found: str | None = (await connection.execute(_WHOSE, {"ce_id": ce_id})).scalars().first()
    return found


async def attendance(connection: AsyncConnection, episode_id: str) -> Attendance | None:
    """What was stated of an episode's sessions; None where there is no such episode."""
    return (await attendances(connection, {episode_id})).get(episode_id)


async def attendances(connection: AsyncConnection, episode_ids: Collection[str]) -> dict[str, Attendance]:
    """episode → what was stated of its sessions, for those of these episodes that there are; by two queries."""
    asked = {"episodes": sorted(episode_ids)}
    rows = (await connection.execute(_EPISODE, asked)).all()
    own: dict[str, list[Fact]] = defaultdict(list)
    for each in (await connection.execute(_FACTS, asked)).all() if rows else ():
        own[each.episode_id].append(fact_of(each))
    return {
        row.episode_id: Attendance(row.episode_id, row.patient_id, row.version, row.fold, OwnFacts(own[row.episode_id]))
        for row in rows
    }


async def assigned(connection: AsyncConnection, episode_ids: Collection[str]) -> dict[str, list[Assigned]]:
    """episode → who was put in charge of it, by sequence."""
    found: dict[str, list[Assigned]] = defaultdict(list)
    for each in (await connection.execute(_ASSIGNED, {"episodes": sorted(episode_ids)})).all():
        if isinstance(value := fact_of(each).value, Assigned):
            found[each.episode_id].append(value)
    return found
