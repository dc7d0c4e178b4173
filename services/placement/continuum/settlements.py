"""A person settles a conflict: which of the facts that contradict each other fall (contract 3.2, 3.6 rule 10). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.placement.continuum.about import about
from services.placement.continuum.model import Folded
from shared.errors import Rejected
from shared.events.planning import ConflictSettled


def settle(folded: Folded, conflict_id: str, falls: Sequence[str], now: datetime) -> ConflictSettled:
    """The fact that settles a conflict. `falls`: ce_ids of its facts that no longer count; empty: all of them are true.

    Raises Rejected: `settled` already, `gone` where the facts no longer contradict each other, `not-of-it` for a fact
    that is not one of the conflict.
    """
    conflict = next((one for one in folded.conflicts if one.id == conflict_id), None)
    if conflict is None and conflict_id in folded.settled:
        raise Rejected("settled", "a person settled this conflict already", state="settled")
    if conflict is None:
        raise Rejected("gone", "the facts do not contradict each other any more", state="gone")
    if not set(falls) <= set(conflict.facts):
        raise Rejected("not-of-it", "only facts of the conflict fall", possible=conflict.facts, state="open")
    return ConflictSettled(**about(folded).heading(now), conflict_id=conflict_id, falls=tuple(dict.fromkeys(falls)))
