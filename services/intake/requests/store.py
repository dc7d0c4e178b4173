"""All SQL of requests: whose an episode is, and the fact that is stated."""

from __future__ import annotations

import sqlalchemy as sa

from services.intake.people.facilities import HAD_THERE
from services.intake.receiving import visits_store
from shared.facts.envelope import Fact
from shared.storage.database import Connection
from shared.storage.statements import at_once

_OWNER = sa.text(
    "SELECT e.patient_id FROM episodes AS e WHERE e.episode_id = :episode "  # noqa: S608 - our own words
    f"AND (CAST(:facilities AS text[]) IS NULL OR {HAD_THERE})"
)


async def owner(connection: Connection, episode_id: str, facilities: frozenset[str] | None) -> str | None:
    """The patient of an episode that one of these facilities has (None: any facility); None if there is none."""
    given = {"episode": episode_id, "facilities": None if facilities is None else sorted(facilities)}
    found: str | None = (await connection.execute(_OWNER, given)).scalar_one_or_none()
    return found


async def keep_fact(
    connection: Connection, fact: Fact, patient_id: str, said_by: str, *, root: str | None = None
) -> None:
    """Store a fact, which the request `said_by` says, and its episode's last sequence; the patient's row is locked.
    `root`: of a fact that is stated anew, the ce_id of its first statement."""
    await at_once(connection, visits_store.keep_stated([(fact, said_by)], {fact.subject: patient_id}, root))
