"""Conflicts over HTTP: facts that cannot all be true, in words, and a person's decision which of them fall."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import Field

from services.placement.continuum.settlements import settle
from services.placement.desk.commands import Ask
from services.placement.desk.frame import Listing, Parts, Rule, Subject, of_entries, write
from services.placement.engine import views
from services.placement.engine.act import Decided, Situation
from services.placement.worklists.views import Line
from services.placement.worklists.wording import told
from shared.events.continuum import ConflictRaised
from shared.facts.envelope import Fact
from shared.storage.database import Connection
from shared.web.commands import Name


class Settle(Ask):
    """Which facts of the conflict fall."""

    falls: tuple[Name, ...] = Field(max_length=10, description="ce_ids of facts that count no more; none: both are so")


def settled(now: Situation, conflict_id: str, asked: Settle) -> Decided:
    """State which facts fall. Raises Rejected: `settled`, `gone`, `not-of-it`."""
    return Decided((settle(now.folded, conflict_id, asked.falls, now.now),), (conflict_id,))


async def _in_words(connection: Connection, parts: Parts, found: list[Line]) -> list[dict[str, Any]]:
    """For each conflict its facts in words; for a settled one, those that it was raised about."""
    facts = await views.facts_of(connection, list(dict.fromkeys(line.episode_id for line in found)))
    return [_of_line(line, facts.get(line.episode_id, ()), parts) for line in found]


def _of_line(line: Line, facts: Iterable[Fact], parts: Parts) -> dict[str, Any]:
    known = {fact.id: fact for fact in facts}
    raisings = (fact.value for fact in known.values() if isinstance(fact.value, ConflictRaised))
    raised = next((one for one in raisings if one.conflict_id == line.id), None)
    named = line.content.get("facts") or (raised.facts if raised else ())
    return {
        "kind": line.content.get("kind") or (raised.kind if raised else None),
        "facts": [told(known[ce_id], parts.rules) for ce_id in named if ce_id in known],
    }


SUBJECT = Subject(
    Listing(
        "conflicts",
        "Facts that cannot all be so, until a person says which of them fall",
        states=of_entries("conflict"),
        teller=_in_words,
    ),
    (
        write(
            "/api/conflicts/{id}/settled", Settle, Rule(settled), action="conflict-settled", operation="settleConflict",
            roles=("coordinator", "clinician"), summary="Say which facts of the conflict fall; none: both are so",
        ),
    ),
)  # fmt: skip
